package io.moha.moctl.drill;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.OptionalDouble;

/**
 * One round.
 *
 * @param number from 1
 * @param step what was planned
 * @param from the primary before
 * @param to the primary after; empty if there was none in time
 * @param healedFirst writes went on only after the faults were mended
 * @param nodeGapMillis write gap at the nodes
 * @param proxyGapMillis write gap through the proxy
 * @param wholeMillis from the mending until the cluster was whole; -1 if that did not happen in time
 * @param acknowledged inserts in this round
 * @param missing acknowledged, not in the primary's table, and in no diverged node's either
 * @param namedLost acknowledged, and only in a table of a node that diverged and named its transactions
 * @param losses the diverged nodes
 * @param unacknowledged rows that are there although their acknowledgement never came: harmless, counted
 * @param violations of what is promised, one sentence each
 * @param failure why the round could not be finished or judged; empty if it was
 * @param records the switch records of this round, oldest first
 */
public record SoakRoundResult(
        int number,
        Step step,
        String from,
        String to,
        boolean healedFirst,
        OptionalDouble nodeGapMillis,
        OptionalDouble proxyGapMillis,
        long wholeMillis,
        long acknowledged,
        long missing,
        long namedLost,
        List<NamedLoss> losses,
        long unacknowledged,
        List<String> violations,
        String failure,
        List<JsonNode> records) {
    public SoakRoundResult {
        losses = List.copyOf(losses);
        violations = List.copyOf(violations);
        records = List.copyOf(records);
    }

    public boolean whole() {
        return wholeMillis >= 0;
    }

    public boolean ok() {
        return whole() && failure.isEmpty() && violations.isEmpty();
    }
}
