package io.moha.sim;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** Many runs, on all cores; long ones can be broken off and go on later. */
final class Runs {
    private static final int CHUNK = 500;

    private final AtomicLong finished = new AtomicLong();
    private final AtomicLong events = new AtomicLong();
    private final AtomicLong virtualMillis = new AtomicLong();
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicLong terms = new AtomicLong();
    private final List<String> violations = new CopyOnWriteArrayList<>();
    private final Consumer<String> say;

    /** @param say is told each violation at once, and how it goes */
    Runs(Consumer<String> say) {
        this.say = say;
    }

    List<String> violations() {
        return violations;
    }

    long finished() {
        return finished.get();
    }

    long acknowledged() {
        return acknowledged.get();
    }

    long terms() {
        return terms.get();
    }

    /**
     * Runs the seeds from {@code first} on.
     *
     * @param progress holds the next seed after each chunk, and is gone on from if it is there; empty for none
     */
    void run(long first, long count, Optional<Path> progress) throws InterruptedException {
        long from = progress.filter(Files::exists).map(Runs::read).orElse(first);
        if (from > first) {
            say.accept("going on from seed " + from);
        }
        long began = System.nanoTime();
        for (long chunk = from; chunk < first + count; chunk += CHUNK) {
            long end = Math.min(first + count, chunk + CHUNK);
            chunk(chunk, end);
            progress.ifPresent(file -> write(file, end));
            if (end - from >= 10_000 && (end - from) % 10_000 < CHUNK) {
                say.accept(summary(began));
            }
        }
        say.accept(summary(began));
    }

    private void chunk(long first, long end) throws InterruptedException {
        int threads = Runtime.getRuntime().availableProcessors();
        AtomicLong next = new AtomicLong(first);
        ExecutorService workers = Executors.newFixedThreadPool(threads, Scheduler.threads());
        for (int i = 0; i < threads; i++) {
            workers.execute(() -> {
                for (long seed = next.getAndIncrement(); seed < end; seed = next.getAndIncrement()) {
                    one(seed);
                }
            });
        }
        workers.shutdown();
        if (!workers.awaitTermination(1, TimeUnit.HOURS)) {
            throw new IllegalStateException("seeds " + first + " to " + end + " do not end");
        }
    }

    private void one(long seed) {
        try {
            Simulation.Result result = Simulation.run(seed, true, null);
            events.addAndGet(result.events());
            virtualMillis.addAndGet(result.virtualMillis());
            acknowledged.addAndGet(result.acknowledged());
            terms.addAndGet(result.terms());
            result.violation().ifPresent(v -> violated("seed " + seed + ": " + v));
        } catch (RuntimeException e) {
            violated(e + (e.getCause() == null ? "" : ": " + e.getCause()));
        }
        finished.incrementAndGet();
    }

    private void violated(String what) {
        violations.add(what);
        say.accept(what);
    }

    private String summary(long began) {
        double took = (System.nanoTime() - began) / 1e9;
        return String.format(
                "%d seeds, %d violations; %.0f s, %.1f seeds/s; %.1f hours of cluster time, %d events, %d acknowledged"
                        + " writes, %d terms",
                finished.get(),
                violations.size(),
                took,
                finished.get() / took,
                virtualMillis.get() / 3.6e6,
                events.get(),
                acknowledged.get(),
                terms.get());
    }

    private static long read(Path file) {
        try {
            return Long.parseLong(Files.readString(file).strip());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(Path file, long next) {
        try {
            Path fresh = file.resolveSibling(file.getFileName() + ".new");
            Files.writeString(fresh, next + "\n");
            Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
