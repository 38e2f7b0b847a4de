package io.moha.agent.process;

import io.moha.mysql.DatabaseProcess;
import java.io.File;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Configured commands, run without a shell, each with a deadline. The status command says by its exit code: 0 running,
 * 3 dead (as LSB has it), anything else unknown. The start command has to come back: what still runs at its deadline is
 * killed.
 */
public final class CommandProcess implements DatabaseProcess {
    private static final Logger LOG = LoggerFactory.getLogger(CommandProcess.class);
    private static final int RUNNING = 0;
    private static final int NOT_RUNNING = 3;
    private static final int NO_ANSWER = -1;
    private static final Duration LOOK_AGAIN = Duration.ofMillis(20);

    private final List<String> start;
    private final List<String> kill;
    private final List<String> status;

    public CommandProcess(List<String> start, List<String> kill, List<String> status) {
        this.start = List.copyOf(start);
        this.kill = List.copyOf(kill);
        this.status = List.copyOf(status);
    }

    @Override
    public State state(Duration deadline) {
        try {
            return switch (run(status, deadline)) {
                case RUNNING -> State.RUNNING;
                case NOT_RUNNING -> State.DEAD;
                default -> State.UNKNOWN;
            };
        } catch (ProcessException e) {
            LOG.debug("{}", e.getMessage());
            return State.UNKNOWN;
        }
    }

    @Override
    public void start(Duration deadline) throws ProcessException {
        int code = run(start, deadline);
        if (code == NO_ANSWER) {
            throw new ProcessException(
                    "start-command " + start.get(0) + " did not come back in " + deadline.toMillis() + " ms", null);
        }
        if (code != 0) {
            throw new ProcessException("start-command " + start.get(0) + " ended with " + code, null);
        }
    }

    @Override
    public void kill(Duration deadline) throws ProcessException {
        long until = System.nanoTime() + deadline.toNanos();
        int code = run(kill, deadline);
        while (true) {
            long left = until - System.nanoTime();
            if (left <= 0) {
                String said = code == NO_ANSWER ? "which did not come back" : "which ended with " + code;
                throw new ProcessException(
                        "the database is not confirmed dead after kill-command " + kill.get(0) + ", " + said, null);
            }
            if (state(Duration.ofNanos(left)) == State.DEAD) {
                return;
            }
            pause();
        }
    }

    private static void pause() throws ProcessException {
        try {
            TimeUnit.NANOSECONDS.sleep(LOOK_AGAIN.toNanos());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ProcessException("interrupted", e);
        }
    }

    /** Returns the exit code, -1 if there was none in time. */
    private static int run(List<String> command, Duration deadline) throws ProcessException {
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
        java.lang.Process process;
        try {
            process = builder.start();
        } catch (IOException e) {
            throw new ProcessException("cannot run " + command.get(0) + ": " + e.getMessage(), e);
        }
        try {
            if (process.waitFor(deadline.toNanos(), TimeUnit.NANOSECONDS)) {
                return process.exitValue();
            }
            return NO_ANSWER;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ProcessException("interrupted while " + command.get(0) + " ran", e);
        } finally {
            if (process.isAlive()) {
                process.descendants().forEach(ProcessHandle::destroyForcibly);
                process.destroyForcibly();
            }
        }
    }

    @Override
    public void onExit(Runnable hint) {
        // Commands cannot call back; the tripwire tells.
    }

    @Override
    public boolean controllable() {
        return true;
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
