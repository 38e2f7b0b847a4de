package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
    /** Everywhere and always fewer: a machine that does other things beside has two cores. */
    private static final int CLIENTS = FULL ? 24 : 8;

    private static final int CONNECTIONS = 1000;
    private static final Path FAKE_TIME = Path.of("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1");

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
            // 10 s without an answer are taken for stuck; slower ones for slow.
            assertThat(millis(stopAt, elsewhere)).isLessThan(20_000);
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
                boolean inTime = cluster().withinLease(cluster().restartAgent(old));
                // It gets in by the connection that is kept for it, or by the administrative port.
                int now = cluster().awaitPrimary(nodes() - 1);
                if (inTime) {
                    observe(TTL_MILLIS);
                    assertNoFailover(round);
                }
                int target = others(now).get(0);
                assertThat(cluster()
                                .post(now, "/changeMaster?to=node-" + target)
                                .body())
                        .contains("success");
                cluster().await("the target is primary", () -> cluster().awaitPrimary(nodes() - 1) == target);
                System.out.println("safety: " + idle.size() + " idle connections, agent restarted"
                        + (inTime ? "" : " (too slowly to keep the role)") + ", switched");
            } finally {
                for (Connection connection : idle) {
                    connection.abort(Runnable::run);
                }
            }
            cluster().execute(old, "SET GLOBAL max_connections = 300");
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
    void aClockThatGoesAheadByAnHourNeverGivesTwoPrimaries() throws Exception {
        withClockThatJumps("+3600");
    }

    @Test
    @Order(6)
    void aClockThatIsSetBackByAnHourNeverGivesTwoPrimaries() throws Exception {
        withClockThatJumps("-3600");
    }

    private void withClockThatJumps(String offset) throws Exception {
        assumeFull("a clock that jumps");
        if (!Files.exists(FAKE_TIME)) {
            System.out.println("SKIPPED: a clock that jumps needs " + FAKE_TIME + ": apt-get install libfaketime");
        }
        Assumptions.assumeTrue(Files.exists(FAKE_TIME), "needs libfaketime");
        Path directory = Files.createTempDirectory("moha-clock-");
        Path clock = directory.resolve("offset");
        try {
            rounds("clock of the primary's database " + offset + " s", ROUNDS, () -> withClock(clock), round -> {
                Files.writeString(clock, offset + "\n");
                observe(3 * TTL_MILLIS);
                cluster().awaitPrimary(nodes() - 1);
                System.out.println("safety: clock " + offset + " s: primaries " + round.witness.reigns()
                        + ", longest gap " + round.witness.longestGapMillis() + " ms");
                makePrimary(round.primary);
                closesWithoutAgent(round);
                heal();
                settle(round);
                anew(round.primary);
            });
        } finally {
            HostFaults.shell("rm -rf " + directory);
        }
    }

    /** With the clock as it is now, the database must still close itself. */
    private void closesWithoutAgent(Round round) throws Exception {
        long killAt = System.nanoTime();
        cluster().kill(cluster().agent(round.primary));
        awaitFailover(round, killAt);
        observe(TTL_MILLIS); // and it stays closed
        long last = millis(killAt, round.witness.lastAck(round.primary, Long.MAX_VALUE));
        System.out.println(
                "safety: the agent beside the wrong clock killed: last acknowledgement after " + last + " ms");
        assertThat(last).isLessThan(TTL_MILLIS);
    }

    /** The database of some node gets a clock that follows a file, and the role. */
    private void withClock(Path clock) throws Exception {
        int node = others(cluster().awaitPrimary(nodes() - 1)).get(0);
        Files.writeString(clock, "+0\n");
        HostFaults.shell("chmod -R a+rX " + clock.getParent());
        cluster().stop(cluster().agent(node));
        faults().recreate(
                        cluster().mysql(node),
                        "--volume " + clock.getParent() + ":/moha-clock:ro --volume " + FAKE_TIME + ":/moha-clock.so:ro"
                                + " --env LD_PRELOAD=/moha-clock.so --env FAKETIME_TIMESTAMP_FILE=/moha-clock/offset"
                                + " --env FAKETIME_CACHE_DURATION=1 --env FAKETIME_DONT_FAKE_MONOTONIC=1"
                                + " --env FAKETIME_FORCE_MONOTONIC_FIX=0");
        cluster().startAgain(cluster().agent(node));
        cluster().awaitSameGtids();
        makePrimary(node);
    }

    @Test
    @Order(7)
    void aFullDiskEndsInAFailoverAndTheNodeComesBack() throws Exception {
        assumeFull("a full disk");
        onSmallDisk("disk full", (round, disk) -> {
            long fullAt = System.nanoTime();
            disk.fill();
            long elsewhere = awaitFailover(round, fullAt);
            System.out.println("safety: disk full: last acknowledgement after "
                    + millis(fullAt, round.witness.lastAck(round.primary, Long.MAX_VALUE))
                    + " ms, another's first after "
                    + millis(fullAt, elsewhere) + " ms");
            disk.empty();
        });
    }

    @Test
    @Order(8)
    void aDiskThatStallsEndsInAFailoverAndTheNodeComesBack() throws Exception {
        assumeFull("a disk that stalls");
        onSmallDisk("disk stalled", (round, disk) -> {
            long stallAt = System.nanoTime();
            disk.freeze();
            try {
                long elsewhere = awaitFailover(round, stallAt);
                System.out.println(
                        "safety: disk stalled: another acknowledges after " + millis(stallAt, elsewhere) + " ms");
                observe(TTL_MILLIS);
            } finally {
                disk.thaw();
            }
        });
    }

    @Test
    @Order(9)
    void aDiskThatTurnsReadOnlyEndsInAFailoverAndTheRepairedNodeComesBack() throws Exception {
        assumeFull("a disk that turns read-only");
        onSmallDisk("disk read-only", (round, disk) -> {
            long brokenAt = System.nanoTime();
            disk.breakDown();
            long elsewhere = awaitFailover(round, brokenAt);
            System.out.println(
                    "safety: disk read-only: another acknowledges after " + millis(brokenAt, elsewhere) + " ms");
            observe(TTL_MILLIS); // its agent tries to start it, in vain
            cluster().kill(cluster().agent(round.primary));
            String container = faults().inspect(cluster().mysql(round.primary), "{{.Id}}");
            HostFaults.shell("docker kill " + container + " 2>/dev/null; docker wait " + container);
            disk.repair();
            cluster().startAgain(cluster().agent(round.primary));
        });
    }

    /** The last one: a node that is made anew would have to replay all of it. */
    @Test
    @Order(10)
    void aPrimaryUnderHeavyLoadIsNeverFailedOver() throws Exception {
        rounds("load for " + LOAD_MINUTES + " min", 1, round -> {
            long transactions =
                    new Sysbench(cluster(), round.primary).readWrite(CLIENTS, Duration.ofMinutes(LOAD_MINUTES));
            System.out.println("safety: load for " + LOAD_MINUTES + " min: " + transactions + " transactions of "
                    + CLIENTS + " clients of sysbench");
            assertThat(transactions).isGreaterThan(100);
            assertNoFailover(round);
        });
    }

    private interface DiskScenario {
        void run(Round round, SmallDisk disk) throws Exception;
    }

    private void onSmallDisk(String what, DiskScenario scenario) throws Exception {
        List<SmallDisk> disks = new ArrayList<>();
        try {
            rounds(what, ROUNDS, () -> disks.add(withSmallDisk()), round -> {
                SmallDisk disk = disks.remove(0);
                try {
                    scenario.run(round, disk);
                    settle(round);
                } finally {
                    cluster().kill(cluster().agent(round.primary));
                    cluster().stop(cluster().mysql(round.primary));
                    disk.close();
                }
                anew(round.primary);
            });
        } finally {
            if (!disks.isEmpty()) {
                System.err.println("safety: a mounted disk is left: " + disks);
            }
        }
    }

    /** Some node gets a small disk, and the role. */
    private SmallDisk withSmallDisk() throws Exception {
        int node = others(cluster().awaitPrimary(nodes() - 1)).get(0);
        String mysql = cluster().mysql(node);
        cluster().stop(cluster().agent(node));
        cluster().stop(mysql);
        SmallDisk disk = new SmallDisk(
                faults().inspect(
                                mysql,
                                "{{range .Mounts}}{{if eq .Destination \"/var/lib/mysql\"}}{{.Source}}{{end}}{{end}}"),
                1000);
        cluster().startAgain(cluster().agent(node));
        cluster().awaitSameGtids();
        makePrimary(node);
        return disk;
    }

    /** Moves the role to a node, as planned, as soon as that node has caught up. */
    private void makePrimary(int node) throws Exception {
        cluster().await("node-" + node + " is primary", () -> {
            int primary = cluster().awaitPrimary(nodes() - 1);
            if (primary != node) {
                cluster().post(primary, "/changeMaster?to=node-" + node);
            }
            return primary == node;
        });
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
        cluster().awaitPrimary(nodes() - 1);
    }
}
