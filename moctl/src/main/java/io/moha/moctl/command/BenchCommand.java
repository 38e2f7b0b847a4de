package io.moha.moctl.command;

import picocli.CommandLine.Command;

/** {@code moctl bench}: a group. */
@Command(
        name = "bench",
        description = "Measures a running cluster. It breaks things on purpose: not for production.",
        subcommands = BenchFailoverCommand.class,
        synopsisSubcommandLabel = "failover")
final class BenchCommand {}
