package io.moha.moctl.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.moha.moctl.bench.BenchException;
import io.moha.moctl.config.BenchConfig;
import io.moha.moctl.config.ConfigException;
import io.moha.moctl.config.MoctlConfig;
import io.moha.moctl.config.Secrets;
import io.moha.moctl.drill.Durability;
import io.moha.moctl.drill.FaultCommand;
import io.moha.moctl.drill.FaultKind;
import io.moha.moctl.drill.SoakDrill;
import io.moha.moctl.drill.SoakResult;
import io.moha.moctl.drill.SoakSettings;
import io.moha.moctl.render.Json;
import io.moha.moctl.render.SoakReport;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
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

/** {@code moctl drill soak}. */
@Command(
        name = "soak",
        description = {
            "Breaks the cluster again and again by a random plan while clients insert, writes every acknowledgement to a "
                    + "ledger outside the cluster first, and checks after every round and at the end: every acknowledged "
                    + "write is there, no two nodes acknowledged at the same time, the cluster is whole again by itself.",
            "A node that has diverged is written down and then REBUILT: what only it has is LOST. Needs [bench] in "
                    + "moctl.toml."
        },
        footer = {
            "",
            "Examples:",
            "  moctl drill soak --faults 20",
            "  moctl drill soak --faults 200 --seed 42 --yes -o json",
            "  moctl drill soak --faults 10 --only primary-cut,primary-host --pairs 0",
            "  moctl drill soak --faults 50 --durability lossless --ledger /mnt/other/drill-1"
        },
        exitCodeList = {
            "0:all faults struck, nothing that is promised was broken",
            "1:a promise was broken, a round did not become whole, or it ended early",
            "2:wrong usage or configuration",
            "4:not confirmed, or the cluster was not healthy at the start; nothing was broken"
        })
