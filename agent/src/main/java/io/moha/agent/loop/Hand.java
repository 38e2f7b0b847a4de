package io.moha.agent.loop;

import io.moha.decide.Action;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does one action at a time on a thread of its own. The same action again, or one that failed, has to wait a little: 100
 * ms at first, doubling up to 2 s. Called by the loop's thread only, except where said.
 */
final class Hand {
    private static final Logger LOG = LoggerFactory.getLogger(Hand.class);
    private static final long FIRST_WAIT = 100_000_000L;
    private static final int MOST_DOUBLINGS = 4;
    private static final long FORGOTTEN_AFTER = 5_000_000_000L;

    /** What became of the last action of a kind. */
    private record Last(Action action, Outcome outcome, long endedAt, int repeats) {}

    /** What a finished action leaves for the loop. */
    record Finished(Action action, Outcome outcome, long tookNanos) {}

    private final Executor thread;
    private final Function<Action, Outcome> actor;
    private final Clock clock;
    private final Runnable onFinished;
    private final Map<String, Last> lasts = new HashMap<>();
    private volatile Optional<Action> running = Optional.empty();
    private volatile Optional<Finished> finished = Optional.empty();

    Hand(Executor thread, Function<Action, Outcome> actor, Clock clock, Runnable onFinished) {
        this.thread = thread;
        this.actor = actor;
        this.clock = clock;
        this.onFinished = onFinished;
    }

    /** The action under way; may be asked from any thread. */
    Optional<Action> running() {
        return running;
    }

    /** Takes the result of the last action, once. */
    Optional<Finished> takeFinished() {
        Optional<Finished> taken = finished;
        if (taken.isPresent()) {
            finished = Optional.empty();
            running = Optional.empty();
            Finished f = taken.get();
            Last last = lasts.get(f.action().kind());
            // What was done long ago and is due again is no repetition.
            boolean lately = last != null && clock.now() - last.endedAt() < FORGOTTEN_AFTER;
            boolean again = last != null && lately && last.action().equals(f.action());
            int repeats = f.outcome().done() && !again ? 0 : last == null || !lately ? 1 : last.repeats() + 1;
            lasts.put(f.action().kind(), new Last(f.action(), f.outcome(), clock.now(), repeats));
        }
        return taken;
    }

    /** Whether the action may be started now: the hand is free and the action need not wait. */
    boolean free(Action action) {
        if (running.isPresent() || finished.isPresent()) {
            return false;
        }
        Last last = lasts.get(action.kind());
        if (last == null || (last.outcome().done() && !last.action().equals(action))) {
            return true;
        }
        int doublings = Math.min(MOST_DOUBLINGS, Math.max(0, last.repeats() - 1));
        return clock.now() - last.endedAt() >= FIRST_WAIT << doublings;
    }

    /** What the last failure of this kind of action said; empty if the last one was done. */
    String complaint(Action action) {
        Last last = lasts.get(action.kind());
        return last == null || last.outcome().done() ? "" : last.outcome().detail();
    }

    void start(Action action) {
        running = Optional.of(action);
        long startedAt = clock.now();
        thread.execute(() -> {
            Outcome outcome;
            try {
                outcome = actor.apply(action);
            } catch (RuntimeException e) {
                LOG.error("{} failed inside", action.kind(), e);
                outcome = Outcome.unknown("a defect in the agent: " + e);
            }
            finished = Optional.of(new Finished(action, outcome, clock.now() - startedAt));
            onFinished.run();
        });
    }
}
