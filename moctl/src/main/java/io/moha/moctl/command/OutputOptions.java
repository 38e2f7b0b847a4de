package io.moha.moctl.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.moha.moctl.render.Json;
import java.io.PrintWriter;
import picocli.CommandLine;
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

    /**
     * Says how a command ended: one JSON document, or a sentence, on standard error if it went wrong.
     *
     * @param json gets the outcome and the sentence beside what it holds
     * @return {@code code}
     */
    int end(CommandLine line, int code, String outcome, ObjectNode json, String sentence) {
        PrintWriter out = line.getOut();
        if (json()) {
            out.println(Json.pretty(json.put("outcome", outcome).put("text", sentence)));
        } else if (code == ExitCode.OK) {
            out.println(sentence);
        } else {
            line.getErr().println("moctl: " + sentence);
        }
        out.flush();
        return code;
    }
}