final class DrillSoakCommand implements Callable<Integer> {
    private static final DateTimeFormatter NAME =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT).withZone(ZoneOffset.UTC);
    private static final String QUICKSTART = "docker-compose/quickstart/fault";

    @Mixin
    private final ClusterOptions cluster = new ClusterOptions();

    @Mixin
    private final OutputOptions output = new OutputOptions();

    @Option(
            names = "--faults",
            paramLabel = "N",
            defaultValue = "20",
            description = "How many in all; a pair counts as two. 1 to 10000. Default: ${DEFAULT-VALUE}.")
    private int faults;

    @Option(
            names = "--seed",
            paramLabel = "S",
            description = "The same seed gives the same plan. Default: a random one, which is said.")
    private @Nullable Long seed;

    @Option(
            names = "--only",
            paramLabel = "KIND",
            split = ",",
            converter = KindConverter.class,
            completionCandidates = Kinds.class,
            description = "Only these: ${COMPLETION-CANDIDATES}. Default: all.")
    private @Nullable List<FaultKind> only;

    @Option(
            names = "--pairs",
            paramLabel = "SHARE",
            defaultValue = "0.25",
            description = "Share of rounds with two faults, 0 to 1. Default: ${DEFAULT-VALUE}.")
    private double pairs;

    @Option(
            names = "--durability",
            paramLabel = "PROMISE",
            defaultValue = "async",
            converter = DurabilityConverter.class,
            completionCandidates = Durabilities.class,
            description = "What is promised: ${COMPLETION-CANDIDATES}. async: acknowledged writes may be lost, but a "
                    + "node must name them. lossless: none. Default: ${DEFAULT-VALUE}.")
    private Durability durability = Durability.ASYNC;

    @Option(
            names = "--clients",
            paramLabel = "N",
            defaultValue = "16",
            description = "Half of them write through the proxy, half at the nodes. 2 to 256. Default: "
                    + "${DEFAULT-VALUE}.")
    private int clients;

    @Option(
            names = "--pace",
            paramLabel = "TIME",
            defaultValue = "20ms",
            converter = DurationConverter.class,
            description = "Time between two inserts of one client. Default: ${DEFAULT-VALUE}.")
    private Duration pace = Duration.ofMillis(20);

    @Option(
            names = "--patience",
            paramLabel = "TIME",
            defaultValue = "30s",
            converter = DurationConverter.class,
            description = "How long a fault of the primary lasts at most if writes do not go on elsewhere. Default: "
                    + "${DEFAULT-VALUE}.")
    private Duration patience = Duration.ofSeconds(30);

    @Option(
            names = "--deadline",
            paramLabel = "TIME",
            defaultValue = "3m",
            converter = DurationConverter.class,
            description = "How long the cluster may take to be whole again after the mending. Default: "
                    + "${DEFAULT-VALUE}.")
    private Duration deadline = Duration.ofMinutes(3);

    @Option(
            names = "--ledger",
            paramLabel = "DIR",
            description = "Where the acknowledgements are written before they count, on a disk that the faults do not "
                    + "hit. Must not hold a ledger. Default: ./moctl-soak-TIME.")
    private @Nullable Path ledger;

    @Option(
            names = "--fault-command",
            paramLabel = "WORDS",
            description = "Program and first arguments, divided by blanks, no shell. It is called with kill-mysqld, "
                    + "kill-host, kill-agent or cut and a NODE, with kill-etcd-leader, and with heal, which mends all. "
                    + "Default: " + QUICKSTART + " of the checkout.")
    private @Nullable String faultCommand;

    @Option(
            names = {"-y", "--yes"},
            description = "Do not ask. Needed where there is no terminal.")
    private boolean yes;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() throws ConfigException {
        SoakSettings settings = settings();
        FaultCommand command = command();
        MoctlConfig config = cluster.load();
        SoakDrill.Access access = access(config);
        if (!Confirmation.given(
                spec,
                yes,
                "Break the cluster of " + config.agents().get(0) + " " + faults
                        + " times, and rebuild nodes that diverge?")) {
            spec.commandLine().getErr().println("moctl: not confirmed, nothing was broken");
            return ExitCode.REFUSED;
        }
        Path directory = directory();
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter progress = output.json() ? spec.commandLine().getErr() : out;
        int rounds = settings.rounds();
        progress.println("seed " + settings.seed() + ", " + settings.faults() + " faults in " + rounds
                + " rounds, ledger in " + directory);
        progress.flush();
        SoakDrill drill =
                new SoakDrill(cluster.connect(config), access, command, settings, directory.resolve("acks"), round -> {
                    progress.println(SoakReport.line(round, rounds, output.colour()));
                    progress.flush();
                });
        try (Interruption interruption =
                new Interruption(spec.commandLine().getErr(), () -> drill.stop(settings.deadline()))) {
            SoakResult result = drill.run();
            report(result, directory, out);
            return result.ok() ? ExitCode.OK : ExitCode.FAILED;
        } catch (BenchException e) {
            spec.commandLine().getErr().println("moctl: " + e.getMessage());
            return ExitCode.REFUSED;
        }
    }

    private SoakSettings settings() {
        try {
            return new SoakSettings(
                    faults,
                    seed == null ? new SecureRandom().nextInt(Integer.MAX_VALUE) : seed,
                    only == null ? FaultKind.all() : only,
                    pairs,
                    clients,
                    pace,
                    durability,
                    patience,
                    deadline);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        }
    }

    private SoakDrill.Access access(MoctlConfig config) throws ConfigException {
        BenchConfig bench = config.bench()
                .orElseThrow(() -> new ConfigException("[bench] is missing in "
                        + config.file().map(Path::toString).orElse("moctl.toml: give --config FILE")));
        String password = bench.passwordFile().isPresent()
                ? Secrets.read("[bench] password-file", bench.passwordFile().get())
                : "";
        String inspector = bench.inspector().isPresent()
                ? Secrets.read(
                        "[bench] inspect-password-file", bench.inspector().get().passwordFile())
                : "";
        return new SoakDrill.Access(bench, password, inspector);
    }

    private FaultCommand command() {
        if (faultCommand != null && !faultCommand.isBlank()) {
            return new FaultCommand(List.of(faultCommand.strip().split("\\s+")));
        }
        Path script = Path.of(System.getProperty("moctl.home", "."), QUICKSTART);
        if (!Files.isExecutable(script)) {
            throw new ParameterException(
                    spec.commandLine(), script + " is not there: give --fault-command, how faults are made and mended");
        }
        return new FaultCommand(List.of(script.toString()));
    }

    private Path directory() throws ConfigException {
        Path directory = ledger == null ? Path.of("moctl-soak-" + NAME.format(Instant.now())) : ledger;
        if (Files.exists(directory.resolve("acks"))) {
            throw new ConfigException(
                    "--ledger " + directory + ": holds the ledger of another drill: name a new " + "directory");
        }
        try {
            return Files.createDirectories(directory);
        } catch (IOException e) {
            throw new ConfigException("--ledger " + directory + " cannot be made: " + e, e);
        }
    }

    private void report(SoakResult result, Path directory, PrintWriter out) {
        ObjectNode json = SoakReport.json(
                result,
                Environment.describe(spec.root().commandLine().getParseResult().originalArgs()));
        out.print(output.json() ? Json.pretty(json) + "\n" : SoakReport.summary(result, output.colour()));
        out.flush();
        Path file = directory.resolve("report.json");
        try {
            Files.writeString(file, Json.pretty(json) + "\n");
        } catch (IOException e) {
            spec.commandLine().getErr().println("moctl: " + file + " cannot be written: " + e.getMessage());
        }
    }

    /** For completion. */
    static final class Kinds implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return FaultKind.all().stream().map(FaultKind::text).iterator();
        }
    }

    /** For completion. */
    static final class Durabilities implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return List.of(Durability.ASYNC.text(), Durability.LOSSLESS.text()).iterator();
        }
    }

    /** From the word on the command line. */
    static final class KindConverter implements ITypeConverter<FaultKind> {
        @Override
        public FaultKind convert(String text) {
            try {
                return FaultKind.parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(String.valueOf(e.getMessage()));
            }
        }
    }

    /** From the word on the command line. */
    static final class DurabilityConverter implements ITypeConverter<Durability> {
        @Override
        public Durability convert(String text) {
            try {
                return Durability.parse(text);
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(String.valueOf(e.getMessage()));
            }
        }
    }
}
