package io.moha.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What every {@link ClusterStore} promises: the same calls against the store in memory and against a real etcd. */
public abstract class ClusterStoreContract {
    protected static final Duration DEADLINE = Duration.ofSeconds(5);
    private static final Duration TTL = Duration.ofSeconds(60);

    /** A client of this test's own, empty store. */
    protected abstract ClusterStore store();

    /** A second client of the same store. */
    protected abstract ClusterStore other();

    /** Lets at least {@code time} pass for the leases. */
    protected abstract void pass(Duration time) throws Exception;

    /** The shortest lease that the store grants. */
    protected abstract Duration shortestTtl();

    protected static Txn txn(List<Txn.Guard> guards, Txn.Op... operations) {
        return new Txn(guards, List.of(operations));
    }

    protected static TxnResult put(ClusterStore store, String key, String value) throws StoreException {
        return store.commit(txn(List.of(), new Txn.Put(key, value, 0)), DEADLINE);
    }

    @Test
    void anEmptyClusterReadsAsNoEntries() throws Exception {
        assertThat(store().read(DEADLINE).entries()).isEmpty();
    }

    @Test
    void whatOneClientWritesAnotherReadsWithItsRevisions() throws Exception {
        TxnResult created = put(store(), "election/master/term", "1");
        TxnResult changed = put(store(), "election/master/term", "zwölf");

        StoreSnapshot seen = other().read(DEADLINE);

        assertThat(created.committed()).isTrue();
        assertThat(changed.revision()).isEqualTo(created.revision() + 1);
        assertThat(seen.revision()).isEqualTo(changed.revision());
        assertThat(seen.entries())
                .containsOnly(Map.entry(
                        "election/master/term",
                        new StoreSnapshot.Entry(
                                "election/master/term", "zwölf", created.revision(), changed.revision(), 0)));
    }

    @Test
    void allKeysOfOneTransactionShareItsRevision() throws Exception {
        TxnResult result = store().commit(txn(List.of(), new Txn.Put("a", "1", 0), new Txn.Put("b", "2", 0)), DEADLINE);

        assertThat(store().read(DEADLINE).entries().values())
                .hasSize(2)
                .allSatisfy(entry -> assertThat(entry.modRevision()).isEqualTo(result.revision()));
    }

    @Test
    void aValueGuardHoldsOnlyForExactlyThatValue() throws Exception {
        put(store(), "master", "node-1");

        assertThat(commitIf(new Txn.ValueIs("master", "node-2"))).isFalse();
        assertThat(commitIf(new Txn.ValueIs("absent", ""))).isFalse();
        assertThat(store().read(DEADLINE).entries()).doesNotContainKey("mark");
        assertThat(commitIf(new Txn.ValueIs("master", "node-1"))).isTrue();
        assertThat(store().read(DEADLINE).entries()).containsKey("mark");
    }

    @Test
    void createRevisionZeroHoldsOnlyWhileTheKeyIsAbsent() throws Exception {
        assertThat(commitIf(new Txn.CreateRevisionIs("master", 0))).isTrue();
        long created = put(store(), "master", "node-1").revision();

        assertThat(commitIf(new Txn.CreateRevisionIs("master", 0))).isFalse();
        assertThat(commitIf(new Txn.CreateRevisionIs("master", created))).isTrue();
        put(store(), "master", "node-1");
        assertThat(commitIf(new Txn.CreateRevisionIs("master", created))).isTrue();
        store().commit(txn(List.of(), new Txn.Delete("master")), DEADLINE);
        put(store(), "master", "node-1");
        assertThat(commitIf(new Txn.CreateRevisionIs("master", created))).isFalse();
    }

    @Test
    void aModRevisionGuardNoticesARewriteOfTheSameValue() throws Exception {
        assertThat(commitIf(new Txn.ModRevisionIs("ballot", 0))).isTrue();
        long first = put(store(), "ballot", "x").revision();
        assertThat(commitIf(new Txn.ModRevisionIs("ballot", first))).isTrue();
        put(store(), "ballot", "x");

        assertThat(commitIf(new Txn.ModRevisionIs("ballot", first))).isFalse();
        assertThat(commitIf(new Txn.ModRevisionIs("ballot", 0))).isFalse();
    }

    @Test
    void oneGuardThatFailsStopsTheWholeTransaction() throws Exception {
        put(store(), "master", "node-1");

        TxnResult result = store().commit(
                        txn(
                                List.of(new Txn.ValueIs("master", "node-1"), new Txn.CreateRevisionIs("master", 0)),
                                new Txn.Put("mark", "x", 0),
                                new Txn.Delete("master")),
                        DEADLINE);

        assertThat(result.committed()).isFalse();
        StoreSnapshot after = store().read(DEADLINE);
        assertThat(after.entries()).containsOnlyKeys("master");
        assertThat(after.revision()).isEqualTo(result.revision());
    }

