package io.moha.store.etcd;

import static org.assertj.core.api.Assertions.assertThat;

import io.moha.store.ClusterStore;
import io.moha.store.ClusterStoreContract;
import io.moha.store.Txn;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The contract against one real etcd server. */
class EtcdStoreTest extends ClusterStoreContract {
    private static final AtomicInteger TESTS = new AtomicInteger();

    @TempDir
    static Path directory;

    private static LocalEtcd etcd;

    private final String prefix = "/moha/test-" + TESTS.incrementAndGet();
    private final EtcdStore store = open(prefix);
    private final EtcdStore other = open(prefix + "/");

    @BeforeAll
    static void startEtcd() throws Exception {
        etcd = LocalEtcd.start(directory, 1);
    }

    @AfterAll
    static void stopEtcd() throws Exception {
        if (etcd != null) {
            etcd.close();
        }
    }

    @AfterEach
    void closeClients() {
        store.close();
        other.close();
    }

    private static EtcdStore open(String prefix) {
        return EtcdStore.open(EtcdSettings.plain(etcd.urls(), prefix));
    }

    @Override
    protected ClusterStore store() {
        return store;
    }

    @Override
    protected ClusterStore other() {
        return other;
    }

    @Override
    protected void pass(Duration time) throws Exception {
        // Real time must pass here: etcd has no other clock.
        Thread.sleep(time.toMillis());
    }

    @Override
    protected Duration shortestTtl() {
        return Duration.ofSeconds(2);
    }

    @Test
    void keysOfAClusterWhoseNameBeginsLikeThisOneAreNotRead() throws Exception {
        try (EtcdStore neighbour = open(prefix + "-b")) {
            put(neighbour, "master", "node-9");

            assertThat(store.read(DEADLINE).entries()).isEmpty();
        }
    }

    @Test
    void readingAndRenewingWriteNothingAndARenewalIsSentOnce() throws Exception {
        long lease = store.grantLease(Duration.ofSeconds(60), DEADLINE);
        store.commit(txn(List.of(), new Txn.Put("master", "node-1", lease)), DEADLINE);
        long before = etcd.writes(0);
        long renewals = etcd.renewals(0);
        assertThat(before).isPositive();

        for (int i = 0; i < 20; i++) {
            assertThat(store.renewLease(lease, DEADLINE)).isTrue();
            store.read(DEADLINE);
        }

        assertThat(etcd.writes(0)).isEqualTo(before);
        assertThat(etcd.renewals(0)).isEqualTo(renewals + 20);
    }
}
