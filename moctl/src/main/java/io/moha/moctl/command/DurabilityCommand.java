package io.moha.moctl.command;

import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.client.Reply;
import io.moha.moctl.config.ConfigException;
import io.moha.moctl.render.Json;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code moctl durability MODE}. */
@Command(
        name = "durability",
        description =
                "Sets what the whole cluster promises of acknowledged writes, while it runs. With lossless a commit "
                        + "returns when replicas have it; with async it returns at once. Waits until it is in force.",
        footer = {
            "",
            "Examples:",
            "  moctl durability lossless",
            "  moctl durability lossless --wait 2 --on-ack-loss degrade"
        },
        exitCodeList = {
            "0:in force",
            "1:failed, or refused by the agent",
            "2:wrong usage or configuration",
            "5:said, but not in force yet"
        })
final class DurabilityCommand implements Callable<Integer> {
    private static final Duration DEADLINE = Duration.ofSeconds(5);
    private static final Duration IN_FORCE_WITHIN = Duration.ofSeconds(30);

    @Mixin
    private final ClusterOptions cluster = new ClusterOptions();

    @Mixin
    private final OutputOptions output = new OutputOptions();

    @Parameters(index = "0", paramLabel = "MODE", description = "async or lossless.")
    private String mode = "";

    @Option(
            names = "--wait",
            paramLabel = "N",
            defaultValue = "1",
            description = "Replicas that must have a write (default: ${DEFAULT-VALUE}).")
    private int acks = 1;

    @Option(
            names = "--on-ack-loss",
            defaultValue = "wait",
            description =
                    "With too few of them: wait (writes wait) or degrade (they go on; default: ${DEFAULT-VALUE}).")
    private String onAckLoss = "wait";

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() throws ConfigException, AgentException {
        oneOf("MODE", mode, List.of("async", "lossless"));
        oneOf("--on-ack-loss", onAckLoss, List.of("wait", "degrade"));
        Agents agents = cluster.connect(cluster.load());
        ClusterView view = agents.view(false);
        Optional<MemberView> helper = view.members().stream()
                .filter(m -> m.status().isPresent())
                .min(Comparator.comparing(m -> !m.openPrimary()));
        if (helper.isEmpty()) {
            return end(ExitCode.FAILED, "failed", "no agent answers");
        }
        Reply reply = agents.of(helper.get().member()).durability(mode, acks, onAckLoss, DEADLINE);
        if (reply.outcome() != Reply.Outcome.DONE) {
            return end(ExitCode.FAILED, "failed", reply.text());
        }
        long until = System.nanoTime() + IN_FORCE_WITHIN.toNanos();
        String inForce = "";
        while (System.nanoTime() - until < 0) {
            inForce = agents.view(false).members().stream()
                    .filter(MemberView::openPrimary)
                    .flatMap(m -> m.status().stream())
                    .map(s -> s.json().path("durability").asText(""))
                    .findFirst()
                    .orElse("");
            if (inForce.equals(mode)) {
                return end(ExitCode.OK, "done", "durability " + mode + " is in force");
            }
            LockSupport.parkNanos(Duration.ofMillis(300).toNanos());
        }
        return end(
                ExitCode.UNKNOWN,
                "unknown",
                "durability " + mode + " is wanted, but "
                        + (inForce.isEmpty() ? "there is no primary" : inForce + " is in force")
                        + "; see 'moctl status'");
    }

    private void oneOf(String what, String value, List<String> known) {
        if (!known.contains(value)) {
            throw new ParameterException(
                    spec.commandLine(), what + ": '" + value + "' is not known; use " + String.join(" or ", known));
        }
    }

    private int end(int code, String outcome, String sentence) {
        return output.end(spec.commandLine(), code, outcome, Json.object(), sentence);
    }
}
