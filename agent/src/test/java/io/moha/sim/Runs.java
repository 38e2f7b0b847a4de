package io.moha.sim;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Many runs, on all cores; long ones can be broken off and go on later. */
final class Runs {
    private static final int CHUNK = 500;
    private static final long NONE = Long.MAX_VALUE;

    private final AtomicLong finished = new AtomicLong();
    private final AtomicLong events = new AtomicLong();
    private final AtomicLong virtualMillis = new AtomicLong();
    private final AtomicLong acknowledged = new AtomicLong();
    private final AtomicLong terms = new AtomicLong();
    private final AtomicLong nanos = new AtomicLong();
    private final AtomicLong firstViolation = new AtomicLong(NONE);
    private final List<String> violations = new CopyOnWriteArrayList<>();
    private final Consumer<String> say;
    private final BiFunction<Long, @Nullable Consumer<String>, Simulation.Result> run;

    /** @param say is told each violation at once, and how it goes */
    Runs(Consumer<String> say) {
        this(say, (seed, tracer) -> Simulation.run(seed, true, tracer));
    }

    /** @param run one seed, with a tracer or null */
    Runs(Consumer<String> say, BiFunction<Long, @Nullable Consumer<String>, Simulation.Result> run) {
        this.say = say;
        this.run = run;
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
     * Runs the seeds from {@code first} on. Ends with the trace of the first violation, if there was one.
     *
     * @param progress holds the next seed and all sums after each chunk, and is gone on from if it is there; empty for none
     */
    void run(long first, long count, Optional<Path> progress) throws InterruptedException {
        long from = progress.filter(Files::exists).map(this::read).orElse(first);
        if (from > first) {
            say.accept("going on from seed " + from + ": " + summary());
        }
        long before = nanos.get();
        long began = System.nanoTime();
        for (long chunk = from; chunk < first + count; chunk += CHUNK) {
            long end = Math.min(first + count, chunk + CHUNK);
            chunk(chunk, end);
            nanos.set(before + System.nanoTime() - began);
            progress.ifPresent(file -> write(file, end));
            if (end - first >= 10_000 && (end - first) % 10_000 < CHUNK) {
                say.accept(summary());
            }
        }
        say.accept(summary());
        if (firstViolation.get() != NONE) {
            var unused = run.apply(firstViolation.get(), say);
        }
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
            Simulation.Result result = run.apply(seed, null);
            events.addAndGet(result.events());
            virtualMillis.addAndGet(result.virtualMillis());
            acknowledged.addAndGet(result.acknowledged());
            terms.addAndGet(result.terms());
            result.violation().ifPresent(v -> violated(seed, "seed " + seed + ": " + v));
        } catch (RuntimeException e) {
            violated(seed, e + (e.getCause() == null ? "" : ": " + e.getCause()));
        }
        finished.incrementAndGet();
    }

    private void violated(long seed, String what) {
        firstViolation.accumulateAndGet(seed, Math::min);
        violations.add(what);
        say.accept(what);
    }

    private String summary() {
        double took = nanos.get() / 1e9;
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

    private Map<String, AtomicLong> sums() {
        return Map.of(
                "seeds", finished,
                "nanoseconds", nanos,
                "virtual-milliseconds", virtualMillis,
                "events", events,
                "acknowledged", acknowledged,
                "terms", terms,
                "first-violation", firstViolation);
    }

    /** @return the next seed */
    private long read(Path file) {
        Properties saved = new Properties();
        try (Reader in = Files.newBufferedReader(file)) {
            saved.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        sums().forEach((name, sum) -> sum.set(number(file, saved, name)));
        for (int i = 0; saved.getProperty("violation." + i) != null; i++) {
            violations.add(saved.getProperty("violation." + i));
        }
        return number(file, saved, "next-seed");
    }

    private static long number(Path file, Properties saved, String name) {
        try {
            return Long.parseLong(String.valueOf(saved.getProperty(name)));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    file + ": " + name + "=" + saved.getProperty(name)
                            + " is not a number; delete the file to begin anew",
                    e);
        }
    }

    private void write(Path file, long next) {
        Properties saved = new Properties();
        saved.setProperty("next-seed", Long.toString(next));
        sums().forEach((name, sum) -> saved.setProperty(name, Long.toString(sum.get())));
        for (int i = 0; i < violations.size(); i++) {
            saved.setProperty("violation." + i, violations.get(i));
        }
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        try {
            try (Writer out = Files.newBufferedWriter(fresh)) {
                saved.store(out, null);
            }
            Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
