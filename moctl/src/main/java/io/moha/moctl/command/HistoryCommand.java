package io.moha.moctl.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.moha.moctl.client.AgentClient;
import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.config.ConfigException;
import io.moha.moctl.render.HistoryTable;
import io.moha.moctl.render.Json;
import java.util.Comparator;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code moctl history}. */
@Command(
        name = "history",
        description = "Shows the changes of primary, newest first.",
        footer = {"", "Examples:", "  moctl history", "  moctl history -n 1 -o json | jq '.[0].phases_ms'"},
        exitCodeList = {"0:shown", "1:no agent answers", "2:wrong usage or configuration"})
final class HistoryCommand implements Callable<Integer> {
    @Mixin
    private final ClusterOptions cluster = new ClusterOptions();

    @Mixin
    private final OutputOptions output = new OutputOptions();

    @Option(
            names = "-n",
            paramLabel = "N",
            defaultValue = "20",
            description = "At most so many records. Default: ${DEFAULT-VALUE}.")
    private int limit;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() throws ConfigException, AgentException {
        if (limit < 1) {
            throw new ParameterException(spec.commandLine(), "-n " + limit + ": at least 1");
        }
        ArrayNode shown = Json.array();
        for (JsonNode record : records(cluster.connectReading())) {
            if (shown.size() < limit) {
                shown.add(record);
            }
        }
        String text = output.json() ? Json.pretty(shown) + "\n" : HistoryTable.render(shown, output.colour());
        spec.commandLine().getOut().print(text);
        spec.commandLine().getOut().flush();
        return ExitCode.OK;
    }

    /** From the primary if there is one: it writes the records; else from any member that answers. */
    private static JsonNode records(Agents agents) throws AgentException {
        ClusterView view = agents.view(false);
        return agents.first(
                view.members().stream()
                        .sorted(Comparator.comparing(m -> !m.openPrimary()))
                        .toList(),
                AgentClient::history);
    }
}
