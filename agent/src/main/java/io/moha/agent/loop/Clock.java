package io.moha.agent.loop;

import java.time.Instant;

/** Time and waiting, so that tests and the simulator can replace it. Durations come from {@link #now}; wall time is for people. */
public interface Clock {
    /** Monotonic nanoseconds. */
    long now();

    Instant wall();

    /** Waiting is a matter of time, too. */
    default Bell bell() {
        return Bell.real();
    }

    Clock SYSTEM = new Clock() {
        @Override
        public long now() {
            return System.nanoTime();
        }

        @Override
        public Instant wall() {
            return Instant.now();
        }
    };
}
