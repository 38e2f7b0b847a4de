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
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
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

    private final ExecutorService helpers = Executors.newFixedThreadPool(HELPERS, task -> {
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
                Socket proxy = server.accept();
                helpers.execute(() -> answer(proxy));
            } catch (IOException | RejectedExecutionException e) {
                LOG.debug("agent-check: {}", e.getMessage());
            }
        }
    }

    private void answer(Socket proxy) {
        try (proxy) {
            proxy.setSoTimeout((int) LISTEN.toMillis());
            String question = question(proxy.getInputStream());
            boolean up = question.equals("reader") ? reader.getAsBoolean() : writer.getAsBoolean();
            proxy.getOutputStream().write((up ? "up\n" : "down\n").getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            LOG.debug("agent-check: {}", e.getMessage());
        }
    }

    /** The first line, if one comes; a proxy that says nothing is answered all the same. */
    private static String question(InputStream from) throws IOException {
        StringBuilder line = new StringBuilder();
        try {
            for (int c = from.read(); c >= 0 && c != '\n' && line.length() < LONGEST_QUESTION; c = from.read()) {
                line.append((char) c);
            }
        } catch (SocketTimeoutException e) {
            return line.toString().strip();
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
