package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Trouble in etcd is no reason to change the primary. */
class EtcdIT {
    @Test
    void threeEtcdServersRestartedOneByOneCauseNoFailover() throws Exception {
        try (TestCluster cluster =
                TestCluster.start("etcd", TestCluster.Shape.usual().etcds(3))) {
            int primary = cluster.awaitPrimary(2);
            cluster.prepareApplication(primary);
            cluster.awaitSameGtids();
            long term = cluster.term(primary);
            try (Writers writers = new Writers(cluster, 3)) {
                for (int n = 1; n <= 3; n++) {
                    cluster.restart(cluster.etcd(n));
                    int before = writers.count();
                    cluster.await("writes go on", () -> writers.count() > before + 200);
                }
                assertThat(cluster.awaitPrimary(2)).isEqualTo(primary);
                assertThat(cluster.term(primary)).as("no failover").isEqualTo(term);
                writers.stop();
                assertThat(writers.reigns()).isEqualTo(1);
                assertThat(writers.missingOn(primary)).isEmpty();
            }
        }
    }

    @Test
    void aPrimaryWithoutEtcdClosesBeforeItsLeaseEndsAndTheClusterComesBack() throws Exception {
        try (TestCluster cluster = TestCluster.start("etcd-away", TestCluster.Shape.usual())) {
            int primary = cluster.awaitPrimary(2);
            cluster.prepareApplication(primary);
            cluster.awaitSameGtids();
            try (Writers writers = new Writers(cluster, 3)) {
                cluster.await("first writes", () -> writers.count() > 20);
                long cutAt = System.nanoTime();
                cluster.pause(cluster.etcd(1));
                cluster.awaitStatus(primary, "fenced", s -> s.get("readonly").asBoolean());
                long closedAfter = (System.nanoTime() - cutAt) / 1_000_000;
                assertThat(closedAfter).as("closed within the lease of 6 s").isLessThan(6000);
                assertThat(cluster.code(primary, "GET", "/masterCheck", java.util.Optional.empty()))
                        .isEqualTo(418);
                cluster.unpause(cluster.etcd(1));
                cluster.awaitPrimary(2);
                int before = writers.count();
                cluster.await("writes go on", () -> writers.count() > before + 20);
                writers.stop();
                cluster.awaitSameGtids();
                assertThat(writers.missingOn(1)).isEmpty();
            }
        }
    }
}