    private boolean commitIf(Txn.Guard guard) throws StoreException {
        return store().commit(txn(List.of(guard), new Txn.Put("mark", "x", 0)), DEADLINE)
                .committed();
    }

    @Test
    void deletingWhatIsNotThereChangesNoRevision() throws Exception {
        long before = put(store(), "a", "1").revision();

        TxnResult result = store().commit(txn(List.of(), new Txn.Delete("absent")), DEADLINE);

        assertThat(result.committed()).isTrue();
        assertThat(result.revision()).isEqualTo(before);
    }

    @Test
    void aKeyTwiceInOneTransactionIsRefused() throws Exception {
        Txn twice = txn(List.of(), new Txn.Put("a", "1", 0), new Txn.Put("a", "2", 0));
        Txn putAndDelete = txn(List.of(), new Txn.Put("a", "1", 0), new Txn.Delete("a"));

        assertThat(failure(() -> store().commit(twice, DEADLINE)).unknown()).isFalse();
        assertThat(failure(() -> store().commit(putAndDelete, DEADLINE)).unknown())
                .isFalse();
        assertThat(store().read(DEADLINE).entries()).isEmpty();
    }

    @Test
    void aPutWithALeaseThatHasEndedIsRefusedAndNothingIsApplied() throws Exception {
        long lease = store().grantLease(TTL, DEADLINE);
        store().revokeLease(lease, DEADLINE);

        StoreException refusal = failure(() ->
                store().commit(txn(List.of(), new Txn.Put("a", "1", 0), new Txn.Put("master", "x", lease)), DEADLINE));

        assertThat(refusal.unknown()).isFalse();
        assertThat(store().read(DEADLINE).entries()).isEmpty();
    }

    @Test
    void theEndOfALeaseTakesItsKeysAndNoOthers() throws Exception {
        long lease = store().grantLease(TTL, DEADLINE);
        store().commit(txn(List.of(), new Txn.Put("master", "node-1", lease), new Txn.Put("kept", "x", 0)), DEADLINE);
        assertThat(store().read(DEADLINE).entries().get("master"))
                .extracting(StoreSnapshot.Entry::lease)
                .isEqualTo(lease);

        store().revokeLease(lease, DEADLINE);

        assertThat(store().read(DEADLINE).entries()).containsOnlyKeys("kept");
        store().revokeLease(lease, DEADLINE);
    }

    @Test
    void aKeyThatIsPutWithAnotherLeaseOutlivesItsFirst() throws Exception {
        long first = store().grantLease(TTL, DEADLINE);
        long second = other().grantLease(TTL, DEADLINE);
        assertThat(second).isNotEqualTo(first);
        store().commit(txn(List.of(), new Txn.Put("master", "node-1", first)), DEADLINE);
        store().commit(
                        txn(List.of(new Txn.ValueIs("master", "node-1")), new Txn.Put("master", "node-2", second)),
                        DEADLINE);

        store().revokeLease(first, DEADLINE);

        assertThat(store().read(DEADLINE).entries()).containsOnlyKeys("master");
    }

    @Test
    void aLeaseThatIsNotRenewedEndsAndTakesItsKeys() throws Exception {
        long lease = store().grantLease(shortestTtl(), DEADLINE);
        store().commit(txn(List.of(), new Txn.Put("master", "node-1", lease)), DEADLINE);

        pass(shortestTtl().plusSeconds(1));

        await().atMost(Duration.ofSeconds(5))
                .until(() -> store().read(DEADLINE).entries().isEmpty());
        assertThat(store().renewLease(lease, DEADLINE)).isFalse();
    }

    @Test
    void aLeaseThatIsRenewedLives() throws Exception {
        long lease = store().grantLease(shortestTtl(), DEADLINE);
        store().commit(txn(List.of(), new Txn.Put("master", "node-1", lease)), DEADLINE);

        for (int i = 0; i < 4; i++) {
            pass(shortestTtl().dividedBy(2));
            assertThat(store().renewLease(lease, DEADLINE)).isTrue();
        }

        assertThat(store().read(DEADLINE).entries()).containsOnlyKeys("master");
    }

    @Test
    void aLeaseThatNeverWasIsNotRenewed() throws Exception {
        assertThat(store().renewLease(4711, DEADLINE)).isFalse();
    }

