package io.moha.agent.process;

import io.moha.mysql.DatabaseProcess;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * MoHA's way: the agent starts mysqld as its child. The child outlives the agent, in a session of its own so that a
 * signal to the agent's terminal does not reach it. Which process it is stands in {@code mysqld.pid}: a restarted agent
 * finds it again and never takes another process for it. Should that file be missing, or the agent have died between
 * starting the child and writing it, the child is known by its command line.
 *
 * <p>The program has to be mysqld itself, or a script that ends in {@code exec mysqld}. Under systemd the unit needs {@code KillMode=process}, or the child ends with the agent.
 */
public final class ForkProcess implements DatabaseProcess {
    private static final Logger LOG = LoggerFactory.getLogger(ForkProcess.class);
    private static final Path SETSID = Path.of("/usr/bin/setsid");
    private static final Duration LOOK_AGAIN = Duration.ofMillis(10);

    private final List<String> command;
    private final Path dataDir;
    private final Path pidFile;
    private volatile Runnable hint = () -> {};

    /**
     * Starts nothing yet.
     *
     * @param program the file to run
     * @param arguments as MoHA had them: the first is the program's own name and is dropped
     * @param dataDir where {@code mysqld.pid} and {@code mysqld.out} are kept
     */
    public ForkProcess(String program, List<String> arguments, Path dataDir) {
        List<String> words = new ArrayList<>();
        words.add(program);
        words.addAll(arguments.subList(Math.min(1, arguments.size()), arguments.size()));
        this.command = List.copyOf(words);
        this.dataDir = dataDir;
        this.pidFile = dataDir.resolve("mysqld.pid");
    }

    @Override
    public State state(Duration deadline) {
        try {
            return child().isPresent() ? State.RUNNING : State.DEAD;
        } catch (IOException e) {
            LOG.warn("the state of {} cannot be learnt: {}", command.get(0), e.toString());
            return State.UNKNOWN;
        }
    }

    /** The living child. Held while one is being started: between its start and the note of it nobody may say "dead". */
    private synchronized Optional<ProcessId> child() throws IOException {
        if (Files.exists(pidFile)) {
            ProcessId noted = ProcessId.parse(Files.readString(pidFile));
            if (noted.alive()) {
                return Optional.of(noted);
            }
        }
        Optional<ProcessId> found = byCommandLine();
        if (found.isPresent()) {
            LOG.info("{} runs already, pid {}", command.get(0), found.get().pid());
            note(found.get());
            watch(found.get());
        }
        return found;
    }

    private Optional<ProcessId> byCommandLine() throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            for (Path entry : (Iterable<Path>) all.filter(ForkProcess::isProcess)::iterator) {
                if (!commandLine(entry).equals(command)) {
                    continue;
                }
                Optional<ProcessId> id =
                        ProcessId.of(Long.parseLong(entry.getFileName().toString()));
                if (id.isPresent() && id.get().alive()) {
                    return id;
                }
            }
            return Optional.empty();
        }
    }

    private static boolean isProcess(Path entry) {
        return entry.getFileName().toString().chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private static List<String> commandLine(Path process) {
        try {
            String text = Files.readString(process.resolve("cmdline"));
            return text.isEmpty()
                    ? List.of()
                    : Arrays.asList(text.substring(0, text.length() - 1).split("\0", -1));
        } catch (IOException e) {
            return List.of(); // ended meanwhile, or not ours to read
        }
    }

    @Override
    public synchronized void start(Duration deadline) throws ProcessException {
        try {
            if (child().isPresent()) {
                return;
            }
            Path program = Path.of(command.get(0));
            if (program.isAbsolute() && !Files.isExecutable(program)) {
                throw new ProcessException(program + " is not a program this account may run", null); // setsid hides it
            }
            Files.createDirectories(dataDir);
            List<String> words = new ArrayList<>();
            if (Files.isExecutable(SETSID)) {
                words.add(SETSID.toString()); // becomes the program itself: same pid
            }
            words.addAll(command);
            ProcessBuilder builder = new ProcessBuilder(words)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(
                            dataDir.resolve("mysqld.out").toFile()))
                    .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")));
            builder.environment().remove("NOTIFY_SOCKET"); // the agent's: mysqld would speak to systemd in its name
            java.lang.Process process = builder.start();
            Optional<ProcessId> id = ProcessId.of(process.pid());
            if (id.isEmpty()) {
                throw new ProcessException(command.get(0) + " ended at once", null);
            }
            note(id.get());
            watch(id.get());
        } catch (IOException e) {
            throw new ProcessException("cannot start " + command.get(0) + ": " + e.getMessage(), e);
        }
    }

    /** In one step: a torn note would leave a restarted agent without knowledge. */
    private void note(ProcessId id) throws IOException {
        Path next = pidFile.resolveSibling("mysqld.pid.new");
        Files.writeString(next, id + "\n");
        Files.move(next, pidFile, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private void watch(ProcessId id) {
        ProcessHandle.of(id.pid())
                .ifPresent(handle -> handle.onExit().thenRun(() -> hint.run()).exceptionally(e -> {
                    LOG.warn("after the end of {}: {}", command.get(0), e.toString());
                    return null;
                }));
    }

    @Override
    public void kill(Duration deadline) throws ProcessException {
        long until = System.nanoTime() + deadline.toNanos();
        List<ProcessId> killed = new ArrayList<>();
        try {
            while (true) {
                Optional<ProcessId> child = child();
                if (child.isPresent()) {
                    killed.addAll(killWithChildren(child.get()));
                }
                if (child.isEmpty() && allDead(killed)) {
                    return;
                }
                if (System.nanoTime() - until > 0) {
                    throw new ProcessException("not confirmed dead: " + command.get(0) + " " + killed, null);
                }
                TimeUnit.NANOSECONDS.sleep(LOOK_AGAIN.toNanos());
            }
        } catch (IOException e) {
            throw new ProcessException("the database process is not confirmed dead: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ProcessException("interrupted", e);
        }
    }

    private static boolean allDead(List<ProcessId> killed) throws IOException {
        for (ProcessId id : killed) {
            if (id.alive()) {
                return false;
            }
        }
        return true;
    }

    /** The parent first: a wrapper such as mysqld_safe would start mysqld again. Returns all that got the signal. */
    private static List<ProcessId> killWithChildren(ProcessId parent) throws IOException {
        List<ProcessId> killed = new ArrayList<>();
        Optional<ProcessHandle> handle = ProcessHandle.of(parent.pid());
        if (handle.isEmpty()) {
            return killed;
        }
        List<ProcessHandle> family = new ArrayList<>(List.of(handle.get()));
        handle.get().descendants().forEach(family::add);
        for (ProcessHandle member : family) {
            ProcessId.of(member.pid()).ifPresent(killed::add);
            member.destroyForcibly();
        }
        return killed;
    }

    @Override
    public void onExit(Runnable callback) {
        hint = callback;
        try {
            Optional<ProcessId> child = child();
            child.ifPresent(this::watch);
        } catch (IOException e) {
            LOG.warn("the end of {} will not be seen: {}", command.get(0), e.toString());
        }
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
