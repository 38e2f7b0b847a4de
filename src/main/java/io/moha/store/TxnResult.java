package io.moha.store;

/** @param committed whether all guards held @param revision the store's revision in the answer's header */
public record TxnResult(boolean committed, long revision) {}
