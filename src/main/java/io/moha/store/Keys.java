package io.moha.store;

import io.moha.model.NodeId;
import io.moha.model.Term;

/** The keys of one cluster, relative to its prefix. MoHA's names, so that its readers go on working. */
public final class Keys {
    public static final String HOLDER = "master";
    public static final String TERM = "election/master/term";
    public static final String LAST_ID = "election/master/id";
    public static final String LAST_UUID = "election/master/last_uuid";
    public static final String LAST_GTID = "election/master/last_gtid";
    public static final String LAST_TXNID = "election/master/last_txnid";
    /** The node that holds the role without a lease, being the only member that is left. */
    public static final String SINGLE_POINT = "single_point_master";

    /** The durability in force: who must have a write before it is acknowledged. */
    public static final String SYNC = "sync";
    /** Settings of the whole cluster that operators change while it runs. */
    public static final String CONFIG = "config";

    public static final String REQUEST = "request/switch";
    public static final String REGISTRATIONS = "slave/";
    public static final String MEMBERS = "members/";
    public static final String BALLOTS = "election/nodes/";
    public static final String FOLLOWED = "election/terms/";
    public static final String RECORDS = "switch/";

    private Keys() {}

    public static String registration(NodeId node) {
        return REGISTRATIONS + node;
    }

    public static String member(NodeId node) {
        return MEMBERS + node;
    }

    public static String ballot(NodeId node) {
        return BALLOTS + node;
    }

    public static String followed(NodeId node) {
        return FOLLOWED + node;
    }

    /** @param ts sorts by time, e.g. {@code 20261120T031207.114Z} */
    public static String record(String ts) {
        return RECORDS + ts;
    }

    /** The guard that every write under a term carries. Term 0 has no key yet. */
    public static Txn.Guard termIs(Term term) {
        return term.value() == 0 ? new Txn.CreateRevisionIs(TERM, 0) : new Txn.ValueIs(TERM, term.toString());
    }
}
