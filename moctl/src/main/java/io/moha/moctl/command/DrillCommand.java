package io.moha.moctl.command;

import picocli.CommandLine.Command;

/** {@code moctl drill}: a group. */
@Command(
        name = "drill",
        description = "Breaks a running cluster on purpose and checks that it keeps its promises: not for production.",
        subcommands = DrillSoakCommand.class,
        synopsisSubcommandLabel = "soak")
final class DrillCommand {}
