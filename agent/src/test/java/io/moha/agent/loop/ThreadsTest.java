package io.moha.agent.loop;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** An agent of which a part has died must not go on. */
class ThreadsTest {
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Threads threads = Threads.real(ended::countDown);

    @Test
    void workThatEndsByADefectEndsTheAgent() throws Exception {
        threads.start("prober", () -> {
            throw new IllegalArgumentException("nobody expected that");
        });
        assertThat(ended.await(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void soDoesAHand() throws Exception {
        threads.hand("hand").execute(() -> {
            throw new IllegalStateException("nor that");
        });
        assertThat(ended.await(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void workThatIsStoppedDoesNot() throws Exception {
        CountDownLatch stopped = new CountDownLatch(1);
        threads.start("loop", () -> {
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                stopped.countDown();
            }
        });
        threads.stop();
        assertThat(stopped.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(ended.getCount()).isOne();
    }
}
