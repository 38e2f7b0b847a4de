package io.moha.agent.loop;

import io.moha.model.GtidSet;
import io.moha.model.Term;
import io.moha.store.SwitchRecord;
import java.util.List;

/** What the switch records prove of transactions that only one node has. */
final class Divergence {
    private Divergence() {}

    /**
     * Those of which no client can have been told that they are committed. The election that ended the term this node followed
     * last was bound by a list of ackers, so its winner had everything that was acknowledged until then. Empty where nothing is
     * proven: under {@code async}, or if that record is gone.
     *
     * @param errant what the node has and the primary does not
     * @param followed the last term that the node has followed, or served
     */
    static GtidSet neverAcknowledged(List<SwitchRecord> records, Term followed, GtidSet errant) {
        return records.stream()
                .filter(r ->
                        r.term() == followed.next().value() && r.durability().equals("lossless"))
                .findFirst()
                .map(r -> errant.subtract(GtidSet.parse(r.gtidExecuted())))
                .orElse(GtidSet.EMPTY);
    }
}
