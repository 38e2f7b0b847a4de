package io.moha.moctl.bench;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs the configured commands: argument by argument, without a shell, with a deadline. */
public final class Commands {
    private static final Duration DEADLINE = Duration.ofSeconds(60);
    private static final int MAX_OUTPUT = 2000;
    private static final File NOTHING = new File("/dev/null");

    private Commands() {}

    /**
     * Starts all of them at once and waits for them.
     *
     * @throws BenchException if one cannot be started, fails, or does not end in time
     */
    public static void runTogether(List<List<String>> commands) throws BenchException {
        List<Process> processes = new ArrayList<>();
        Path output = null;
        try {
            // A file and not a pipe: what a command leaves running in the background may go on writing to it.
            output = Files.createTempFile("moctl-bench", ".out");
            for (List<String> command : commands) {
                processes.add(new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectInput(NOTHING)
                        .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()))
                        .start());
            }
            for (int i = 0; i < processes.size(); i++) {
                await(commands.get(i), processes.get(i), output);
            }
        } catch (IOException e) {
            throw new BenchException("a configured command cannot be run: " + e.getMessage(), e);
        } finally {
            processes.forEach(Process::destroy);
            if (output != null && !output.toFile().delete()) {
                output.toFile().deleteOnExit();
            }
        }
    }

    private static void await(List<String> command, Process process, Path output) throws BenchException, IOException {
        try {
            if (!process.waitFor(DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
                throw new BenchException(
                        String.join(" ", command) + " did not end within " + DEADLINE.toSeconds() + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new BenchException("interrupted", e);
        }
        if (process.exitValue() != 0) {
            String said = Files.readString(output).strip();
            throw new BenchException(String.join(" ", command) + " ended with " + process.exitValue() + ": "
                    + said.substring(0, Math.min(said.length(), MAX_OUTPUT)));
        }
    }
}
