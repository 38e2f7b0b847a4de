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
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code moctl forget NODE}. */
@Command(
        name = "forget",
        description = "Removes a member that will not come back, so that a cold start no longer waits for it. Refused "
                + "while the member is registered.",
        footer = {"", "Examples:", "  moctl forget node-3"},
        exitCodeList = {
            "0:forgotten",
            "1:failed, or refused by the agent",
            "2:wrong usage or configuration",
            "4:refused: still registered, or not a member",
            "5:no answer: it may have happened"
        })
final class ForgetCommand implements Callable<Integer> {
    private static final Duration DEADLINE = Duration.ofSeconds(5);

    @Mixin
    private final ClusterOptions cluster = new ClusterOptions();

    @Mixin
    private final OutputOptions output = new OutputOptions();

    @Parameters(index = "0", paramLabel = "NODE", description = "Id of the member.")
    private String node = "";

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() throws ConfigException, AgentException {
        Agents agents = cluster.connect(cluster.load());
        ClusterView view = agents.view(false);
        Optional<MemberView> member = view.find(node);
        if (member.isEmpty()) {
            return end(
                    ExitCode.REFUSED,
                    "refused",
                    node + " is not a member: "
                            + String.join(
                                    ", ",
                                    view.members().stream().map(MemberView::id).toList()));
        }
        if (member.get().member().alive()) {
            return end(ExitCode.REFUSED, "refused", node + " is registered, so its agent runs: stop it first");
        }
        List<MemberView> helpers = view.members().stream()
                .filter(m -> m.status().isPresent() && !m.id().equals(node))
                .sorted(Comparator.comparing(m -> !m.openPrimary()))
                .toList();
        if (helpers.isEmpty()) {
            return end(ExitCode.FAILED, "failed", "no other member's agent answers");
        }
        Reply reply = agents.of(helpers.get(0).member()).forget(node, DEADLINE);
        return switch (reply.outcome()) {
            case DONE -> end(ExitCode.OK, "done", node + " is forgotten");
            case REFUSED -> end(ExitCode.FAILED, "failed", reply.text());
            case UNKNOWN -> readBack(agents, reply);
        };
    }

    private int readBack(Agents agents, Reply reply) throws AgentException {
        boolean gone = agents.view(true).find(node).isEmpty();
        return gone
                ? end(ExitCode.OK, "done", node + " is forgotten")
                : end(ExitCode.UNKNOWN, "unknown", reply.text() + ": " + node + " is still listed; look again");
    }

    private int end(int code, String outcome, String sentence) {
        return output.end(spec.commandLine(), code, outcome, Json.object().put("node", node), sentence);
    }
}
