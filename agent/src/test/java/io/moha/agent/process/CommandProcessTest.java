package io.moha.agent.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moha.mysql.DatabaseProcess.ProcessException;
import io.moha.mysql.DatabaseProcess.State;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Configured commands; a file plays the running process. */
final class CommandProcessTest {
    private static final Duration SOON = Duration.ofSeconds(5);
    private static final List<String> NEVER = List.of("sh", "-c", "sleep 61; true");

    @TempDir
    Path dir;

    private CommandProcess onFile() {
        Path running = dir.resolve("running");
        return new CommandProcess(
                List.of("touch", running.toString()),
                List.of("rm", "-f", running.toString()),
                List.of("sh", "-c", "[ -e \"$1\" ] || exit 3", "sh", running.toString()));
    }

    @Test
    void startsReportsAndKills() throws Exception {
        CommandProcess process = onFile();
        assertThat(process.state(SOON)).isEqualTo(State.DEAD);
        process.start(SOON);
        assertThat(process.state(SOON)).isEqualTo(State.RUNNING);
        process.kill(SOON);
        assertThat(process.state(SOON)).isEqualTo(State.DEAD);
    }

    @Test
    void anythingButZeroAndThreeIsUnknown() {
        for (String exit : List.of("1", "2", "4", "127", "255")) {
            CommandProcess process = new CommandProcess(NEVER, NEVER, List.of("sh", "-c", "exit " + exit));
            assertThat(process.state(SOON)).isEqualTo(State.UNKNOWN);
        }
        assertThat(new CommandProcess(NEVER, NEVER, List.of("/no/such/program")).state(SOON))
                .isEqualTo(State.UNKNOWN);
    }

    @Test
    void aKillThatIsNotConfirmedIsAnError() {
        CommandProcess process = new CommandProcess(List.of("true"), List.of("true"), List.of("true"));
        assertThatThrownBy(() -> process.kill(Duration.ofMillis(300)))
                .isInstanceOf(ProcessException.class)
                .hasMessageContaining("not confirmed dead");
    }

    @Test
    void wordsAreNotReadByAShell() throws Exception {
        Path strange = dir.resolve("a b; touch c $(id)");
        new CommandProcess(List.of("touch", strange.toString()), NEVER, NEVER).start(SOON);
        assertThat(Files.exists(strange)).isTrue();
    }

    @Test
    void commandsThatHangAreGivenUpAtTheDeadlineAndEnded() {
        String mark = "sleep 61." + System.nanoTime() % 1_000_000;
        List<String> hangs = List.of("sh", "-c", mark + "; true");
        CommandProcess process = new CommandProcess(hangs, hangs, hangs);
        long from = System.nanoTime();
        assertThat(process.state(Duration.ofMillis(200))).isEqualTo(State.UNKNOWN);
        assertThatThrownBy(() -> process.start(Duration.ofMillis(200))).hasMessageContaining("did not come back");
        assertThatThrownBy(() -> process.kill(Duration.ofMillis(200))).hasMessageContaining("not confirmed dead");
        assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(3));
        org.awaitility.Awaitility.await()
                .atMost(SOON)
                .until(() -> ProcessHandle.allProcesses()
                        .noneMatch(p -> p.info()
                                .commandLine()
                                .filter(line -> line.contains(mark))
                                .isPresent()));
    }
}
