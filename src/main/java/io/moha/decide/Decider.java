package io.moha.decide;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** From an observation to a decision. */
public final class Decider {
    /**
     * The patience for others' ballots begins with the own one: stopping a receiver takes everybody equally long. It begins
     * anew after a time without etcd, in which the others could do nothing either.
     */
    private static final Set<Diagnosis> PATIENCE_STARTS_LATER = EnumSet.of(
            Diagnosis.BOOTSTRAP_WAITS,
            Diagnosis.COLD_START_WAITS,
            Diagnosis.RECEIVER_RUNS,
            Diagnosis.NO_BALLOT,
            Diagnosis.STORE_SILENT);

    private Decider() {}

    /**
     * Decides what to do now.
     *
     * @param state what was remembered from the last decision
     * @param seen what was observed; all times from one reading of the clock
     * @param policy settings in force
     */
    public static Decision decide(NodeState state, Observation seen, Policy policy) {
        NodeState known = seen.cluster()
                .map(cluster -> state.havingSeen(cluster.holder().isPresent(), seen.now()))
                .map(s -> knowing(s, new Context(s, seen, policy)))
                .orElse(state);
        Context context = new Context(known, seen, policy);
        Diagnosis diagnosis = Diagnostician.diagnose(context);
        Table.Row row = Table.row(known.phase(), diagnosis);
        NodeState next = row.to().map(phase -> known.in(phase, seen.now())).orElse(known);
        next = !next.warm() && context.seesThePrimaryAlive() ? next.havingSeenThePrimaryAlive() : next;
        next = next.under(Table.boundTo(context, diagnosis));
        if (known.electionSince() != 0 && PATIENCE_STARTS_LATER.contains(diagnosis)) {
            next = next.electingFrom(seen.now());
        }
        String failing = failing(diagnosis);
        if (!failing.isEmpty() && seen.cluster().isPresent()) {
            next = next.unfitFor(context.coming(), "resigned from term " + context.term() + ": " + failing);
        }
        List<Action> actions = row.actions().apply(context);
        for (Action action : actions) {
            if (action instanceof Action.Resign resign) {
                next = next.havingGivenUp(resign.modRevision());
            } else if (action instanceof Action.HandOver handOver) {
                next = next.havingGivenUp(handOver.modRevision());
            } else if (action instanceof Action.PutBallot put) {
                next = next.havingVotedAt(put.ownRevision());
            } else if (action instanceof Action.PutSync list) {
                next = next.havingListedAt(list.syncRevision());
            } else if (action instanceof Action.WriteEvidence begun
                    && begun.list().isPresent()) {
                next = next.havingListedAt(begun.syncRevision());
            } else if (action instanceof Action.Campaign campaign
                    && campaign.list().isPresent()) {
                next = next.havingListedAt(campaign.syncRevision());
            }
        }
        return new Decision(next, diagnosis, actions, row.because().apply(context));
    }

    /** Whether this node, as primary, reaches neither etcd nor enough ackers: it may have been replaced without learning of it. */
    public static boolean isolated(NodeState state, Observation seen, Policy policy) {
        return new Context(state, seen, policy).isolated();
    }

    /** Why this node could not be elected now; empty if it could. */
    public static String unfit(NodeState state, Observation seen, Policy policy) {
        boolean known = seen.cluster().isPresent() && seen.database().local().isPresent();
        return known ? new Context(state, seen, policy).unfitReason() : "what it has is not known just now";
    }

    private static NodeState knowing(NodeState state, Context context) {
        return state.knowing(context.ownBallotRevision(), context.syncRevision());
    }

    /** What would go wrong again if this node won the next term: it may well have the longest set. */
    private static String failing(Diagnosis diagnosis) {
        return switch (diagnosis) {
            case DRAIN_OVERDUE -> "it did not execute what it had received in time";
            case DATABASE_STUCK -> "its database was stuck and was killed";
            default -> "";
        };
    }
}
