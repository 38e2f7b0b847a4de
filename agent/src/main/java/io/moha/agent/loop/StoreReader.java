package io.moha.agent.loop;

import io.moha.store.ClusterStore;
import io.moha.store.StoreException;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the cluster's keys when asked and at least once a second; the watch only asks. */
final class StoreReader implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(StoreReader.class);
    private static final Duration CALL = Duration.ofMillis(1500);
    private static final Duration INTERVAL = Duration.ofSeconds(1);

    private final ClusterStore store;
    private final Clock clock;
    private final Runnable onRead;
    private final Bell bell = new Bell();
    private volatile Optional<ClusterPicture> picture = Optional.empty();
    private volatile String lastError = "";

    StoreReader(ClusterStore store, Clock clock, Runnable onRead) {
        this.store = store;
        this.clock = clock;
        this.onRead = onRead;
    }

    Optional<ClusterPicture> picture() {
        return picture;
    }

    String lastError() {
        return lastError;
    }

    void ask() {
        bell.ring();
    }

    @Override
    public void run() {
        while (!Thread.currentThread().isInterrupted()) {
            boolean good = readOnce();
            if (!bell.await(good ? INTERVAL : Duration.ofMillis(200))) {
                return;
            }
        }
    }

    boolean readOnce() {
        long sentAt = clock.now();
        try {
            picture = Optional.of(ClusterPicture.of(store.read(CALL), sentAt, clock.wall()));
            if (!lastError.isEmpty()) {
                LOG.info("etcd answers again");
            }
            lastError = "";
            onRead.run();
            return true;
        } catch (StoreException e) {
            if (lastError.isEmpty()) {
                LOG.warn("etcd cannot be read: {}", e.getMessage());
            }
            lastError = String.valueOf(e.getMessage());
            onRead.run();
            return false;
        } catch (IllegalArgumentException e) {
            LOG.error("etcd holds something that is not understood: {}", e.getMessage());
            lastError = String.valueOf(e.getMessage());
            return false;
        }
    }
}
