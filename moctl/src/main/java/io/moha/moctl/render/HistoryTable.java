package io.moha.moctl.render;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code moctl history}: switch records, newest first. */
public final class HistoryTable {
    private HistoryTable() {}

    /** @param records an array of switch records */
    public static String render(Iterable<JsonNode> records, boolean colour) {
        Table table = new Table("TIME", "TERM", "KIND", "CHANGE", "REASON", "PHASES (ms)");
        for (JsonNode r : records) {
            table.row(
                    r.path("kind").asText().equals("failover") ? Table.Tone.BAD : Table.Tone.PLAIN,
                    time(r.path("ts").asText("-")),
                    r.path("term").asText("-"),
                    r.path("kind").asText("-"),
                    dash(r.path("old_primary").asText("")) + " -> "
                            + dash(r.path("new_primary").asText("")),
                    dash(r.path("reason").asText("")),
                    phases(r.path("phases_ms")));
        }
        return table.render(colour);
    }

    /** {@code elect 31, drain 2, total 55}; a dash where there are none yet. */
    public static String phases(JsonNode phases) {
        List<String> parts = new ArrayList<>();
        for (Map.Entry<String, JsonNode> phase : phases.properties()) {
            parts.add(phase.getKey() + " " + phase.getValue().asText());
        }
        return dash(String.join(", ", parts));
    }

    /** {@code 20261120T031207.114Z} as {@code 2026-11-20 03:12:07.114Z}; anything else unchanged. */
    static String time(String ts) {
        return ts.replaceFirst("^(\\d{4})(\\d\\d)(\\d\\d)T(\\d\\d)(\\d\\d)(\\d\\d)", "$1-$2-$3 $4:$5:$6");
    }

    private static String dash(String text) {
        return text.isEmpty() ? "-" : text;
    }
}
