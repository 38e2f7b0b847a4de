package io.moha.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SimulationTest {
    private static final int SEEDS = Integer.getInteger("moha.sim.seeds", 2000);
    private static final int CHANGING_SEEDS = Integer.getInteger("moha.sim.changing-seeds", 500);
    private static final int LOSSLESS_SEEDS = Integer.getInteger("moha.sim.lossless-seeds", 1000);
    private static final @Nullable Long ONE_SEED = Long.getLong("moha.sim.seed");

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

    /** Under loss-less durability nothing that was acknowledged may be lost, named or not. */
    @Test
    void nothingAcknowledgedIsLostUnderLosslessDurability() throws Exception {
        Runs runs = new Runs(System.out::println, Simulation::runLossless);
        runs.run(1, LOSSLESS_SEEDS, Optional.empty());
        assertThat(runs.violations()).isEmpty();
        assertThat(runs.acknowledged()).isGreaterThan(100L * LOSSLESS_SEEDS);
        assertThat(runs.terms()).isGreaterThan(LOSSLESS_SEEDS * 5L / 4);
    }

    /** What was acknowledged while a list was in force is kept, whatever operators want before and after. */
    @Test
    void durabilityIsChangedWhileFaultsStrike() throws Exception {
        Runs runs = new Runs(System.out::println, Simulation::runChanging);
        runs.run(1, CHANGING_SEEDS, Optional.empty());
        assertThat(runs.violations()).isEmpty();
        assertThat(runs.acknowledged()).isGreaterThan(100L * CHANGING_SEEDS);
    }

    @ParameterizedTest
    @ValueSource(longs = {54, 136, 214, 800, 931, 1090, 1429, 2216, 5058})
    void whatWasFoundOnceUnderLosslessDurabilityStaysMended(long seed) {
        assertThat(Simulation.runLossless(seed, null).violation()).isEmpty();
    }

    /** Runs that once broke a promise, or were said to; see docs/internals/safety.md. */
    static LongStream seeds() {
        return ONE_SEED != null
                ? LongStream.of(ONE_SEED)
                : LongStream.of(
                        302, 303, 652, 929, 1352, 1460, 1534, 3683, 1126, 4350, 4976, 6475, 10549, 12784, 18215, 20105,
                        33162, 98474, 101764, 154224, 267660, 355949, 383562, 429986, 549809, 58095, 65960, 94121,
                        15813, 16000, 22346);
    }

    /** {@code -Dmoha.sim.seed=N} replays that seed instead, with everything that happens in it. */
    @ParameterizedTest
    @MethodSource("seeds")
    void whatWasFoundOnceStaysMended(long seed) {
        @Nullable Consumer<String> tracer = ONE_SEED != null ? System.out::println : null;
        assertThat(Simulation.run(seed, true, tracer).violation()).isEmpty();
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
