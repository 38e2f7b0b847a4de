package io.moha.agent.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.moha.mysql.DatabaseProcess.ProcessException;
import io.moha.mysql.DatabaseProcess.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A child of the agent; {@code sleep} plays mysqld. */
final class ForkProcessTest {
    private static final Duration SOON = Duration.ofSeconds(5);
    /** Of this test alone, so that nobody else's sleep is taken for its child. */
    private final String seconds = "3600." + System.nanoTime();

    @TempDir
    Path dir;

    private ForkProcess sleeper() {
        return new ForkProcess("/usr/bin/sleep", List.of("sleep", seconds), dir.resolve("data"));
    }

    @AfterEach
    void killWhatIsLeft() throws Exception {
        sleeper().kill(SOON);
    }

    private long pid() throws IOException {
        return ProcessId.parse(Files.readString(dir.resolve("data/mysqld.pid"))).pid();
    }

    @Test
    void startsOnceDropsTheProgramsOwnNameAndKills() throws Exception {
        ForkProcess process = sleeper();
        assertThat(process.state(SOON)).isEqualTo(State.DEAD);
        process.start(SOON);
        assertThat(process.state(SOON)).isEqualTo(State.RUNNING);
        long pid = pid();
        process.start(SOON);
        assertThat(pid()).as("starting a running one is harmless").isEqualTo(pid);
        await().atMost(SOON)
                .untilAsserted(() -> assertThat(Files.readString(Path.of("/proc/" + pid + "/cmdline")))
                        .isEqualTo("/usr/bin/sleep\0" + seconds + "\0"));

        process.kill(SOON);
        assertThat(process.state(SOON)).isEqualTo(State.DEAD);
        assertThat(ProcessHandle.of(pid).filter(ProcessHandle::isAlive)).isEmpty();
        process.kill(SOON); // killing a dead one is harmless
    }

    @Test
    void aRestartedAgentFindsItsChildAndSeesItsEnd() throws Exception {
        sleeper().start(SOON);
        long pid = pid();
        ForkProcess restarted = sleeper();
        assertThat(restarted.state(SOON)).isEqualTo(State.RUNNING);
        CountDownLatch ended = new CountDownLatch(1);
        restarted.onExit(ended::countDown);
        restarted.start(SOON);
        assertThat(pid()).isEqualTo(pid);

        restarted.kill(SOON);
        assertThat(ended.await(5, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void aChildWhoseNoteIsMissingIsFoundByItsCommandLine() throws Exception {
        sleeper().start(SOON);
        long pid = pid();
        Files.delete(dir.resolve("data/mysqld.pid"));
        await().atMost(SOON).until(() -> sleeper().state(SOON) == State.RUNNING); // setsid has become sleep
        assertThat(pid()).isEqualTo(pid);
    }

    @Test
    void anotherProcessWithTheSamePidIsNotTakenForTheChild() throws Exception {
        ForkProcess process = sleeper();
        Files.createDirectories(dir.resolve("data"));
        ProcessId mine = ProcessId.of(ProcessHandle.current().pid()).orElseThrow();
        ProcessId earlier = new ProcessId(mine.pid(), mine.startTick() - 1, mine.boot());
        Files.writeString(dir.resolve("data/mysqld.pid"), earlier.toString());
        assertThat(process.state(SOON)).isEqualTo(State.DEAD);
        process.kill(SOON); // and this JVM is still here

        Files.writeString(
                dir.resolve("data/mysqld.pid"), new ProcessId(mine.pid(), mine.startTick(), "other").toString());
        assertThat(process.state(SOON)).isEqualTo(State.DEAD);
        assertThat(mine.alive()).isTrue();
    }

    @Test
    void aNoteThatCannotBeReadIsNotDeath() throws Exception {
        Files.createDirectories(dir.resolve("data"));
        Files.writeString(dir.resolve("data/mysqld.pid"), "rubbish");
        assertThat(sleeper().state(SOON)).isEqualTo(State.UNKNOWN);
        Files.delete(dir.resolve("data/mysqld.pid"));
    }

    @Test
    void itsEndIsToldSoonItsOutputKeptAndItsSessionIsItsOwn() throws Exception {
        Path script = Files.writeString(dir.resolve("fake"), "#!/bin/sh\necho hello\nexec sleep " + seconds + "\n");
        assertThat(script.toFile().setExecutable(true)).isTrue();
        ForkProcess process = new ForkProcess(script.toString(), List.of("fake"), dir.resolve("data"));
        CountDownLatch ended = new CountDownLatch(1);
        process.onExit(ended::countDown);
        process.start(SOON);
        long pid = pid();
        await().atMost(SOON)
                .until(() -> Files.readString(dir.resolve("data/mysqld.out")).equals("hello\n"));
        String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
        String session = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[3];
        assertThat(session).isEqualTo(Long.toString(pid));

        assertThat(ProcessHandle.of(pid).orElseThrow().destroyForcibly()).isTrue();
        assertThat(ended.await(5, TimeUnit.SECONDS)).isTrue();
        assertThat(process.state(SOON)).isEqualTo(State.DEAD);
    }

    @Test
    void aProgramThatDoesNotExistIsNamed() {
        ForkProcess process = new ForkProcess("/no/such/mysqld", List.of("mysqld"), dir.resolve("data"));
        assertThatThrownBy(() -> process.start(SOON))
                .isInstanceOf(ProcessException.class)
                .hasMessageContaining("/no/such/mysqld");
    }
}
