package io.moha.moctl.drill;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * All rounds of a drill, drawn from a seed: the same seed, number, kinds and share give the same plan, in every version
 * of Java. Every kind comes once before any comes a second time, in a random order.
 *
 * @param steps the rounds
 */
public record Plan(List<Step> steps) {
    private static final int SHORTEST_HOLD_MILLIS = 1000;
    private static final int LONGEST_HOLD_MILLIS = 10_000;
    private static final int LONGEST_DELAY_MILLIS = 3000;
    private static final int LONGEST_BETWEEN_MILLIS = 3000;

    public Plan {
        steps = List.copyOf(steps);
    }

    /**
     * Draws one.
     *
     * @param faults in all; a pair counts as two
     * @param kinds to draw from
     * @param pairs the share of rounds that are pairs, 0 to 1; kinds that do not go together make none
     */
    public static Plan draw(long seed, int faults, Collection<FaultKind> kinds, double pairs) {
        if (kinds.isEmpty()) {
            throw new IllegalArgumentException("no kind of fault to draw from");
        }
        Random random = new Random(seed);
        List<FaultKind> bag = new ArrayList<>();
        List<Step> steps = new ArrayList<>();
        for (int left = faults; left > 0; ) {
            List<FaultKind> drawn = new ArrayList<>(List.of(next(bag, kinds, random)));
            if (random.nextDouble() < pairs && left > 1) {
                partner(bag, kinds, drawn.get(0), random, drawn);
            }
            left -= drawn.size();
            steps.add(new Step(
                    drawn,
                    random.nextInt(1000),
                    Duration.ofMillis(random.nextInt(LONGEST_DELAY_MILLIS)),
                    Duration.ofMillis(random.nextInt(LONGEST_BETWEEN_MILLIS)),
                    Duration.ofMillis(
                            SHORTEST_HOLD_MILLIS + random.nextInt(LONGEST_HOLD_MILLIS - SHORTEST_HOLD_MILLIS))));
        }
        return new Plan(steps);
    }

    private static FaultKind next(List<FaultKind> bag, Collection<FaultKind> kinds, Random random) {
        if (bag.isEmpty()) {
            bag.addAll(kinds.stream().distinct().sorted().toList());
            Collections.shuffle(bag, random);
        }
        return bag.remove(bag.size() - 1);
    }

    /** From the bag where one fits, so that pairs do not spoil the balance; else any that fits, else none. */
    private static void partner(
            List<FaultKind> bag, Collection<FaultKind> kinds, FaultKind first, Random random, List<FaultKind> drawn) {
        for (int i = bag.size() - 1; i >= 0; i--) {
            if (bag.get(i).goesWith(first)) {
                drawn.add(bag.remove(i));
                return;
            }
        }
        List<FaultKind> fitting = kinds.stream()
                .distinct()
                .sorted()
                .filter(k -> k.goesWith(first))
                .toList();
        if (!fitting.isEmpty()) {
            drawn.add(fitting.get(random.nextInt(fitting.size())));
        }
    }

    /** How many faults of a kind it holds. */
    public long count(FaultKind kind) {
        return steps.stream()
                .flatMap(s -> s.faults().stream())
                .filter(k -> k == kind)
                .count();
    }
}
