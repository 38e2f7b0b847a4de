package io.moha.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The simulator is worth something only if it notices what is wrong. */
class MutantsTest {
    @BeforeAll
    static void quiet() {
        Main.quiet();
    }

    static List<Mutants.Mutant> mutants() {
        return Mutants.all();
    }

    @ParameterizedTest
    @MethodSource("mutants")
    void theSimulatorCatches(Mutants.Mutant mutant) throws Exception {
        Mutants.Verdict verdict = Mutants.hunt(mutant, Mutants.MOST_SEEDS);
        System.out.println("mutant '" + mutant + "': seed " + verdict.seeds() + ": "
                + verdict.violation().orElse("not caught"));
        assertThat(verdict.violation()).isPresent();
    }
}
