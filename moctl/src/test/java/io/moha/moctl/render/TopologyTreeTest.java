package io.moha.moctl.render;

import static org.assertj.core.api.Assertions.assertThat;

import io.moha.moctl.FakeCluster;
import io.moha.moctl.client.AgentException;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TopologyTreeTest {
    private FakeCluster cluster;

    @BeforeEach
    void start() throws IOException {
        cluster = new FakeCluster(3);
    }

    @AfterEach
    void stop() {
        cluster.close();
    }

    @Test
    void aReplicaOfAReplicaIsIndentedTwice() throws AgentException {
        cluster.status("node-3").put("source", "mysql-node-2:3306").put("seconds_behind_master", 4);
        assertThat(render()).isEqualTo("""
                        127.0.0.1:3307     [0s,ok,9.7.4-2,rw,ROW,>>]
                        + 127.0.0.1:3308   [0s,ok,9.7.4-2,ro,ROW,>>]
                          + 127.0.0.1:3309 [4s,ok,9.7.4-2,ro,ROW,>>]
                        """);
    }

    @Test
    void aDivergedNodeStandsAloneAndNamesItsTransactions() throws AgentException {
        cluster.status("node-1")
                .put("master", false)
                .put("state", "DIVERGED")
                .put("readonly", true)
                .put("errant", "uuid:7-9");
        cluster.status("node-2")
                .put("master", true)
                .put("readonly", false)
                .put("source", "")
                .put("term", 8);
        cluster.status("node-3").put("source", "mysql-node-2:3306").put("only_follow", true);
        assertThat(render()).isEqualTo("""
                        127.0.0.1:3308   [0s,ok,9.7.4-2,rw,ROW,>>]
                        + 127.0.0.1:3309 [0s,ok,9.7.4-2,ro,ROW,>>,only-follow]
                        127.0.0.1:3307   [0s,diverged,9.7.4-2,ro,ROW,>>,errant:uuid:7-9]
                        """);
    }

    @Test
    void aSilentPrimaryStaysTheRootOfItsReplicas() throws AgentException {
        cluster.stopAgent("node-1");
        cluster.status("node-2").put("database", "down");
        assertThat(render()).isEqualTo("""
                        127.0.0.1:3307   [unknown,unreachable,9.7.4-2,?,?]
                        + 127.0.0.1:3308 [unknown,invalid,9.7.4-2,?,?]
                        + 127.0.0.1:3309 [0s,ok,9.7.4-2,ro,ROW,>>]
                        """);
    }

    @Test
    void aRingOfSourcesIsShownAndEnds() throws AgentException {
        cluster.status("node-1").put("master", false).put("source", "mysql-node-2:3306");
        cluster.status("node-2").put("source", "mysql-node-1:3306");
        assertThat(render().lines()).hasSize(3);
    }

    private String render() throws AgentException {
        return TopologyTree.render(cluster.agents().view(false));
    }
}
