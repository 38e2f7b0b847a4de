package io.moha.store;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import io.moha.model.Ballot;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import io.moha.model.Term;

/** Value of {@code election/nodes/<node>}. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record BallotValue(
        long term,
        long followed,
        String received,
        String executed,
        String rule,
        String dataCenter,
        boolean cold,
        boolean eligible,
        String reason) {

    public static BallotValue of(Ballot b) {
        return new BallotValue(
                b.term().value(),
                b.followed().value(),
                b.received().toString(),
                b.executed().toString(),
                b.rule().text(),
                b.dataCenter(),
                b.cold(),
                b.eligible(),
                b.reason());
    }

    /** @throws IllegalArgumentException if a part is malformed */
    public Ballot toBallot(NodeId node) {
        return new Ballot(
                new Term(term),
                node,
                new Term(followed),
                GtidSet.parse(received),
                GtidSet.parse(executed),
                PromotionRule.parse(rule),
                dataCenter,
                cold,
                eligible,
                reason);
    }
}
