package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
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
    void aPrimaryWithoutEtcdServesOnIfEveryMemberPromisesToWait() throws Exception {
        try (TestCluster cluster = TestCluster.start("etcd-away", TestCluster.Shape.usual())) {
            int primary = cluster.awaitPrimary(2);
            cluster.prepareApplication(primary);
            cluster.awaitSameGtids();
            long term = cluster.term(primary);
            try (Writers writers = new Writers(cluster, 3)) {
                cluster.await("first writes", () -> writers.count() > 20);
                long cutAt = System.nanoTime();
                cluster.pause(cluster.etcd(1));
                cluster.await("three leases of 6 s are over", () -> System.nanoTime() - cutAt > 18_000_000_000L);
                assertThat(cluster.code(primary, "GET", "/masterCheck", Optional.empty()))
                        .isEqualTo(200);
                assertThat(cluster.status(primary).orElseThrow().get("problems").toString())
                        .contains("promises of all other members");
                cluster.unpause(cluster.etcd(1));
                assertThat(cluster.awaitPrimary(2)).isEqualTo(primary);
                assertThat(cluster.term(primary)).as("no failover").isEqualTo(term);
                int before = writers.count();
                cluster.await("writes go on", () -> writers.count() > before + 20);
                writers.stop();
                System.out.println("etcd away for 18 s: longest write gap " + writers.longestGapMillis() + " ms");
                assertThat(writers.longestGapMillis()).isLessThan(2000);
                cluster.awaitSameGtids();
                assertThat(writers.missingOn(1)).isEmpty();
            }
        }
    }

    @Test
    void aPrimaryWithoutEtcdClosesBeforeItsLeaseEndsIfOneMemberDoesNotPromise() throws Exception {
        try (TestCluster cluster = TestCluster.start("etcd-away-one", TestCluster.Shape.usual())) {
            int primary = cluster.awaitPrimary(2);
            cluster.prepareApplication(primary);
            cluster.awaitSameGtids();
            int silent = primary == 3 ? 2 : 3;
            try (Writers writers = new Writers(cluster, 3)) {
                cluster.await("first writes", () -> writers.count() > 20);
                cluster.kill(cluster.agent(silent));
                long cutAt = System.nanoTime();
                cluster.pause(cluster.etcd(1));
                cluster.awaitStatus(primary, "fenced", s -> s.get("readonly").asBoolean());
                long closedAfter = (System.nanoTime() - cutAt) / 1_000_000;
                assertThat(closedAfter).as("closed within the lease of 6 s").isLessThan(6000);
                assertThat(cluster.code(primary, "GET", "/masterCheck", Optional.empty()))
                        .isEqualTo(418);
                cluster.unpause(cluster.etcd(1));
                cluster.startAgain(cluster.agent(silent));
                cluster.awaitPrimary(2);
                int before = writers.count();
                cluster.await("writes go on", () -> writers.count() > before + 20);
                writers.stop();
                cluster.awaitSameGtids();
                assertThat(writers.missingOn(1)).isEmpty();
            }
        }
    }

    @Test
    void theOnlyMemberLeftServesWithoutEtcdUntilAnotherIsBack() throws Exception {
        try (TestCluster cluster = TestCluster.start("alone", TestCluster.Shape.usual())) {
            int primary = cluster.awaitPrimary(2);
            cluster.prepareApplication(primary);
            cluster.awaitSameGtids();
            long term = cluster.term(primary);
            try (Writers writers = new Writers(cluster, 3)) {
                cluster.await("first writes", () -> writers.count() > 20);
                for (int n = 1; n <= 3; n++) {
                    if (n != primary) {
                        cluster.kill(cluster.agent(n));
                        cluster.kill(cluster.mysql(n));
                    }
                }
                cluster.awaitStatus(
                        primary, "alone", s -> s.get("single_point_master").asBoolean());
                long cutAt = System.nanoTime();
                cluster.pause(cluster.etcd(1));
                cluster.await("two leases of 6 s are over", () -> System.nanoTime() - cutAt > 12_000_000_000L);
                assertThat(cluster.code(primary, "GET", "/masterCheck", Optional.empty()))
                        .isEqualTo(200);
                cluster.unpause(cluster.etcd(1));
                for (int n = 1; n <= 3; n++) {
                    if (n != primary) {
                        cluster.startAgain(cluster.agent(n));
                    }
                }
                assertThat(cluster.awaitPrimary(2)).isEqualTo(primary);
                cluster.awaitStatus(
                        primary, "not alone", s -> !s.get("single_point_master").asBoolean());
                assertThat(cluster.term(primary)).as("no failover").isEqualTo(term);
                writers.stop();
                System.out.println("alone and without etcd: longest write gap " + writers.longestGapMillis() + " ms");
                assertThat(writers.longestGapMillis()).isLessThan(2000);
                cluster.awaitSameGtids();
                assertThat(writers.missingOn(1)).isEmpty();
            }
        }
    }
}
