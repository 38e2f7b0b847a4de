package io.moha.moctl.drill;

import io.moha.moctl.client.ClusterView;
import java.time.Instant;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A whole drill.
 *
 * @param startedAt wall time, for people
 * @param settings how it was asked for
 * @param before the cluster at the start
 * @param rounds those that were judged
 * @param check the ledger against the table at the end
 * @param stopReason why it ended before the plan did; empty if it did not
 */
public record SoakResult(
        Instant startedAt,
        SoakSettings settings,
        ClusterView before,
        List<SoakRoundResult> rounds,
        Check check,
        String stopReason) {
    public SoakResult {
        rounds = List.copyOf(rounds);
    }

    /**
     * The ledger as it was read back from disk, against the primary's table.
     *
     * @param checked acknowledged writes that were looked for
     * @param missing found nowhere, or lost although nothing may be
     * @param namedLost only in a table of a node that diverged and named its transactions
     * @param examples some ids of the missing
     * @param failure why it could not be made, or what else is wrong with it; empty if nothing
     */
    public record Check(long checked, long missing, long namedLost, List<Long> examples, String failure) {
        public Check {
            examples = List.copyOf(examples);
        }

        static Check failed(String why) {
            return new Check(0, 0, 0, List.of(), why);
        }
    }

    /** How many rounds were planned. */
    public int planned() {
        return settings.rounds();
    }

    /**
     * How often another node was primary at the start of a round than at the end of the one before: no fault of the drill
     * explains that, but a machine that is too busy does.
     */
    public long changesBetweenRounds() {
        return IntStream.range(1, rounds.size())
                .filter(i -> !rounds.get(i - 1).to().isEmpty())
                .filter(i -> !rounds.get(i - 1).to().equals(rounds.get(i).from()))
                .count();
    }

    public long violations() {
        return rounds.stream().mapToLong(r -> r.violations().size()).sum();
    }

    /** All faults struck, every round became whole, nothing that was promised was broken. */
    public boolean ok() {
        return stopReason.isEmpty()
                && rounds.size() == planned()
                && rounds.stream().allMatch(SoakRoundResult::ok)
                && check.failure().isEmpty()
                && check.missing() == 0
                && (settings.durability() == Durability.ASYNC || check.namedLost() == 0);
    }
}
