package io.moha.decide;

/** Where a node is. The transitions stand in {@link Table}. */
public enum Phase {
    /** The agent has just started and knows neither etcd nor the database yet. */
    STARTING,
    /** Replica of the holder. */
    FOLLOWING,
    /** Nobody holds the writer role: the receiver stands still, ballots are exchanged. */
    VOTING,
    /** Holds the lease and the key, executes what it has received, is not open yet. */
    PROMOTING,
    /** Holds the lease and is open for writes. */
    PRIMARY,
    /** Holds the lease, closed for writes by an operator's wish. */
    READ_ONLY,
    /** Climbs the ladder of the fence; not confirmed yet. */
    FENCING,
    /** Confirmed read-only or dead, without a role. */
    FENCED,
    /** Fenced, because it has transactions that the primary does not have. */
    DIVERGED,
    /** Its data is being replaced by a copy of another member's. */
    JOINING;

    /** Phases in which the node relies on its lease. */
    public boolean holding() {
        return this == PROMOTING || this == PRIMARY || this == READ_ONLY;
    }
}
