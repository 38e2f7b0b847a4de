package io.moha.agent.loop;

import static org.assertj.core.api.Assertions.assertThat;

import io.moha.decide.Observation.Health;
import io.moha.model.GtidSet;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.DatabaseStatus.Commits;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class WriteWatchTest {
    private static final String UUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

    private final WriteWatch watch = new WriteWatch();

    private void saw(long at, int waiting, long bytes, int executed) {
        watch.saw(look(at, "", status(new Commits(waiting, bytes), GtidSet.parse(UUID + ":1-" + executed))));
    }

    private static DatabaseProber.Look look(long at, String error, DatabaseStatus status) {
        return new DatabaseProber.Look(Health.ANSWERING, at, at, Optional.of(status), error, false, 1);
    }

    private static DatabaseStatus status(Commits commits, GtidSet executed) {
        return new DatabaseStatus(
                "9.7.4",
                UUID,
                executed,
                GtidSet.EMPTY,
                false,
                false,
                false,
                "ROW",
                "",
                0,
                true,
                Optional.empty(),
                true,
                commits,
                DatabaseStatus.SemiSync.OFF);
    }

    @Test
    void whoeverCommitsAndGetsNowhereIsStuckSinceThatWasFirstSeen() {
        saw(100, 0, 10, 5);
        assertThat(watch.stuckSince()).isZero();
        saw(200, 1, 10, 5);
        saw(300, 2, 10, 5);
        assertThat(watch.stuckSince()).isEqualTo(200);
        watch.saw(look(400, "no answer", status(new Commits(0, 99), GtidSet.EMPTY)));
        assertThat(watch.stuckSince()).as("silence changes nothing").isEqualTo(200);
        saw(500, 0, 10, 5);
        assertThat(watch.stuckSince()).isZero();
    }

    @Test
    void slowIsNotStuckAslongAsOneTransactionEndsOrTheBinaryLogGrows() {
        saw(100, 3, 10, 5);
        saw(200, 3, 10, 5);
        saw(300, 3, 10, 6);
        assertThat(watch.stuckSince()).isEqualTo(300);
        saw(400, 3, 11, 6); // a huge transaction on its way into the log
        assertThat(watch.stuckSince()).isEqualTo(400);
    }

    @Test
    void aBeatWithoutAnAnswerIsStuckUntilOneIsAnsweredOrOthersAreSeenToCommit() {
        saw(50, 0, 10, 5);
        watch.wrote(false, 100);
        watch.wrote(false, 200);
        assertThat(watch.stuckSince()).isEqualTo(100);
        saw(250, 0, 10, 6);
        assertThat(watch.stuckSince()).isEqualTo(250);
        watch.wrote(true, 300);
        assertThat(watch.stuckSince()).isZero();
    }

    @Test
    void anAnsweredBeatDoesNotExcuseCommitsThatHang() {
        saw(50, 0, 10, 5);
        saw(100, 1, 10, 5);
        watch.wrote(false, 200);
        assertThat(watch.stuckSince()).isEqualTo(100);
        watch.wrote(true, 300);
        assertThat(watch.stuckSince()).isEqualTo(100);
        watch.forget();
        assertThat(watch.stuckSince()).isZero();
    }
}
