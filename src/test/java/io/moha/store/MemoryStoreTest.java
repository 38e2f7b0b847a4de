package io.moha.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class MemoryStoreTest extends ClusterStoreContract {
    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 1_000_000_000L);
    private final MemoryStore server = new MemoryStore(nanos::get);
    private final MemoryStore.Client store = server.connect();
    private final MemoryStore.Client other = server.connect();

    @Override
    protected ClusterStore store() {
        return store;
    }

    @Override
    protected ClusterStore other() {
        return other;
    }

    @Override
    protected void pass(Duration time) {
        nanos.addAndGet(time.toNanos());
    }

    @Override
    protected Duration shortestTtl() {
        return Duration.ofSeconds(2);
    }

    @Test
    void failNextFailsThatManyCallsAndAppliesNone() throws Exception {
        store.failNext(2);

        assertThat(failure(() -> put(store, "a", "1")).unknown()).isTrue();
        assertThat(failure(() -> store.read(DEADLINE)).unknown()).isTrue();
        assertThat(store.read(DEADLINE).entries()).isEmpty();
        assertThat(server.commits()).isZero();
    }

    @Test
    void unknownButAppliedLosesOneAnswerOfATransactionAndNothingElse() throws Exception {
        store.unknownButApplied();

        assertThat(store.read(DEADLINE).entries()).isEmpty();
        assertThat(failure(() -> put(store, "a", "1")).unknown()).isTrue();
        assertThat(server.view().entries()).containsOnlyKeys("a");
        assertThat(put(store, "b", "1").committed()).isTrue();
    }

    @Test
    void aClientThatIsCutOffHearsNothingWhileOthersGoOnAndItsLeaseRunsOut() throws Exception {
        AtomicInteger wakes = new AtomicInteger();
        var unused = store.watch(r -> wakes.incrementAndGet());
        long lease = store.grantLease(Duration.ofSeconds(10), DEADLINE);
        store.commit(txn(List.of(), new Txn.Put("master", "node-1", lease)), DEADLINE);
        assertThat(wakes).hasValue(1);
        store.unreachable(true);
        pass(Duration.ofSeconds(10));

        assertThat(failure(() -> store.renewLease(lease, DEADLINE)).unknown()).isTrue();
        assertThat(other.read(DEADLINE).entries()).isEmpty();
        put(other, "master", "node-2");
        assertThat(wakes).hasValue(1);
        store.unreachable(false);
        assertThat(store.renewLease(lease, DEADLINE)).isFalse();
        put(other, "master", "node-3");
        assertThat(wakes).hasValue(2);
    }

    @Test
    void anUnreachableStoreFailsForAllClients() {
        server.unreachable(true);

        assertThat(failure(() -> store.read(DEADLINE)).unknown()).isTrue();
        assertThat(failure(() -> put(other, "a", "1")).unknown()).isTrue();
        assertThat(server.view().entries()).isEmpty();
    }

    @Test
    void tickEndsLeasesAndWakesWatches() throws Exception {
        long lease = store.grantLease(Duration.ofSeconds(10), DEADLINE);
        store.commit(txn(List.of(), new Txn.Put("master", "node-1", lease)), DEADLINE);
        AtomicInteger wakes = new AtomicInteger();
        var unused = other.watch(r -> wakes.incrementAndGet());

        pass(Duration.ofSeconds(10).minusNanos(1));
        server.tick();
        assertThat(wakes).hasValue(0);
        pass(Duration.ofNanos(1));
        server.tick();

        assertThat(wakes).hasValue(1);
        assertThat(server.view().entries()).isEmpty();
    }
}
