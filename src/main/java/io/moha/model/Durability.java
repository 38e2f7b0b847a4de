package io.moha.model;

/**
 * What operators want of the durability; what is in force says {@link AckList}.
 *
 * @param lossless whether a commit waits until ackers have it
 * @param acks how many of them; at least 1
 * @param degrade whether writes go on without them when too few are left; else they wait
 */
public record Durability(boolean lossless, int acks, boolean degrade) {
    public static final Durability ASYNC = new Durability(false, 1, false);

    public Durability {
        if (acks < 1) {
            throw new IllegalArgumentException("wait count " + acks + " is less than 1");
        }
    }

    /** {@code async} or {@code lossless}. */
    public String text() {
        return lossless ? "lossless" : "async";
    }
}
