package io.moha.mysql.jdbc;

import java.time.Duration;

/**
 * A moment on the monotonic clock by which a call has to be over.
 *
 * @param atNanos {@link System#nanoTime()} at that moment
 */
record Deadline(long atNanos) {
    static Deadline in(Duration duration) {
        return new Deadline(System.nanoTime() + duration.toNanos());
    }

    /** The earlier of this and {@code duration} from now. */
    Deadline orIn(Duration duration) {
        long other = System.nanoTime() + duration.toNanos();
        return other - atNanos < 0 ? new Deadline(other) : this;
    }

    long leftNanos() {
        return atNanos - System.nanoTime();
    }

    /** Milliseconds left, at least 1: the APIs below read 0 as "for ever". */
    int leftMillis() {
        return (int) Math.max(1, Math.min(Integer.MAX_VALUE, leftNanos() / 1_000_000));
    }

    boolean passed() {
        return leftNanos() <= 0;
    }
}
