package io.moha.store.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.ClientBuilder;
import io.grpc.netty.GrpcSslContexts;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.File;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * One etcd server and the jetcd client for it, made when first needed. A client that does not get anywhere is replaced
 * by a new one now and then: gRPC waits up to two minutes between its attempts to connect, a new client connects at
 * once.
 */
final class EtcdEndpoint {
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(1);
    /** gRPC takes no less than 10 s; finds connections whose peer has gone without a word. */
    private static final Duration PING_EVERY = Duration.ofSeconds(10);

    private static final Duration PING_TIMEOUT = Duration.ofSeconds(3);
    private static final int MAX_ANSWER_BYTES = 32 << 20;
    private static final long REPLACE_AFTER_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final int REPLACE_AFTER_FAILURES = 3;
    /** Longer than calls last, so that those of other threads end by themselves. */
    private static final long CLOSE_AFTER_SECONDS = 5;

    /** gRPC logs by java.util.logging, which prints to stderr what nobody needs to know. Held, or the level is lost. */
    private static final Logger GRPC_LOG = Logger.getLogger("io.grpc");

    static {
        GRPC_LOG.setLevel(Level.WARNING);
    }

    private final EtcdSettings settings;
    private final URI url;
    private final ScheduledExecutorService timer;
    private @Nullable Client client;
    private long madeAt;
    private int failures;
    private boolean closed;

    /** @throws IllegalArgumentException if the files for TLS cannot be used, naming them */
    EtcdEndpoint(EtcdSettings settings, String url, ScheduledExecutorService timer) {
        this.settings = settings;
        this.url = URI.create(url);
        this.timer = timer;
        sslContext();
    }

    /** @throws IllegalStateException after {@link #close()} */
    synchronized Client client() {
        if (closed) {
            throw new IllegalStateException("the etcd client is closed");
        }
        if (client == null) {
            client = build();
            madeAt = System.nanoTime();
            failures = 0;
        }
        return client;
    }

    synchronized void answered() {
        failures = 0;
    }

    /** @param sent whether there was a connection */
    synchronized void failed(boolean sent) {
        failures++;
        boolean old = System.nanoTime() - madeAt > REPLACE_AFTER_NANOS;
        if (old && (!sent || failures >= REPLACE_AFTER_FAILURES)) {
            replace();
        }
    }

    /** The next call makes a new client, which logs in anew. */
    synchronized void replace() {
        Client old = client;
        client = null;
        if (old == null || closed) {
            return;
        }
        var unused = timer.schedule(old::close, CLOSE_AFTER_SECONDS, TimeUnit.SECONDS);
    }

    synchronized void close() {
        closed = true;
        if (client != null) {
            client.close();
            client = null;
        }
    }

    private Client build() {
        ClientBuilder builder = Client.builder()
                // gRPC's own resolver: it looks the name up again, and the host name stays the one that TLS checks.
                .target("dns:///" + url.getHost() + ":" + url.getPort())
                .loadBalancerPolicy("pick_first")
                .executorService(new DirectExecutor())
                // Retries are decided by Rotation, which knows what may be repeated.
                .retryMaxAttempts(0)
                .waitForReady(false)
                .connectTimeout(CONNECT_TIMEOUT)
                .keepaliveTime(PING_EVERY)
                .keepaliveTimeout(PING_TIMEOUT)
                .keepaliveWithoutCalls(false)
                .maxInboundMessageSize(MAX_ANSWER_BYTES)
                .interceptor(new Attempt.Interceptor())
                // A server that has lost its leader says so at once instead of letting the call run out of time.
                .header("hasleader", "true");
        sslContext().ifPresent(builder::sslContext);
        settings.username().ifPresent(user -> builder.user(bytes(user)));
        settings.password().ifPresent(password -> builder.password(bytes(password)));
        return builder.build();
    }

    /** Reads the files each time, so that renewed certificates are taken up. */
    private Optional<SslContext> sslContext() {
        if (!"https".equals(url.getScheme())) {
            return Optional.empty();
        }
        try {
            SslContextBuilder ssl = GrpcSslContexts.forClient();
            settings.caFile().map(Path::toFile).ifPresent(ssl::trustManager);
            Optional<File> key = settings.keyFile().map(Path::toFile);
            settings.certFile().map(Path::toFile).ifPresent(cert -> ssl.keyManager(cert, key.orElseThrow()));
            return Optional.of(ssl.build());
        } catch (SSLException | IllegalArgumentException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new IllegalArgumentException(
                    "cannot use the TLS files for etcd (CA " + name(settings.caFile()) + ", certificate "
                            + name(settings.certFile()) + ", key " + name(settings.keyFile()) + "): " + e.getMessage()
                            + "; " + cause,
                    e);
        }
    }

    private static String name(Optional<Path> file) {
        return file.map(Path::toString).orElse("none");
    }

    private static ByteSequence bytes(String text) {
        return ByteSequence.from(text, StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        return url.toString();
    }
}
