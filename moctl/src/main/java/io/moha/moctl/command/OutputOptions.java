package io.moha.moctl.command;

import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Option;

/** How to show it. */
final class OutputOptions {
    /** The values of {@code -o}. */
    enum Format {
        table,
        json
    }

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORMAT",
            defaultValue = "table",
            description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private Format format = Format.table;

    boolean json() {
        return format == Format.json;
    }

    /** On a terminal only, and not where NO_COLOR is set. */
    boolean colour() {
        return !json() && Ansi.AUTO.enabled();
    }
}
