package io.moha.moctl.bench;

import io.moha.moctl.client.ClusterView;
import java.time.Instant;
import java.util.List;

/**
 * A whole bench.
 *
 * @param startedAt wall time, for people
 * @param settings what was measured
 * @param before the cluster at the start
 * @param rounds those that were judged
 * @param stopReason why it ended before all rounds were done; empty if it did not
 */
public record BenchResult(
        Instant startedAt, Settings settings, ClusterView before, List<RoundResult> rounds, String stopReason) {
    public BenchResult {
        rounds = List.copyOf(rounds);
    }

    /** Every round asked for was done, and none failed. */
    public boolean ok() {
        return stopReason.isEmpty()
                && rounds.size() == settings.rounds()
                && rounds.stream().allMatch(RoundResult::ok);
    }
}
