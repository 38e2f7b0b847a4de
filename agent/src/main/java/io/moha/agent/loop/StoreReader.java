package io.moha.agent.loop;

import io.moha.store.ClusterStore;
import io.moha.store.StoreException;
import io.moha.store.StoreSnapshot;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the cluster's keys when asked and at least once a second; the watch only asks. What a transaction of this node's own
 * brings back counts as a read. An answer that was overtaken by a later one is dropped.
 */
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
    private volatile long highestRevision;
    /** A read is wanted that is sent from now on, whatever was read. */
    private volatile boolean asked;
    /** The latest revision that the watch has told of. */
    private final AtomicLong told = new AtomicLong();
    /** When the last read was sent. */
    private volatile long sentAt;

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
        this.sentAt = lastSuccess - 1;
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

    /** Asks for a read that is sent from now on. */
    void ask() {
        asked = true;
        bell.ring();
    }

    /** Asks for a read that was sent at that time or later, unless there is one or one is on its way. */
    void askSince(long instant) {
        if (!asked && sentAt - instant < 0) {
            ask();
        }
    }

    /**
     * Something changed in etcd.
     *
     * @param revision of the change; 0 if not known
     */
    void changed(long revision) {
        if (revision == 0) {
            ask();
        } else if (revision > highestRevision) {
            told.accumulateAndGet(revision, Math::max);
            bell.ring();
        }
    }

    @Override
    public void run() {
        while (!Thread.currentThread().isInterrupted()) {
            Duration pause = readOnce() ? INTERVAL : Duration.ofMillis(200);
            Duration left = pause;
            do {
                if (!bell.await(left)) {
                    return;
                }
                left = pause.minusNanos(clock.now() - sentAt);
            } while (!asked && told.get() <= highestRevision && !left.isNegative() && !left.isZero());
        }
    }

    /** @param floor the highest revision that was known when the read was sent */
    private void compareWithLast(StoreSnapshot read, long floor) {
        if (doubt.isPresent()) {
            return;
        }
        if (floor > 0 && read.cluster() != cluster) {
            doubt = Optional.of("etcd is another cluster than before (id " + Long.toHexString(read.cluster())
                    + " after " + Long.toHexString(cluster) + "): it was restored from a backup");
        } else if (read.revision() < floor) {
            doubt = Optional.of("etcd went back from revision " + floor + " to " + read.revision()
                    + ": it was restored from a backup");
        }
        doubt.ifPresent(d -> LOG.warn("{}; refusing to act on it", d));
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

    /**
     * Takes what a transaction of this node's own came back with; what does not fit is left to the next read. Any thread.
     *
     * @return whether it counts as a read
     */
    boolean learn(StoreSnapshot after, long sentThen) {
        synchronized (this) {
            if (picture.isEmpty() || after.cluster() != cluster || after.revision() < highestRevision) {
                ask(); // overtaken, or etcd went back: a read tells which
                return false;
            }
            try {
                adopt(after, sentThen);
            } catch (IllegalArgumentException e) {
                LOG.debug("left to the next read: {}", e.getMessage());
                return false;
            }
        }
        onRead.run();
        return true;
    }

    private void adopt(StoreSnapshot read, long sentThen) {
        boolean overtaken = read.revision() < highestRevision && doubt.isEmpty();
        boolean older = picture.filter(p -> p.revision() == read.revision() && p.sentAt() - sentThen >= 0)
                .isPresent();
        if (!overtaken && !older) {
            ClusterPicture next = understand(read, sentThen);
            picture.ifPresent(before -> compareRegistrations(before, next, clock.now()));
            picture = Optional.of(next);
            understood = read.entries();
        }
        cluster = read.cluster();
        highestRevision = Math.max(highestRevision, read.revision());
        if (!lastError.isEmpty()) {
            LOG.info("etcd answers again");
        }
        lastError = "";
        long now = clock.now();
        if (now - lastSuccess > GAP.toNanos()) {
            recovered(now);
        }
        lastSuccess = now;
    }

    boolean readOnce() {
        asked = false;
        long sentThen = clock.now();
        sentAt = sentThen;
        long floor = highestRevision;
        try {
            StoreSnapshot read = store.read(CALL);
            synchronized (this) {
                compareWithLast(read, floor);
                adopt(read, sentThen);
            }
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
