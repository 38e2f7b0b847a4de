package io.moha.moctl.render;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.moha.moctl.bench.BenchResult;
import io.moha.moctl.bench.Distribution;
import io.moha.moctl.bench.FaultKind;
import io.moha.moctl.bench.RoundResult;
import io.moha.moctl.client.NodeStatus;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;

/** {@code moctl bench}: the table and the JSON. */
public final class BenchReport {
    private BenchReport() {}

    /** One line for a round that has just ended. */
    public static String line(RoundResult r, int rounds, boolean colour) {
        String verdict = r.ok() ? "ok" : "FAILED: " + r.failure() + String.join("; ", r.violations());
        String text = String.format(
                Locale.ROOT,
                "round %d/%d  %s -> %s  gap %s at the nodes, %s through the proxy  healthy after %s  %d writes, %d missing  %s",
                r.number(),
                rounds,
                r.from(),
                r.to().isEmpty() ? "-" : r.to(),
                Facts.seconds(r.nodeGapMillis()),
                Facts.seconds(r.proxyGapMillis()),
                r.recoveryMillis() < 0 ? "-" : String.format(Locale.ROOT, "%.1f s", r.recoveryMillis() / 1000.0),
                r.acknowledged(),
                r.missing(),
                verdict);
        return (r.ok() ? Table.Tone.PLAIN : Table.Tone.BAD).paint(text, colour);
    }

    /** The summary for people. */
    public static String summary(BenchResult result, boolean colour) {
        List<RoundResult> rounds = result.rounds();
        StringBuilder out = new StringBuilder();
        out.append(String.format(
                Locale.ROOT,
                "%n%s: %d of %d rounds, %d nodes, MySQL %s, agent %s, %d writer(s) at each place, one insert per %d ms%n%n",
                result.settings().fault().text(),
                rounds.size(),
                result.settings().rounds(),
                result.before().members().size(),
                Facts.of(result.before(), NodeStatus::version),
                Facts.of(result.before(), NodeStatus::agentVersion),
                result.settings().writersEach(),
                result.settings().pace().toMillis()));
        Table table = new Table("WRITE GAP (s)", "MIN", "MEDIAN", "P99", "MAX", "ROUNDS");
        Map<String, Optional<Distribution>> rows = new LinkedHashMap<>(gaps(rounds));
        if (result.settings().fault() == FaultKind.AGENT_KILL) {
            rows.put("fault to last write", distribution(rounds, RoundResult::closedMillis));
        }
        rows.forEach((level, gap) -> {
            if (gap.isPresent()) {
                Distribution d = gap.get();
                table.row(
                        Table.Tone.PLAIN,
                        level,
                        Facts.seconds(d.min()),
                        Facts.seconds(d.median()),
                        Facts.seconds(d.p99()),
                        Facts.seconds(d.max()),
                        Integer.toString(d.count()));
            } else {
                table.row(Table.Tone.BAD, level, "-", "-", "-", "-", "0");
            }
        });
        out.append(table.render(colour)).append('\n');
        List<String> phases = new ArrayList<>();
        phases(rounds).forEach((name, d) -> phases.add(String.format(Locale.ROOT, "%s %.0f", name, d.median())));
        out.append("phases in the switch records, median ms: ")
                .append(phases.isEmpty() ? "none" : String.join(", ", phases))
                .append('\n');
        out.append(String.format(
                Locale.ROOT,
                "acknowledged writes %d, missing afterwards %d; two primaries at once: %d; failed rounds: %d%n",
                sum(rounds, RoundResult::acknowledged),
                sum(rounds, RoundResult::missing),
                sum(rounds, r -> (long) r.violations().size()),
                rounds.stream().filter(r -> !r.ok()).count()));
        if (!result.stopReason().isEmpty()) {
            out.append(Table.Tone.BAD.paint("ended early: " + result.stopReason(), colour))
                    .append('\n');
        }
        return out.toString();
    }

