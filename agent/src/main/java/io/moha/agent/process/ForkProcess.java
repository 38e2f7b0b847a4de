package io.moha.agent.process;

import io.moha.mysql.DatabaseProcess;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * MoHA's way: the agent starts mysqld as its child. The child outlives the agent; its pid and start time are kept in
 * {@code mysqld.pid}, so that a restarted agent finds it again and never takes another process for it.
 */
public final class ForkProcess implements DatabaseProcess {
    private static final Logger LOG = LoggerFactory.getLogger(ForkProcess.class);

    private final String program;
    private final List<String> arguments;
    private final Path pidFile;
    private final Path output;
    private volatile Runnable hint = () -> {};

    /** @param arguments as MoHA had them: the first is the program's own name and is dropped */
    public ForkProcess(String program, List<String> arguments, Path dataDir) {
        this.program = program;
        this.arguments = arguments.isEmpty() ? List.of() : List.copyOf(arguments.subList(1, arguments.size()));
        this.pidFile = dataDir.resolve("mysqld.pid");
        this.output = dataDir.resolve("mysqld.out");
    }

    @Override
    public State state(Duration deadline) {
        try {
            return child().isPresent() ? State.RUNNING : State.DEAD;
        } catch (IOException | IllegalArgumentException e) {
            LOG.warn("cannot read {}: {}", pidFile, e.toString());
            return State.UNKNOWN;
        }
    }

    private Optional<ProcessHandle> child() throws IOException {
        if (!Files.exists(pidFile)) {
            return Optional.empty();
        }
        String[] fields = Files.readString(pidFile).strip().split(" ", -1);
        long pid = Long.parseLong(fields[0]);
        Instant started = Instant.parse(fields[1]);
        return ProcessHandle.of(pid)
                .filter(ProcessHandle::isAlive)
                .filter(p -> p.info().startInstant().filter(started::equals).isPresent());
    }

    @Override
    public synchronized void start(Duration deadline) throws ProcessException {
        try {
            if (child().isPresent()) {
                return;
            }
            List<String> command = new ArrayList<>();
            command.add(program);
            command.addAll(arguments);
            java.lang.Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile()))
                    .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
                    .start();
            Instant started = process.info().startInstant().orElseThrow();
            Files.writeString(pidFile, process.pid() + " " + started + "\n");
            process.onExit().whenComplete((ended, error) -> hint.run()).exceptionally(e -> {
                LOG.warn("waiting for the end of {}: {}", program, e.toString());
                return null;
            });
        } catch (IOException e) {
            throw new ProcessException("cannot start " + program + ": " + e.getMessage(), e);
        }
    }

    @Override
    public void kill(Duration deadline) throws ProcessException {
        try {
            Optional<ProcessHandle> child = child();
            if (child.isEmpty()) {
                return;
            }
            child.get().descendants().forEach(ProcessHandle::destroyForcibly);
            child.get().destroyForcibly();
            child.get().onExit().get(deadline.toNanos(), TimeUnit.NANOSECONDS);
        } catch (IOException | ExecutionException | TimeoutException e) {
            throw new ProcessException("the database process is not confirmed dead: " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ProcessException("interrupted", e);
        }
    }

    @Override
    public void onExit(Runnable callback) {
        hint = callback;
    }

    @Override
    public boolean controllable() {
        return true;
    }

    @Override
    public void close() {
        // The child goes on: a restarted agent finds it again.
    }
}
