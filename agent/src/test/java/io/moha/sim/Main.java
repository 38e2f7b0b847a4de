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
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
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
        BiFunction<Long, @Nullable Consumer<String>, Simulation.Result> world = switch (args[0]) {
            case "lossless" -> Simulation::runLossless;
            case "changing" -> Simulation::runChanging;
            // A third word after "replay SEED": without the dead-man's switch.
            default -> {
                boolean deadManSwitch = !args[0].equals("replay") || args.length < 3;
                yield (seed, tracer) -> Simulation.run(seed, deadManSwitch, tracer);
            }
        };
        String[] words = args[0].equals("lossless") || args[0].equals("changing")
                ? Arrays.copyOfRange(args, 1, args.length)
                : args;
        if (words[0].equals("replay")) {
            Simulation.Result result = world.apply(Long.parseLong(words[1]), System.out::println);
            System.out.println(result);
            System.exit(result.violation().isPresent() ? 1 : 0);
        }
        if (words[0].equals("mutants")) {
            Mutants.table(words.length > 1 ? words[1] : "");
            return;
        }
        Runs runs = new Runs(System.out::println, world);
        runs.run(
                Long.parseLong(words[0]),
                Long.parseLong(words[1]),
                words.length > 2 ? Optional.of(Path.of(words[2])) : Optional.empty());
        System.exit(runs.violations().isEmpty() ? 0 : 1);
    }
}
