package io.moha.store;

/**
 * What became of a transaction.
 *
 * @param committed whether all guards held
 * @param revision the store's revision in the answer's header
 */
public record TxnResult(boolean committed, long revision) {}
