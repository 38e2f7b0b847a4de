package io.moha.store;

import java.util.Map;

/**
 * All keys of the cluster at one revision.
 *
 * @param cluster which cluster of servers answered: a restored one has another id
 * @param revision the store's revision of the read
 * @param entries by key relative to the cluster's prefix
 */
public record StoreSnapshot(long cluster, long revision, Map<String, Entry> entries) {
    public StoreSnapshot {
        entries = Map.copyOf(entries);
    }

    /**
     * One key.
     *
     * @param createRevision revision at which the key came to be
     * @param modRevision revision of its last change
     * @param lease id of the lease it is bound to; 0 if none
     */
    public record Entry(String key, String value, long createRevision, long modRevision, long lease) {}
}
