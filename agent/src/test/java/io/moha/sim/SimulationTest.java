package io.moha.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SimulationTest {
    private static final int SEEDS = Integer.getInteger("moha.sim.seeds", 2000);

    @BeforeAll
    static void quiet() {
        Main.quiet();
    }

    /** A failure names its seeds; {@code ./simulate replay SEED} shows what happened. */
    @Test
    void everyPromiseIsKeptInThousandsOfRuns() throws Exception {
        Runs runs = new Runs(System.out::println);
        runs.run(1, SEEDS, Optional.empty());
        assertThat(runs.violations()).isEmpty();
        assertThat(runs.finished()).isEqualTo(SEEDS);
        // Runs in which nothing is written or nobody ever fails over would prove nothing.
        assertThat(runs.acknowledged()).isGreaterThan(100L * SEEDS);
        assertThat(runs.terms()).isGreaterThan(SEEDS * 5L / 4);
    }

    /** Runs that once broke a promise, by what was wrong; see docs/internals/safety.md. */
    @ParameterizedTest
    @ValueSource(
            longs = {
                302, 303, 652, 929, 1352, 1460, 1534, 3683, 1126, 4350, 4976, 6475, 10549, 12784, 18215, 20105, 33162,
                98474, 101764, 154224
            })
    void whatWasFoundOnceStaysMended(long seed) {
        assertThat(Simulation.run(seed, true, null).violation()).isEmpty();
    }

    @Test
    void theSameSeedIsTheSameRunToTheLastLine() {
        for (long seed = 100; seed < 110; seed++) {
            List<String> first = new ArrayList<>();
            List<String> second = new ArrayList<>();
            Simulation.Result one = Simulation.run(seed, true, first::add);
            Simulation.Result other = Simulation.run(seed, true, second::add);
            assertThat(other).isEqualTo(one);
            assertThat(second).isEqualTo(first);
            assertThat(first).hasSizeGreaterThan(20);
        }
    }
}
