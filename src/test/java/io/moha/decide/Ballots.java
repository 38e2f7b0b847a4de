package io.moha.decide;

import io.moha.model.Ballot;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import io.moha.model.Term;

/** Short ways to say a ballot and a GTID set. */
final class Ballots {
    static final String UUID = "aaaaaaaa-0000-0000-0000-000000000001";
    private static final String OTHER_UUID = "bbbbbbbb-0000-0000-0000-000000000002";

    private Ballots() {}

    /** Transactions of one server: {@code "1-5:7"}; empty text for the empty set. */
    static GtidSet gtids(String intervals) {
        return intervals.isEmpty() ? GtidSet.EMPTY : GtidSet.parse(UUID + ":" + intervals);
    }

    /** Transactions of another server. */
    static GtidSet otherGtids(String intervals) {
        return GtidSet.parse(OTHER_UUID + ":" + intervals);
    }

    /** Warm, eligible, neutral, everything received is executed. */
    static Ballot ballot(String node, long term, GtidSet received) {
        return new Ballot(
                new Term(term),
                new NodeId(node),
                new Term(Math.max(0, term - 1)),
                received,
                received,
                PromotionRule.NEUTRAL,
                "",
                false,
                true,
                "");
    }

    static Ballot ruled(Ballot b, PromotionRule rule) {
        return new Ballot(
                b.term(),
                b.node(),
                b.followed(),
                b.received(),
                b.executed(),
                rule,
                b.dataCenter(),
                b.cold(),
                b.eligible(),
                b.reason());
    }

    static Ballot inDataCenter(Ballot b, String dataCenter) {
        return new Ballot(
                b.term(),
                b.node(),
                b.followed(),
                b.received(),
                b.executed(),
                b.rule(),
                dataCenter,
                b.cold(),
                b.eligible(),
                b.reason());
    }

    static Ballot executed(Ballot b, GtidSet executed) {
        return new Ballot(
                b.term(),
                b.node(),
                b.followed(),
                b.received(),
                executed,
                b.rule(),
                b.dataCenter(),
                b.cold(),
                b.eligible(),
                b.reason());
    }

    static Ballot followed(Ballot b, long followed) {
        return new Ballot(
                b.term(),
                b.node(),
                new Term(followed),
                b.received(),
                b.executed(),
                b.rule(),
                b.dataCenter(),
                b.cold(),
                b.eligible(),
                b.reason());
    }

    static Ballot cold(Ballot b) {
        return new Ballot(
                b.term(),
                b.node(),
                b.followed(),
                b.received(),
                b.executed(),
                b.rule(),
                b.dataCenter(),
                true,
                b.eligible(),
                b.reason());
    }

    static Ballot unfit(Ballot b, String reason) {
        return new Ballot(
                b.term(),
                b.node(),
                b.followed(),
                b.received(),
                b.executed(),
                b.rule(),
                b.dataCenter(),
                b.cold(),
                false,
                reason);
    }
}
