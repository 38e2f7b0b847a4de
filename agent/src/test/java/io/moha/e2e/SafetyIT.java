package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** Agents that die or freeze, frozen machines and cut networks: see {@link SafetyScenarios} for what each round must keep. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class SafetyIT extends SafetyScenarios {
    /** By protocol.md, section 5: so long may a frozen machine's database acknowledge after it has woken. */
    private static final long FROZEN_MACHINE_MILLIS = 1500;

    private static final long LONGER_THAN_A_LEASE = TTL_MILLIS + 1500;

    SafetyIT() {
        super("safety");
    }

    @Test
    @Order(1)
    void aKilledAgentThatNeverReturnsLeavesADatabaseThatClosesBeforeTheLeaseEnds() throws Exception {
        List<Long> closedAfter = new ArrayList<>();
        List<Long> openAfter = new ArrayList<>();
        rounds("agent killed", ROUNDS, round -> {
            long killAt = System.nanoTime();
            cluster().kill(cluster().agent(round.primary));
            long elsewhere = awaitFailover(round, killAt);
            observe(TTL_MILLIS); // and it stays closed, with nobody beside it
            long last = round.witness.lastAck(round.primary, Long.MAX_VALUE);
            closedAfter.add(millis(killAt, last));
            openAfter.add(millis(killAt, elsewhere));
            assertThat(last).as("closed before another opens").isLessThan(elsewhere);
        });
        System.out.println("safety: agent killed: last acknowledgement of the old primary after " + closedAfter
                + " ms, first of the new one after " + openAfter + " ms, lease " + TTL_MILLIS + " ms");
        assertThat(closedAfter).allSatisfy(millis -> assertThat(millis).isLessThan(TTL_MILLIS));
    }

    @Test
    @Order(2)
    void anAgentStoppedForThreeLeasesDoesNotClaimTheRoleWhenItGoesOn() throws Exception {
        rounds("agent stopped for 3 leases", ROUNDS, round -> {
            String agent = cluster().agent(round.primary);
            long stopAt = System.nanoTime();
            faults().signal(agent, "STOP");
            long stoppedAt = System.nanoTime();
            round.witness.askAnew(round.primary);
            awaitFailover(round, stopAt);
            cluster().await("three leases", () -> millis(stopAt, System.nanoTime()) > 3 * TTL_MILLIS);
            long wakeAt = System.nanoTime();
            faults().signal(agent, "CONT");
            cluster().awaitPrimary(1);
            observe(3000);
            assertThat(round.witness.claims(round.primary, stoppedAt))
                    .as("answers of the woken agent that say it is primary")
                    .isZero();
            assertThat(round.witness.acks(round.primary, wakeAt)).isEmpty();
        });
    }

    @Test
    @Order(3)
    void aFrozenMachineMayAcknowledgeForASecondWhenItWakesAndNamesWhatItDid() throws Exception {
        List<String> seen = new ArrayList<>();
        rounds("machine frozen", ROUNDS, round -> {
            long freezeAt = System.nanoTime();
            cluster().pause(cluster().agent(round.primary));
            cluster().pause(cluster().mysql(round.primary));
            long frozenAt = System.nanoTime();
            round.witness.askAnew(round.primary);
            awaitFailover(round, freezeAt);
            cluster().await("two leases", () -> millis(frozenAt, System.nanoTime()) > 2 * TTL_MILLIS);
            long wakeAt = System.nanoTime();
            cluster().unpause(cluster().mysql(round.primary)); // the database first: the worse order
            long awakeAt = System.nanoTime();
            cluster().unpause(cluster().agent(round.primary));
            round.excuses.add(new Witness.Excuse(round.primary, wakeAt, awakeAt + FROZEN_MACHINE_MILLIS * 1_000_000));
            cluster()
                    .awaitStatus(round.primary, "closed", s -> s.get("readonly").asBoolean());
            observe(3000);
            List<Witness.Word> late = round.witness.acks(round.primary, wakeAt);
            seen.add(
                    late.isEmpty()
                            ? "none"
                            : late.size() + " until "
                                    + millis(awakeAt, late.get(late.size() - 1).at()) + " ms");
            assertThat(round.witness.claims(round.primary, frozenAt)).isZero();
        });
        System.out.println("safety: acknowledged by a frozen machine after it woke: " + seen);
    }

    @Test
    @Order(4)
    void aPrimaryCutOffFromEtcdAloneClosesAndAnotherOpens() throws Exception {
        rounds("cut off from etcd", ROUNDS, round -> {
            long cutAt = faults().cut(host(round.primary), etcds(), HostFaults.Way.BOTH);
            long elsewhere = awaitFailover(round, cutAt);
            report("cut off from etcd", round, cutAt, elsewhere);
            observe(2000);
        });
    }

    @Test
    @Order(5)
    void aPrimaryCutOffFromItsReplicasAloneGoesOn() throws Exception {
        rounds("cut off from its replicas", ROUNDS, round -> {
            faults().cut(
                            List.of(cluster().mysql(round.primary)),
                            host(others(round.primary).toArray(Integer[]::new)),
                            HostFaults.Way.BOTH);
            observe(LONGER_THAN_A_LEASE);
            assertNoFailover(round);
            assertThat(round.witness.longestGapMillis()).isLessThan(3000);
            faults().heal();
            cluster().awaitPrimary(nodes() - 1);
            assertNoFailover(round);
        });
    }

    @Test
    @Order(6)
    void aPrimaryCutOffFromEverythingClosesAndNamesWhatOnlyItHas() throws Exception {
        rounds("cut off from everything", ROUNDS, round -> {
            long cutAt = faults().cut(host(round.primary), elsewhere(round.primary), HostFaults.Way.BOTH);
            long elsewhere = awaitFailover(round, cutAt);
            report("cut off from everything", round, cutAt, elsewhere);
            observe(2000);
        });
    }

    @Test
    @Order(7)
    void aNetworkThatWorksOneWayOnlyNeverGivesTwoPrimaries() throws Exception {
        List<HostFaults.Way> ways = FULL
                ? List.of(HostFaults.Way.NOTHING_IN, HostFaults.Way.NOTHING_OUT)
                : List.of(HostFaults.Way.NOTHING_IN);
        for (HostFaults.Way way : ways) {
            rounds("one way, " + way, ROUNDS, round -> {
                long cutAt = faults().cut(host(round.primary), elsewhere(round.primary), way);
                long elsewhere = awaitFailover(round, cutAt);
                report("one way, " + way, round, cutAt, elsewhere);
                observe(2000);
            });
        }
    }

    private void report(String what, Round round, long cutAt, long elsewhere) {
        long last = round.witness.lastAck(round.primary, Long.MAX_VALUE);
        System.out.println("safety: " + what + ": last acknowledgement of the old primary after " + millis(cutAt, last)
                + " ms, first of the new one after " + millis(cutAt, elsewhere) + " ms");
        assertThat(last).as("closed before another opens").isLessThan(elsewhere);
    }

    @Test
    @Order(8)
    void clientsThatDoNotReachThePrimaryAreNoReasonForAFailover() throws Exception {
        rounds("clients cut off", ROUNDS, round -> {
            faults().cutClients(cluster().mysql(round.primary));
            observe(LONGER_THAN_A_LEASE);
            assertNoFailover(round);
        });
    }

    @Test
    @Order(9)
    void oneEtcdServerOfThreeIsNeverMissed() throws Exception {
        rounds("one etcd server killed, frozen; the leader killed", ROUNDS, round -> {
            String some = cluster().etcd(1);
            cluster().kill(some);
            observe(LONGER_THAN_A_LEASE / 2);
            cluster().startAgain(some);
            awaitCalm(round, some);
            String frozen = leader();
            cluster().pause(frozen);
            observe(LONGER_THAN_A_LEASE);
            cluster().unpause(frozen);
            awaitCalm(round, frozen);
            String leader = leader();
            cluster().kill(leader);
            observe(LONGER_THAN_A_LEASE / 2);
            cluster().startAgain(leader);
            awaitCalm(round, leader);
            // On a loaded machine etcd takes seconds for a new leader: then the primary fences, and opens again.
            assertThat(round.witness.longestGapMillis()).isLessThan(TTL_MILLIS);
        });
    }

    /**
     * One fault at a time: a frozen leader that wakes may still revoke the leases that it believes to have run out, and
     * the primary must take its role again before the next fault.
     */
    private void awaitCalm(Round round, String etcd) throws InterruptedException {
        awaitEtcd(etcd);
        observe(LONGER_THAN_A_LEASE / 2);
        cluster().awaitPrimary(nodes() - 1);
        assertNoFailover(round);
    }

    @Test
    @Order(10)
    void etcdWithoutAQuorumForThreeSecondsCausesNoFailover() throws Exception {
        rounds("no quorum for 3 s", ROUNDS, round -> {
            String leader = leader();
            String other =
                    etcds().stream().filter(e -> !e.equals(leader)).findFirst().orElseThrow();
            cluster().pause(leader);
            cluster().pause(other);
            observe(3000);
            cluster().unpause(leader);
            cluster().unpause(other);
            observe(LONGER_THAN_A_LEASE);
            assertNoFailover(round);
            assertThat(round.witness.longestGapMillis()).isLessThan(TTL_MILLIS);
        });
    }

    private void awaitEtcd(String etcd) {
        cluster()
                .await(
                        etcd + " is healthy",
                        () -> HostFaults.shell("curl -s -m 2 http://127.0.0.1:"
                                        + cluster().port(etcd) + "/health")
                                .contains("true"));
    }

    private String leader() {
        String[] found = {""};
        cluster().await("an etcd leader", () -> {
            for (String etcd : etcds()) {
                if (HostFaults.shell(
                                "curl -s -m 2 http://127.0.0.1:" + cluster().port(etcd) + "/metrics")
                        .contains("etcd_server_is_leader 1")) {
                    found[0] = etcd;
                }
            }
            return !found[0].isEmpty();
        });
        return found[0];
    }
}
