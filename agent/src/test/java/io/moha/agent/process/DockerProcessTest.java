package io.moha.agent.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moha.mysql.DatabaseProcess.ProcessException;
import io.moha.mysql.DatabaseProcess.State;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real container in the Docker Engine of this machine; {@code sleep} plays mysqld. */
final class DockerProcessTest {
    private static final String ENGINE = System.getProperty("moha.test.docker-host", "unix:///var/run/docker.sock");
    /** Any local image with a {@code sleep}: nothing is pulled. */
    private static final String IMAGE = System.getProperty("moha.test.docker-image", "moha/base:sid");

    private static final Duration SOON = Duration.ofSeconds(10);

    @TempDir
    private Path proc;

    private final String name = "moha-test-" + ProcessHandle.current().pid() + "-" + System.nanoTime();

    @AfterEach
    void remove() throws Exception {
        docker("rm", "-f", name);
    }

    private void create() throws Exception {
        if (docker("image", "inspect", IMAGE) != 0) {
            String message = "SKIPPED: no Docker Engine with the image " + IMAGE + ". Run ./quickstart once, or give"
                    + " -Dmoha.test.docker-image=NAME of a local image that has sleep";
            System.err.println(message);
            Assumptions.abort(message);
        }
        assertThat(docker("create", "--name", name, "--network", "none", "--entrypoint", "sleep", IMAGE, "3600"))
                .isZero();
    }

    private static int docker(String... words) throws Exception {
        List<String> command = new ArrayList<>(List.of("docker"));
        command.addAll(Arrays.asList(words));
        try {
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
        } catch (IOException e) {
            return 127; // no docker program
        }
    }

    @Test
    void startsReportsKillsAndTellsOfTheEnd() throws Exception {
        create();
        Semaphore ends = new Semaphore(0);
        try (DockerProcess process = new DockerProcess(name, ENGINE, Optional.empty())) {
            process.onExit(ends::release);
            assertThat(process.state(SOON)).isEqualTo(State.DEAD);
            process.start(SOON);
            process.start(SOON); // harmless
            assertThat(process.state(SOON)).isEqualTo(State.RUNNING);

            // The events' stream connects in the background: end the container until one end is told.
            Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> {
                process.kill(SOON);
                boolean told = ends.tryAcquire(1, TimeUnit.SECONDS);
                process.start(SOON);
                return told;
            });
            process.kill(SOON);
            assertThat(process.state(SOON)).isEqualTo(State.DEAD);
            process.kill(SOON); // killing a dead one is harmless
        }
    }

    /** The agent of these tests runs on the host, or beside the engine: its own /proc shows the container's processes. */
    @Test
    void withTheHostsProcAnEndIsKnownBeforeTheEngineHasNoticedIt() throws Exception {
        create();
        try (DockerProcess process = new DockerProcess(name, ENGINE, Optional.of(ProcessId.PROC))) {
            process.start(SOON);
            assertThat(process.state(SOON)).isEqualTo(State.RUNNING);
            killFromOutside();
            assertThat(process.state(SOON)).as("at once").isEqualTo(State.DEAD);

            process.start(SOON);
            Awaitility.await().until(() -> process.state(SOON) == State.RUNNING);
            process.kill(SOON);
            assertThat(process.state(SOON)).isEqualTo(State.DEAD);

            process.start(SOON);
            Awaitility.await().until(() -> process.state(SOON) == State.RUNNING);
            assertThat(docker("restart", "-t", "0", name)).isZero();
            process.kill(SOON);
            assertThat(mainPid())
                    .as("the end of the first one must not pass for that of the second")
                    .isZero();
        }
    }

    private long mainPid() throws Exception {
        Process inspect = new ProcessBuilder("docker", "inspect", "--format", "{{.State.Pid}}", name).start();
        try (BufferedReader out = inspect.inputReader()) {
            return Long.parseLong(out.readLine());
        }
    }

    private void killFromOutside() throws Exception {
        long pid = mainPid();
        assertThat(new ProcessBuilder("kill", "-9", Long.toString(pid)).start().waitFor())
                .isZero();
        Path process = ProcessId.PROC.resolve(Long.toString(pid));
        Awaitility.await().pollInterval(Duration.ofMillis(1)).until(() -> !Files.exists(process));
    }

    @Test
    void whereOtherProcessesAreShownTheEngineAloneIsAsked() throws Exception {
        create();
        try (DockerProcess process = new DockerProcess(name, ENGINE, Optional.of(proc))) {
            process.start(SOON);
            assertThat(process.state(SOON)).as("it is not there, and not dead").isEqualTo(State.RUNNING);
            process.kill(SOON);
            assertThat(process.state(SOON)).isEqualTo(State.DEAD);
        }
    }

    @Test
    void aPausedContainerRunsAndCanBeKilled() throws Exception {
        create();
        try (DockerProcess process = new DockerProcess(name, ENGINE, Optional.empty())) {
            process.start(SOON);
            assertThat(docker("pause", name)).isZero();
            assertThat(process.state(SOON)).isEqualTo(State.RUNNING);
            process.kill(SOON);
            assertThat(process.state(SOON)).isEqualTo(State.DEAD);
        }
    }

    @Test
    void aContainerThatWasRemovedIsDeadOneThatNeverWasIsUnknown() throws Exception {
        create();
        try (DockerProcess process = new DockerProcess(name, ENGINE, Optional.empty());
                DockerProcess stranger = new DockerProcess(name + "-no", ENGINE, Optional.empty())) {
            process.start(SOON);
            assertThat(process.state(SOON)).isEqualTo(State.RUNNING);
            assertThat(docker("rm", "-f", name)).isZero();
            assertThat(process.state(SOON)).isEqualTo(State.DEAD);
            assertThat(stranger.state(SOON)).isEqualTo(State.UNKNOWN);
            assertThatThrownBy(() -> stranger.kill(Duration.ofMillis(500))).isInstanceOf(ProcessException.class);
        }
    }

    @Test
    void anEngineThatIsGoneOrHangsIsUnknownWithinTheDeadline() throws Exception {
        try (DockerProcess gone =
                new DockerProcess("x", "unix://" + Path.of("/no/such/docker.sock"), Optional.empty())) {
            assertThat(gone.state(SOON)).isEqualTo(State.UNKNOWN);
        }
        // Accepts connections (the kernel does) and never answers.
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
                DockerProcess hangs =
                        new DockerProcess("x", "tcp://127.0.0.1:" + silent.getLocalPort(), Optional.empty())) {
            for (int i = 0; i < 12; i++) { // more often than calls may be under way
                long from = System.nanoTime();
                assertThat(hangs.state(Duration.ofMillis(100))).isEqualTo(State.UNKNOWN);
                assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofSeconds(2));
            }
            assertThatThrownBy(() -> hangs.kill(Duration.ofMillis(300))).isInstanceOf(ProcessException.class);
            assertThatThrownBy(() -> hangs.start(Duration.ofMillis(300))).isInstanceOf(ProcessException.class);
        }
    }
}
