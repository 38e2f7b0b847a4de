package io.moha.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
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
        Queue<String> violations = new ConcurrentLinkedQueue<>();
        AtomicLong next = new AtomicLong(1);
        AtomicInteger finished = new AtomicInteger();
        AtomicLong acknowledged = new AtomicLong();
        AtomicLong terms = new AtomicLong();
        int threads = Runtime.getRuntime().availableProcessors();
        ExecutorService workers = Executors.newFixedThreadPool(threads);
        for (int i = 0; i < threads; i++) {
            workers.execute(() -> {
                for (long seed = next.getAndIncrement(); seed <= SEEDS; seed = next.getAndIncrement()) {
                    try {
                        Simulation.Result result = Simulation.run(seed, true, null);
                        long at = seed;
                        result.violation().ifPresent(v -> violations.add("seed " + at + ": " + v));
                        acknowledged.addAndGet(result.acknowledged());
                        terms.addAndGet(result.terms());
                    } catch (RuntimeException e) {
                        violations.add(String.valueOf(e.getCause() == null ? e : e + ": " + e.getCause()));
                    }
                    finished.incrementAndGet();
                }
            });
        }
        workers.shutdown();
        assertThat(workers.awaitTermination(15, TimeUnit.MINUTES)).isTrue();
        assertThat(violations).isEmpty();
        assertThat(finished).hasValue(SEEDS);
        // Runs in which nothing is written or nobody ever fails over would prove nothing.
        assertThat(acknowledged.get()).isGreaterThan(100L * SEEDS);
        assertThat(terms.get()).isGreaterThan(SEEDS * 5L / 4);
    }

    /** Runs that once broke a promise, by what was wrong; see docs/internals/safety.md. */
    @ParameterizedTest
    @ValueSource(longs = {302, 652, 929, 1352, 1460, 1534, 3683, 4350, 4976, 12784})
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
