package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.moha.model.GtidSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

/** Who becomes primary when the replicas differ, and what becomes of transactions that nobody else has. */
@SuppressWarnings("NullAway.Init")
class DivergenceIT {
    private TestCluster cluster;
    private String name = "";

    @BeforeEach
    void name(TestInfo info) {
        name = info.getTestMethod().orElseThrow().getName();
    }

    @AfterEach
    void down() {
        if (cluster != null) {
            cluster.close();
        }
    }

    private int up(TestCluster.Shape shape) throws Exception {
        cluster = TestCluster.start(name, shape);
        int primary = cluster.awaitPrimary(2);
        cluster.prepareApplication(primary);
        cluster.awaitSameGtids();
        return primary;
    }

    /** The receiver of a node does not get anything any more: as if its link were slow. */
    private void starve(int node) throws Exception {
        cluster.execute(node, "STOP REPLICA IO_THREAD");
    }

    @Test
    void anOldPrimaryWithTransactionsOfItsOwnStaysFencedAndNamesThem() throws Exception {
        int old = up(TestCluster.Shape.usual());
        int one = old % 3 + 1;
        int other = (old + 1) % 3 + 1;
        // Nobody else gets the transaction: both receivers stand still, and no agent starts them again.
        cluster.pause(cluster.agent(one));
        cluster.pause(cluster.agent(other));
        starve(one);
        starve(other);
        GtidSet before = executed(old);
        cluster.execute(old, "INSERT INTO demo.ledger VALUES (1000001, 1)");
        GtidSet own = executed(old).subtract(before);
        assertThat(own.count()).isEqualTo(1);
        cluster.kill(cluster.mysql(old));
        cluster.kill(cluster.agent(old));
        cluster.unpause(cluster.agent(one));
        cluster.unpause(cluster.agent(other));
        cluster.await("another primary", () -> cluster.awaitPrimary(1) != old);
        cluster.startAgain(cluster.agent(old));
        JsonNode status = cluster.awaitStatus(
                old, "diverged", s -> s.get("state").asText().equals("DIVERGED"));
        assertThat(GtidSet.parse(status.get("errant").asText())).isEqualTo(own);
        assertThat(status.get("because").asText()).contains(own.toString());
        assertThat(status.get("readonly").asBoolean()).isTrue();
        assertThat(cluster.code(old, "GET", "/slaveCheck", java.util.Optional.empty()))
                .isEqualTo(418);
        // An operator gives the transaction up, by name; the node is rebuilt from the primary.
        assertThat(cluster.post(old, "/reinit?confirm=somebody-else").statusCode())
                .isEqualTo(400);
        assertThat(cluster.post(old, "/reinit?confirm=node-" + old).body()).contains("success");
        cluster.awaitPrimary(2);
        cluster.awaitSameGtids();
    }

    private GtidSet executed(int node) {
        return GtidSet.parse(cluster.get(node, "/status?fresh=true")
                .map(DivergenceIT::executedOf)
                .orElseThrow());
    }

    private static String executedOf(String json) {
        try {
            return new com.fasterxml.jackson.databind.ObjectMapper()
                    .readTree(json)
                    .get("executed")
                    .asText();
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void theLongestReceivedSetWinsOverABetterIdAndABetterRule() throws Exception {
        // node-1 has the smaller id and the better rule, but will have received less.
        int primary = up(TestCluster.Shape.usual().config(1, "promotion-rule = \"prefer\""));
        if (primary != 3) {
            assertThat(cluster.post(primary, "/changeMaster?to=node-3").body()).contains("success");
            cluster.await("node-3 is primary", () -> cluster.awaitPrimary(2) == 3);
        }
        cluster.pause(cluster.agent(1)); // or its agent would start the receiver again
        starve(1);
        cluster.execute(3, "INSERT INTO demo.ledger VALUES (2000001, 3)");
        String all = executed(3).toString();
        cluster.awaitStatus(
                2, "has received it", s -> s.get("executed").asText().equals(all));
        cluster.kill(cluster.mysql(3));
        cluster.kill(cluster.agent(3));
        cluster.unpause(cluster.agent(1));
        cluster.await("a new primary", () -> cluster.awaitPrimary(1) > 0);
        assertThat(cluster.awaitPrimary(1)).isEqualTo(2);
        cluster.startAgain(cluster.agent(3));
        assertThat(cluster.awaitPrimary(2)).isEqualTo(2);
        cluster.awaitSameGtids();
    }

    @Test
    void anOnlyFollowNodeNeverBecomesPrimary() throws Exception {
        int primary = up(TestCluster.Shape.usual().config(1, "only-follow = true"));
        assertThat(primary).isNotEqualTo(1);
        cluster.stop(cluster.agent(5 - primary));
        cluster.stop(cluster.mysql(5 - primary));
        cluster.kill(cluster.mysql(primary));
        // Only node-1 is left in full health; the killed one comes back and must win again.
        cluster.await("the old primary again", () -> cluster.awaitPrimary(1) == primary);
        assertThat(cluster.status(1).orElseThrow().get("master").asBoolean()).isFalse();
    }

    @Test
    void anEmptyNodeThatJoinsACompactedClusterIsCloned() throws Exception {
        int primary = up(TestCluster.Shape.usual());
        int joiner = primary % 3 + 1;
        cluster.stop(cluster.agent(joiner));
        cluster.remove(cluster.mysql(joiner));
        cluster.execute(primary, "FLUSH BINARY LOGS", "INSERT INTO demo.ledger VALUES (3000001, 1)");
        purge(primary);
        cluster.createMysql(joiner, joiner);
        cluster.startAgain(cluster.agent(joiner));
        cluster.awaitPrimary(2);
        cluster.awaitSameGtids();
        try (var connection = cluster.connect(joiner);
                var statement = connection.createStatement();
                var rows = statement.executeQuery("SELECT COUNT(*) FROM demo.ledger WHERE id = 3000001")) {
            assertThat(rows.next()).isTrue();
            assertThat(rows.getInt(1)).isEqualTo(1);
        }
    }

    private void purge(int primary) throws Exception {
        try (var connection = cluster.connect(primary);
                var statement = connection.createStatement()) {
            String last = "";
            try (var rows = statement.executeQuery("SHOW BINARY LOGS")) {
                while (rows.next()) {
                    last = rows.getString(1);
                }
            }
            statement.execute("PURGE BINARY LOGS TO '" + last + "'");
        }
    }

    @Test
    void anEmptyNodeReplaysEverythingWhereTheBinaryLogsAreComplete() throws Exception {
        int primary = up(TestCluster.Shape.usual());
        int joiner = primary % 3 + 1;
        cluster.stop(cluster.agent(joiner));
        cluster.remove(cluster.mysql(joiner));
        cluster.execute(primary, "INSERT INTO demo.ledger VALUES (4000001, 1)");
        cluster.createMysql(joiner, joiner);
        cluster.startAgain(cluster.agent(joiner));
        cluster.awaitPrimary(2);
        cluster.awaitSameGtids();
    }
}
