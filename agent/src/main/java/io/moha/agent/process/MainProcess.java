package io.moha.agent.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The first process of a container, as the host's kernel shows it. When it is gone every process of the container is: the
 * kernel ends the others first. The Docker Engine says so only when it has cleaned up, 80 to 200 ms later
 * (docs/benchmarks.md).
 */
final class MainProcess {
    private static final Logger LOG = LoggerFactory.getLogger(MainProcess.class);

    private final Path proc;
    private Optional<ProcessId> known = Optional.empty();
    private boolean warned;

    /** @param proc the host's {@code /proc} */
    MainProcess(Path proc) {
        this.proc = proc;
    }

    /**
     * The engine says that the container runs.
     *
     * @param pid of its first process, as the host counts
     * @param container its full id
     */
    synchronized void runs(long pid, String container) {
        if (known.filter(k -> k.pid() == pid).isPresent()) {
            return;
        }
        known = Optional.empty();
        try {
            // Not the host's processes, but this container's: another process could have that number.
            if (Files.readString(proc.resolve(pid + "/cgroup")).contains(container)) {
                known = ProcessId.of(proc, pid);
                return;
            }
        } catch (IOException e) {
            LOG.debug("{}: {}", pid, e.toString());
        }
        if (!warned) {
            warned = true;
            LOG.warn(
                    "{} does not show process {} of the container: is it the host's /proc? The Docker Engine alone is asked",
                    proc,
                    pid);
        }
    }

    /** Nothing is known until {@link #runs}. */
    synchronized void forget() {
        known = Optional.empty();
    }

    /** Whether the process that was known has ended. Said once: after that it is for the engine to say what runs. */
    synchronized boolean ended() {
        try {
            if (known.isEmpty() || known.get().alive(proc)) {
                return false;
            }
        } catch (IOException e) {
            LOG.debug("{}: {}", known, e.toString());
            return false;
        }
        known = Optional.empty();
        return true;
    }
}
