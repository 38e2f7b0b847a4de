package io.moha.moctl.command;

import com.fasterxml.jackson.databind.JsonNode;
import io.moha.moctl.client.AgentClient;
import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.config.ConfigException;
import io.moha.moctl.render.Explanation;
import io.moha.moctl.render.Json;
import java.util.Comparator;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code moctl explain}. */
@Command(
        name = "explain",
        description = {
            "Shows who would be elected if the primary were lost now, and why each other node would not.",
            "The ranking of an election, of what every node has at this moment. Changes nothing."
        },
        footer = {"", "Examples:", "  moctl explain", "  moctl explain node-3"},
        exitCodeList = {
            "0:shown",
            "1:no agent answers",
            "2:wrong usage or configuration, or there is no such node",
            "3:nobody could be elected"
        })
final class ExplainCommand implements Callable<Integer> {
    @Mixin
    private final ClusterOptions cluster = new ClusterOptions();

    @Mixin
    private final OutputOptions output = new OutputOptions();

    @Parameters(arity = "0..1", paramLabel = "NODE", description = "Only this node, and what its agent says of itself.")
    private @Nullable String node;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() throws ConfigException, AgentException {
        Agents agents = cluster.connectReading();
        ClusterView view = agents.view(false);
        Optional<MemberView> only = Optional.ofNullable(node).flatMap(view::find);
        if (node != null && only.isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(),
                    node + " is not among "
                            + String.join(
                                    ", ",
                                    view.members().stream().map(MemberView::id).toList()));
        }
        JsonNode explained = explained(agents, view);
        spec.commandLine()
                .getOut()
                .print(
                        output.json()
                                ? Json.pretty(explained) + "\n"
                                : Explanation.render(explained, only, output.colour()));
        spec.commandLine().getOut().flush();
        for (JsonNode candidate : explained.path("candidates")) {
            if (candidate.path("rank").asInt() == 1) {
                return ExitCode.OK;
            }
        }
        return ExitCode.DEGRADED;
    }

    /** From a replica if there is one: it would vote. */
    private static JsonNode explained(Agents agents, ClusterView view) throws AgentException {
        return agents.first(
                view.members().stream()
                        .sorted(Comparator.comparing(MemberView::openPrimary))
                        .toList(),
                AgentClient::explain);
    }
}
