package io.moha.agent.loop;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Wakes one waiting thread; rings while nobody waits are kept as one. */
public interface Bell {
    /** Never blocks. */
    void ring();

    /** Waits for a ring or the time. @return false if the thread was interrupted: it should end */
    boolean await(Duration longest);

    /** A bell for real threads. */
    static Bell real() {
        Semaphore rung = new Semaphore(0);
        return new Bell() {
            @Override
            public void ring() {
                rung.release();
            }

            @Override
            public boolean await(Duration longest) {
                try {
                    if (rung.tryAcquire(longest.toNanos(), TimeUnit.NANOSECONDS)) {
                        rung.drainPermits();
                    }
                    return true;
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return false;
                }
            }
        };
    }
}
