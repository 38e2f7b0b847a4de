package io.moha.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.moha.sim.Cluster.Node;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;

/** A simulated cluster that has its primary, and a client at each node that writes all the time. */
abstract class ThreeNodes {
    static final int TTL = 10;
    private static final long SECOND = Duration.ofSeconds(1).toNanos();

    /** One write that a client was told of. */
    record Acknowledged(Node node, long at) {}

    final Scheduler scheduler = new Scheduler();
    final Cluster cluster = new Cluster(
            scheduler,
            new SplittableRandom(1),
            new Cluster.Shape(3, Duration.ofSeconds(TTL), Duration.ofSeconds(5), true),
            null);
    final Node primary;
    private final List<Acknowledged> acknowledged = new ArrayList<>();
    private long writes;

    ThreeNodes() {
        cluster.nodes.forEach(Node::startAgent);
        cluster.nodes.forEach(this::write);
        runFor(12);
        primary = cluster.holder().orElseThrow();
        assertThat(primary.mysql.writable()).isTrue();
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
        node.mysql.write(++writes, t -> {}, () -> acknowledged.add(new Acknowledged(node, scheduler.now())));
        scheduler.in(20_000_000, () -> write(node));
    }

    final void runFor(long seconds) {
        scheduler.run(scheduler.now() + seconds * SECOND);
    }

    /** Acknowledged after a moment of virtual time. */
    final List<Acknowledged> since(long from) {
        return acknowledged.stream().filter(a -> a.at() > from).toList();
    }

    /** Acknowledged in the last seconds. */
    final List<Acknowledged> inTheLast(long seconds) {
        return since(scheduler.now() - seconds * SECOND);
    }
}
