package io.moha.store;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A store in memory for tests and simulations: revisions, leases, transactions and watches as etcd has them, on a clock
 * that the test owns. This object is the server; {@link #connect()} gives a client, one for each agent. No call waits:
 * what would time out fails at once.
 */
public final class MemoryStore {
    private static final Logger LOG = LoggerFactory.getLogger(MemoryStore.class);

    private record Value(String text, long createRevision, long modRevision, long lease) {}

    private record Lease(long ttlNanos, long renewedAt) {}

    /** What happens to a call. */
    private enum Fate {
        SERVED,
        LOST,
        ANSWER_LOST
    }

    private final LongSupplier nanoClock;
    private final Map<String, Value> values = new TreeMap<>();
    private final Map<Long, Lease> leases = new HashMap<>();
    private final List<LongConsumer> watches = new CopyOnWriteArrayList<>();
    private long cluster = 1;
    private long revision = 1;
    private long lastLease = 1000;
    private long commits;
    private boolean unreachable;
    private boolean leaderless;
    private @Nullable StoreSnapshot last;

    /** @param nanoClock the time on which leases run, in nanoseconds, as {@link System#nanoTime()} */
    public MemoryStore(LongSupplier nanoClock) {
        this.nanoClock = nanoClock;
    }

    /** A client of this store with knobs of its own. */
    public Client connect() {
        return new Client();
    }

    /** All keys now, without a client: for assertions. */
    public StoreSnapshot view() {
        tick();
        synchronized (this) {
            return snapshot();
        }
    }

    /** How many transactions were applied: for the promise that a steady state writes nothing. */
    public synchronized long commits() {
        return commits;
    }

    /** From now on no client reaches the store, or all of them do. Leases run on. */
    public synchronized void unreachable(boolean isUnreachable) {
        unreachable = isUnreachable;
    }

    /** The leader is lost: no lease ends until there is one again. Calls are served all the same: cut the clients off. */
    public synchronized void leaderLost() {
        leaderless = true;
    }

    /** A new leader begins every lease anew, as etcd does: none ends because nobody could renew it. */
    public synchronized void leaderElected() {
        leaderless = false;
        leases.replaceAll((id, lease) -> new Lease(lease.ttlNanos(), nanoClock.getAsLong()));
    }

    /** What a snapshot of the store holds. */
    public static final class Backup {
        private final Map<String, Value> values;
        private final Map<Long, Lease> leases;
        private final long revision;

        private Backup(Map<String, Value> values, Map<Long, Lease> leases, long revision) {
            this.values = Map.copyOf(values);
            this.leases = Map.copyOf(leases);
            this.revision = revision;
        }
    }

    /** Everything as it is now. */
    public synchronized Backup backup() {
        return new Backup(values, leases, revision);
    }

    /** Puts an older state in place, as a new cluster of servers that were restored from a snapshot. Leases begin anew. */
    public void restore(Backup backup) {
        synchronized (this) {
            values.clear();
            values.putAll(backup.values);
            leases.clear();
            leases.putAll(backup.leases);
            leases.replaceAll((id, lease) -> new Lease(lease.ttlNanos(), nanoClock.getAsLong()));
            revision = backup.revision;
            cluster++;
        }
        wakeIf(true);
    }

    /** Ends the leases that have run out, and wakes the watches if a key went with them. */
    public void tick() {
        boolean changed;
        synchronized (this) {
            changed = expire();
        }
        wakeIf(changed);
    }

    /** Ends all leases, as an etcd leader does that was frozen and wakes: it believes that they ran out meanwhile. */
    public void expireLeases() {
        boolean changed;
        synchronized (this) {
            changed = end(Set.copyOf(leases.keySet()));
        }
        wakeIf(changed);
    }

    /** Ends a lease as an operator would. */
    public void expireLease(long leaseId) {
        boolean changed;
        synchronized (this) {
            changed = end(Set.of(leaseId));
        }
        wakeIf(changed);
    }

    private void wakeIf(boolean changed) {
        if (!changed) {
            return;
        }
        long now;
        synchronized (this) {
            now = revision;
        }
        for (LongConsumer watch : watches) {
            try {
                watch.accept(now);
            } catch (RuntimeException e) {
                LOG.warn("the reader of a watch failed", e);
            }
        }
    }

    private boolean expire() {
        if (leaderless) {
            return false;
        }
        long now = nanoClock.getAsLong();
        Set<Long> over = new HashSet<>();
        leases.forEach((id, lease) -> {
            if (now - lease.renewedAt() >= lease.ttlNanos()) {
                over.add(id);
            }
        });
        return end(over);
    }

    /** etcd deletes the keys of one lease in one revision. */
    private boolean end(Set<Long> ids) {
        boolean changed = false;
        for (long id : ids) {
            leases.remove(id);
            if (values.values().removeIf(value -> value.lease() == id)) {
                revision++;
                changed = true;
            }
        }
        return changed;
    }

    private StoreSnapshot snapshot() {
        StoreSnapshot known = last;
        if (known != null && known.revision() == revision && known.cluster() == cluster) {
            return known;
        }
        Map<String, StoreSnapshot.Entry> entries = new HashMap<>();
        values.forEach((key, value) -> entries.put(
                key,
                new StoreSnapshot.Entry(
                        key, value.text(), value.createRevision(), value.modRevision(), value.lease())));
        StoreSnapshot fresh = new StoreSnapshot(cluster, revision, entries);
        last = fresh;
        return fresh;
    }

    private boolean holds(Txn.Guard guard) {
        Value value = values.get(guard.key());
        if (guard instanceof Txn.ValueIs is) {
            return value != null && value.text().equals(is.value());
        }
        if (guard instanceof Txn.CreateRevisionIs is) {
            return (value == null ? 0 : value.createRevision()) == is.revision();
        }
        if (guard instanceof Txn.ModRevisionIs is) {
            return (value == null ? 0 : value.modRevision()) == is.revision();
        }
        throw new IllegalArgumentException("unknown guard " + guard);
    }

    /** etcd refuses a key that is put twice, or put and deleted, in one transaction. */
    private static void checkKeys(Txn txn) throws StoreException {
        Set<String> put = new HashSet<>();
        for (Txn.Op operation : txn.operations()) {
            if (operation instanceof Txn.Put && !put.add(operation.key())) {
                throw StoreException.refused("transaction: duplicate key given in txn request", null);
            }
        }
        for (Txn.Op operation : txn.operations()) {
            if (operation instanceof Txn.Delete && put.contains(operation.key())) {
                throw StoreException.refused("transaction: duplicate key given in txn request", null);
            }
        }
    }

    private TxnResult apply(Txn txn) throws StoreException {
        checkKeys(txn);
        for (Txn.Guard guard : txn.guards()) {
            if (!holds(guard)) {
                return new TxnResult(false, snapshot());
            }
        }
        for (Txn.Op operation : txn.operations()) {
            if (operation instanceof Txn.Put put && put.lease() != 0 && !leases.containsKey(put.lease())) {
                throw StoreException.refused("transaction: requested lease not found", null);
            }
        }
        long next = revision + 1;
        for (Txn.Op operation : txn.operations()) {
            if (operation instanceof Txn.Put put) {
                Value before = values.get(put.key());
                long created = before == null ? next : before.createRevision();
                values.put(put.key(), new Value(put.value(), created, next, put.lease()));
                revision = next;
            } else if (values.remove(operation.key()) != null) {
                revision = next;
            }
        }
        commits++;
        return new TxnResult(true, snapshot());
    }

    /** What one call does at the server, under its lock. */
    private interface Call<T> {
        T run() throws StoreException;
    }

    /** A client, such as one agent has. Its knobs concern this client alone. */
    public final class Client implements ClusterStore {
        private final List<LongConsumer> ownWatches = new ArrayList<>();
        private int failures;
        private boolean applyNext;
        private boolean cutOff;
        private boolean closed;

        private Client() {}

        /** The next {@code n} calls do not reach the store and end as unknown. */
        public void failNext(int n) {
            synchronized (MemoryStore.this) {
                failures = n;
            }
        }

        /** The next transaction is applied, but its answer is lost: it ends as unknown. */
        public void unknownButApplied() {
            synchronized (MemoryStore.this) {
                applyNext = true;
            }
        }

        /** From now on this client does not reach the store, or does again; its watches are silent meanwhile. */
        public void unreachable(boolean isUnreachable) {
            synchronized (MemoryStore.this) {
                cutOff = isUnreachable;
            }
        }

        @Override
        public StoreSnapshot read(Duration deadline) throws StoreException {
            return call("read", false, MemoryStore.this::snapshot);
        }

        @Override
        public long grantLease(Duration ttl, Duration deadline) throws StoreException {
            if (ttl.isNegative() || ttl.isZero()) {
                throw new IllegalArgumentException("a lease of " + ttl + " is over before it begins");
            }
            return call("grant of a lease", false, () -> {
                long id = ++lastLease;
                leases.put(id, new Lease(ttl.toNanos(), nanoClock.getAsLong()));
                return id;
            });
        }

        @Override
        public boolean renewLease(long leaseId, Duration deadline) throws StoreException {
            return call("renewal of a lease", false, () -> {
                Lease renewed = leases.computeIfPresent(
                        leaseId, (id, lease) -> new Lease(lease.ttlNanos(), nanoClock.getAsLong()));
                return renewed != null;
            });
        }

        @Override
        public void revokeLease(long leaseId, Duration deadline) throws StoreException {
            call("end of a lease", false, () -> end(Set.of(leaseId)));
        }

        @Override
        public TxnResult commit(Txn txn, Duration deadline) throws StoreException {
            return call("transaction", true, () -> apply(txn));
        }

        private <T> T call(String what, boolean isTxn, Call<T> body) throws StoreException {
            T answer = null;
            StoreException refusal = null;
            boolean changed;
            Fate fate;
            synchronized (MemoryStore.this) {
                if (closed) {
                    throw StoreException.refused(what + ": the client is closed", null);
                }
                long before = revision;
                expire();
                fate = fate(isTxn);
                if (fate != Fate.LOST) {
                    try {
                        answer = body.run();
                    } catch (StoreException e) {
                        refusal = e;
                    }
                }
                changed = revision != before;
            }
            // Watches are woken outside of the lock: they may call the store.
            wakeIf(changed);
            if (fate != Fate.SERVED) {
                throw StoreException.unknown(what + ": no answer in time", null);
            }
            if (refusal != null) {
                throw refusal;
            }
            return present(answer);
        }

        private Fate fate(boolean isTxn) {
            if (unreachable || cutOff) {
                return Fate.LOST;
            }
            if (failures > 0) {
                failures--;
                return Fate.LOST;
            }
            if (isTxn && applyNext) {
                applyNext = false;
                return Fate.ANSWER_LOST;
            }
            return Fate.SERVED;
        }

        private <T> T present(@Nullable T answer) {
            if (answer == null) {
                throw new IllegalStateException("a call without an answer");
            }
            return answer;
        }

        @Override
        public AutoCloseable watch(LongConsumer onChange) {
            LongConsumer watch = changedAt -> {
                boolean heard;
                synchronized (MemoryStore.this) {
                    heard = !unreachable && !cutOff && !closed;
                }
                if (heard) {
                    onChange.accept(changedAt);
                }
            };
            synchronized (MemoryStore.this) {
                ownWatches.add(watch);
            }
            watches.add(watch);
            return () -> watches.remove(watch);
        }

        @Override
        public void close() {
            synchronized (MemoryStore.this) {
                closed = true;
                watches.removeAll(ownWatches);
                ownWatches.clear();
            }
        }
    }
}
