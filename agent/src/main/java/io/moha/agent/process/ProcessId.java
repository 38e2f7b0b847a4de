package io.moha.agent.process;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Which process, beyond its pid, which the system gives out again: also the kernel's boot and the tick since that boot at
 * which it was started. (The start time in wall clock is computed from the boot time, which moves when the clock is
 * corrected: the same process would then look like another one, and a living server like a dead one.)
 *
 * @param pid process id
 * @param startTick field 22 of /proc/PID/stat
 * @param boot /proc/sys/kernel/random/boot_id
 */
record ProcessId(long pid, long startTick, String boot) {
    /** The processes of this system, or of this container. */
    static final Path PROC = Path.of("/proc");

    private static final Path BOOT = PROC.resolve("sys/kernel/random/boot_id");

    static Optional<ProcessId> of(long pid) throws IOException {
        return of(PROC, pid);
    }

    /** @param proc where the processes of the system in question are shown */
    static Optional<ProcessId> of(Path proc, long pid) throws IOException {
        Optional<String[]> stat = stat(proc, pid);
        if (stat.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(
                new ProcessId(pid, startTick(stat.get()), Files.readString(BOOT).strip()));
    }

    /** Reads what {@link #toString} wrote. */
    static ProcessId parse(String text) throws IOException {
        String[] fields = text.strip().split(" ", -1);
        try {
            if (fields.length == 3) {
                return new ProcessId(Long.parseLong(fields[0]), Long.parseLong(fields[1]), fields[2]);
            }
        } catch (NumberFormatException e) {
            throw new IOException("'" + text.strip() + "' is not pid, start tick and boot id", e);
        }
        throw new IOException("'" + text.strip() + "' is not pid, start tick and boot id");
    }

    /** Whether this very process still exists. A zombie without other threads is dead: nobody has collected it yet. */
    boolean alive() throws IOException {
        return alive(PROC);
    }

    boolean alive(Path proc) throws IOException {
        if (!Files.readString(BOOT).strip().equals(boot)) {
            return false;
        }
        Optional<String[]> stat = stat(proc, pid);
        if (stat.isEmpty() || startTick(stat.get()) != startTick) {
            return false;
        }
        String state = stat.get()[0];
        int threads = Integer.parseInt(stat.get()[17]);
        boolean ended = state.equals("Z") || state.equals("X");
        return !ended || threads > 1;
    }

    /** The fields of /proc/PID/stat from the state (field 3) on; the name before it may contain anything. */
    private static Optional<String[]> stat(Path proc, long pid) throws IOException {
        Path process = proc.resolve(Long.toString(pid));
        try {
            String text = Files.readString(process.resolve("stat"));
            return Optional.of(text.substring(text.lastIndexOf(')') + 2).strip().split(" ", -1));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            if (Files.exists(process)) {
                throw e;
            }
            return Optional.empty(); // it ended while its file was read
        }
    }

    private static long startTick(String[] fields) {
        return Long.parseLong(fields[19]);
    }

    @Override
    public String toString() {
        return pid + " " + startTick + " " + boot;
    }
}
