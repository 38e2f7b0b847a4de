package io.moha.moctl.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.OptionalDouble;

/**
 * One round.
 *
 * @param number from 1
 * @param from the primary before
 * @param to the primary after; empty if there was none in time
 * @param nodeGapMillis write gap at the nodes
 * @param proxyGapMillis write gap through the proxy
 * @param closedMillis from the fault to the last acknowledgement at the old primary
 * @param recoveryMillis from the fault until every member was healthy again; -1 if that did not happen
 * @param acknowledged inserts in this round
 * @param missing acknowledged inserts that are in no table afterwards
 * @param unacknowledged rows that are there although their acknowledgement never came: harmless, counted
 * @param errant GTIDs that the product itself named as lost to the cluster in this round; empty if none
 * @param violations two primaries at once; empty if none
 * @param failure why the round failed; empty if it did not
 * @param records the switch records of this round, oldest first
 */
public record RoundResult(
        int number,
        String from,
        String to,
        OptionalDouble nodeGapMillis,
        OptionalDouble proxyGapMillis,
        OptionalDouble closedMillis,
        long recoveryMillis,
        long acknowledged,
        long missing,
        long unacknowledged,
        String errant,
        List<String> violations,
        String failure,
        List<JsonNode> records) {
    public RoundResult {
        violations = List.copyOf(violations);
        records = List.copyOf(records);
    }

    /** Changed in time, nobody else took writes, all nodes the same at the end. Loss of async writes is not failure. */
    public boolean ok() {
        return failure.isEmpty() && violations.isEmpty();
    }
}