    @Test
    void theAnswerOfATransactionHoldsAllKeysAsAReadWould() throws Exception {
        put(store(), "kept", "k");
        long lease = store().grantLease(TTL, DEADLINE);
        TxnResult done = store().commit(
                        txn(List.of(), new Txn.Put("a", "1", lease), new Txn.Put("b", "2", 0), new Txn.Delete("kept")),
                        DEADLINE);
        assertThat(done.committed()).isTrue();
        assertThat(done.after().entries()).containsOnlyKeys("a", "b");
        assertThat(done.after()).isEqualTo(other().read(DEADLINE));

        TxnResult refused = store().commit(txn(List.of(new Txn.ValueIs("a", "9")), new Txn.Put("a", "3", 0)), DEADLINE);
        assertThat(refused.committed()).isFalse();
        assertThat(refused.after()).isEqualTo(other().read(DEADLINE));
        assertThat(refused.after()).isEqualTo(done.after());
    }

    @Test
    void aWatchTellsTheRevisionOfAChange() throws Exception {
        List<Long> told = new CopyOnWriteArrayList<>();
        try (AutoCloseable unused = other().watch(told::add)) {
            await().atMost(Duration.ofSeconds(5)).until(() -> {
                put(store(), "probe", "x");
                return told.stream().anyMatch(r -> r > 0);
            });
            long put = put(store(), "a", "1").revision();
            await().atMost(Duration.ofSeconds(5)).until(() -> told.contains(put));
            long deleted = store().commit(txn(List.of(), new Txn.Delete("a")), DEADLINE)
                    .revision();
            await().atMost(Duration.ofSeconds(5)).until(() -> told.contains(deleted));
            assertThat(told.stream().filter(r -> r > deleted)).isEmpty();
        }
    }

    @Test
    void aWatchWakesOnPutDeleteAndTheEndOfALeaseAndIsSilentOnceClosed() throws Exception {
        AtomicInteger wakes = new AtomicInteger();
        AutoCloseable watch = other().watch(r -> wakes.incrementAndGet());
        awaitWatch(wakes);

        wakesOnce(wakes, () -> put(store(), "a", "1"));
        wakesOnce(wakes, () -> store().commit(txn(List.of(), new Txn.Delete("a")), DEADLINE));
        long lease = store().grantLease(TTL, DEADLINE);
        wakesOnce(wakes, () -> store().commit(txn(List.of(), new Txn.Put("m", "1", lease)), DEADLINE));
        wakesOnce(wakes, () -> {
            store().revokeLease(lease, DEADLINE);
            return null;
        });

        watch.close();
        AtomicInteger witness = new AtomicInteger();
        try (AutoCloseable unused = other().watch(r -> witness.incrementAndGet())) {
            awaitWatch(witness);
            int before = wakes.get();
            wakesOnce(witness, () -> put(store(), "b", "1"));
            assertThat(wakes.get()).isEqualTo(before);
        }
    }

    /** Writes until the watch hears it: it may still be on its way to the store. */
    private void awaitWatch(AtomicInteger wakes) {
        await().atMost(Duration.ofSeconds(5)).until(() -> {
            put(store(), "probe", "x");
            return wakes.get() > 0;
        });
        AtomicInteger last = new AtomicInteger(-1);
        await().pollInterval(Duration.ofMillis(20))
                .during(Duration.ofMillis(200))
                .atMost(Duration.ofSeconds(5))
                .until(() -> last.getAndSet(wakes.get()) == wakes.get());
    }

    private static void wakesOnce(AtomicInteger wakes, Call change) throws Exception {
        int before = wakes.get();
        var unused = change.run();
        await().atMost(Duration.ofSeconds(5)).until(() -> wakes.get() > before);
        AtomicInteger last = new AtomicInteger(-1);
        await().pollInterval(Duration.ofMillis(20))
                .during(Duration.ofMillis(100))
                .atMost(Duration.ofSeconds(5))
                .until(() -> last.getAndSet(wakes.get()) == wakes.get());
    }

    @Test
    void aWatchWhoseReaderFailsGoesOn() throws Exception {
        AtomicInteger wakes = new AtomicInteger();
        try (AutoCloseable unused = other().watch(r -> {
            wakes.incrementAndGet();
            throw new IllegalStateException("a reader that fails");
        })) {
            await().atMost(Duration.ofSeconds(5)).until(() -> {
                put(store(), "a", "1");
                return wakes.get() >= 3;
            });
        }
    }

    @Test
    void aClosedClientRefuses() {
        other().close();

        assertThat(failure(() -> other().read(DEADLINE))).hasMessageContaining("closed");
        assertThat(failure(() -> put(other(), "a", "1")).unknown()).isFalse();
    }

    /** A call of the store. */
    protected interface Call {
        @Nullable
        Object run() throws Exception;
    }

    protected static StoreException failure(Call call) {
        StoreException failure = catchThrowableOfType(StoreException.class, call::run);
        assertThat(failure).as("the call succeeded").isNotNull();
        return Objects.requireNonNull(failure);
    }
}
