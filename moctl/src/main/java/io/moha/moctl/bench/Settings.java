package io.moha.moctl.bench;

import java.time.Duration;

/**
 * What to measure.
 *
 * @param fault done to the primary once a round
 * @param rounds 1 to 1000
 * @param writersEach writers at every node and through the proxy, 1 to 64
 * @param pace time between two inserts of one writer
 * @param deadline how long a round may wait for writes to go on, and again for all members to be healthy
 * @param reinitDiverged rebuild a diverged node from the new primary and go on, instead of stopping
 */
public record Settings(
        FaultKind fault, int rounds, int writersEach, Duration pace, Duration deadline, boolean reinitDiverged) {
    public static final int MAX_ROUNDS = 1000;
    public static final int MAX_WRITERS = 64;

    public Settings {
        if (rounds < 1 || rounds > MAX_ROUNDS) {
            throw new IllegalArgumentException(rounds + " rounds: take 1 to " + MAX_ROUNDS);
        }
        if (writersEach < 1 || writersEach > MAX_WRITERS) {
            throw new IllegalArgumentException(writersEach + " writers: take 1 to " + MAX_WRITERS);
        }
        if (deadline.compareTo(Duration.ofSeconds(1)) < 0) {
            throw new IllegalArgumentException("a deadline of less than a second");
        }
    }
}
