package io.moha.agent.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.moha.agent.loop.Bell;
import io.moha.agent.loop.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class PauseWatchTest {
    private final Steps steps = new Steps();
    private final List<String> seen = new ArrayList<>();
    private final ListAppender<ILoggingEvent> log = new ListAppender<>();

    @BeforeEach
    void listen() {
        log.start();
        ((Logger) LoggerFactory.getLogger(PauseWatch.class)).addAppender(log);
    }

    @AfterEach
    void stopListening() {
        ((Logger) LoggerFactory.getLogger(PauseWatch.class)).detachAppender(log);
    }

    @Test
    void stepsThatTakeAsLongAsTheyShouldAreNoPause() {
        steps.late(0, 0).late(1, 0).late(19, 0);
        watch();
        assertThat(seen).isEmpty();
        assertThat(log.list).isEmpty();
    }

    @Test
    void aShortPauseIsCountedButNotLogged() {
        steps.late(20, 0).late(0, 0).late(99, 0);
        watch();
        assertThat(seen).containsExactly("20 ms stopped", "99 ms stopped");
        assertThat(log.list).isEmpty();
    }

    @Test
    void aLongPauseWithoutGarbageCollectionIsTheMachines() {
        steps.late(0, 0).late(3210, 12);
        watch();
        assertThat(seen).containsExactly("3210 ms stopped");
        assertThat(log.list).singleElement().satisfies(event -> {
            assertThat(event.getLevel()).isEqualTo(Level.WARN);
            assertThat(event.getFormattedMessage()).contains("3210 ms", "not garbage collection (12 ms)");
        });
    }

    @Test
    void aLongPauseThatTheCollectorMadeNamesTheCollector() {
        steps.late(400, 390);
        watch();
        assertThat(seen).containsExactly("400 ms gc");
        assertThat(log.list)
                .singleElement()
                .satisfies(event ->
                        assertThat(event.getFormattedMessage()).contains("400 ms: garbage collection, 390 ms"));
    }

    @Test
    void garbageCollectedBeforeAPauseDoesNotExplainIt() {
        steps.late(0, 45).late(100, 0);
        watch();
        assertThat(seen).containsExactly("100 ms stopped");
    }

    @Test
    void pausesReachTheMetricsByCauseAndTheLongestStays() {
        Metrics metrics = new Metrics("demo", steps, () -> 0, () -> 0);
        assertThat(metrics.text())
                .contains("moha_jvm_pause_seconds_count{cause=\"gc\",cluster_name=\"demo\"} 0")
                .contains("moha_jvm_pause_max_seconds{cluster_name=\"demo\"} 0.0");
        steps.late(300, 0).late(120, 110).late(40, 0);
        new PauseWatch(steps, steps::gcMillis, metrics::pause).run();
        assertThat(metrics.text())
                .contains("moha_jvm_pause_seconds_count{cause=\"gc\",cluster_name=\"demo\"} 1")
                .contains("moha_jvm_pause_seconds_count{cause=\"stopped\",cluster_name=\"demo\"} 2")
                .contains("moha_jvm_pause_seconds_bucket{cause=\"stopped\",cluster_name=\"demo\",le=\"0.05\"} 1")
                .contains("moha_jvm_pause_max_seconds{cluster_name=\"demo\"} 0.3");
    }

    @Test
    void theCollectorsOfThisJvmCountUpwards() {
        long before = PauseWatch.collectors().getAsLong();
        Instant until = Instant.now().plus(Duration.ofSeconds(20));
        while (PauseWatch.collectors().getAsLong() == before && Instant.now().isBefore(until)) {
            System.gc();
        }
        assertThat(PauseWatch.collectors().getAsLong()).isGreaterThan(before).isCloseTo(before, within(20_000L));
    }

    private void watch() {
        new PauseWatch(
                        steps,
                        steps::gcMillis,
                        (length, garbage) -> seen.add(length.toMillis() + " ms " + (garbage ? "gc" : "stopped")))
                .run();
    }

    /** Time that moves only when somebody sleeps, by the step and what the script adds; interrupts at the script's end. */
    private static final class Steps implements Clock, Bell {
        private record Late(long millis, long collecting) {}

        private final Deque<Late> script = new ArrayDeque<>();
        private long now = Long.MAX_VALUE - 1_000_000_000L; // nanoTime may overflow
        private long gcMillis = 7;

        Steps late(long millis, long collecting) {
            script.add(new Late(millis, collecting));
            return this;
        }

        long gcMillis() {
            return gcMillis;
        }

        @Override
        public boolean await(Duration longest) {
            Late late = script.poll();
            if (late == null) {
                return false;
            }
            now += longest.toNanos() + Duration.ofMillis(late.millis).toNanos();
            gcMillis += late.collecting;
            return true;
        }

        @Override
        public Bell bell() {
            return this;
        }

        @Override
        public long now() {
            return now;
        }

        @Override
        public Instant wall() {
            return Instant.EPOCH;
        }

        @Override
        public void ring() {}
    }
}
