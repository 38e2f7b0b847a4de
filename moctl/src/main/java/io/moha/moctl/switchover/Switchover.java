package io.moha.moctl.switchover;

import com.fasterxml.jackson.databind.JsonNode;
import io.moha.moctl.client.AgentClient;
import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.Member;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.client.NodeStatus;
import io.moha.moctl.client.Reply;
import io.moha.model.OnLongTransactions;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * One planned change of primary, seen from outside. The agent of the old primary does it: it brings the target near, closes,
 * waits until the target has executed everything, and hands the role over, or goes back by itself. So it ends well if this process
 * dies, too. Here it is asked for, awaited, and read back. An answer that did not come is never taken for a refusal: the cluster
 * is read again first.
 *
 * <p>One use. {@link #run} and {@link #cancel} may be called by different threads.
 */
public final class Switchover {
    /** The agent takes so long at most beside the timeout: sessions that are in the way end, and the target comes near, while the old primary is still open. */
    private static final Duration MARGIN = Duration.ofSeconds(25);
    /** How long a step that only reads back may take on top of the deadline. */
    private static final Duration USUAL_GRACE = Duration.ofSeconds(5);

    private static final Duration PAUSE = Duration.ofMillis(20);
    private static final int ROLLBACK_ATTEMPTS = 3;

    private final Agents agents;
    private final Member primary;
    private final Member target;
    private final long term;
    private final Duration timeout;
    private final Duration grace;
    private final OnLongTransactions inTheWay;
    private final Consumer<String> progress;
    private final Map<String, Long> phases = new LinkedHashMap<>();
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile boolean cancelled;
    private volatile boolean asked;
    private long startedAt;
    private long phaseStartedAt;

    /**
     * @param primary the present primary
     * @param target a replica that has passed {@link Preflight}
     * @param term the present term: a higher one means that somebody has become primary
     * @param timeout how long writes may be stopped before the change is rolled back
     * @param inTheWay what the agent does about sessions that it would have to wait for
     * @param progress told one sentence a step
     */
    public Switchover(
            Agents agents,
            Member primary,
            Member target,
            long term,
            Duration timeout,
            OnLongTransactions inTheWay,
            Consumer<String> progress) {
        this(agents, primary, target, term, timeout, inTheWay, progress, USUAL_GRACE);
    }

    Switchover(
            Agents agents,
            Member primary,
            Member target,
            long term,
            Duration timeout,
            OnLongTransactions inTheWay,
            Consumer<String> progress,
            Duration grace) {
        this.grace = grace;
        this.inTheWay = inTheWay;
        this.agents = agents;
        this.primary = primary;
        this.target = target;
        this.term = term;
        this.timeout = timeout;
        this.progress = progress;
    }

    /** Changes the primary, or finds it as it was. Takes at most the timeout plus some seconds. */
    public SwitchResult run() {
        try {
            return perform();
        } catch (AgentException e) {
            return result(SwitchResult.Outcome.NOT_STARTED, String.valueOf(e.getMessage()));
        } finally {
            ended.countDown();
        }
    }

    /**
     * Asks the agent to go back as long as it can, and waits until {@link #run} has ended either way.
     *
     * @return false if it has not ended in time
     */
    public boolean cancel() {
        cancelled = true;
        try {
            if (asked) {
                progress.accept("asking to go back: "
                        + agents.of(primary).setReadWrite(grace).text());
            }
            Duration longest = timeout.plus(MARGIN).plus(grace.multipliedBy(ROLLBACK_ATTEMPTS));
            return ended.await(longest.toMillis(), TimeUnit.MILLISECONDS);
        } catch (AgentException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    boolean isCancelled() {
        return cancelled;
    }

    private SwitchResult perform() throws AgentException {
        AgentClient oldPrimary = agents.of(primary);
        startedAt = System.nanoTime();
        phaseStartedAt = startedAt;
        asked = true;
        if (cancelled) {
            return result(SwitchResult.Outcome.NOT_STARTED, "interrupted");
        }
        progress.accept(primary.id() + " hands the role over to " + target.id());
        Reply handed = oldPrimary.changeMaster(target.id(), timeout, inTheWay, timeout.plus(MARGIN));
        if (handed.refused()) {
            return rollBack(handed.text());
        }
        if (!handed.done()) {
            progress.accept("no word on the hand-over (" + handed.text() + "): reading again");
            return settle(handed.text());
        }
        phase("hand_over", "the role is handed over");
        return awaitOpen();
    }

    /** The hand-over was asked for and not answered: it may have happened, or happen still. */
    private SwitchResult settle(String why) {
        long until = System.nanoTime() + grace.toNanos();
        while (System.nanoTime() < until) {
            Optional<SwitchResult> seen = afterwards();
            if (seen.isPresent()) {
                return seen.get();
            }
            pause(Duration.ofMillis(50));
        }
        return rollBack("the hand-over got no answer (" + why + ") and did not happen");
    }

    private SwitchResult rollBack(String reason) {
        progress.accept("going back: " + reason);
        String last = "";
        boolean stopped = Thread.interrupted(); // the way back must not be cut short
        try {
            for (int attempt = 0; attempt < ROLLBACK_ATTEMPTS; attempt++) {
                if (attempt > 0) {
                    // The agent went back by itself; where that cannot be read back it is asked once more.
                    last = agents.of(primary).setReadWrite(grace).text();
                }
                long until = System.nanoTime() + grace.toNanos() / ROLLBACK_ATTEMPTS;
                do {
                    if (openAsBefore()) {
                        phase("roll_back", primary.id() + " is writable again, read back");
                        return result(SwitchResult.Outcome.ROLLED_BACK, reason);
                    }
                    Optional<SwitchResult> other = afterwards();
                    if (other.isPresent()) {
                        return other.get();
                    }
                    pause(Duration.ofMillis(50));
                } while (System.nanoTime() < until);
            }
        } catch (AgentException e) {
            last = String.valueOf(e.getMessage());
        } finally {
            if (stopped) {
                Thread.currentThread().interrupt();
            }
        }
        return result(
                SwitchResult.Outcome.UNKNOWN,
                reason + "; and " + primary.id() + " could not be read back as writable (" + last
                        + "). Look at: moctl status");
    }

    private boolean openAsBefore() {
        try {
            NodeStatus status = agents.of(primary).status(true);
            return status.open() && status.term() == term;
        } catch (AgentException e) {
            return false; // the caller tries again until its deadline
        }
    }

    /** If somebody has become primary of a later term: the end of that; else empty. */
    private Optional<SwitchResult> afterwards() {
        try {
            ClusterView view = agents.view(true);
            String holder = view.primary()
                    .filter(p -> p.status().map(NodeStatus::term).orElse(-1L) > term)
                    .map(MemberView::id)
                    .orElse(view.info().term() > term ? view.info().primary() : "");
            if (holder.isEmpty()) {
                return Optional.empty();
            }
            if (holder.equals(target.id())) {
                phase("hand_over", "the role was handed over");
                return Optional.of(awaitOpen());
            }
            return Optional.of(result(
                    SwitchResult.Outcome.OVERTAKEN, holder + " became primary of term " + view.term() + " meanwhile"));
        } catch (AgentException e) {
            return Optional.empty();
        }
    }

    private SwitchResult awaitOpen() {
        long until = System.nanoTime() + grace.toNanos();
        String seen = "";
        while (System.nanoTime() < until) {
            try {
                NodeStatus status = agents.of(target).status(false);
                if (status.open() && status.term() > term) {
                    phase("open", target.id() + " is open for writes, term " + status.term());
                    phases.put("total", millisSince(startedAt));
                    return new SwitchResult(SwitchResult.Outcome.DONE, primary.id(), target.id(), "", phases, record());
                }
                seen = status.state() + ": " + status.because();
            } catch (AgentException e) {
                seen = String.valueOf(e.getMessage());
            }
            pause(PAUSE);
        }
        return result(
                SwitchResult.Outcome.UNKNOWN,
                "the role was handed over, but " + target.id() + " did not report itself open (" + seen
                        + "). Look at: moctl status");
    }

    /** The record in etcd; its phases are written a moment after the opening. */
    private Optional<JsonNode> record() {
        Optional<JsonNode> found = Optional.empty();
        long until = System.nanoTime() + Duration.ofSeconds(2).toNanos();
        while (System.nanoTime() < until) {
            try {
                for (JsonNode candidate : agents.of(target).history()) {
                    if (candidate.path("term").asLong() > term
                            && candidate.path("new_primary").asText().equals(target.id())) {
                        found = Optional.of(candidate);
                        if (candidate.has("phases_ms")) {
                            return found;
                        }
                    }
                }
            } catch (AgentException e) {
                // The change itself is done; the record is only for reading.
                progress.accept("the switch record cannot be read: " + e.getMessage());
                return found;
            }
            pause(Duration.ofMillis(50));
        }
        return found;
    }

    private SwitchResult result(SwitchResult.Outcome outcome, String reason) {
        if (outcome != SwitchResult.Outcome.NOT_STARTED) {
            phases.put("total", millisSince(startedAt));
        }
        return new SwitchResult(outcome, primary.id(), target.id(), reason, phases, Optional.empty());
    }

    private void phase(String name, String sentence) {
        phases.put(name, millisSince(phaseStartedAt));
        phaseStartedAt = System.nanoTime();
        progress.accept(sentence);
    }

    private static long millisSince(long nanos) {
        return (System.nanoTime() - nanos) / 1_000_000;
    }

    private static void pause(Duration time) {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
