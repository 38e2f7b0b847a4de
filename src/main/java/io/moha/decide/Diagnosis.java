package io.moha.decide;

/** What is the matter. Found by {@link Diagnostician}, in the order of the constants' groups; answered by {@link Table}. */
public enum Diagnosis {
    // The role is not safe any more.
    LEASE_RAN_OUT,
    ROLE_LOST,
    KEY_GONE,
    WRITABLE_WITHOUT_ROLE,
    HALF_FENCED,
    FENCE_PENDING,
    FENCE_CONFIRMED,

    // The database or the store gives no picture to act on.
    LOOK_AGAIN,
    DATABASE_DEAD,
    DATABASE_DEAD_UNSAID,
    DATABASE_SILENT,
    DATABASE_STUCK,
    HUNG_WITHOUT_ROLE,
    STORE_SILENT,
    STORE_WENT_BACK,
    TERM_WENT_BACK,
    UNREGISTERED,

    // This node holds the role.
    RESUMABLE,
    CHOSEN,
    BALLOT_SHRUNK,
    UNDRAINED,
    DRAIN_OVERDUE,
    SOURCE_REMAINS,
    NO_EVIDENCE,
    CLOSED,
    OPEN_UNANNOUNCED,
    SERVING,
    WISH_READ_ONLY,
    WISH_READ_WRITE,
    WRITABLE_AGAINST_WISH,
    HAND_OVER_WANTED,
    HAND_OVER_IN_DOUBT,
    HELD,
    ALONE,
    NOT_ALONE,

    // Nobody holds the role.
    RETAKABLE,
    BOOTSTRAP_WAITS,
    PROMISED,
    SINGLE_POINT_WAITS,
    RECEIVER_RUNS,
    NO_BALLOT,
    COLD_START_WAITS,
    BALLOTS_MISSING,
    NOBODY_ELIGIBLE,
    OUTRANKED,
    MY_TURN,

    // Another node holds the role.
    BALLOT_OUTSTANDING,
    PRIMARY_NOT_OPEN,
    WRONG_SOURCE,
    COMPARISON_DUE,
    HISTORY_WITHOUT_DATA,
    DIVERGENCE,
    BACKLOG,
    DATA_MISSING,
    EMPTY,
    REBUILD_WANTED,
    NOT_REPOINTED,
    NOT_STARTED,
    SOURCE_AWAY,
    APPLIER_STOPPED,
    OFFLINE,
    FOLLOWING_WELL
}
