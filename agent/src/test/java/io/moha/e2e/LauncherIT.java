package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher's class archive: used where it fits, and never a reason not to start. */
class LauncherIT {
    @TempDir
    static Path parent = Path.of("");

    private static Path home = Path.of("");

    private record Ended(int code, String output) {}

    @BeforeAll
    static void install() throws IOException, InterruptedException {
        home = Files.createDirectory(parent.resolve("agent"));
        Path module = Path.of("").toAbsolutePath();
        Files.copy(module.resolve("bin/moha-agent"), home.resolve("moha-agent"));
        Files.copy(module.resolve("target/moha-agent.jar"), home.resolve("moha-agent.jar"));
        Files.createSymbolicLink(home.resolve("lib"), module.resolve("target/lib"));
        // The archive must not be older than the jar, nor as old.
        Files.setLastModifiedTime(
                home.resolve("moha-agent.jar"), FileTime.from(Instant.now().minusSeconds(60)));
        assertThat(launch("--make-archive").code()).isZero();
    }

    @Test
    void anArchiveIsMadeOnceAndNothingElseIsLeftBehind() throws IOException, InterruptedException {
        Path archive = archive();
        FileTime made = Files.getLastModifiedTime(archive);
        assertThat(launch("--make-archive").code()).isZero();
        assertThat(Files.getLastModifiedTime(archive)).isEqualTo(made);
        try (Stream<Path> files = Files.list(home)) {
            assertThat(files.map(f -> f.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "moha-agent",
                            "moha-agent.jar",
                            "lib",
                            archive.getFileName().toString());
        }
    }

    @Test
    void theAgentLoadsItsClassesFromIt() throws IOException, InterruptedException {
        Ended ended = launchTracing();
        assertThat(ended.code()).isZero();
        assertThat(ended.output()).contains("io.moha.agent.Main source: shared objects file (top)");
    }

    @Test
    void aTruncatedArchiveIsLeftAlone() throws IOException, InterruptedException {
        Path archive = archive();
        Path whole = Files.move(archive, parent.resolve("whole.jsa"));
        Files.copy(whole, archive);
        assertThat(archive.toFile().setWritable(true)).isTrue();
        try (FileChannel channel = FileChannel.open(archive, StandardOpenOption.WRITE)) {
            channel.truncate(100_000);
        }
        try {
            assertThat(launchTracing())
                    .satisfies(e -> assertThat(e.code()).isZero())
                    .satisfies(
                            e -> assertThat(e.output()).contains("moha-agent ").doesNotContain("(top)"));
        } finally {
            Files.delete(archive);
            Files.move(whole, archive);
        }
    }

    @Test
    void anArchiveOfAnotherJarCostsNothingButTheTimeItWouldHaveSaved() throws IOException, InterruptedException {
        Path jar = home.resolve("moha-agent.jar");
        FileTime before = Files.getLastModifiedTime(jar);
        Files.setLastModifiedTime(jar, FileTime.from(before.toInstant().minusSeconds(3600)));
        try {
            // Still older than the archive, so the launcher offers it and Java has to refuse it.
            Ended ended = launch("--version");
            assertThat(ended.code()).isZero();
            assertThat(ended.output().lines()).singleElement().asString().startsWith("moha-agent ");
            assertThat(launchTracing().output()).doesNotContain("(top)");
        } finally {
            Files.setLastModifiedTime(jar, before);
        }
    }

    @Test
    void aDirectoryWithASpaceInItsNameIsNoObstacle() throws IOException, InterruptedException {
        Path link = Files.createSymbolicLink(parent.resolve("an agent"), Path.of("agent"));
        Path copy = Files.createDirectory(parent.resolve("a copy"));
        Files.copy(home.resolve("moha-agent"), copy.resolve("moha-agent"));
        Files.copy(home.resolve("moha-agent.jar"), copy.resolve("moha-agent.jar"));
        Files.createSymbolicLink(copy.resolve("lib"), home.resolve("lib"));
        assertThat(launch(copy, b -> {}, "--make-archive").code()).isZero();
        for (Path each : List.of(link, copy)) {
            Ended ended = launch(each, b -> {}, "--version");
            assertThat(ended.code()).isZero();
            assertThat(ended.output().lines()).singleElement().asString().startsWith("moha-agent ");
        }
    }

    private static Path archive() throws IOException {
        try (Stream<Path> files = Files.list(home)) {
            List<Path> archives =
                    files.filter(f -> f.toString().endsWith(".jsa")).toList();
            assertThat(archives).hasSize(1);
            return archives.get(0);
        }
    }

    private static Ended launchTracing() throws IOException, InterruptedException {
        return launch(home, builder -> builder.environment().put("MOHA_JAVA_OPTS", "-Xlog:class+load"), "--version");
    }

    private static Ended launch(String argument) throws IOException, InterruptedException {
        return launch(home, builder -> {}, argument);
    }

    private static Ended launch(Path where, Consumer<ProcessBuilder> more, String argument)
            throws IOException, InterruptedException {
        Path output = Files.createTempFile(parent, "out", ".txt");
        ProcessBuilder builder = new ProcessBuilder(where.resolve("moha-agent").toString(), argument)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment()
                .put(
                        "MOHA_JAVA",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString());
        more.accept(builder);
        Process process = builder.start();
        try {
            assertThat(process.waitFor(90, TimeUnit.SECONDS)).as("it ended").isTrue();
            return new Ended(process.exitValue(), Files.readString(output));
        } finally {
            process.destroyForcibly();
        }
    }
}
