package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;

/** What happens to a running cluster when parts of it die. One cluster for all tests; each leaves it whole. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init")
abstract class FailoverScenarios {
    private final String name;
    private final TestCluster.Shape shape;
    private TestCluster cluster;
    private Writers writers;
    private long termBefore;

    /** Rows that asynchronous replication lost in this test's crash; each was named by the node that had it. */
    private final Set<Long> lost = new HashSet<>();

    FailoverScenarios(String name, TestCluster.Shape shape) {
        this.name = name;
        // The product's own: an agent of these tests may need 5 s for a restart, beside writers on two cores.
        this.shape = shape.leaseTtl(10);
    }

    @BeforeAll
    void bootstrapFromEmpty() throws Exception {
        cluster = TestCluster.start(name, shape);
        int primary = cluster.awaitPrimary(2);
        cluster.prepareApplication(primary);
        cluster.awaitSameGtids();
    }

    @AfterAll
    void down() {
        if (cluster != null) {
            cluster.close();
        }
    }

    @BeforeEach
    void write() {
        int primary = cluster.awaitPrimary(2);
        cluster.awaitSameGtids();
        termBefore = cluster.term(primary);
        lost.clear();
        writers = new Writers(cluster, 3);
        cluster.await("first writes", () -> writers.count() > 20);
    }

    /** Every test ends with: one primary, all follow it, nothing acknowledged twice at once, nothing lost. */
    @AfterEach
    void whole() throws Exception {
        try {
            int primary = cluster.awaitPrimary(2);
            int before = writers.count();
            cluster.await("writes go on", () -> writers.count() > before + 20);
            writers.stop();
            cluster.awaitSameGtids();
            long changes = cluster.term(primary) - termBefore;
            assertThat(writers.reigns())
                    .as("each term has one node that acknowledges; more changes than terms means two at once")
                    .isLessThanOrEqualTo((int) changes + 1);
            assertThat(writers.missingOn(primary))
                    .as("acknowledged writes that are lost and that nobody named")
                    .isSubsetOf(lost);
            System.out.println("longest gap without a write: " + writers.longestGapMillis() + " ms");
        } finally {
            writers.close();
        }
    }

    @Test
    @Order(1)
    void bootstrapEndsInTermOneWithEvidence() {
        JsonNode first = cluster.history(1).get(cluster.history(1).size() - 1);
        assertThat(first.get("kind").asText()).isEqualTo("bootstrap");
        assertThat(first.get("term").asLong()).isEqualTo(1);
        assertThat(first.get("ballots").size()).as("all three had voted").isEqualTo(3);
    }

    @Test
    @Order(2)
    void aKilledMysqldOnThePrimaryMovesTheRoleAndComesBack() throws Exception {
        int old = cluster.awaitPrimary(2);
        long term = cluster.term(old);
        cluster.kill(cluster.mysql(old));
        cluster.await("another primary", () -> cluster.awaitPrimary(1) != old);
        lost.addAll(cluster.awaitReturn(old));
        int now = cluster.awaitPrimary(2);
        assertThat(now).isNotEqualTo(old);
        assertThat(cluster.term(now)).isEqualTo(term + 1);
        JsonNode record = cluster.history(now).get(0);
        assertThat(record.get("kind").asText()).isEqualTo("failover");
        assertThat(record.get("reason").asText()).contains("node-" + old).contains("process died");
        assertThat(record.get("old_primary").asText()).isEqualTo("node-" + old);
        assertThat(record.get("binlog_file").asText()).isNotEmpty();
        assertThat(record.get("gtid_executed").asText()).isNotEmpty();
        assertThat(record.get("phases_ms").get("total").asLong()).isLessThan(10_000);
    }

    @Test
    @Order(3)
    void aKilledMysqldOnAReplicaChangesNothingForWriters() {
        int primary = cluster.awaitPrimary(2);
        long term = cluster.term(primary);
        int replica = primary % 3 + 1;
        cluster.kill(cluster.mysql(replica));
        cluster.awaitStatus(replica, "noticed", s -> !s.get("state").asText().equals("FOLLOWING"));
        assertThat(cluster.awaitPrimary(2)).isEqualTo(primary);
        assertThat(cluster.term(primary)).isEqualTo(term);
    }

    @Test
    @Order(4)
    void aGracefulStopOfThePrimarysServerMovesTheRole() throws Exception {
        int old = cluster.awaitPrimary(2);
        cluster.stop(cluster.mysql(old));
        cluster.await("another primary", () -> cluster.awaitPrimary(1) != old);
        lost.addAll(cluster.awaitReturn(old));
        assertThat(cluster.awaitPrimary(2)).isNotEqualTo(old);
    }

    @Test
    @Order(5)
    void aLostHostCostsALeaseAndNotMore() throws Exception {
        int old = cluster.awaitPrimary(2);
        cluster.kill(cluster.agent(old));
        cluster.kill(cluster.mysql(old));
        cluster.await("another primary", () -> cluster.awaitPrimary(1) != old);
        cluster.startAgain(cluster.agent(old));
        lost.addAll(cluster.awaitReturn(old));
        int now = cluster.awaitPrimary(2);
        assertThat(now).isNotEqualTo(old);
        assertThat(cluster.history(now).get(0).get("reason").asText()).contains("its lease ran out");
    }

    @Test
    @Order(6)
    void aRestartedAgentOnThePrimaryResumesTheRole() {
        int primary = cluster.awaitPrimary(2);
        long term = cluster.term(primary);
        long writesBefore = writers.countAt(primary);
        cluster.restart(cluster.agent(primary));
        cluster.awaitStatus(primary, "primary again", s -> s.get("master").asBoolean());
        assertThat(cluster.term(primary)).as("no failover").isEqualTo(term);
        assertThat(writers.countAt(primary)).isGreaterThan(writesBefore);
        assertThat(writers.longestGapMillis())
                .as("the database stayed open meanwhile")
                .isLessThan(2000);
    }

    @Test
    @Order(7)
    void aPlannedChangeByMoHAsThreeCallsLosesNothing() throws Exception {
        int old = cluster.awaitPrimary(2);
        int target = old % 3 + 1;
        assertThat(cluster.code(old, "POST", "/setReadOnly", java.util.Optional.empty()))
                .isEqualTo(401);
        assertThat(cluster.code(old, "POST", "/setReadOnly", java.util.Optional.of("wrong")))
                .isEqualTo(401);
        assertThat(cluster.code(old, "GET", "/setReadOnly", java.util.Optional.of(TestCluster.TOKEN)))
                .isEqualTo(405);
        assertThat(cluster.code(target, "POST", "/setReadOnly", java.util.Optional.of(TestCluster.TOKEN)))
                .as("a replica refuses")
                .isEqualTo(409);
        assertThat(cluster.post(old, "/setReadOnly").body()).contains("success");
        assertThat(cluster.code(old, "GET", "/masterCheck", java.util.Optional.empty()))
                .isEqualTo(418);
        assertThat(cluster.post(old, "/setReadWrite").body()).contains("success");
        assertThat(cluster.code(old, "GET", "/masterCheck", java.util.Optional.empty()))
                .isEqualTo(200);
        assertThat(cluster.post(old, "/setReadOnly").body()).contains("success");
        assertThat(cluster.post(old, "/changeMaster?to=node-" + target).body()).contains("success");
        cluster.await("the target is primary", () -> cluster.awaitPrimary(2) == target);
        assertThat(cluster.history(target).get(0).get("kind").asText()).isEqualTo("switchover");
    }

    @Test
    @Order(8)
    void allThreeStoppedAndStartedAgree() throws Exception {
        for (int n = 1; n <= 3; n++) {
            cluster.stop(cluster.agent(n));
        }
        for (int n = 1; n <= 3; n++) {
            cluster.stop(cluster.mysql(n));
        }
        for (int n = 1; n <= 3; n++) {
            cluster.startAgain(cluster.agent(n));
        }
        // The last server that was stopped had taken writes that no other one could receive any more.
        int primary = cluster.awaitPrimary(1);
        for (int n = 1; n <= 3; n++) {
            if (n != primary) {
                lost.addAll(cluster.awaitReturn(n));
            }
        }
        cluster.awaitPrimary(2);
    }

    @Test
    @Order(9)
    void aSteadyClusterPutsNothingIntoEtcd() throws Exception {
        cluster.awaitPrimary(2);
        String before = putTotal();
        Thread.sleep(10_000); // the observation window itself, not a wait for something
        assertThat(putTotal()).isEqualTo(before);
    }

    private String putTotal() throws Exception {
        var response = java.net.http.HttpClient.newHttpClient()
                .send(
                        java.net.http.HttpRequest.newBuilder(java.net.URI.create(
                                        "http://127.0.0.1:" + cluster.port(cluster.etcd(1)) + "/metrics"))
                                .build(),
                        java.net.http.HttpResponse.BodyHandlers.ofString());
        return response.body()
                .lines()
                .filter(l -> l.startsWith("etcd_mvcc_put_total") || l.startsWith("etcd_mvcc_txn_total"))
                .reduce("", (a, b) -> a + b + "\n");
    }
}
