package io.moha.agent.loop;

import static org.assertj.core.api.Assertions.assertThat;

import io.moha.model.GtidSet;
import org.junit.jupiter.api.Test;

class ProgressTest {
    private static final long MS = 1_000_000;

    private final Progress progress = new Progress();

    private void look(int waiting, int executed, long millis) {
        GtidSet set = GtidSet.parse("aaaaaaaa-0000-0000-0000-000000000001:1-" + executed);
        progress.looked(waiting, set, millis * MS);
    }

    /** Seen on a real server under load: the same look was taken for a standstill, and commits were nudged twice a second. */
    @Test
    void oneLookSaysNothingHoweverOftenItIsSeen() {
        look(8, 10, 100);
        look(8, 10, 100);
        assertThat(progress.stuckSince()).isZero();
        assertThat(progress.doubtful(500 * MS)).isTrue();
    }

    @Test
    void twoLooksWithoutATransactionBetweenThemDo() {
        look(1, 10, 100);
        look(2, 10, 600);
        assertThat(progress.stuckSince()).isEqualTo(100 * MS);
        look(2, 10, 900);
        assertThat(progress.stuckSince()).isEqualTo(100 * MS);
        look(1, 11, 1000);
        assertThat(progress.stuckSince()).isZero();
    }

    @Test
    void whoeverCommitsAllTheTimeIsNotStuck() {
        for (int i = 1; i < 20; i++) {
            look(8, 10 + i, i * 500L);
            assertThat(progress.stuckSince()).isZero();
        }
    }

    @Test
    void nothingWaitsNothingIsStuck() {
        look(1, 10, 100);
        look(0, 10, 600);
        assertThat(progress.stuckSince()).isZero();
        assertThat(progress.doubtful(5000 * MS)).isFalse();
    }
}
