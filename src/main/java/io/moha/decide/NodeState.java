package io.moha.decide;

import io.moha.model.Term;
import java.util.Optional;

/**
 * What a node remembers from one decision to the next.
 *
 * @param phase where it is
 * @param phaseSince monotonic nanoseconds of entering the phase
 * @param term the last term it followed or held; also kept on disk, so that a restarted agent never goes back
 * @param warm whether it has seen the primary alive since the agent started: its receiver was connected with it, or it was it
 * @param unfit the term for which this node has ruled itself out, if any (a promotion that did not finish)
 * @param unfitReason why; empty if not unfit
 * @param givenUpAt revision of the key {@code master} that this node last tried to delete or to hand over; 0 if it never
 *     did. What got no answer may still be applied: the key must be written anew before a fenced node opens again
 * @param electionSince when this node was ready to wait for others: no holder, etcd answers, and its own ballot is cast;
 *     0 while there is a holder
 * @param ballotGuard mod revision of this node's ballot by which a ballot is guarded that may still be on its way; -1 for
 *     none. As long as that is the revision, the ballot may arrive
 * @param syncGuard the same for the list of ackers
 */
public record NodeState(
        Phase phase,
        long phaseSince,
        Term term,
        boolean warm,
        Optional<Term> unfit,
        String unfitReason,
        long givenUpAt,
        long electionSince,
        long ballotGuard,
        long syncGuard) {
    private static final long UNKNOWN = Long.MIN_VALUE;

    /** One that has sent no ballot. */
    public NodeState(
            Phase phase,
            long phaseSince,
            Term term,
            boolean warm,
            Optional<Term> unfit,
            String unfitReason,
            long givenUpAt,
            long electionSince) {
        this(phase, phaseSince, term, warm, unfit, unfitReason, givenUpAt, electionSince, -1, -1);
    }

    /** A node whose agent has just started; {@code term} comes from its disk. */
    public static NodeState starting(long now, Term term) {
        return new NodeState(Phase.STARTING, now, term, false, Optional.empty(), "", 0, 0, UNKNOWN, UNKNOWN);
    }

    NodeState in(Phase next, long now) {
        return next == phase
                ? this
                : new NodeState(
                        next, now, term, warm, unfit, unfitReason, givenUpAt, electionSince, ballotGuard, syncGuard);
    }

    NodeState under(Term followed) {
        return new NodeState(
                phase,
                phaseSince,
                followed,
                warm,
                unfit,
                unfitReason,
                givenUpAt,
                electionSince,
                ballotGuard,
                syncGuard);
    }

    NodeState unfitFor(Term coming, String reason) {
        return new NodeState(
                phase,
                phaseSince,
                term,
                warm,
                Optional.of(coming),
                reason,
                givenUpAt,
                electionSince,
                ballotGuard,
                syncGuard);
    }

    NodeState havingSeen(boolean holder, long now) {
        long since = holder ? 0 : electionSince == 0 ? now : electionSince;
        return new NodeState(
                phase, phaseSince, term, warm, unfit, unfitReason, givenUpAt, since, ballotGuard, syncGuard);
    }

    NodeState havingSeenThePrimaryAlive() {
        return new NodeState(
                phase, phaseSince, term, true, unfit, unfitReason, givenUpAt, electionSince, ballotGuard, syncGuard);
    }

    NodeState havingGivenUp(long modRevision) {
        return new NodeState(
                phase, phaseSince, term, warm, unfit, unfitReason, modRevision, electionSince, ballotGuard, syncGuard);
    }

    /** The patience of an election begins when it can be decided at all. */
    NodeState electingFrom(long now) {
        return new NodeState(phase, phaseSince, term, warm, unfit, unfitReason, givenUpAt, now, ballotGuard, syncGuard);
    }

    /** @param revision of this node's ballot, guarded by which another one is sent */
    NodeState havingVotedAt(long revision) {
        return new NodeState(
                phase, phaseSince, term, warm, unfit, unfitReason, givenUpAt, electionSince, revision, syncGuard);
    }

    /** @param revision of the list of ackers, guarded by which another one is sent */
    NodeState havingListedAt(long revision) {
        return new NodeState(
                phase, phaseSince, term, warm, unfit, unfitReason, givenUpAt, electionSince, ballotGuard, revision);
    }

    /** An earlier life of this agent may have sent a ballot, or a list: the first read of etcd tells by what they can be guarded. */
    NodeState knowing(long ballotRevision, long syncRevision) {
        NodeState known = ballotGuard == UNKNOWN ? havingVotedAt(ballotRevision) : this;
        return known.syncGuard == UNKNOWN ? known.havingListedAt(syncRevision) : known;
    }
}
