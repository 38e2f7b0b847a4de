package io.moha.moctl.drill;

/**
 * A node that diverged, as it was before it was rebuilt.
 *
 * @param node its id
 * @param gtids what it named as its own
 * @param named how many transactions that are
 * @param rows of this drill that only it had
 * @param acknowledged how many of these rows had been acknowledged
 */
public record NamedLoss(String node, String gtids, long named, long rows, long acknowledged) {
    /** Every row is one transaction: a node that has more rows of its own than it names has kept some quiet. */
    public boolean namesAll() {
        return named >= rows;
    }
}
