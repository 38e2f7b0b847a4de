package io.moha.moctl.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.moha.moctl.bench.BenchException;
import io.moha.moctl.bench.BenchResult;
import io.moha.moctl.bench.FailoverBench;
import io.moha.moctl.bench.FaultKind;
import io.moha.moctl.bench.Settings;
import io.moha.moctl.config.BenchConfig;
import io.moha.moctl.config.ConfigException;
import io.moha.moctl.config.MoctlConfig;
import io.moha.moctl.config.Secrets;
import io.moha.moctl.render.BenchReport;
import io.moha.moctl.render.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code moctl bench failover}. */
@Command(
        name = "failover",
        description = {
            "Writes at every node and through the proxy, breaks the primary, and measures how long nobody's writes are "
                    + "acknowledged. After every round: no two nodes took writes at once, every acknowledged write is "
                    + "there, all nodes hold the same GTID set.",
            "Needs [bench] and [bench.fault] in moctl.toml. Stops after a round in which a node has "
                    + "diverged, unless --reinit-diverged."
        },
        footer = {
            "",
            "Examples:",
            "  moctl bench failover --fault mysqld-kill --rounds 20",
            "  moctl bench failover --fault host-kill --rounds 5 --out host-kill.json",
            "  moctl bench failover --fault switch --rounds 20 -o json"
        },
        exitCodeList = {
            "0:all rounds done, none failed",
            "1:a round failed, two primaries at once, or it ended early",
            "2:wrong usage or configuration",
            "4:the cluster was not healthy at the start; nothing was broken"
        })
final class BenchFailoverCommand implements Callable<Integer> {
    private static final int LIGHT_WRITERS = 1;

    @Mixin
    private final ClusterOptions cluster = new ClusterOptions();

    @Mixin
    private final OutputOptions output = new OutputOptions();

    @Option(
            names = "--fault",
            required = true,
            paramLabel = "FAULT",
            converter = FaultConverter.class,
            completionCandidates = Faults.class,
            description = "${COMPLETION-CANDIDATES}.")
    private FaultKind fault = FaultKind.MYSQLD_KILL;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "20",
            description = "1 to 1000. Default: ${DEFAULT-VALUE}.")
    private int rounds;

    @Option(
            names = "--load",
            paramLabel = "LOAD",
            defaultValue = "light",
            description = "light (one writer at every node and one through the proxy), or N of each. Default: "
                    + "${DEFAULT-VALUE}.")
    private String load = "light";

    @Option(
            names = "--pace",
            paramLabel = "TIME",
            defaultValue = "5ms",
            converter = DurationConverter.class,
            description = "Time between two inserts of one writer. Default: ${DEFAULT-VALUE}.")
    private Duration pace = Duration.ofMillis(5);

    @Option(
            names = "--deadline",
            paramLabel = "TIME",
            defaultValue = "2m",
            converter = DurationConverter.class,
            description = "How long a round may take to write again, and again to be healthy. Default: "
                    + "${DEFAULT-VALUE}.")
    private Duration deadline = Duration.ofMinutes(2);

    @Option(
            names = "--reinit-diverged",
            description =
                    "Rebuild a diverged node from the new primary and go on, instead of stopping: what only that node "
                            + "has is named in the result and then LOST.")
    private boolean reinitDiverged;

    @Option(names = "--out", paramLabel = "FILE", description = "Write the JSON there too.")
    private @Nullable Path file;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() throws ConfigException {
        Settings settings = settings();
        MoctlConfig config = cluster.load();
        BenchConfig bench = config.bench()
                .orElseThrow(() -> new ConfigException("[bench] is missing in "
                        + config.file().map(Path::toString).orElse("moctl.toml: give --config FILE")));
        String password = bench.passwordFile().isPresent()
                ? Secrets.read("[bench] password-file", bench.passwordFile().get())
                : "";
        PrintWriter out = spec.commandLine().getOut();
        FailoverBench run = new FailoverBench(cluster.connect(config), bench, password, settings, round -> {
            PrintWriter progress = output.json() ? spec.commandLine().getErr() : out;
            progress.println(BenchReport.line(round, rounds, output.colour()));
            progress.flush();
        });
        try (Interruption interruption =
                new Interruption(spec.commandLine().getErr(), () -> run.stop(settings.deadline()))) {
            BenchResult result = run.run();
            report(result, out);
            return result.ok() ? ExitCode.OK : ExitCode.FAILED;
        } catch (BenchException e) {
            spec.commandLine().getErr().println("moctl: " + e.getMessage());
            return ExitCode.REFUSED;
        }
    }

    private Settings settings() {
        try {
            int writers = load.equals("light") ? LIGHT_WRITERS : Integer.parseInt(load);
            return new Settings(fault, rounds, writers, pace, deadline, reinitDiverged);
        } catch (NumberFormatException e) {
            throw new ParameterException(spec.commandLine(), "--load " + load + ": write light or a number", e);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        }
    }

    private void report(BenchResult result, PrintWriter out) {
        ObjectNode json = BenchReport.json(
                result,
                Environment.describe(spec.root().commandLine().getParseResult().originalArgs()));
        out.print(output.json() ? Json.pretty(json) + "\n" : BenchReport.summary(result, output.colour()));
        out.flush();
        if (file != null) {
            try {
                Files.writeString(file, Json.pretty(json) + "\n");
            } catch (IOException e) {
                spec.commandLine().getErr().println("moctl: " + file + " cannot be written: " + e.getMessage());
            }
        }
    }

    /** For completion. */
    static final class Faults implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Arrays.stream(FaultKind.values()).map(FaultKind::text).iterator();
        }
    }

    /** From the word on the command line. */
    static final class FaultConverter implements ITypeConverter<FaultKind> {
        @Override
        public FaultKind convert(String text) {
            try {
                return FaultKind.parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(String.valueOf(e.getMessage()));
            }
        }
    }
}
