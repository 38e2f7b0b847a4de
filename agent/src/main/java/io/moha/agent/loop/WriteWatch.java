package io.moha.agent.loop;

import io.moha.model.GtidSet;
import io.moha.mysql.DatabaseStatus;
import java.util.Optional;

/**
 * Tells a primary that is slow from one that is stuck: full disk, stalled disk. Two things say that something is to be
 * written: sessions that are committing, and the beat of the dead-man's switch (a write that makes no binlog event). As long
 * as the executed set or the binary log grows in between, the server is slow and not stuck, whatever the load.
 */
final class WriteWatch {
    private GtidSet executed = GtidSet.EMPTY;
    private long binlogBytes;
    private long commitsSince;
    private long beatSince;

    /** A look at the server. Any thread. */
    synchronized void saw(DatabaseProber.Look look) {
        Optional<DatabaseStatus> answer = look.error().isEmpty() ? look.status() : Optional.empty();
        if (answer.isEmpty()) {
            return; // silence tells nothing new: what was stuck still counts as stuck
        }
        DatabaseStatus status = answer.get();
        boolean progress =
                !status.executed().equals(executed) || status.commits().binlogBytes() != binlogBytes;
        executed = status.executed();
        binlogBytes = status.commits().binlogBytes();
        if (progress) {
            commitsSince = 0;
            beatSince = beatSince == 0 ? 0 : look.sentAt();
        }
        if (status.commits().waiting() == 0) {
            commitsSince = 0;
        } else if (commitsSince == 0) {
            commitsSince = look.sentAt();
        }
    }

    /**
     * A beat, or the statements that open for writes.
     *
     * @param answered false if no answer came in time
     * @param sentAt monotonic nanoseconds
     */
    synchronized void wrote(boolean answered, long sentAt) {
        if (answered) {
            beatSince = 0;
        } else if (beatSince == 0) {
            beatSince = sentAt;
        }
    }

    /** This node does not write any more. */
    synchronized void forget() {
        commitsSince = 0;
        beatSince = 0;
    }

    /** Since when nothing was written although something was to be; 0 if writes succeed. Monotonic nanoseconds. */
    synchronized long stuckSince() {
        if (commitsSince == 0 || beatSince == 0) {
            return commitsSince + beatSince;
        }
        return commitsSince - beatSince < 0 ? commitsSince : beatSince;
    }
}
