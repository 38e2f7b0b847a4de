package io.moha.agent.loop;

import io.moha.model.GtidSet;
import java.time.Duration;

/**
 * Whether commits that wait for acknowledgements go on. One look says nothing: it takes a second one, later, that finds commits
 * waiting and not one transaction more.
 */
final class Progress {
    private static final Duration LOOK_AGAIN = Duration.ofMillis(300);

    private GtidSet executed = GtidSet.EMPTY;
    private long lookedAt;
    private long waitingSince;

    /** @param at when the look was taken; one that was seen before changes nothing */
    void looked(int waiting, GtidSet nowExecuted, long at) {
        if (at == lookedAt) {
            return;
        }
        lookedAt = at;
        boolean ended = !nowExecuted.equals(executed);
        executed = nowExecuted;
        if (waiting == 0) {
            waitingSince = 0;
        } else if (ended || waitingSince == 0) {
            waitingSince = at;
        }
    }

    void forget() {
        waitingSince = 0;
    }

    /** Since when commits wait and none has ended, as two looks have shown; 0 otherwise. */
    long stuckSince() {
        return waitingSince == lookedAt ? 0 : waitingSince;
    }

    /** Whether commits waited at the last look, and it is time for another one. */
    boolean doubtful(long now) {
        return waitingSince != 0 && now - lookedAt > LOOK_AGAIN.toNanos();
    }
}
