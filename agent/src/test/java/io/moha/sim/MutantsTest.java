package io.moha.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The simulator is worth something only if it notices what is wrong. The seed that the documentation names is tried first;
 * if it does not catch the mutant any more, all are tried from 1 on, and the new one is printed for the table
 * ({@code ./simulate mutants} makes it anew).
 */
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
        Optional<Integer> documented = documentedSeed(mutant);
        assertThat(documented).as("a row for it in " + Mutants.page()).isPresent();
        Mutants.Verdict verdict = Mutants.hunt(mutant, documented.orElseThrow(), 1);
        if (verdict.violation().isEmpty()) {
            System.out.println("mutant '" + mutant + "': seed " + documented.orElseThrow()
                    + " does not catch it any more; trying all from 1 on");
            verdict = Mutants.hunt(mutant, 1, Mutants.MOST_SEEDS);
        }
        System.out.println("mutant '" + mutant + "': seed " + verdict.seeds() + ": "
                + verdict.violation().orElse("not caught"));
        assertThat(verdict.violation()).isPresent();
    }

    private static Optional<Integer> documentedSeed(Mutants.Mutant mutant) throws IOException {
        Pattern row = Pattern.compile(
                "^\\| " + Pattern.quote(mutant.name()) + " \\| (?:on|off|lossless|changing) \\| ([0-9]+) \\|");
        return Files.readAllLines(Mutants.page()).stream()
                .map(row::matcher)
                .filter(Matcher::find)
                .map(m -> Integer.valueOf(m.group(1)))
                .findFirst();
    }
}
