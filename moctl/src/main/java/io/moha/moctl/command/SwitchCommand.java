package io.moha.moctl.command;

import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.config.ConfigException;
import io.moha.moctl.render.Json;
import io.moha.moctl.render.SwitchReport;
import io.moha.moctl.switchover.Check;
import io.moha.moctl.switchover.InTheWay;
import io.moha.moctl.switchover.Preflight;
import io.moha.moctl.switchover.SwitchResult;
import io.moha.moctl.switchover.Switchover;
import io.moha.model.OnLongTransactions;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code moctl switch}. */
@Command(
        name = "switch",
        description = {
            "Makes another node primary, as planned: pre-flight, /changeMaster, wait until the target is open.",
            "The old primary's agent brings the target near, closes for writes, waits until the target has executed "
                    + "everything, and hands the role over. Any failure before that, and Ctrl-C too, ends with the old "
                    + "primary read back as writable; this command may die without harm."
        },
        footer = {
            "",
            "Examples:",
            "  moctl switch                        to the best replica",
            "  moctl switch --to node-2 --yes",
            "  moctl switch --to node-2 --dry-run",
            "  moctl switch --on-long-transactions kill --timeout 3s --yes -o json"
        },
        exitCodeList = {
            "0:the target is primary and open",
            "1:not switched; the old primary was read back as writable, or another node became primary",
            "2:wrong usage or configuration",
            "4:refused by the pre-flight, or not confirmed; nothing was changed",
            "5:unknown: neither could be read back in time"
        })
final class SwitchCommand implements Callable<Integer> {
    @Mixin
    private final ClusterOptions cluster = new ClusterOptions();

    @Mixin
    private final OutputOptions output = new OutputOptions();

    @Option(names = "--to", paramLabel = "NODE", description = "The new primary. Default: the best replica, and why.")
    private @Nullable String to;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            defaultValue = "10s",
            converter = DurationConverter.class,
            description =
                    "How long writes may be stopped before it goes back: 500ms, 10s, 1m. Default: ${DEFAULT-VALUE}.")
    private Duration timeout = Duration.ofSeconds(10);

    @Option(
            names = "--on-long-transactions",
            paramLabel = "WHAT",
            defaultValue = "wait",
            converter = OnLongTransactionsConverter.class,
            description =
                    "What to do about a session of the primary that has an open transaction with changes for more "
                            + "than a second, runs DDL, or holds a lock for a backup: wait, abort, kill. Default: "
                            + "${DEFAULT-VALUE}.")
    private OnLongTransactions inTheWay = OnLongTransactions.WAIT;

    @Option(
            names = "--deadline",
            paramLabel = "TIME",
            defaultValue = "1m",
            converter = DurationConverter.class,
            description = "How long to wait for such sessions, before anything is closed. Default: ${DEFAULT-VALUE}.")
    private Duration deadline = Duration.ofMinutes(1);

    @Option(names = "--dry-run", description = "Show the pre-flight and end: 0 if it could begin, 4 if not.")
    private boolean dryRun;

    @Option(
            names = {"-y", "--yes"},
            description = "Do not ask. Needed where there is no terminal.")
    private boolean yes;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() throws ConfigException, AgentException {
        PrintWriter out = spec.commandLine().getOut();
        if (timeout.compareTo(Duration.ofMillis(100)) < 0 || timeout.compareTo(Duration.ofMinutes(10)) > 0) {
            throw new ParameterException(spec.commandLine(), "--timeout: take 100ms to 10m");
        }
        Agents agents = cluster.connect(cluster.load());
        ClusterView view = agents.view(true);
        Optional<String> wanted = Optional.ofNullable(to);
        if (wanted.isEmpty()) {
            Preflight.Choice choice = Preflight.choose(view);
            wanted = choice.node();
            say(out, choice.why());
        }
        if (wanted.isEmpty()) {
            return refused(
                    out,
                    List.of(new Check(
                            false, "a target exists", Preflight.choose(view).why())));
        }
        List<Check> checks = new ArrayList<>(Preflight.check(view, wanted.get()));
        Optional<MemberView> primary = view.primary();
        Optional<MemberView> target = view.find(wanted.get());
        Optional<InTheWay> sessions = primary.isEmpty() || target.isEmpty()
                ? Optional.empty()
                : Optional.of(new InTheWay(
                        agents, primary.get().member(), target.get().member(), inTheWay, deadline));
        sessions.ifPresent(s -> checks.addAll(s.checks()));
        say(out, SwitchReport.checklist(checks, output.colour()).stripTrailing());
        if (!Preflight.passed(checks) || sessions.isEmpty() || primary.isEmpty() || target.isEmpty()) {
            return refused(out, checks);
        }
        if (dryRun) {
            out.print(
                    output.json()
                            ? Json.pretty(SwitchReport.json(checks, Optional.empty())) + "\n"
                            : "nothing was changed: --dry-run\n");
            out.flush();
            return ExitCode.OK;
        }
        if (!Confirmation.given(
                spec,
                yes,
                "Make " + target.get().id() + " primary instead of "
                        + primary.get().id() + "?")) {
            return refused(out, List.of(new Check(false, "confirmed", "the answer was not yes")));
        }
        String there = sessions.get().await(sentence -> say(out, sentence));
        if (!there.isEmpty()) {
            return refused(out, List.of(new Check(false, "the way is free", there)));
        }
        SwitchResult result = run(agents, view, primary.get(), target.get(), out);
        out.print(
                output.json()
                        ? Json.pretty(SwitchReport.json(checks, Optional.of(result))) + "\n"
                        : SwitchReport.summary(result, output.colour()));
        out.flush();
        return switch (result.outcome()) {
            case DONE -> ExitCode.OK;
            case NOT_STARTED, ROLLED_BACK, OVERTAKEN -> ExitCode.FAILED;
            case UNKNOWN -> ExitCode.UNKNOWN;
        };
    }

    private SwitchResult run(Agents agents, ClusterView view, MemberView primary, MemberView target, PrintWriter out) {
        Switchover change = new Switchover(
                agents,
                primary.member(),
                target.member(),
                view.term(),
                timeout,
                inTheWay,
                sentence -> say(out, sentence));
        Thread onSignal = new Thread(
                () -> {
                    spec.commandLine().getErr().println("moctl: interrupted, going back if that is still possible");
                    if (!change.cancel()) {
                        spec.commandLine().getErr().println("moctl: not ended in time. Look at: moctl status");
                    }
                },
                "moctl-interrupted");
        Runtime.getRuntime().addShutdownHook(onSignal);
        SwitchResult result = change.run();
        try {
            Runtime.getRuntime().removeShutdownHook(onSignal);
        } catch (IllegalStateException e) {
            // The JVM ends already: say how it came out now, for nobody will come to the usual place.
            spec.commandLine()
                    .getErr()
                    .println("moctl: " + SwitchReport.summary(result, false).stripTrailing());
        }
        return result;
    }

    private int refused(PrintWriter out, List<Check> checks) {
        if (output.json()) {
            out.println(Json.pretty(SwitchReport.json(checks, Optional.empty())));
        } else {
            String why = String.join(
                    "; ",
                    checks.stream().filter(c -> !c.ok()).map(Check::detail).toList());
            spec.commandLine().getErr().println("moctl: not switched, nothing was changed: " + why);
        }
        out.flush();
        return ExitCode.REFUSED;
    }

    private void say(PrintWriter out, String sentence) {
        if (!output.json()) {
            out.println(sentence);
            out.flush();
        }
    }
}
