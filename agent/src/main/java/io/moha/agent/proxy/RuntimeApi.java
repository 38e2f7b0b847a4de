package io.moha.agent.proxy;

import io.moha.model.Endpoint;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The runtime API of one HAProxy ("stats socket", level admin), by TCP or by a socket in the file system. One connection for each
 * request: that is how HAProxy means it. The whole request ends within its deadline.
 *
 * @see <a href="https://docs.haproxy.org/2.6/management.html#9.3">HAProxy management guide, 9.3</a>
 */
final class RuntimeApi {
    /** A state of some hundred servers; more is not an answer to what is asked here. */
    private static final int LONGEST_ANSWER = 1 << 20;

    private final String where;
    private final Duration deadline;

    /**
     * @param where {@code host:port}, or the absolute path of a socket
     * @param deadline of one request
     */
    RuntimeApi(String where, Duration deadline) {
        this.where = where;
        this.deadline = deadline;
    }

    @Override
    public String toString() {
        return where;
    }

    /**
     * Sends commands and returns what HAProxy said, one answer after the other.
     *
     * @param commands one or several, separated by semicolons
     * @throws IOException if it cannot be reached or did not end in time
     */
    String ask(String commands) throws IOException {
        long until = System.nanoTime() + deadline.toNanos();
        boolean file = where.startsWith("/");
        try (SocketChannel channel = file ? SocketChannel.open(StandardProtocolFamily.UNIX) : SocketChannel.open();
                Selector selector = Selector.open()) {
            if (file) {
                channel.connect(address()); // is done at once, or refused
                channel.configureBlocking(false);
                channel.register(selector, SelectionKey.OP_READ);
            } else {
                connect(channel, selector, until);
            }
            send(channel, selector, commands, until);
            return receive(channel, selector, until);
        }
    }

    private void connect(SocketChannel channel, Selector selector, long until) throws IOException {
        channel.configureBlocking(false);
        SelectionKey key = channel.register(selector, SelectionKey.OP_CONNECT);
        boolean done = channel.connect(address());
        while (!done) {
            await(selector, until, "connecting");
            done = channel.finishConnect();
        }
        key.interestOps(SelectionKey.OP_READ);
    }

    private SocketAddress address() throws IOException {
        if (where.startsWith("/")) {
            return UnixDomainSocketAddress.of(Path.of(where));
        }
        Endpoint endpoint = Endpoint.parse(where);
        InetSocketAddress address = new InetSocketAddress(endpoint.host(), endpoint.port());
        if (address.isUnresolved()) {
            throw new IOException("the name " + endpoint.host() + " cannot be resolved");
        }
        return address;
    }

    private static void send(SocketChannel channel, Selector selector, String commands, long until) throws IOException {
        ByteBuffer request = ByteBuffer.wrap((commands + "\n").getBytes(StandardCharsets.UTF_8));
        SelectionKey key = channel.keyFor(selector);
        while (request.hasRemaining()) {
            if (channel.write(request) == 0) {
                key.interestOps(SelectionKey.OP_WRITE);
                await(selector, until, "sending");
            }
        }
        key.interestOps(SelectionKey.OP_READ);
    }

    private static String receive(SocketChannel channel, Selector selector, long until) throws IOException {
        StringBuilder answer = new StringBuilder();
        ByteBuffer buffer = ByteBuffer.allocate(16 * 1024);
        while (true) {
            int read = channel.read(buffer.clear());
            if (read < 0) {
                return answer.toString();
            }
            if (read == 0) {
                await(selector, until, "waiting for the answer");
            }
            answer.append(StandardCharsets.UTF_8.decode(buffer.flip()));
            if (answer.length() > LONGEST_ANSWER) {
                throw new IOException("the answer is longer than " + LONGEST_ANSWER + " characters");
            }
        }
    }

    private static void await(Selector selector, long until, String what) throws IOException {
        long left = (until - System.nanoTime()) / 1_000_000;
        if (left <= 0 || Thread.currentThread().isInterrupted()) {
            throw new IOException(what + ": the deadline passed");
        }
        selector.select(left);
        selector.selectedKeys().clear();
    }
}
