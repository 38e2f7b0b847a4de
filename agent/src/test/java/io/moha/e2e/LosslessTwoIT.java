package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** Two nodes: the only replica is the only acker. It can take over alone; without it writes wait. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LosslessTwoIT extends LosslessScenarios {
    LosslessTwoIT() {
        super("lossless-two");
    }

    @Override
    int size() {
        return 2;
    }

    @Test
    @Order(1)
    void theOnlyReplicaReplacesALostHostBeforeItsLeaseEnds() throws Exception {
        rounds("lossless, two nodes, host lost", ROUNDS, round -> {
            awaitInForce(round.primary, 1);
            long killAt = System.nanoTime();
            cluster().kill(cluster().agent(round.primary));
            cluster().kill(cluster().mysql(round.primary));
            // Alone it has nobody to acknowledge: it is elected, and its writes wait for the other one's return.
            int other = others(round.primary).get(0);
            cluster().awaitStatus(other, "elected", s -> s.get("state").asText().equals("PRIMARY"));
            assertThat(millis(killAt, System.nanoTime())).isLessThan(LEASE_MILLIS);
            assertThat(round.witness.acks(other, killAt))
                    .as("nobody can have its writes")
                    .isEmpty();
        });
    }

    @Test
    @Order(2)
    void withoutItsOnlyReplicaWritesWaitAndNobodyTakesTheRole() throws Exception {
        rounds("lossless, two nodes, replica lost", 1, round -> {
            awaitInForce(round.primary, 1);
            cluster().kill(cluster().mysql(others(round.primary).get(0)));
            cluster().kill(cluster().agent(others(round.primary).get(0)));
            observe(1000);
            long waitsFrom = System.nanoTime();
            observe(3000);
            assertThat(round.witness.acks(round.primary, waitsFrom)).isEmpty();
            assertNoFailover(round);
        });
    }
}
