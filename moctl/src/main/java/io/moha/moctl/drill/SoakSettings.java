package io.moha.moctl.drill;

import java.time.Duration;
import java.util.List;

/**
 * How to soak.
 *
 * @param faults in all, 1 to 10000
 * @param seed of the plan
 * @param kinds to draw from
 * @param pairs share of rounds with two faults, 0 to 1
 * @param clients writers in all, 2 to 256: half through the proxy, half at the nodes
 * @param pace time between two inserts of one client
 * @param durability what is promised
 * @param patience how long a fault of the primary lasts at most if writes do not go on
 * @param deadline how long the cluster may take to be whole again, and again to hold the same data
 */
public record SoakSettings(
        int faults,
        long seed,
        List<FaultKind> kinds,
        double pairs,
        int clients,
        Duration pace,
        Durability durability,
        Duration patience,
        Duration deadline) {
    public static final int MAX_FAULTS = 10_000;
    public static final int MAX_CLIENTS = 256;

    public SoakSettings {
        kinds = List.copyOf(kinds);
        if (faults < 1 || faults > MAX_FAULTS) {
            throw new IllegalArgumentException(faults + " faults: take 1 to " + MAX_FAULTS);
        }
        if (clients < 2 || clients > MAX_CLIENTS) {
            throw new IllegalArgumentException(clients + " clients: take 2 to " + MAX_CLIENTS);
        }
        if (!(pairs >= 0 && pairs <= 1)) {
            throw new IllegalArgumentException("a share of " + pairs + ": take 0 to 1");
        }
        if (kinds.isEmpty()) {
            throw new IllegalArgumentException("no kind of fault");
        }
        if (deadline.compareTo(Duration.ofSeconds(1)) < 0 || patience.compareTo(Duration.ofSeconds(1)) < 0) {
            throw new IllegalArgumentException("a time of less than a second");
        }
    }

    /** How many rounds the plan has. */
    public int rounds() {
        return plan().steps().size();
    }

    Plan plan() {
        return Plan.draw(seed, faults, kinds, pairs);
    }
}
