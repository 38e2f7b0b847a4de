package io.moha.store.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.moha.store.StoreException;
import io.moha.store.StoreSnapshot;
import io.moha.store.Txn;
import io.moha.store.TxnResult;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Three real etcd servers, of which some are frozen, killed or started again. */
class EtcdClusterTest {
    private static final Duration LONG = Duration.ofSeconds(5);
    private static final Duration DEADLINE = Duration.ofSeconds(2);
    /** How late a call may return after its deadline: the scheduling of a loaded machine. */
    private static final Duration SLACK = Duration.ofSeconds(1);

    @TempDir
    Path directory;

    private LocalEtcd etcd;
    private EtcdStore store;

    @BeforeEach
    void start() throws Exception {
        etcd = LocalEtcd.start(directory, 3);
        store = EtcdStore.open(EtcdSettings.plain(etcd.urls(), "/moha/demo"));
    }

    @AfterEach
    void stop() throws Exception {
        if (store != null) {
            store.close();
        }
        if (etcd != null) {
            etcd.close();
        }
    }

    private static Txn put(String key, String value) {
        return new Txn(List.of(), List.of(new Txn.Put(key, value, 0)));
    }

    private int leader() {
        return IntStream.range(0, 3).filter(etcd::leads).findFirst().orElseThrow();
    }

    /** A store that asks server {@code first} first. */
    private EtcdStore openAt(int first) {
        List<String> urls = new ArrayList<>(etcd.urls());
        Collections.rotate(urls, -first);
        return EtcdStore.open(EtcdSettings.plain(urls, "/moha/demo"));
    }

    private static StoreException failure(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        StoreException failure = catchThrowableOfType(StoreException.class, call);
        assertThat(failure).as("the call succeeded").isNotNull();
        return Objects.requireNonNull(failure);
    }

    private static Duration timed(Step step) throws Exception {
        long began = System.nanoTime();
        step.run();
        return Duration.ofNanos(System.nanoTime() - began);
    }

    private interface Step {
        void run() throws Exception;
    }

    @Test
    void aFrozenFollowerCostsAReadOrARenewalAThirdOfItsDeadlineOnceAndNothingAfter() throws Exception {
        int frozen = (leader() + 1) % 3;
        try (EtcdStore victim = openAt(frozen)) {
            long lease = victim.grantLease(Duration.ofSeconds(10), LONG);
            victim.commit(put("a", "1"), LONG);
            etcd.freeze(frozen);

            Duration first =
                    timed(() -> assertThat(victim.renewLease(lease, DEADLINE)).isTrue());
            Duration next =
                    timed(() -> assertThat(victim.read(DEADLINE).entries()).containsOnlyKeys("a"));
            Duration write = timed(() -> victim.commit(put("b", "1"), DEADLINE));

            assertThat(first).isBetween(DEADLINE.dividedBy(3), DEADLINE);
            assertThat(next).isLessThan(DEADLINE.dividedBy(3));
            assertThat(write).isLessThan(DEADLINE.dividedBy(3));
        }
    }

    @Test
    void aFirstConnectionToAFrozenServerDoesNotHoldUpAReadOrALease() throws Exception {
        int frozen = (leader() + 1) % 3;
        etcd.freeze(frozen);
        try (EtcdStore victim = openAt(frozen)) {
            assertThat(timed(() -> victim.read(DEADLINE))).isLessThan(DEADLINE);
        }
        try (EtcdStore victim = openAt(frozen)) {
            assertThat(timed(() -> victim.grantLease(Duration.ofSeconds(10), LONG)))
                    .isLessThan(LONG);
        }
    }

