package io.moha.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.moha.decide.Phase;
import io.moha.sim.Cluster.Node;
import io.moha.sim.SimMysql.Disk;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A primary whose disk is full, stalls or is slow: only the last one may keep its role. */
class StuckDiskTest {
    private static final long SECOND = Duration.ofSeconds(1).toNanos();
    private static final int TTL = 10;
    private static final int STUCK_AFTER = 10;
    /** Of the fence, in Cluster's policy, and some for looking and electing. */
    private static final int FENCE_AND_ELECTION = 6;

    private final Scheduler scheduler = new Scheduler();
    private final Cluster cluster = new Cluster(
            scheduler,
            new SplittableRandom(1),
            new Cluster.Shape(3, Duration.ofSeconds(TTL), Duration.ofSeconds(5), true),
            null);
    private final List<Node> acknowledging = new ArrayList<>();
    private long writes;
    private final Node primary;

    StuckDiskTest() {
        cluster.nodes.forEach(Node::startAgent);
        cluster.nodes.forEach(this::write);
        runFor(12);
        primary = cluster.holder().orElseThrow();
    }

    @BeforeAll
    static void quiet() {
        Main.quiet();
    }

    @AfterEach
    void stop() {
        cluster.nodes.forEach(Node::killAgent);
        runFor(1);
    }

    private void write(Node node) {
        node.mysql.write(++writes, t -> {}, () -> acknowledging.add(node));
        scheduler.in(20_000_000, () -> write(node));
    }

    private void runFor(long seconds) {
        scheduler.run(scheduler.now() + seconds * SECOND);
    }

    private void assertThatAnotherServes() {
        Node now = cluster.holder().orElseThrow();
        assertThat(now).isNotEqualTo(primary);
        acknowledging.clear();
        runFor(1);
        assertThat(acknowledging).isNotEmpty().containsOnly(now);
    }

    @Test
    void aFullDiskMovesTheRoleAfterTenSecondsWithoutACommit() {
        primary.mysql.disk(Disk.FULL);
        runFor(STUCK_AFTER - 1);
        assertThat(cluster.holder()).contains(primary);
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
        acknowledging.clear();
        runFor(1);
        assertThat(acknowledging).isNotEmpty().containsOnly(primary);
    }

    @Test
    void aDiskThatTakesTwoSecondsForEachCommitIsSlowAndNotStuck() {
        primary.mysql.diskCost = 2 * SECOND;
        runFor(300);
        assertThat(cluster.term()).isEqualTo(1);
        acknowledging.clear();
        runFor(10);
        assertThat(acknowledging).isNotEmpty().containsOnly(primary);
    }
}
