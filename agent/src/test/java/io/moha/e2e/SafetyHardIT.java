package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * Databases that are there and do not work, load, clocks and flapping networks: see {@link SafetyScenarios} for what each
 * round must keep, and for how to run the long ones.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class SafetyHardIT extends SafetyScenarios {
    private static final int LOAD_MINUTES = Integer.getInteger("moha.safety.load-minutes", FULL ? 10 : 1);
    private static final int CONNECTIONS = 1000;
    private static final Path FAKE_TIME = Path.of("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1");

    SafetyHardIT() {
        super("safety-hard");
    }

    @Test
    @Order(1)
    void aFrozenDatabaseIsKilledAndAnotherOpens() throws Exception {
        rounds("database stopped", ROUNDS, round -> {
            long stopAt = System.nanoTime();
            faults().signal(cluster().mysql(round.primary), "STOP");
            long elsewhere = awaitFailover(round, stopAt);
            System.out.println(
                    "safety: database stopped: another acknowledges after " + millis(stopAt, elsewhere) + " ms");
        });
    }

    @Test
    @Order(2)
    void aThousandIdleConnectionsAreNoReasonForAFailoverAndDoNotHinderAPlannedOne() throws Exception {
        rounds("connections exhausted", ROUNDS, round -> {
            int old = round.primary;
            cluster().execute(old, "SET GLOBAL max_connections = " + CONNECTIONS);
            List<Connection> idle = new ArrayList<>();
            try {
                assertThatThrownBy(() -> {
                            while (idle.size() <= CONNECTIONS) {
                                idle.add(cluster().connectApp(old));
                            }
                        })
                        .isInstanceOf(SQLException.class)
                        .hasMessageContaining("Too many connections");
                observe(TTL_MILLIS);
                assertNoFailover(round);
                cluster().restart(cluster().agent(old));
                cluster().awaitStatus(old, "primary again", s -> s.get("master").asBoolean());
                observe(TTL_MILLIS);
                assertNoFailover(round);
                int target = others(old).get(0);
                assertThat(cluster()
                                .post(old, "/changeMaster?to=node-" + target)
                                .body())
                        .contains("success");
                cluster().await("the target is primary", () -> cluster().awaitPrimary(NODES - 1) == target);
                System.out.println("safety: " + idle.size() + " idle connections, agent restarted, switched");
            } finally {
                for (Connection connection : idle) {
                    connection.abort(Runnable::run);
                }
            }
            cluster().execute(old, "SET GLOBAL max_connections = 300");
        });
    }

    @Test
    @Order(3)
    void aPrimaryUnderHeavyLoadIsNeverFailedOver() throws Exception {
        rounds("load for " + LOAD_MINUTES + " min", 1, round -> {
            cluster()
                    .execute(
                            round.primary,
                            "CREATE TABLE IF NOT EXISTS demo.busy (id BIGINT AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL,"
                                    + " filling VARCHAR(2000) NOT NULL, KEY (k))");
            try (BusyClients clients = new BusyClients(cluster(), round.primary, 24)) {
                observe(TimeUnit.MINUTES.toMillis(LOAD_MINUTES));
                System.out.println("safety: load for " + LOAD_MINUTES + " min: " + clients.transactions()
                        + " transactions of 24 clients");
                assertThat(clients.transactions()).isGreaterThan(100);
                assertNoFailover(round);
            }
            assertNoFailover(round);
        });
    }

    @Test
    @Order(4)
    void aPartitionThatComesAndGoesEverySecondNeverGivesTwoPrimaries() throws Exception {
        assumeFull("a network that flaps for a minute");
        rounds("flapping for a minute", ROUNDS, round -> {
            long beganAt = System.nanoTime();
            while (millis(beganAt, System.nanoTime()) < 60_000) {
                faults().cut(host(round.primary), elsewhere(round.primary), HostFaults.Way.BOTH);
                observe(1000);
                faults().reconnect();
                observe(1000);
            }
        });
    }

    @Test
    @Order(5)
    void aClockThatJumpsByAnHourNeverGivesTwoPrimaries() throws Exception {
        assumeFull("a clock that jumps");
        if (!Files.exists(FAKE_TIME)) {
            System.out.println("SKIPPED: a clock that jumps needs " + FAKE_TIME + ": apt-get install libfaketime");
        }
        Assumptions.assumeTrue(Files.exists(FAKE_TIME), "needs libfaketime");
        for (String offset : List.of("+3600", "-3600")) {
            rounds("clock of the primary's database " + offset + " s", ROUNDS, round -> {
                int node = others(round.primary).get(0);
                Path directory = Files.createTempDirectory("moha-clock-");
                try {
                    Path clock = Files.writeString(directory.resolve("offset"), "+0\n");
                    HostFaults.shell("chmod -R a+rX " + directory);
                    withClock(node, directory);
                    makePrimary(node);
                    long stepAt = System.nanoTime();
                    Files.writeString(clock, offset + "\n");
                    observe(3 * TTL_MILLIS);
                    System.out.println(
                            "safety: clock " + offset + " s: last acknowledgement of node-" + node + " after "
                                    + millis(stepAt, round.witness.lastAck(node, Long.MAX_VALUE)) + " ms, states "
                                    + others(0).stream().map(this::stateOf).toList());
                    // With the clock as it is now: the database must still close itself.
                    int primary = cluster().awaitPrimary(1);
                    makePrimary(node);
                    long killAt = System.nanoTime();
                    cluster().kill(cluster().agent(node));
                    cluster()
                            .await(
                                    "another node acknowledges",
                                    () -> round.witness.firstAckElsewhere(node, killAt) > 0);
                    long last = millis(killAt, round.witness.lastAck(node, Long.MAX_VALUE));
                    System.out.println("safety: clock " + offset + " s, primary was node-" + primary
                            + ", agent killed: last acknowledgement after " + last + " ms");
                    assertThat(last).isLessThan(TTL_MILLIS);
                    cluster().startAgain(cluster().agent(node));
                    settle(round);
                } finally {
                    anew(node);
                    HostFaults.shell("rm -rf " + directory);
                }
            });
        }
    }

    private void withClock(int node, Path directory) throws Exception {
        cluster().stop(cluster().agent(node));
        faults().recreate(
                        cluster().mysql(node),
                        "--volume " + directory + ":/moha-clock:ro --volume " + FAKE_TIME + ":/moha-clock.so:ro"
                                + " --env LD_PRELOAD=/moha-clock.so --env FAKETIME_TIMESTAMP_FILE=/moha-clock/offset"
                                + " --env FAKETIME_CACHE_DURATION=1 --env FAKETIME_DONT_FAKE_MONOTONIC=1");
        cluster().startAgain(cluster().agent(node));
        cluster().awaitPrimary(NODES - 1);
    }

    @Test
    @Order(6)
    void aFullDiskEndsInAFailoverAndTheNodeComesBack() throws Exception {
        assumeFull("a full disk");
        onSmallDisk("disk full", (round, node, disk) -> {
            long fullAt = System.nanoTime();
            disk.fill();
            cluster().await("another node acknowledges", () -> round.witness.firstAckElsewhere(node, fullAt) > 0);
            System.out.println("safety: disk full: last acknowledgement after "
                    + millis(fullAt, round.witness.lastAck(node, Long.MAX_VALUE)) + " ms, another's first after "
                    + millis(fullAt, round.witness.firstAckElsewhere(node, fullAt)) + " ms");
            disk.empty();
            settle(round);
        });
    }

    @Test
    @Order(7)
    void aDiskThatStallsEndsInAFailoverAndTheNodeComesBack() throws Exception {
        assumeFull("a disk that stalls");
        onSmallDisk("disk stalled", (round, node, disk) -> {
            long stallAt = System.nanoTime();
            disk.freeze();
            try {
                cluster().await("another node acknowledges", () -> round.witness.firstAckElsewhere(node, stallAt) > 0);
                System.out.println("safety: disk stalled: another acknowledges after "
                        + millis(stallAt, round.witness.firstAckElsewhere(node, stallAt)) + " ms");
                observe(TTL_MILLIS);
            } finally {
                disk.thaw();
            }
            settle(round);
        });
    }

    private interface DiskScenario {
        void run(Round round, int node, SmallDisk disk) throws Exception;
    }

    private void onSmallDisk(String what, DiskScenario scenario) throws Exception {
        rounds(what, ROUNDS, round -> {
            int node = others(round.primary).get(0);
            String mysql = cluster().mysql(node);
            cluster().stop(cluster().agent(node));
            cluster().stop(mysql);
            String directory = faults().inspect(
                            mysql,
                            "{{range .Mounts}}{{if eq .Destination \"/var/lib/mysql\"}}{{.Source}}{{end}}{{end}}");
            try (SmallDisk disk = new SmallDisk(directory, 1000)) {
                try {
                    cluster().startAgain(cluster().agent(node));
                    makePrimary(node);
                    scenario.run(round, node, disk);
                } finally {
                    cluster().kill(cluster().agent(node));
                    cluster().stop(mysql);
                }
            }
            anew(node);
        });
    }

    /** Moves the role to a node, as planned, if it does not have it. */
    private void makePrimary(int node) throws Exception {
        int primary = cluster().awaitPrimary(NODES - 1);
        if (primary != node) {
            assertThat(cluster().post(primary, "/changeMaster?to=node-" + node).body())
                    .contains("success");
        }
        cluster().await("node-" + node + " is primary", () -> cluster().awaitPrimary(NODES - 1) == node);
        assertThat(cluster().code(node, "GET", "/masterCheck", Optional.empty()))
                .isEqualTo(200);
    }

    /** A node gets a usual container again, and its data from the others. */
    private void anew(int node) {
        String mysql = cluster().mysql(node);
        try {
            cluster().kill(cluster().agent(node));
        } catch (RuntimeException e) {
            // It has ended already.
        }
        cluster().await("another primary", () -> cluster().awaitPrimary(1) != node);
        cluster().remove(mysql);
        faults().forget(mysql);
        cluster().createMysql(node, node);
        cluster().startAgain(cluster().agent(node));
        cluster().awaitPrimary(NODES - 1);
    }
}
