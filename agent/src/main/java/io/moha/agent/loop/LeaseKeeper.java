package io.moha.agent.loop;

import io.moha.decide.Observation.Lease;
import io.moha.store.ClusterStore;
import io.moha.store.StoreException;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one lease alive with a loop of single renewals, each with its own deadline, retried at once. A lease is counted
 * from when its last confirmed renewal was sent.
 */
final class LeaseKeeper implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(LeaseKeeper.class);
    private static final Duration CALL = Duration.ofSeconds(1);
    private static final Duration RETRY = Duration.ofMillis(100);

    private final ClusterStore store;
    private final Duration ttl;
    private final Duration interval;
    private final Clock clock;
    private final Runnable onConfirmed;
    private final String name;
    private final BooleanSupplier wanted;
    private final Bell pause;
    private volatile Lease lease = Lease.NONE;
    private volatile long trustedFrom;
    private volatile boolean stopped;
    private volatile String lastError = "";
    private volatile long lastRoundTrip;

    /**
     * @param wanted asked before each attempt; while it says no the lease is left to run out
     * @param onConfirmed called on the keeper's thread after each confirmed renewal; must not block
     */
    LeaseKeeper(
            String name, ClusterStore store, Duration ttl, Clock clock, BooleanSupplier wanted, Runnable onConfirmed) {
        this.name = name;
        this.store = store;
        this.ttl = ttl;
        long millis = Math.max(200, Math.min(2000, ttl.toMillis() / 5));
        this.interval = Duration.ofMillis(millis);
        this.clock = clock;
        this.trustedFrom = clock.now();
        this.wanted = wanted;
        this.pause = clock.bell();
        this.onConfirmed = onConfirmed;
    }

    /** The lease as of its last confirmed renewal; {@code NONE} while there is none. */
    Lease lease() {
        Lease seen = lease;
        return seen.id() == 0 ? seen : new Lease(seen.id(), seen.sentAt(), seen.sentAt() - trustedFrom >= 0);
    }

    String lastError() {
        return lastError;
    }

    /** Nanoseconds that the last confirmed renewal took. */
    long lastRoundTrip() {
        return lastRoundTrip;
    }

    /** The machine was suspended: nothing renewed before {@code now} counts. */
    void distrustBefore(long now) {
        trustedFrom = now;
    }

    void stop() {
        stopped = true;
    }

    /** Something says that the lease may have ended: find out now, and get a new one. Any thread. */
    void hurry() {
        pause.ring();
    }

    @Override
    public void run() {
        while (!stopped && !Thread.currentThread().isInterrupted()) {
            boolean confirmed = wanted.getAsBoolean() && renewOnce();
            if (!pause.await(confirmed ? interval : RETRY)) {
                return;
            }
        }
    }

    /** One attempt. @return whether the lease was granted or renewed */
    boolean renewOnce() {
        long sentAt = clock.now();
        Lease before = lease;
        try {
            if (before.id() == 0) {
                long id = store.grantLease(ttl, CALL);
                lease = new Lease(id, sentAt, true);
            } else if (store.renewLease(before.id(), CALL)) {
                lease = new Lease(before.id(), sentAt, true);
            } else {
                LOG.warn(
                        "the {} lease {} has ended in etcd; asking for a new one", name, Long.toHexString(before.id()));
                lease = Lease.NONE;
                onConfirmed.run();
                return false;
            }
            lastError = "";
            lastRoundTrip = clock.now() - sentAt;
            onConfirmed.run();
            return true;
        } catch (StoreException e) {
            if (lastError.isEmpty()) {
                LOG.warn("the {} lease was not renewed: {}; trying again", name, e.getMessage());
            }
            lastError = String.valueOf(e.getMessage());
            return false;
        }
    }
}
