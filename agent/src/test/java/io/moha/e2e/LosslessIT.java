package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** Three nodes: what may happen to each part of a cluster that is used as most are. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LosslessIT extends LosslessScenarios {
    LosslessIT() {
        super("lossless");
    }

    @Test
    @Order(1)
    void aKilledDatabaseCostsNoAcknowledgedWrite() throws Exception {
        List<Long> gaps = new ArrayList<>();
        rounds("lossless, mysqld killed", ROUNDS, round -> {
            awaitInForce(round.primary, 2);
            long killAt = System.nanoTime();
            cluster().kill(cluster().mysql(round.primary));
            gaps.add(millis(killAt, awaitFailover(round, killAt)));
            observe(1000);
        });
        System.out.println("lossless: mysqld killed: another acknowledges after " + gaps + " ms");
    }

    @Test
    @Order(2)
    void aLostHostCostsNoAcknowledgedWriteAndNoLease() throws Exception {
        List<Long> gaps = new ArrayList<>();
        rounds("lossless, host lost", ROUNDS, round -> {
            awaitInForce(round.primary, 2);
            long killAt = System.nanoTime();
            cluster().kill(cluster().agent(round.primary));
            cluster().kill(cluster().mysql(round.primary));
            gaps.add(millis(killAt, awaitFailover(round, killAt)));
            observe(1000);
        });
        System.out.println(
                "lossless: host lost: another acknowledges after " + gaps + " ms, lease " + LEASE_MILLIS + " ms");
        assertThat(gaps).allSatisfy(gap -> assertThat(gap).isLessThan(LEASE_MILLIS));
    }

    @Test
    @Order(3)
    void aPrimaryThatIsCutOffIsReplacedBeforeItsLeaseEndsAndAcknowledgesNothingMore() throws Exception {
        List<Long> gaps = new ArrayList<>();
        rounds("lossless, cut off from everything", ROUNDS, round -> {
            awaitInForce(round.primary, 2);
            long cutAt = faults().cut(host(round.primary), elsewhere(round.primary), HostFaults.Way.BOTH);
            // It may call itself primary until it has noticed; it cannot acknowledge.
            round.excuses.add(Witness.Excuse.ofWord(round.primary, cutAt, cutAt + LEASE_MILLIS * 1_000_000));
            long elsewhere = awaitFailover(round, cutAt);
            gaps.add(millis(cutAt, elsewhere));
            observe(LEASE_MILLIS);
            assertThat(round.witness.lastAck(round.primary, Long.MAX_VALUE))
                    .as("last acknowledgement of the one that is cut off")
                    .isLessThan(elsewhere);
        });
        System.out.println(
                "lossless: cut off: another acknowledges after " + gaps + " ms, lease " + LEASE_MILLIS + " ms");
        assertThat(gaps).allSatisfy(gap -> assertThat(gap).isLessThan(LEASE_MILLIS));
    }

    @Test
    @Order(4)
    void withBothReplicasDownWritesWaitAndGoOnWhenOneIsBack() throws Exception {
        rounds("lossless, both replicas down", 1, round -> {
            awaitInForce(round.primary, 2);
            for (int n : others(round.primary)) {
                cluster().pause(cluster().mysql(n));
            }
            observe(1000);
            long waitsFrom = System.nanoTime();
            observe(3000);
            assertThat(round.witness.acks(round.primary, waitsFrom)).isEmpty();
            assertNoFailover(round);
            for (int n : others(round.primary)) {
                cluster().unpause(cluster().mysql(n));
            }
            long backAt = System.nanoTime();
            cluster()
                    .await(
                            "writes go on",
                            () -> !round.witness.acks(round.primary, backAt).isEmpty());
            assertNoFailover(round);
        });
    }

    @Test
    @Order(5)
    void aPrimaryThatHasLostEtcdAloneIsNotReplacedBeforeItsLeaseEnds() throws Exception {
        rounds("lossless, cut off from etcd", 1, round -> {
            awaitInForce(round.primary, 2);
            long cutAt = faults().cut(host(round.primary), etcds(), HostFaults.Way.BOTH);
            round.excuses.add(Witness.Excuse.ofWord(round.primary, cutAt, cutAt + 2 * LEASE_MILLIS * 1_000_000));
            observe(2500);
            assertThat(round.witness.acks(round.primary, cutAt + 1_500_000_000L))
                    .as("its ackers still follow it")
                    .isNotEmpty();
            awaitFailover(round, cutAt);
        });
    }

    @Test
    @Order(6)
    void durabilityIsChangedOnARunningCluster() throws Exception {
        rounds("async and back", 1, round -> {
            awaitInForce(round.primary, 2);
            change(round.primary, "async");
            change(round.primary, "lossless");
            assertNoFailover(round);
            assertThat(round.witness.longestGapMillis()).isLessThan(LEASE_MILLIS / 2);
        });
    }

    private void change(int primary, String mode) throws Exception {
        assertThat(cluster().code(primary, "POST", "/durability?mode=" + mode, Optional.empty()))
                .isEqualTo(401);
        assertThat(cluster().post(primary, "/durability?mode=nothing").statusCode())
                .isEqualTo(400);
        HttpResponse<String> said = cluster().post(primary, "/durability?mode=" + mode);
        assertThat(said.statusCode()).isEqualTo(200);
        assertThat(said.body()).as("the word that moctl looks for").contains("success");
        JsonNode status = cluster()
                .awaitStatus(
                        primary,
                        mode + " in force",
                        s -> s.get("durability").asText().equals(mode));
        assertThat(status.get("durability_wanted").asText()).isEqualTo(mode);
    }
}
