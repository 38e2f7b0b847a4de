package io.moha.store;

import java.time.Duration;
import java.util.function.LongConsumer;

/**
 * The keys of one cluster below {@code <etcd-root-path>/<cluster-name>/}. Keys here are relative to that prefix.
 *
 * <p>Every call has its deadline inside the call: when it has passed, the call has returned. A transaction whose answer
 * did not arrive is {@link StoreException#unknown() unknown}: it may have been applied, or may still be. No call
 * retries a transaction by itself. Implementations are thread-safe.
 */
public interface ClusterStore extends AutoCloseable {

    /** Reads all keys of the cluster in one linearizable range. */
    StoreSnapshot read(Duration deadline) throws StoreException;

    /** Asks for a lease. @return its id, never 0 */
    long grantLease(Duration ttl, Duration deadline) throws StoreException;

    /**
     * Renews once. The caller takes the time before this call as the start of the lease's remaining life.
     *
     * @return true if renewed; false if the store says that this lease does not exist (any more)
     */
    boolean renewLease(long leaseId, Duration deadline) throws StoreException;

    /** Ends a lease and deletes all keys bound to it. A lease that is gone already is no error. */
    void revokeLease(long leaseId, Duration deadline) throws StoreException;

    /**
     * Applies all operations if all guards hold, or none.
     *
     * @return whether the guards held, and all keys after it
     * @throws StoreException {@code unknown()} if it may have been applied
     */
    TxnResult commit(Txn txn, Duration deadline) throws StoreException;

    /**
     * Calls {@code onChange} soon after any key changed, with the revision of the change, or 0 where anything may have changed.
     * May call without a change and may miss changes while the connection is re-made: wake-up only, the reader reads again
     * unless it has read that revision. Must never throw and never block.
     */
    AutoCloseable watch(LongConsumer onChange);

    @Override
    void close();
}
