package io.moha.moctl.render;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.moha.moctl.switchover.Check;
import io.moha.moctl.switchover.SwitchResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** {@code moctl switch}: the checklist before and the summary after. */
public final class SwitchReport {
    private SwitchReport() {}

    /** One line a check, {@code [ok]} or {@code [NO]} in front. */
    public static String checklist(List<Check> checks, boolean colour) {
        int width = checks.stream().mapToInt(c -> c.what().length()).max().orElse(0);
        StringBuilder out = new StringBuilder();
        for (Check check : checks) {
            String mark = check.ok() ? Table.Tone.GOOD.paint("[ok]", colour) : Table.Tone.BAD.paint("[NO]", colour);
            out.append(mark).append(' ').append(check.what());
            out.append(" ".repeat(width - check.what().length() + 2))
                    .append(check.detail())
                    .append('\n');
        }
        return out.toString();
    }

    /** What was read back, the phases, and the record. */
    public static String summary(SwitchResult result, boolean colour) {
        String head = switch (result.outcome()) {
            case DONE ->
                Table.Tone.GOOD.paint(result.to() + " is the primary now (before: " + result.from() + ")", colour);
            case NOT_STARTED -> "nothing was changed: " + result.reason();
            case ROLLED_BACK ->
                Table.Tone.BAD.paint(
                        "not switched, " + result.from() + " is writable again: " + result.reason(), colour);
            case OVERTAKEN -> Table.Tone.BAD.paint("not as asked: " + result.reason(), colour);
            case UNKNOWN -> Table.Tone.BAD.paint("outcome unknown: " + result.reason(), colour);
        };
        StringBuilder out = new StringBuilder(head).append('\n');
        List<String> phases = new ArrayList<>();
        result.phases().forEach((name, millis) -> phases.add(String.format(Locale.ROOT, "%s %d ms", name, millis)));
        if (!phases.isEmpty()) {
            out.append("phases: ").append(String.join(", ", phases)).append('\n');
        }
        result.record()
                .ifPresent(r -> out.append("record ")
                        .append(r.path("ts").asText())
                        .append(": term ")
                        .append(r.path("term").asText())
                        .append(", ")
                        .append(r.path("kind").asText())
                        .append(", ")
                        .append(r.path("binlog_file").asText("-"))
                        .append(':')
                        .append(r.path("binlog_position").asText("-"))
                        .append(", agent's phases (ms): ")
                        .append(HistoryTable.phases(r.path("phases_ms")))
                        .append('\n'));
        return out.toString();
    }

    /** The same for scripts; without a result only the pre-flight. */
    public static ObjectNode json(List<Check> checks, Optional<SwitchResult> result) {
        ObjectNode json = Json.object();
        json.put(
                "outcome",
                result.map(r -> r.outcome().name().toLowerCase(Locale.ROOT)).orElse("refused"));
        result.ifPresent(r -> {
            json.put("from", r.from());
            json.put("to", r.to());
            json.put("reason", r.reason());
            ObjectNode phases = json.putObject("phases_ms");
            r.phases().forEach(phases::put);
            r.record().ifPresentOrElse(record -> json.set("record", record), () -> json.putNull("record"));
        });
        ArrayNode list = json.putArray("preflight");
        for (Check check : checks) {
            list.addObject().put("ok", check.ok()).put("what", check.what()).put("detail", check.detail());
        }
        return json;
    }
}
