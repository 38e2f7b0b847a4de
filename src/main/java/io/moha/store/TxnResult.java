package io.moha.store;

/**
 * What became of a transaction.
 *
 * @param committed whether all guards held
 * @param after all keys of the cluster right after it, or as they were when a guard did not hold: what a linearizable read
 *     at that moment would have said
 */
public record TxnResult(boolean committed, StoreSnapshot after) {
    /** The store's revision after it. */
    public long revision() {
        return after.revision();
    }
}
