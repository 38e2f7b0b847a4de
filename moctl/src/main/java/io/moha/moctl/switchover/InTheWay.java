package io.moha.moctl.switchover;

import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.Member;
import io.moha.model.Obstacle;
import io.moha.model.OnLongTransactions;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

/**
 * Sessions that a planned change would have to wait for, or whose work it would undo: as lines of the pre-flight, and waited for
 * while nothing is closed and nothing is blocked.
 */
public final class InTheWay {
    private static final Duration PAUSE = Duration.ofMillis(500);

    private final Agents agents;
    private final Member primary;
    private final Member target;
    private final OnLongTransactions policy;
    private final Duration patience;

    /** @param patience how long to wait for them, if that is the policy */
    public InTheWay(Agents agents, Member primary, Member target, OnLongTransactions policy, Duration patience) {
        this.agents = agents;
        this.primary = primary;
        this.target = target;
        this.policy = policy;
        this.patience = patience;
    }

    /** One line for the primary and one for the target. An agent that does not say is of an earlier version, or its server is stuck. */
    public List<Check> checks() {
        return List.of(ofPrimary(), ofTarget());
    }

    private Check ofPrimary() {
        String what = "no long transaction, DDL, or backup on the primary";
        try {
            List<Obstacle> there = agents.of(primary).obstacles();
            return there.isEmpty()
                    ? new Check(true, what, "none")
                    : new Check(
                            policy != OnLongTransactions.ABORT,
                            what,
                            summary(there)
                                    + switch (policy) {
                                        case ABORT -> "; --on-long-transactions wait or kill goes on";
                                        case WAIT -> "; waiting for that, at most " + patience.toSeconds() + " s";
                                        case KILL -> "; ending that";
                                    });
        } catch (AgentException e) {
            return new Check(false, what, String.valueOf(e.getMessage()));
        }
    }

    private Check ofTarget() {
        String what = "no lock on the target that stops its applier";
        try {
            List<Obstacle> locks = agents.of(target).obstacles().stream()
                    .filter(o -> o.kind() == Obstacle.Kind.READ_LOCK)
                    .toList();
            return new Check(locks.isEmpty(), what, locks.isEmpty() ? "none" : summary(locks));
        } catch (AgentException e) {
            return new Check(false, what, String.valueOf(e.getMessage()));
        }
    }

    /**
     * Waits, if that is the policy.
     *
     * @param progress told once what is waited for
     * @return empty if the way is free; else what is still there
     * @throws AgentException if the agent does not answer
     */
    public String await(Consumer<String> progress) throws AgentException {
        long until = System.nanoTime() + patience.toNanos();
        String said = "";
        while (policy == OnLongTransactions.WAIT) {
            List<Obstacle> there = agents.of(primary).obstacles();
            if (there.isEmpty()) {
                return "";
            }
            if (System.nanoTime() - until > 0) {
                return "still in the way after " + patience.toSeconds() + " s: " + summary(there);
            }
            if (said.isEmpty()) {
                said = summary(there);
                progress.accept("waiting for " + said);
            }
            try {
                Thread.sleep(PAUSE.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return "interrupted";
            }
        }
        return "";
    }

    private static String summary(List<Obstacle> there) {
        return there.get(0).text() + (there.size() == 1 ? "" : ", and " + (there.size() - 1) + " more");
    }
}