    /** All that was seen; {@code environment} says where and by what command. */
    public static ObjectNode json(BenchResult result, ObjectNode environment) {
        ObjectNode json = Json.object();
        json.put("bench", "failover");
        json.put("started_at", result.startedAt().toString());
        json.put("ok", result.ok());
        json.put("stop_reason", result.stopReason());
        json.set("environment", environment);
        json.put("mysql_version", Facts.of(result.before(), NodeStatus::version));
        json.put("agent_version", Facts.of(result.before(), NodeStatus::agentVersion));
        json.put("durability", Facts.durability(result.before()));
        ObjectNode settings = json.putObject("settings");
        settings.put("fault", result.settings().fault().text());
        settings.put("rounds", result.settings().rounds());
        settings.put("nodes", result.before().members().size());
        settings.put("writers_each", result.settings().writersEach());
        settings.put("pace_ms", result.settings().pace().toMillis());
        settings.put("deadline_s", result.settings().deadline().toSeconds());
        ObjectNode gaps = json.putObject("write_gap_ms");
        distribution(result.rounds(), RoundResult::closedMillis)
                .ifPresent(d -> Facts.put(json.putObject("last_ack_after_fault_ms"), d));
        gaps(result.rounds()).forEach((level, gap) -> {
            if (gap.isPresent()) {
                Facts.put(gaps.putObject(level), gap.get());
            } else {
                gaps.putNull(level);
            }
        });
        ObjectNode phases = json.putObject("phases_ms");
        phases(result.rounds()).forEach((name, d) -> Facts.put(phases.putObject(name), d));
        json.put("acknowledged", sum(result.rounds(), RoundResult::acknowledged));
        json.put("missing", sum(result.rounds(), RoundResult::missing));
        json.put("violations", sum(result.rounds(), r -> (long) r.violations().size()));
        json.put("failed_rounds", result.rounds().stream().filter(r -> !r.ok()).count());
        ArrayNode rounds = json.putArray("rounds");
        result.rounds().forEach(r -> round(rounds.addObject(), r));
        return json;
    }

    private static void round(ObjectNode json, RoundResult r) {
        json.put("round", r.number()).put("ok", r.ok()).put("from", r.from()).put("to", r.to());
        Facts.millis(json, "node_gap_ms", r.nodeGapMillis());
        Facts.millis(json, "proxy_gap_ms", r.proxyGapMillis());
        Facts.millis(json, "last_ack_after_fault_ms", r.closedMillis());
        json.put("recovery_ms", r.recoveryMillis());
        json.put("acknowledged", r.acknowledged());
        json.put("missing", r.missing());
        json.put("unacknowledged_present", r.unacknowledged());
        json.put("errant", r.errant());
        json.put("failure", r.failure());
        r.violations().forEach(json.putArray("violations")::add);
        r.records().forEach(json.putArray("switch_records")::add);
    }

    private static Map<String, Optional<Distribution>> gaps(List<RoundResult> rounds) {
        Map<String, Optional<Distribution>> result = new LinkedHashMap<>();
        result.put("nodes", distribution(rounds, RoundResult::nodeGapMillis));
        result.put("proxy", distribution(rounds, RoundResult::proxyGapMillis));
        return result;
    }

    private static Optional<Distribution> distribution(
            List<RoundResult> rounds, Function<RoundResult, OptionalDouble> value) {
        List<Double> values = rounds.stream()
                .flatMapToDouble(r -> value.apply(r).stream())
                .boxed()
                .toList();
        return values.isEmpty() ? Optional.empty() : Optional.of(Distribution.of(values));
    }

    private static Map<String, Distribution> phases(List<RoundResult> rounds) {
        Map<String, List<Double>> values = new LinkedHashMap<>();
        for (RoundResult round : rounds) {
            for (JsonNode record : round.records()) {
                for (Map.Entry<String, JsonNode> p : record.path("phases_ms").properties()) {
                    values.computeIfAbsent(p.getKey(), k -> new ArrayList<>())
                            .add(p.getValue().asDouble());
                }
            }
        }
        Map<String, Distribution> result = new LinkedHashMap<>();
        values.forEach((name, list) -> result.put(name, Distribution.of(list)));
        return result;
    }

    private static long sum(List<RoundResult> rounds, Function<RoundResult, Long> value) {
        return rounds.stream().mapToLong(value::apply).sum();
    }
}
