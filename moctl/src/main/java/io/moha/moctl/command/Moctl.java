package io.moha.moctl.command;

import io.moha.moctl.client.AgentException;
import io.moha.moctl.config.ConfigException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ScopeType;

/** {@code moctl}: the root of all commands. */
@Command(
        name = "moctl",
        description = "Looks at a MoHA cluster and changes its primary. It talks to the agents over HTTP.",
        subcommands = {
            StatusCommand.class,
            TopologyCommand.class,
            SwitchCommand.class,
            HistoryCommand.class,
            ExplainCommand.class,
            ForgetCommand.class,
            DurabilityCommand.class,
            BenchCommand.class,
            DrillCommand.class,
            CompletionCommand.class
        },
        mixinStandardHelpOptions = true,
        scope = ScopeType.INHERIT,
        versionProvider = Versions.class,
        usageHelpAutoWidth = true,
        synopsisSubcommandLabel = "COMMAND",
        exitCodeListHeading = "%nExit codes:%n",
        footer = {"", "Examples:", "  moctl status", "  moctl switch --to node-2", "  moctl COMMAND --help"},
        exitCodeList = {
            "0:done",
            "1:failed",
            "2:wrong usage or configuration",
            "3:status: degraded or no primary",
            "4:refused by the pre-flight; nothing was changed",
            "5:unknown outcome: read again"
        })
public final class Moctl {
    private Moctl() {}

    /** A command line ready to execute; the caller may redirect its output. */
    public static CommandLine commandLine() {
        CommandLine line = new CommandLine(new Moctl());
        line.setExecutionExceptionHandler((exception, failed, parsed) -> {
            if (exception instanceof ConfigException) {
                failed.getErr().println("moctl: " + exception.getMessage());
                return ExitCode.USAGE;
            }
            if (exception instanceof AgentException) {
                failed.getErr().println("moctl: " + exception.getMessage());
                return ExitCode.FAILED;
            }
            throw exception; // a bug: the stack trace is wanted
        });
        return line;
    }
}
