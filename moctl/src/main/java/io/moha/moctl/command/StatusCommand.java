package io.moha.moctl.command;

import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.config.ConfigException;
import io.moha.moctl.render.Json;
import io.moha.moctl.render.StatusTable;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code moctl status}. */
@Command(
        name = "status",
        description = "Shows every member, why it is what it is, and what is wrong.",
        footer = {
            "",
            "Examples:",
            "  moctl status",
            "  moctl status -o json | jq -r .primary",
            "  moctl status >/dev/null || echo 'not healthy'"
        },
        exitCodeList = {
            "0:the cluster is healthy",
            "2:wrong usage or configuration",
            "3:degraded: no open primary, a member that is not healthy, or no agent answers"
        })
final class StatusCommand implements Callable<Integer> {
    @Mixin
    private final ClusterOptions cluster = new ClusterOptions();

    @Mixin
    private final OutputOptions output = new OutputOptions();

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() throws ConfigException {
        PrintWriter out = spec.commandLine().getOut();
        ClusterView view;
        try {
            view = cluster.connectReading().view(false);
        } catch (AgentException e) {
            spec.commandLine().getErr().println("moctl: " + e.getMessage());
            return ExitCode.DEGRADED;
        }
        List<String> degradations = view.degradations();
        out.print(
                output.json()
                        ? Json.pretty(Json.cluster(view, degradations)) + "\n"
                        : StatusTable.render(view, degradations, output.colour()));
        out.flush();
        return degradations.isEmpty() ? ExitCode.OK : ExitCode.DEGRADED;
    }
}
