package io.moha.agent.loop;

import io.moha.store.ClusterStore;
import io.moha.store.StoreException;
import io.moha.store.StoreSnapshot;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the cluster's keys when asked and at least once a second; the watch only asks. */
final class StoreReader implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(StoreReader.class);
    private static final Duration CALL = Duration.ofMillis(1500);
    private static final Duration GAP = Duration.ofMillis(2500);
    private static final Duration INTERVAL = Duration.ofSeconds(1);
    /** Two that end within this time did so for one reason. */
    private static final Duration TOGETHER = Duration.ofSeconds(1);
    /** A read that is as old as this is not answered in time. */
    private static final Duration REACHED = Duration.ofMillis(1800);

    private final ClusterStore store;
    private final Clock clock;
    private final Runnable onRead;
    private final Bell bell;
    private volatile Optional<ClusterPicture> picture = Optional.empty();
    private Map<String, StoreSnapshot.Entry> understood = Map.of();
    private volatile Optional<String> doubt = Optional.empty();
    private volatile String lastError = "";
    private long cluster;
    private long highestRevision;
    private volatile long lastSuccess;
    private volatile long recoveredAt;
    private volatile boolean everRecovered;
    private long holderGoneAt;
    private long othersGoneAt;

    StoreReader(ClusterStore store, Clock clock, Runnable onRead) {
        this.store = store;
        this.clock = clock;
        this.bell = clock.bell();
        this.onRead = onRead;
        this.lastSuccess = clock.now();
    }

    Optional<ClusterPicture> picture() {
        return picture;
    }

    /**
     * Why nothing that etcd says may be acted on: it has forgotten what this agent has already seen, so it was restored
     * from an older state or is another etcd. Stays until the agent is started anew.
     */
    Optional<String> doubt() {
        return doubt;
    }

    String lastError() {
        return lastError;
    }

    /** Whether the last read was answered, and not long ago. */
    boolean reaches() {
        return lastError.isEmpty() && clock.now() - lastSuccess < REACHED.toNanos() && picture.isPresent();
    }

    /**
     * Whether etcd came back, or ended leases all at once, less than {@code within} ago: registrations may have ended without
     * anybody's fault.
     */
    boolean recovering(Duration within) {
        return everRecovered && clock.now() - recoveredAt < within.toNanos();
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

    private void compareWithLast(StoreSnapshot read) {
        if (doubt.isPresent()) {
            return;
        }
        if (highestRevision > 0 && read.cluster() != cluster) {
            doubt = Optional.of("etcd is another cluster than before (id " + Long.toHexString(read.cluster())
                    + " after " + Long.toHexString(cluster) + "): it was restored from a backup");
        } else if (read.revision() < highestRevision) {
            doubt = Optional.of("etcd went back from revision " + highestRevision + " to " + read.revision()
                    + ": it was restored from a backup");
        }
        doubt.ifPresent(d -> LOG.warn("{}; refusing to act on it", d));
        cluster = read.cluster();
        highestRevision = Math.max(highestRevision, read.revision());
    }

    /**
     * A leader of etcd that was frozen and wakes ends all leases at once. Whoever registers again first must not take itself
     * for the only one that is left: it would elect itself, without those who may have received more.
     */
    private void compareRegistrations(ClusterPicture before, ClusterPicture read, long now) {
        if (before.holder().isPresent() && read.holder().isEmpty()) {
            holderGoneAt = now;
        }
        boolean othersGone = before.live().keySet().stream()
                .anyMatch(node -> !read.live().containsKey(node)
                        && read.lastPrimary().filter(node::equals).isEmpty());
        if (othersGone) {
            othersGoneAt = now;
        }
        boolean gone = read.holder().isEmpty() && holderGoneAt != 0 && othersGoneAt != 0;
        if (gone && Math.abs(holderGoneAt - othersGoneAt) < TOGETHER.toNanos()) {
            LOG.warn("the role and the registrations of others ended together: etcd may have ended all leases; an"
                    + " election waits for all members");
            holderGoneAt = 0;
            othersGoneAt = 0;
            recovered(now);
        }
    }

    /** From now on registrations may be missing without anybody's fault. */
    private void recovered(long now) {
        recoveredAt = now;
        everRecovered = true;
    }

    /** Most reads find nothing new: what was understood once is not parsed again. */
    private ClusterPicture understand(StoreSnapshot read, long sentAt) {
        return picture.filter(p -> read.entries().equals(understood))
                .map(p -> p.again(read, sentAt, clock.wall()))
                .orElseGet(() -> ClusterPicture.of(read, sentAt, clock.wall()));
    }

    boolean readOnce() {
        long sentAt = clock.now();
        try {
            StoreSnapshot read = store.read(CALL);
            compareWithLast(read);
            ClusterPicture next = understand(read, sentAt);
            picture.ifPresent(before -> compareRegistrations(before, next, clock.now()));
            picture = Optional.of(next);
            understood = read.entries();
            if (!lastError.isEmpty()) {
                LOG.info("etcd answers again");
            }
            lastError = "";
            long now = clock.now();
            if (now - lastSuccess > GAP.toNanos()) {
                recovered(now);
            }
            lastSuccess = now;
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
            // Who holds the role, or in which term, cannot be read: the last picture stands, and grows too old to act
            // on. Never is this an election.
            if (lastError.isEmpty()) {
                LOG.error("etcd holds something that is not understood: {}", e.getMessage());
            }
            lastError = "a key is not understood: " + e.getMessage();
            onRead.run();
            return false;
        }
    }
}
