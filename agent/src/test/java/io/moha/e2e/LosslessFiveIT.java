package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * Five nodes, two acknowledgements: any two hosts may be lost at once. Node 5 is far away: it follows, late, acknowledges nothing
 * and is never elected.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LosslessFiveIT extends LosslessScenarios {
    private static final int FAR = 5;
    private static final int DELAY_SECONDS = 4;

    LosslessFiveIT() {
        super("lossless-five");
    }

    @Override
    int size() {
        return 5;
    }

    @Override
    int acks() {
        return 2;
    }

    @Override
    String more(int node) {
        return node == FAR ? "acker = false\npromotion-rule = \"must_not\"\n" : "";
    }

    /** Its agent starts an applier that somebody has stopped: in between there may be no time for the change. */
    private void delayTheFarOne() {
        cluster().await("node " + FAR + " is delayed", () -> {
            cluster()
                    .execute(
                            FAR,
                            "STOP REPLICA SQL_THREAD",
                            "CHANGE REPLICATION SOURCE TO SOURCE_DELAY=" + DELAY_SECONDS,
                            "START REPLICA SQL_THREAD");
            return true;
        });
    }

    @Test
    @Order(1)
    void thePrimaryAndAnAckerAreLostAtOnceAndNothingElse() throws Exception {
        rounds("lossless, five nodes, two hosts lost", ROUNDS, this::delayTheFarOne, round -> {
            awaitInForce(round.primary, 3);
            List<Integer> ackers =
                    others(round.primary).stream().filter(n -> n != FAR).toList();
            long killAt = System.nanoTime();
            for (int n : List.of(round.primary, ackers.get(0))) {
                cluster().kill(cluster().agent(n));
                cluster().kill(cluster().mysql(n));
            }
            long elsewhere = awaitElected(ackers);
            System.out.println("lossless, five nodes: primary and an acker lost: elected after "
                    + millis(killAt, elsewhere) + " ms, lease " + LEASE_MILLIS + " ms");
            assertThat(millis(killAt, elsewhere)).isLessThan(LEASE_MILLIS);
            assertThat(stateOf(FAR)).as("the one that is far away").isNotEqualTo("PRIMARY");
        });
    }

    private long awaitElected(List<Integer> candidates) {
        cluster()
                .await(
                        "one of " + candidates + " is elected",
                        () -> candidates.stream().anyMatch(n -> stateOf(n).equals("PRIMARY")));
        return System.nanoTime();
    }
}
