package io.moha.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import org.jspecify.annotations.Nullable;

/**
 * Virtual time. Real threads ({@link Strand}s) run one at a time and hand a baton on: whoever waits runs the events that
 * are due until one of them wakes somebody. With the same seed everything happens in the same order again.
 */
final class Scheduler {
    /** Carries strands of all simulations in this JVM, one after another. */
    private static final ExecutorService CARRIERS = Executors.newCachedThreadPool(threads());

    /** Virtual threads where the JVM has them (21 and later): handing the baton on costs a fraction there. */
    static ThreadFactory threads() {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            Class<?> type = Class.forName("java.lang.Thread$Builder");
            return (ThreadFactory) type.getMethod("factory").invoke(builder);
        } catch (ReflectiveOperationException e) {
            return work -> {
                Thread thread = new Thread(work, "strand");
                thread.setDaemon(true);
                return thread;
            };
        }
    }

    /** Something that will happen. */
    final class Event implements Comparable<Event> {
        private final long at;
        private final long order;
        private final Runnable work;
        private boolean cancelled;

        private Event(long at, long order, Runnable work) {
            this.at = at;
            this.order = order;
            this.work = work;
        }

        void cancel() {
            if (!cancelled) {
                cancelled = true;
                forgotten++;
            }
        }

        @Override
        public int compareTo(Event other) {
            return at != other.at ? Long.compare(at, other.at) : Long.compare(order, other.order);
        }
    }

    /** Thrown inside a strand whose process was killed: it must unwind without touching anything any more. */
    static final class Killed extends Error {
        private static final long serialVersionUID = 1;

        private Killed() {
            super("killed", null, false, false);
        }
    }

    /** Who owns strands: a process that can be frozen. */
    static class Program {
        private boolean frozen;
        private boolean dead;
        private final List<Strand> strands = new ArrayList<>();
        private final List<Strand> held = new ArrayList<>();

        boolean frozen() {
            return frozen;
        }

        boolean dead() {
            return dead;
        }
    }

    /** One thread of a process. */
    final class Strand {
        private final Program owner;
        private final Semaphore baton = new Semaphore(0);
        private boolean over;

        private Strand(Program owner) {
            this.owner = owner;
        }

        /** Called by an event: this strand is to run next. */
        private void wake() {
            if (over) {
                return;
            }
            if (owner.frozen && !owner.dead) {
                owner.held.add(this);
            } else {
                next = this;
            }
        }
    }

    private final PriorityQueue<Event> events = new PriorityQueue<>();
    /** Cancelled events that may still be queued. */
    private int forgotten;

    private final Program outside = new Program();
    private final Strand main = new Strand(outside);
    private long now;
    private long order;
    private long happened;
    private @Nullable Strand next;
    private @Nullable Strand current;
    private @Nullable Throwable defect;
    private @Nullable Runnable afterEach;

    long now() {
        return now;
    }

    long happened() {
        return happened;
    }

    /** Runs after every event, on no strand: for the invariants. */
    void afterEach(Runnable check) {
        afterEach = check;
    }

    Event at(long time, Runnable work) {
        if (forgotten > 64 && forgotten > events.size() / 2) {
            events.removeIf(e -> e.cancelled);
            forgotten = 0;
        }
        Event event = new Event(Math.max(now, time), order++, work);
        events.add(event);
        return event;
    }

    Event in(long nanos, Runnable work) {
        return at(now + nanos, work);
    }

    /** Runs until the given time, or until {@link #end}. @throws IllegalStateException wrapping what an event threw */
    void run(long until) {
        Event end = at(until, () -> next = main);
        loop(main);
        end.cancel();
        if (defect != null) {
            throw new IllegalStateException(defect);
        }
    }

    /** Ends {@link #run} after the present event. */
    void end() {
        next = main;
    }

    void start(Program owner, Runnable work) {
        Strand strand = new Strand(owner);
        owner.strands.add(strand);
        CARRIERS.execute(() -> {
            strand.baton.acquireUninterruptibly();
            try {
                current = strand;
                if (!owner.dead) {
                    work.run();
                }
            } catch (Killed e) {
                // The process is gone.
            } catch (Throwable e) {
                defect = defect == null ? e : defect;
                next = main;
            }
            strand.over = true;
            owner.strands.remove(strand);
            current = null;
            pass(turn());
        });
        in(1000, strand::wake);
    }

    void freeze(Program process) {
        process.frozen = true;
    }

    void thaw(Program process) {
        process.frozen = false;
        List<Strand> held = new ArrayList<>(process.held);
        process.held.clear();
        long gap = 1000;
        for (Strand strand : held) {
            in(gap, strand::wake);
            gap += 1000;
        }
    }

    /** SIGKILL: no strand of it does anything any more. */
    void kill(Program process) {
        process.dead = true;
        process.held.clear();
        for (Strand strand : new ArrayList<>(process.strands)) {
            in(0, strand::wake);
        }
    }

    /** Waits in virtual time; on a strand only. */
    void sleep(long nanos) {
        Strand me = running();
        at(now + nanos, me::wake);
        block(me);
    }

    Strand running() {
        if (current == null) {
            throw new IllegalStateException("an event must not wait");
        }
        return current;
    }

    /** Gives the baton away until somebody calls {@link #wake} for this strand. */
    void block(Strand me) {
        current = null;
        loop(me);
        current = me;
        if (me.owner.dead) {
            throw new Killed();
        }
    }

    void wake(Strand strand) {
        strand.wake();
    }

    private void loop(Strand me) {
        Strand turn = turn();
        if (turn != me) {
            pass(turn);
            me.baton.acquireUninterruptibly();
        }
    }

    private static void pass(Strand to) {
        to.baton.release();
    }

    /** Runs events until one wakes a strand. */
    private Strand turn() {
        while (next == null) {
            Event event = events.poll();
            if (event == null) {
                throw new IllegalStateException("nothing will ever happen again");
            }
            if (event.cancelled) {
                continue;
            }
            now = event.at;
            happened++;
            try {
                event.work.run();
                if (afterEach != null) {
                    afterEach.run();
                }
            } catch (Throwable e) {
                defect = defect == null ? e : defect;
                next = main;
            }
        }
        Strand woken = next;
        next = null;
        return woken;
    }
}
