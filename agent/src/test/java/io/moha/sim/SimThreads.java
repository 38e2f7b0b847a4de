package io.moha.sim;

import io.moha.agent.loop.Bell;
import io.moha.agent.loop.Clock;
import io.moha.agent.loop.Threads;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Clock, bells and threads of one simulated agent. */
final class SimThreads implements Threads, Clock {
    private static final Instant EPOCH = Instant.parse("2026-01-01T00:00:00Z");

    private final Scheduler scheduler;
    private final Scheduler.Program process;
    private final LongSupplier wallOffset;

    /** @param wallOffset nanoseconds by which this machine's wall clock is ahead */
    SimThreads(Scheduler scheduler, Scheduler.Program process, LongSupplier wallOffset) {
        this.scheduler = scheduler;
        this.process = process;
        this.wallOffset = wallOffset;
    }

    @Override
    public long now() {
        return scheduler.now();
    }

    @Override
    public Instant wall() {
        return EPOCH.plusNanos(scheduler.now() + wallOffset.getAsLong());
    }

    @Override
    public Bell bell() {
        return new SimBell();
    }

    @Override
    public void start(String name, Runnable work) {
        scheduler.start(process, work);
    }

    @Override
    public Executor hand(String name) {
        Bell bell = bell();
        Queue<Runnable> work = new ArrayDeque<>();
        scheduler.start(process, () -> {
            while (bell.await(Duration.ofHours(1))) {
                for (Runnable next = work.poll(); next != null; next = work.poll()) {
                    next.run();
                }
            }
        });
        return task -> {
            work.add(task);
            bell.ring();
        };
    }

    @Override
    public void stop() {
        scheduler.kill(process);
    }

    /** Rings wake the waiting strand a few microseconds later. */
    private final class SimBell implements Bell {
        private boolean rung;
        private Scheduler.@Nullable Strand waiting;
        private Scheduler.@Nullable Event alarm;

        @Override
        public void ring() {
            rung = true;
            if (waiting != null && alarm != null) {
                Scheduler.Strand strand = waiting;
                waiting = null;
                alarm.cancel();
                scheduler.in(5_000, () -> scheduler.wake(strand));
            }
        }

        @Override
        public boolean await(Duration longest) {
            if (!rung) {
                Scheduler.Strand me = scheduler.running();
                waiting = me;
                alarm = scheduler.in(Math.max(1000, longest.toNanos()), () -> {
                    waiting = null;
                    scheduler.wake(me);
                });
                scheduler.block(me);
                waiting = null;
            }
            rung = false;
            return true;
        }
    }
}
