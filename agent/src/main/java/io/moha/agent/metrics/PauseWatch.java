package io.moha.agent.metrics;

import io.moha.agent.loop.Bell;
import io.moha.agent.loop.Clock;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees that the whole JVM stood still: sleeps in short steps and looks by how much the clock jumped beyond them. Garbage
 * collections, a frozen container, a machine without a free processor and a SIGSTOP all look the same to a lease: time in
 * which the agent did nothing. The monotonic clock stands still while a virtual machine is suspended, so that one is not
 * seen here but by the loop, which compares both clocks.
 *
 * <p>20 steps a second cost 0.12 % of a core. A pause is measured with an error of at most one step downwards:
 * what falls into the sleep itself cannot be told from it.
 */
public final class PauseWatch implements Runnable {
    static final Duration STEP = Duration.ofMillis(50);
    /** Below this, it is the scheduler at work. */
    static final Duration COUNTED = Duration.ofMillis(20);
    /** Long enough to be felt by a client during a change of primary. */
    static final Duration LOGGED = Duration.ofMillis(100);

    private static final Logger LOG = LoggerFactory.getLogger(PauseWatch.class);

    /** Told of each pause of {@link #COUNTED} and more, in the watching thread. */
    @FunctionalInterface
    public interface Seen {
        /** @param garbage true if garbage collection was at least half of it */
        void pause(Duration length, boolean garbage);
    }

    private final Clock clock;
    private final Bell bell;
    private final LongSupplier gcMillis;
    private final Seen seen;

    /** @param gcMillis time spent collecting garbage since the start, in milliseconds */
    public PauseWatch(Clock clock, LongSupplier gcMillis, Seen seen) {
        this.clock = clock;
        this.bell = clock.bell();
        this.gcMillis = gcMillis;
        this.seen = seen;
    }

    /** Time spent in this JVM's collectors, in milliseconds. With the serial collector all of it is standstill. */
    public static LongSupplier collectors() {
        List<GarbageCollectorMXBean> collectors = ManagementFactory.getGarbageCollectorMXBeans();
        return () -> {
            long sum = 0;
            for (GarbageCollectorMXBean collector : collectors) {
                sum += Math.max(0, collector.getCollectionTime());
            }
            return sum;
        };
    }

    /** Until the thread is interrupted. */
    @Override
    public void run() {
        long before = clock.now();
        long gcBefore = gcMillis.getAsLong();
        while (bell.await(STEP)) {
            long now = clock.now();
            long gcNow = gcMillis.getAsLong();
            Duration beyond = Duration.ofNanos(now - before).minus(STEP);
            if (beyond.compareTo(COUNTED) >= 0) {
                report(beyond, Duration.ofMillis(gcNow - gcBefore));
            }
            before = now;
            gcBefore = gcNow;
        }
    }

    private void report(Duration length, Duration collecting) {
        boolean garbage = collecting.multipliedBy(2).compareTo(length) >= 0;
        seen.pause(length, garbage);
        if (length.compareTo(LOGGED) < 0) {
            return;
        }
        if (garbage) {
            LOG.warn(
                    "the agent stood still for {} ms: garbage collection, {} ms of it",
                    length.toMillis(),
                    collecting.toMillis());
        } else {
            LOG.warn(
                    "the agent stood still for {} ms: not garbage collection ({} ms); the machine had no processor for it, or"
                            + " froze it, or the JVM waited",
                    length.toMillis(),
                    collecting.toMillis());
        }
    }
}