    @Test
    void aTransactionAtAFrozenServerIsUnknownAtItsDeadlineAndTheNextCallSucceeds() throws Exception {
        int frozen = (leader() + 1) % 3;
        try (EtcdStore victim = openAt(frozen)) {
            long created = victim.commit(put("term", "1"), LONG).revision();
            etcd.freeze(frozen);
            Txn raise = new Txn(List.of(new Txn.ModRevisionIs("term", created)), List.of(new Txn.Put("term", "2", 0)));

            Duration took = timed(() -> assertThat(
                            failure(() -> victim.commit(raise, DEADLINE)).unknown())
                    .isTrue());

            assertThat(took).isBetween(DEADLINE.minusMillis(100), DEADLINE.plus(SLACK));
            StoreSnapshot seen = victim.read(DEADLINE);
            assertThat(seen.entries()).containsOnlyKeys("term");
            assertThat(victim.commit(raise, DEADLINE).committed()).isTrue();
            // What was "timed out" must not come back later: the guard has failed by then.
            etcd.thaw(frozen);
            etcd.awaitHealthy();
            assertThat(Objects.requireNonNull(victim.read(DEADLINE).entries().get("term"))
                            .modRevision())
                    .isEqualTo(seen.revision() + 1);
        }
    }

    @Test
    void aFrozenLeaderEndsNoCallLaterThanItsDeadlineAndALeaseOutlivesIt() throws Exception {
        int frozen = leader();
        try (EtcdStore victim = openAt(frozen)) {
            long lease = victim.grantLease(Duration.ofSeconds(10), LONG);
            victim.commit(new Txn(List.of(), List.of(new Txn.Put("master", "node-1", lease))), LONG);
            etcd.freeze(frozen);

            await().atMost(Duration.ofSeconds(9))
                    .pollInterval(Duration.ofMillis(100))
                    .until(() -> {
                        boolean[] renewed = new boolean[1];
                        Duration took = timed(() -> renewed[0] = tryRenew(victim, lease));
                        assertThat(took).isLessThan(DEADLINE.plus(SLACK));
                        return renewed[0];
                    });

            assertThat(victim.read(LONG).entries()).containsOnlyKeys("master");
        }
    }

    private static boolean tryRenew(EtcdStore store, long lease) {
        try {
            return store.renewLease(lease, DEADLINE);
        } catch (StoreException e) {
            return false;
        }
    }

    @Test
    void aKilledServerCostsAReadARenewalOrALaterTransactionNothing() throws Exception {
        int killed = (leader() + 1) % 3;
        try (EtcdStore victim = openAt(killed)) {
            long lease = victim.grantLease(Duration.ofSeconds(10), LONG);
            etcd.kill(killed);

            assertThat(timed(
                            () -> assertThat(victim.renewLease(lease, DEADLINE)).isTrue()))
                    .isLessThan(SLACK);
            assertThat(timed(() -> victim.read(DEADLINE))).isLessThan(SLACK);
            assertThat(victim.commit(put("a", "1"), DEADLINE).committed()).isTrue();
        }
    }

    @Test
    void aTransactionGoesOnToTheNextServerWhenItCertainlyWasNotSent() throws Exception {
        int killed = (leader() + 1) % 3;
        etcd.kill(killed);
        try (EtcdStore victim = openAt(killed)) {
            TxnResult result = victim.commit(put("a", "1"), LONG);

            assertThat(result.committed()).isTrue();
        }
    }

    @Test
    void aTransactionWhoseServerDiedWithItIsUnknownAndNotSentToAnother() throws Exception {
        int doomed = (leader() + 1) % 3;
        try (EtcdStore victim = openAt(doomed)) {
            victim.read(LONG);
            etcd.freeze(doomed);
            CompletableFuture<StoreException> outcome =
                    CompletableFuture.supplyAsync(() -> failure(() -> victim.commit(put("a", "1"), LONG)));
            // The transaction has left when its thread waits for the answer.
            await().pollDelay(Duration.ofMillis(300)).until(() -> !outcome.isDone());
            etcd.kill(doomed);

            assertThat(outcome.get(2, TimeUnit.SECONDS).unknown()).isTrue();
            assertThat(victim.read(LONG).entries()).isEmpty();
        }
    }

