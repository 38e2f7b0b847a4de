package io.moha.agent.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.moha.model.NodeId;
import io.moha.store.ClusterStore;
import io.moha.store.Keys;
import io.moha.store.MemoryStore;
import io.moha.store.StoreException;
import io.moha.store.StoreSnapshot;
import io.moha.store.Txn;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class StoreReaderTest {
    private final MemoryStore etcd = new MemoryStore(System::nanoTime);
    private int woken;
    private final StoreReader reader = new StoreReader(etcd.connect(), Clock.SYSTEM, () -> woken++);

    private void put(String key, String value) throws StoreException {
        etcd.connect().commit(new Txn(List.of(), List.of(new Txn.Put(key, value, 0))), Duration.ofSeconds(1));
    }

    @Test
    void anEtcdThatForgotWhatWasSeenIsDoubtedUntilTheAgentIsStartedAnew() throws StoreException {
        put(Keys.TERM, "4");
        MemoryStore.Backup backup = etcd.backup();
        put(Keys.TERM, "5");
        assertThat(reader.readOnce()).isTrue();
        assertThat(reader.doubt()).isEmpty();

        etcd.restore(backup);
        assertThat(reader.readOnce()).isTrue();
        assertThat(reader.doubt().orElseThrow()).contains("another cluster than before");
        assertThat(reader.picture().orElseThrow().term().value())
                .as("what it says now is still shown")
                .isEqualTo(4);

        for (int i = 0; i < 10; i++) {
            put(Keys.TERM, "6");
        }
        assertThat(reader.readOnce()).isTrue();
        assertThat(reader.doubt())
                .as("a revision that has grown past the old one proves nothing")
                .isPresent();
    }

    @Test
    void aKeyOfTheRoleThatIsNotUnderstoodLeavesTheLastPictureAndWakesTheLoop() throws StoreException {
        put(Keys.TERM, "4");
        put(Keys.HOLDER, "n1");
        assertThat(reader.readOnce()).isTrue();
        woken = 0;

        put(Keys.HOLDER, "not a node!");
        assertThat(reader.readOnce()).isFalse();
        assertThat(woken).isEqualTo(1);
        assertThat(reader.lastError()).contains("not understood").contains("not a node!");
        assertThat(reader.picture().orElseThrow().holder().orElseThrow().node().value())
                .isEqualTo("n1");

        put(Keys.HOLDER, "n2");
        assertThat(reader.readOnce()).isTrue();
        assertThat(reader.lastError()).isEmpty();
    }

    @Test
    void whatATransactionBringsBackCountsAsARead() throws StoreException {
        put(Keys.TERM, "4");
        StoreSnapshot before = etcd.view();
        reader.learn(before, 1);
        assertThat(reader.picture()).as("nothing has been read yet").isEmpty();

        assertThat(reader.readOnce()).isTrue();
        put(Keys.TERM, "5");
        woken = 0;
        reader.learn(etcd.view(), System.nanoTime());
        assertThat(reader.picture().orElseThrow().term().value()).isEqualTo(5);
        assertThat(woken).isEqualTo(1);

        reader.learn(before, System.nanoTime());
        assertThat(reader.picture().orElseThrow().term().value())
                .as("an older answer that came later")
                .isEqualTo(5);
        etcd.restore(etcd.backup());
        put(Keys.TERM, "6");
        reader.learn(etcd.view(), System.nanoTime());
        assertThat(reader.picture().orElseThrow().term().value())
                .as("of another cluster")
                .isEqualTo(5);
        assertThat(reader.doubt()).as("a read will tell").isEmpty();
    }

    @Test
    void aReadThatWasOvertakenByATransactionIsNoStepBack() throws StoreException {
        put(Keys.TERM, "4");
        Runnable[] beforeTheAnswer = {() -> {}};
        StoreReader slow = new StoreReader(answering(() -> beforeTheAnswer[0].run()), Clock.SYSTEM, () -> {});
        assertThat(slow.readOnce()).isTrue();

        beforeTheAnswer[0] = () -> {
            try {
                put(Keys.TERM, "5");
            } catch (StoreException e) {
                throw new IllegalStateException(e);
            }
            slow.learn(etcd.view(), System.nanoTime());
        };
        assertThat(slow.readOnce()).isTrue();
        assertThat(slow.doubt()).as("etcd has not gone back").isEmpty();
        assertThat(slow.picture().orElseThrow().term().value()).isEqualTo(5);
    }

    /** A client whose reads take their answer, and then a while. */
    private ClusterStore answering(Runnable beforeEach) {
        ClusterStore client = etcd.connect();
        return (ClusterStore) Proxy.newProxyInstance(
                ClusterStore.class.getClassLoader(), new Class<?>[] {ClusterStore.class}, (self, method, arguments) -> {
                    Object answer = method.invoke(client, arguments);
                    beforeEach.run();
                    return answer;
                });
    }

    @Test
    void aChangeThatWasReadAlreadyIsNotReadAgain() throws Exception {
        put(Keys.TERM, "4");
        AtomicInteger reads = new AtomicInteger();
        StoreReader counted = new StoreReader(answering(reads::incrementAndGet), Clock.SYSTEM, () -> {});
        Thread thread = new Thread(counted);
        thread.start();
        try {
            await().until(() -> reads.get() == 1 && counted.picture().isPresent());
            long revision = etcd.view().revision();
            counted.changed(revision);
            counted.askSince(counted.picture().orElseThrow().sentAt());
            Thread.sleep(200);
            assertThat(reads).hasValue(1);
            counted.changed(revision + 1);
            await().until(() -> reads.get() == 2);
            counted.changed(0);
            await().until(() -> reads.get() == 3);
            counted.askSince(System.nanoTime());
            await().until(() -> reads.get() == 4);
        } finally {
            thread.interrupt();
            thread.join();
        }
    }

    private static String registration(String host) {
        return "{\"NodeID\": \"n\", \"InternalHost\": \"" + host + "\", \"ExternalHost\": \"x:1\"}";
    }

    @Test
    void aMemberWhoseAddressIsNotUnderstoodIsLeftOutAndNamedAndTheOthersCount() throws StoreException {
        put(Keys.MEMBERS + "n1", registration("db1:3306"));
        put(Keys.MEMBERS + "n2", registration("db2"));
        assertThat(reader.readOnce()).isTrue();
        ClusterPicture picture = reader.picture().orElseThrow();
        assertThat(picture.members()).containsOnlyKeys(new NodeId("n1"));
        assertThat(picture.observed(true, false).members()).containsOnlyKeys(new NodeId("n1"));
        assertThat(picture.problems()).singleElement().asString().contains("n2").contains("db2");
    }

    @Test
    void aReadThatFindsNothingNewIsAsYoungAsItsRequest() throws StoreException {
        put(Keys.TERM, "4");
        assertThat(reader.readOnce()).isTrue();
        ClusterPicture first = reader.picture().orElseThrow();
        assertThat(reader.readOnce()).isTrue();
        ClusterPicture second = reader.picture().orElseThrow();
        assertThat(second.sentAt()).isGreaterThan(first.sentAt());
        assertThat(second.term()).isEqualTo(first.term());
        put(Keys.TERM, "5");
        assertThat(reader.readOnce()).isTrue();
        assertThat(reader.picture().orElseThrow().term().value()).isEqualTo(5);
    }

    private void delete(String... keys) throws StoreException {
        List<Txn.Op> all = Arrays.stream(keys).<Txn.Op>map(Txn.Delete::new).toList();
        etcd.connect().commit(new Txn(List.of(), all), Duration.ofSeconds(1));
    }

    private void threeRegisteredAndN1Holds() throws StoreException {
        put(Keys.TERM, "4");
        put(Keys.LAST_ID, "n1");
        put(Keys.HOLDER, "n1");
        for (String node : List.of("n1", "n2", "n3")) {
            put(Keys.registration(new NodeId(node)), registration(node + ":3306"));
        }
        assertThat(reader.readOnce()).isTrue();
    }

    @Test
    void aPrimaryThatGoesAloneIsNoReasonToWaitForAllMembers() throws StoreException {
        threeRegisteredAndN1Holds();
        delete(Keys.HOLDER, Keys.registration(new NodeId("n1")));
        assertThat(reader.readOnce()).isTrue();
        assertThat(reader.recovering(Duration.ofMinutes(1))).isFalse();
    }

    @Test
    void registrationsThatEndTogetherWithTheRoleMakeAnElectionWaitForAllMembers() throws StoreException {
        threeRegisteredAndN1Holds();
        delete(Keys.HOLDER, Keys.registration(new NodeId("n1")));
        assertThat(reader.readOnce()).isTrue();
        delete(Keys.registration(new NodeId("n3")));
        assertThat(reader.readOnce()).isTrue();
        assertThat(reader.recovering(Duration.ofMinutes(1))).isTrue();
        assertThat(reader.recovering(Duration.ZERO)).isFalse();
    }

    @Test
    void aReplicaThatGoesWhileThereIsAPrimaryIsWaitedForByNobody() throws StoreException {
        threeRegisteredAndN1Holds();
        delete(Keys.registration(new NodeId("n3")));
        assertThat(reader.readOnce()).isTrue();
        assertThat(reader.recovering(Duration.ofMinutes(1))).isFalse();
    }
}
