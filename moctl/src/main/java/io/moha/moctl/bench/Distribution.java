package io.moha.moctl.bench;

import java.util.Collection;

/**
 * Exact order statistics of some durations, in milliseconds. With few rounds p99 is the maximum, and that is said.
 *
 * @param count how many
 * @param min the smallest
 * @param median the middle one, or the mean of the two in the middle
 * @param p90 by nearest rank
 * @param p99 by nearest rank
 * @param max the largest
 */
public record Distribution(int count, double min, double median, double p90, double p99, double max) {
    /** @throws IllegalArgumentException if there is nothing */
    public static Distribution of(Collection<Double> millis) {
        if (millis.isEmpty()) {
            throw new IllegalArgumentException("no values");
        }
        double[] sorted =
                millis.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int n = sorted.length;
        double median = n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
        return new Distribution(n, sorted[0], median, rank(sorted, 90), rank(sorted, 99), sorted[n - 1]);
    }

    private static double rank(double[] sorted, int percent) {
        return sorted[(percent * sorted.length + 99) / 100 - 1];
    }
}
