package io.moha.agent.proxy;

import io.moha.model.Endpoint;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers HAProxy's {@code agent-check}: one line for each connection, {@code up} or {@code down}. For proxies whose runtime API the
 * agents may not reach. HAProxy may say whom it asks for ({@code agent-send "reader\n"}); else it is asked for the writer.
 */
public final class AgentCheck implements Runnable, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AgentCheck.class);
    /** HAProxy sends what it has to send with the connection. */
    private static final Duration LISTEN = Duration.ofMillis(50);

    private static final int LONGEST_QUESTION = 64;
    private static final int BACKLOG = 64;

    /** One that says nothing must not hold up the others: HAProxy waits no longer than its interval. */
    private static final int HELPERS = 4;

    private final ExecutorService helpers =
            new ThreadPoolExecutor(HELPERS, HELPERS, 1, TimeUnit.MINUTES, new ArrayBlockingQueue<>(BACKLOG), task -> {
                Thread thread = new Thread(task, "agent-check-answer");
                thread.setDaemon(true);
                return thread;
            });
    private final ServerSocket server;
    private final BooleanSupplier writer;
    private final BooleanSupplier reader;

    /**
     * @param listen where
     * @param writer whether this node is the open primary at this very moment
     * @param reader whether it is a healthy replica
     * @throws IOException if the address cannot be listened on
     */
    public AgentCheck(Endpoint listen, BooleanSupplier writer, BooleanSupplier reader) throws IOException {
        this.writer = writer;
        this.reader = reader;
        this.server = new ServerSocket();
        try {
            server.setReuseAddress(true);
            server.bind(new InetSocketAddress(InetAddress.getByName(listen.host()), listen.port()), BACKLOG);
        } catch (IOException e) {
            server.close();
            throw e;
        }
    }

    int port() {
        return server.getLocalPort();
    }

    @Override
    public void run() {
        while (!server.isClosed() && !Thread.currentThread().isInterrupted()) {
            try {
                serve(server.accept());
            } catch (IOException e) {
                LOG.debug("agent-check: {}", e.getMessage());
                LockSupport.parkNanos(LISTEN.toNanos()); // no descriptors left, for example: not again at once
            }
        }
    }

    private void serve(Socket proxy) throws IOException {
        try {
            helpers.execute(() -> answer(proxy));
        } catch (RejectedExecutionException e) {
            proxy.close(); // too many at once: no answer changes nothing
        }
    }

    private void answer(Socket proxy) {
        try (proxy) {
            String question = question(proxy);
            boolean up = question.equals("reader") ? reader.getAsBoolean() : writer.getAsBoolean();
            proxy.getOutputStream().write((up ? "up\n" : "down\n").getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            LOG.debug("agent-check: {}", e.getMessage());
        }
    }

    /** The first line, if one comes; a proxy that says nothing is answered all the same. */
    private static String question(Socket proxy) throws IOException {
        long until = System.nanoTime() + LISTEN.toNanos();
        InputStream from = proxy.getInputStream();
        StringBuilder line = new StringBuilder();
        int c = 0;
        while (c >= 0 && c != '\n' && line.length() < LONGEST_QUESTION && until - System.nanoTime() > 0) {
            proxy.setSoTimeout((int) Math.max(1, (until - System.nanoTime()) / 1_000_000));
            try {
                c = from.read();
            } catch (SocketTimeoutException e) {
                c = -1;
            }
            if (c >= 0) {
                line.append((char) c);
            }
        }
        return line.toString().strip();
    }

    @Override
    public void close() {
        helpers.shutdownNow();
        try {
            server.close();
        } catch (IOException e) {
            LOG.debug("closing", e);
        }
    }
}
