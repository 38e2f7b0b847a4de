package io.moha.sim;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.AppenderBase;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.slf4j.LoggerFactory;

/**
 * Long runs: {@code FIRST COUNT [PROGRESS-FILE]}; one seed with its trace: {@code replay SEED}; {@code mutants}. The first two
 * also after {@code lossless} or {@code changing}.
 */
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
        boolean lossless = args[0].equals("lossless");
        boolean changing = args[0].equals("changing");
        if (lossless || changing) {
            args = Arrays.copyOfRange(args, 1, args.length);
        }
        if (args[0].equals("replay")) {
            long seed = Long.parseLong(args[1]);
            Simulation.Result result = lossless
                    ? Simulation.runLossless(seed, System.out::println)
                    : changing
                            ? Simulation.runChanging(seed, System.out::println)
                            : Simulation.run(seed, args.length < 3, System.out::println);
            System.out.println(result);
            System.exit(result.violation().isPresent() ? 1 : 0);
        }
        if (args[0].equals("mutants")) {
            Mutants.table(args.length > 1 ? args[1] : "");
            return;
        }
        Runs runs = lossless
                ? new Runs(System.out::println, Simulation::runLossless)
                : changing ? new Runs(System.out::println, Simulation::runChanging) : new Runs(System.out::println);
        runs.run(
                Long.parseLong(args[0]),
                Long.parseLong(args[1]),
                args.length > 2 ? Optional.of(Path.of(args[2])) : Optional.empty());
        System.exit(runs.violations().isEmpty() ? 0 : 1);
    }
}
