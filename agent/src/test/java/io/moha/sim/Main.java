package io.moha.sim;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.AppenderBase;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.LoggerFactory;

/** Long runs: {@code FIRST COUNT [THREADS]}; one seed with its trace: {@code replay SEED}; {@code mutants}. */
public final class Main {
    private Main() {}

    /** Silences the agents' logs, but for defects: these end the run in which they happen. */
    static void quiet() {
        Logger logger = (Logger) LoggerFactory.getLogger("io.moha");
        logger.setLevel(Level.ERROR);
        logger.setAdditive(false);
        logger.detachAndStopAllAppenders();
        AppenderBase<ILoggingEvent> alarm = new AppenderBase<>() {
            @Override
            protected void append(ILoggingEvent event) {
                IThrowableProxy cause = event.getThrowableProxy();
                throw new Violation(
                        "defect",
                        event.getFormattedMessage() + (cause == null ? "" : " " + ThrowableProxyUtil.asString(cause)));
            }
        };
        alarm.setContext(logger.getLoggerContext());
        alarm.start();
        logger.addAppender(alarm);
    }

    public static void main(String[] args) throws Exception {
        quiet();
        if (args[0].equals("replay")) {
            Simulation.Result result = Simulation.run(Long.parseLong(args[1]), args.length < 3, System.out::println);
            System.out.println(result);
            System.exit(result.violation().isPresent() ? 1 : 0);
        }
        if (args[0].equals("mutants")) {
            Mutants.table(args.length > 1 ? args[1] : "");
            return;
        }
        long first = Long.parseLong(args[0]);
        long count = Long.parseLong(args[1]);
        int threads = args.length > 2
                ? Integer.parseInt(args[2])
                : Runtime.getRuntime().availableProcessors();
        AtomicLong next = new AtomicLong(first);
        AtomicLong bad = new AtomicLong();
        AtomicLong virtual = new AtomicLong();
        AtomicLong events = new AtomicLong();
        AtomicLong acknowledged = new AtomicLong();
        AtomicLong terms = new AtomicLong();
        long began = System.nanoTime();
        ExecutorService workers = Executors.newFixedThreadPool(threads);
        for (int i = 0; i < threads; i++) {
            workers.execute(() -> {
                for (long seed = next.getAndIncrement(); seed < first + count; seed = next.getAndIncrement()) {
                    try {
                        Simulation.Result result = Simulation.run(seed, true, null);
                        virtual.addAndGet(result.virtualMillis());
                        events.addAndGet(result.events());
                        acknowledged.addAndGet(result.acknowledged());
                        terms.addAndGet(result.terms());
                        long at = seed;
                        result.violation().ifPresent(v -> {
                            bad.incrementAndGet();
                            System.out.println("seed " + at + ": " + v);
                        });
                    } catch (RuntimeException e) {
                        bad.incrementAndGet();
                        e.printStackTrace(System.out);
                    }
                }
            });
        }
        workers.shutdown();
        workers.awaitTermination(365, TimeUnit.DAYS);
        double took = (System.nanoTime() - began) / 1e9;
        System.out.printf(
                "%d seeds from %d: %d violations; %.1f s, %.1f seeds/s; %.1f virtual hours, %d events, %d acknowledged writes, %d terms%n",
                count,
                first,
                bad.get(),
                took,
                count / took,
                virtual.get() / 3.6e6,
                events.get(),
                acknowledged.get(),
                terms.get());
        System.exit(bad.get() == 0 ? 0 : 1);
    }
}
