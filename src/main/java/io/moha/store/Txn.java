package io.moha.store;

import java.util.List;

/** One guarded transaction: all operations if all guards hold, else none. Keys are relative to the cluster's prefix. */
public record Txn(List<Guard> guards, List<Op> operations) {
    public Txn {
        guards = List.copyOf(guards);
        operations = List.copyOf(operations);
    }

    public sealed interface Guard {
        String key();
    }

    /** The key exists and has exactly this value. */
    public record ValueIs(String key, String value) implements Guard {}

    /** The key was created at this revision; 0 means that it does not exist. */
    public record CreateRevisionIs(String key, long revision) implements Guard {}

    /** The key was last changed at this revision; 0 means that it does not exist. */
    public record ModRevisionIs(String key, long revision) implements Guard {}

    public sealed interface Op {
        String key();
    }

    /**
     * Sets the key.
     *
     * @param lease id of the lease to bind the key to; 0 for none
     */
    public record Put(String key, String value, long lease) implements Op {}

    public record Delete(String key) implements Op {}
}
