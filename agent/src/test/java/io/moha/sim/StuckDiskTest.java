package io.moha.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.moha.decide.Phase;
import io.moha.sim.Cluster.Node;
import io.moha.sim.SimMysql.Disk;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A primary whose disk is full, stalls or is slow: only the last one may keep its role. */
class StuckDiskTest extends ThreeNodes {
    private static final int STUCK_AFTER = 10;
    /** Of the fence, in Cluster's policy, and some for looking and electing. */
    private static final int FENCE_AND_ELECTION = 6;

    private void assertThatAnotherServes() {
        Node now = cluster.holder().orElseThrow();
        assertThat(now).isNotEqualTo(primary);
        assertThatOnly(now, 1);
    }

    /** Whose clients are told of writes in the next seconds. */
    private void assertThatOnly(Node node, long seconds) {
        runFor(seconds);
        assertThat(inTheLast(seconds))
                .extracting(Acknowledged::node)
                .isNotEmpty()
                .containsOnly(node);
    }

    @Test
    void aFullDiskMovesTheRoleAfterTenSecondsWithoutACommit() {
        assertThat(primary.published().orElseThrow().problems()).isEmpty();
        primary.mysql.disk(Disk.FULL);
        runFor(STUCK_AFTER - 1);
        assertThat(cluster.holder()).contains(primary);
        assertThat(primary.published().orElseThrow().problems())
                .as("told before it is acted on")
                .singleElement()
                .asString()
                .contains("has written nothing for 8 s", "after 10 s");
        runFor(FENCE_AND_ELECTION);
        assertThatAnotherServes();
        primary.mysql.disk(Disk.SOUND);
        runFor(20);
        assertThat(primary.published().orElseThrow().state().phase()).isEqualTo(Phase.FOLLOWING);
    }

    @Test
    void aStalledDiskMovesTheRoleAlthoughTheProcessCannotEvenBeKilled() {
        primary.mysql.disk(Disk.STALLED);
        runFor(STUCK_AFTER + TTL + FENCE_AND_ELECTION);
        assertThatAnotherServes();
        assertThat(primary.published().orElseThrow().state().phase())
                .as("nobody calls it fenced")
                .isEqualTo(Phase.FENCING);
        primary.mysql.disk(Disk.SOUND);
        runFor(20);
        assertThat(primary.published().orElseThrow().state().phase()).isEqualTo(Phase.FOLLOWING);
    }

    @Test
    void aStallThatEndsIsNoReasonForAFailover() {
        primary.mysql.disk(Disk.STALLED);
        runFor(STUCK_AFTER - 2);
        primary.mysql.disk(Disk.SOUND);
        runFor(30);
        assertThat(cluster.term()).isEqualTo(1);
        assertThatOnly(primary, 1);
    }

    @Test
    void aDiskThatTakesTwoSecondsForEachCommitIsSlowAndNotStuck() {
        primary.mysql.diskCost = Duration.ofSeconds(2).toNanos();
        runFor(300);
        assertThat(cluster.term()).isEqualTo(1);
        assertThatOnly(primary, 10);
    }
}
