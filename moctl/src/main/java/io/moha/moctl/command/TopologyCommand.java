package io.moha.moctl.command;

import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.config.ConfigException;
import io.moha.moctl.render.Json;
import io.moha.moctl.render.TopologyTree;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code moctl topology}. */
@Command(
        name = "topology",
        description = {
            "Shows who replicates from whom, in Orchestrator's form.",
            "  host:port [lag,state,version,rw|ro,binlog format,>>]",
            "state: ok, nonreplicating, diverged, invalid (the database does not answer), unreachable (the agent does "
                    + "not answer). lag: null if the server does not know it."
        },
        footer = {"", "Examples:", "  moctl topology", "  moctl topology --agents http://127.0.0.1:13307"},
        exitCodeList = {"0:shown", "1:no agent answers", "2:wrong usage or configuration"})
final class TopologyCommand implements Callable<Integer> {
    @Mixin
    private final ClusterOptions cluster = new ClusterOptions();

    @Mixin
    private final OutputOptions output = new OutputOptions();

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() throws ConfigException, AgentException {
        ClusterView view = cluster.connectReading().view(false);
        String text =
                output.json() ? Json.pretty(Json.cluster(view, view.degradations())) + "\n" : TopologyTree.render(view);
        spec.commandLine().getOut().print(text);
        spec.commandLine().getOut().flush();
        return ExitCode.OK;
    }
}
