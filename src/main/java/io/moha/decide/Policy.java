package io.moha.decide;

import java.time.Duration;

/**
 * The settings that the decision core obeys.
 *
 * @param leaseTtl life of the leader lease as granted by etcd
 * @param fenceBudget {@code shutdown-threshold}: time kept for the whole fence before the lease can end
 * @param clockSkew allowance for the rates of different clocks
 * @param electionTimeout how long an election waits for the ballot of a live member
 * @param handicap how much later each next-ranked node campaigns
 * @param drainTimeout how long a winner may take to execute what it has received
 * @param bootstrapExpect members that must be live before the first election ever
 * @param maxBacklog received but unexecuted transactions above which a node is ranked behind all others
 * @param storeStale age of the last read of etcd above which a node without a role does nothing
 * @param stuckAfter how long the primary's database may give no answer before it is taken for stuck and killed
 * @param compareEvery how often a replica compares itself with the primary
 * @param startGrace how long a restarted agent may leave a writable database alone before it has read etcd
 * @param suspectAfter how long nothing may come from a primary that does not answer either before its ackers replace it
 * @param ackerAwayAfter how long an acker may be away before it is taken off the list, or before writes go on without it
 */
public record Policy(
        Duration leaseTtl,
        Duration fenceBudget,
        Duration clockSkew,
        Duration electionTimeout,
        Duration handicap,
        Duration drainTimeout,
        int bootstrapExpect,
        long maxBacklog,
        Duration storeStale,
        Duration stuckAfter,
        Duration compareEvery,
        Duration startGrace,
        Duration suspectAfter,
        Duration ackerAwayAfter) {
    public Policy {
        if (leaseTtl.minus(fenceBudget).minus(clockSkew).toMillis() < 1000) {
            throw new IllegalArgumentException("a lease of " + leaseTtl
                    + " leaves less than 1 s beside the fence budget " + fenceBudget + " and the skew " + clockSkew);
        }
    }

    /** The same settings, but with more patience for ballots. */
    public Policy patient() {
        return new Policy(
                leaseTtl,
                fenceBudget,
                clockSkew,
                electionTimeout.multipliedBy(3),
                handicap,
                drainTimeout,
                bootstrapExpect,
                maxBacklog,
                storeStale,
                stuckAfter,
                compareEvery,
                startGrace,
                suspectAfter,
                ackerAwayAfter);
    }

    /**
     * When the fence must begin: counted from the moment the last confirmed renewal was sent, never from its reply.
     *
     * @param sentAt monotonic nanoseconds
     */
    public long fenceAt(long sentAt) {
        return sentAt + leaseTtl.minus(fenceBudget).minus(clockSkew).toNanos();
    }

    /**
     * Whether a fence could not be confirmed in the time that is kept for it. The lease is renewed no more then: what
     * cannot be confirmed dead must not block the cluster for ever, and the role never outlives its lease.
     */
    public boolean fenceOverdue(NodeState state, long now) {
        return state.phase() == Phase.FENCING && now - state.phaseSince() > fenceBudget.toNanos();
    }

    /** When the last rung, SIGKILL, is due: two thirds into the budget, so that it is over before the lease can end. */
    public long killAt(long sentAt) {
        return fenceAt(sentAt) + fenceBudget.toNanos() * 2 / 3;
    }
}