    @Test
    void withAllServersGoneEachCallEndsInTimeAndServiceReturnsSoonAfterTheServersDo() throws Exception {
        long lease = store.grantLease(Duration.ofSeconds(60), LONG);
        store.commit(put("a", "1"), LONG);
        for (int i = 0; i < 3; i++) {
            etcd.kill(i);
        }

        for (int i = 0; i < 2; i++) {
            assertThat(timed(
                            () -> assertThat(failure(() -> store.read(DEADLINE)).unknown())
                                    .isTrue()))
                    .isLessThan(DEADLINE.plus(SLACK));
            assertThat(timed(() -> assertThat(failure(() -> store.renewLease(lease, DEADLINE))
                                    .unknown())
                            .isTrue()))
                    .isLessThan(DEADLINE.plus(SLACK));
            assertThat(timed(() -> failure(() -> store.commit(put("a", "2"), DEADLINE))))
                    .isLessThan(DEADLINE.plus(SLACK));
        }
        for (int i = 0; i < 3; i++) {
            etcd.start(i);
        }
        etcd.awaitHealthy();
        // Although gRPC by itself would wait for up to two minutes by now.
        await().atMost(Duration.ofSeconds(3)).until(() -> tryRenew(store, lease));
        assertThat(store.read(DEADLINE).entries()).containsOnlyKeys("a");
        assertThat(store.commit(put("a", "3"), DEADLINE).committed()).isTrue();
    }

    @Test
    void withoutAQuorumNothingIsReadAndAWriteIsUnknown() throws Exception {
        int left = leader();
        store.commit(put("a", "1"), LONG);
        etcd.kill((left + 1) % 3);
        etcd.kill((left + 2) % 3);
        try (EtcdStore victim = openAt(left)) {
            assertThat(timed(() -> assertThat(failure(() -> victim.commit(put("a", "2"), DEADLINE))
                                    .unknown())
                            .isTrue()))
                    .isLessThan(DEADLINE.plus(SLACK));
            assertThat(failure(() -> victim.read(DEADLINE)).unknown()).isTrue();
        }
    }

    @Test
    void aWatchSurvivesTheRestartOfItsServer() throws Exception {
        AtomicInteger wakes = new AtomicInteger();
        try (EtcdStore watched = openAt(0);
                AutoCloseable unused = watched.watch(r -> wakes.incrementAndGet())) {
            wokenBy(wakes, store);
            etcd.kill(0);
            wokenBy(wakes, store);
            etcd.start(0);
            etcd.awaitHealthy();
            wokenBy(wakes, store);
        }
    }

    @Test
    void aWatchOfTheOnlyServerSurvivesItsRestart() throws Exception {
        AtomicInteger wakes = new AtomicInteger();
        try (EtcdStore watched = EtcdStore.open(EtcdSettings.plain(List.of(etcd.url(0)), "/moha/demo"));
                AutoCloseable unused = watched.watch(r -> wakes.incrementAndGet())) {
            wokenBy(wakes, store);
            etcd.kill(0);
            await().pollDelay(Duration.ofSeconds(4)).until(() -> true);
            etcd.start(0);
            etcd.awaitHealthy();
            wokenBy(wakes, store);
        }
    }

    @Test
    void aWatchAtAFrozenServerMovesWithTheCalls() throws Exception {
        int frozen = (leader() + 1) % 3;
        AtomicInteger wakes = new AtomicInteger();
        try (EtcdStore watched = openAt(frozen);
                AutoCloseable unused = watched.watch(r -> wakes.incrementAndGet())) {
            watched.read(LONG);
            wokenBy(wakes, store);
            etcd.freeze(frozen);
            watched.read(DEADLINE);
            wokenBy(wakes, store);
        }
    }

    /** Writes with {@code writer} until the watch has woken again, within three seconds. */
    private static void wokenBy(AtomicInteger wakes, EtcdStore writer) {
        int before = wakes.get();
        await().atMost(Duration.ofSeconds(3))
                .pollInterval(Duration.ofMillis(50))
                .ignoreException(StoreException.class)
                .until(() -> {
                    writer.commit(put("probe", "x"), DEADLINE);
                    return wakes.get() > before;
                });
    }
}
