package io.moha.moctl.render;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.moha.moctl.bench.Distribution;
import io.moha.moctl.client.NodeStatus;
import io.moha.moctl.drill.FaultKind;
import io.moha.moctl.drill.NamedLoss;
import io.moha.moctl.drill.SoakResult;
import io.moha.moctl.drill.SoakRoundResult;
import io.moha.moctl.drill.SoakSettings;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/** {@code moctl drill soak}: the lines, the table and the JSON. */
public final class SoakReport {
    private static final String PAIRS = "pairs";

    private SoakReport() {}

    /** One line for a round that has just ended. */
    public static String line(SoakRoundResult r, int rounds, boolean colour) {
        List<String> wrong = new ArrayList<>(r.violations());
        if (!r.failure().isEmpty()) {
            wrong.add(r.failure());
        }
        String text = String.format(
                Locale.ROOT,
                "round %d/%d  %s  %s -> %s  gap %s at the nodes, %s through the proxy%s  whole %s after the mending  "
                        + "%d writes, %d missing, %d named as lost  %s",
                r.number(),
                rounds,
                r.step().text(),
                r.from(),
                r.to().isEmpty() ? "-" : r.to(),
                Facts.seconds(r.nodeGapMillis()),
                Facts.seconds(r.proxyGapMillis()),
                r.healedFirst() ? " (after the mending)" : "",
                r.whole() ? String.format(Locale.ROOT, "%.1f s", r.wholeMillis() / 1000.0) : "NOT",
                r.acknowledged(),
                r.missing(),
                r.namedLost(),
                r.ok() ? "ok" : "FAILED: " + String.join("; ", wrong));
        return (r.ok() ? Table.Tone.PLAIN : Table.Tone.BAD).paint(text, colour);
    }

    /** The summary for people. */
    public static String summary(SoakResult result, boolean colour) {
        SoakSettings settings = result.settings();
        StringBuilder out = new StringBuilder();
        out.append(String.format(
                Locale.ROOT,
                "%nseed %d: %d of %d rounds, %d nodes, MySQL %s, agent %s; promised %s (the agents say %s); %d clients, "
                        + "one insert per %d ms each%n%n",
                settings.seed(),
                result.rounds().size(),
                result.planned(),
                result.before().members().size(),
                Facts.of(result.before(), NodeStatus::version),
                Facts.of(result.before(), NodeStatus::agentVersion),
                settings.durability().text(),
                Facts.durability(result.before()),
                settings.clients(),
                settings.pace().toMillis()));
        Table table = new Table("FAULT", "STRUCK", "GAP AT", "MEDIAN (s)", "P90", "MAX", "ROUNDS");
        groups(result).forEach((name, rounds) -> {
            row(table, name, Long.toString(struck(result, name)), "nodes", rounds, SoakRoundResult::nodeGapMillis);
            row(table, "", "", "proxy", rounds, SoakRoundResult::proxyGapMillis);
        });
        out.append(table.render(colour)).append('\n');
        out.append(String.format(
                Locale.ROOT,
                "acknowledged writes checked %d: missing %d, lost and named %d; broken promises %d; rounds that did not "
                        + "become whole %d; nodes that diverged %d; changes of primary between rounds %d%n",
                result.check().checked(),
                result.check().missing(),
                result.check().namedLost(),
                result.violations(),
                notWhole(result),
                losses(result),
                result.changesBetweenRounds()));
        problems(result)
                .forEach(p -> out.append(Table.Tone.BAD.paint(p, colour)).append('\n'));
        out.append((result.ok() ? Table.Tone.GOOD : Table.Tone.BAD).paint(result.ok() ? "PASSED" : "FAILED", colour))
                .append('\n');
        return out.toString();
    }

    private static List<String> problems(SoakResult result) {
        List<String> problems = new ArrayList<>();
        result.rounds().forEach(r -> {
            r.violations()
                    .forEach(v ->
                            problems.add("round " + r.number() + " (" + r.step().text() + "): " + v));
            if (!r.failure().isEmpty()) {
                problems.add("round " + r.number() + " (" + r.step().text() + "): " + r.failure());
            }
        });
        if (result.check().missing() > 0) {
            problems.add("missing ids, the first: " + result.check().examples());
        }
        if (!result.check().failure().isEmpty()) {
            problems.add("the ledger against the table: " + result.check().failure());
        }
        if (!result.stopReason().isEmpty()) {
            problems.add("ended early: " + result.stopReason());
        }
        return problems;
    }

    private static void row(
            Table table,
            String name,
            String struck,
            String level,
            List<SoakRoundResult> rounds,
            Function<SoakRoundResult, OptionalDouble> gap) {
        Optional<Distribution> d = distribution(rounds, gap);
        table.row(
                Table.Tone.PLAIN,
                name,
                struck,
                level,
                d.map(x -> Facts.seconds(x.median())).orElse("-"),
                d.map(x -> Facts.seconds(x.p90())).orElse("-"),
                d.map(x -> Facts.seconds(x.max())).orElse("-"),
                Integer.toString(rounds.size()));
    }

    /** All that was seen; {@code environment} says where and by what command. */
    public static ObjectNode json(SoakResult result, ObjectNode environment) {
        SoakSettings s = result.settings();
        ObjectNode json = Json.object();
        json.put("drill", "soak");
        json.put("started_at", result.startedAt().toString());
        json.put("ok", result.ok());
        json.put("seed", s.seed());
        json.put("stop_reason", result.stopReason());
        json.set("environment", environment);
        json.put("mysql_version", Facts.of(result.before(), NodeStatus::version));
        json.put("agent_version", Facts.of(result.before(), NodeStatus::agentVersion));
        json.put("durability_in_force", Facts.durability(result.before()));
        ObjectNode settings = json.putObject("settings");
        settings.put("faults", s.faults());
        ArrayNode kinds = settings.putArray("kinds");
        s.kinds().forEach(k -> kinds.add(k.text()));
        settings.put("pairs", s.pairs());
        settings.put("clients", s.clients());
        settings.put("pace_ms", s.pace().toMillis());
        settings.put("durability", s.durability().text());
        settings.put("patience_s", s.patience().toSeconds());
        settings.put("deadline_s", s.deadline().toSeconds());
        settings.put("nodes", result.before().members().size());
        ObjectNode faults = json.putObject("faults");
        s.kinds().forEach(k -> faults.put(k.text(), struck(result, k.text())));
        json.put("rounds_planned", result.planned());
        json.put("rounds_done", result.rounds().size());
        json.put("rounds_not_whole", notWhole(result));
        json.put("changes_between_rounds", result.changesBetweenRounds());
        json.put("acknowledged_checked", result.check().checked());
        json.put("missing", result.check().missing());
        json.put("named_lost", result.check().namedLost());
        json.put("check_failure", result.check().failure());
        result.check().examples().forEach(json.putArray("missing_examples")::add);
        json.put("violations", result.violations());
        ObjectNode gaps = json.putObject("write_gap_ms");
        groups(result).forEach((name, rounds) -> {
            ObjectNode gap = gaps.putObject(name);
            distribution(rounds, SoakRoundResult::nodeGapMillis).ifPresent(d -> Facts.put(gap.putObject("nodes"), d));
            distribution(rounds, SoakRoundResult::proxyGapMillis).ifPresent(d -> Facts.put(gap.putObject("proxy"), d));
        });
        ArrayNode rounds = json.putArray("rounds");
        result.rounds().forEach(r -> round(rounds.addObject(), r));
        return json;
    }

    private static void round(ObjectNode json, SoakRoundResult r) {
        json.put("round", r.number()).put("ok", r.ok()).put("faults", r.step().text());
        json.put("from", r.from()).put("to", r.to()).put("healed_first", r.healedFirst());
        Facts.millis(json, "node_gap_ms", r.nodeGapMillis());
        Facts.millis(json, "proxy_gap_ms", r.proxyGapMillis());
        json.put("whole_ms", r.wholeMillis());
        json.put("acknowledged", r.acknowledged());
        json.put("missing", r.missing());
        json.put("named_lost", r.namedLost());
        json.put("unacknowledged_present", r.unacknowledged());
        json.put("failure", r.failure());
        r.violations().forEach(json.putArray("violations")::add);
        ArrayNode losses = json.putArray("diverged");
        for (NamedLoss loss : r.losses()) {
            losses.addObject()
                    .put("node", loss.node())
                    .put("gtids", loss.gtids())
                    .put("named", loss.named())
                    .put("rows", loss.rows())
                    .put("acknowledged", loss.acknowledged());
        }
        ArrayNode records = json.putArray("switch_records");
        r.records().forEach(record -> {
            ObjectNode each = records.addObject();
            for (String field : List.of("term", "kind", "reason", "new_primary")) {
                each.set(field, record.path(field));
            }
        });
    }

    /** Rounds with one fault by its kind; pairs are one group. */
    private static Map<String, List<SoakRoundResult>> groups(SoakResult result) {
        Map<String, List<SoakRoundResult>> groups = new LinkedHashMap<>();
        FaultKind.all().forEach(k -> groups.put(k.text(), new ArrayList<>()));
        groups.put(PAIRS, new ArrayList<>());
        for (SoakRoundResult r : result.rounds()) {
            String name = r.step().faults().size() > 1 ? PAIRS : r.step().text();
            groups.computeIfAbsent(name, n -> new ArrayList<>()).add(r);
        }
        groups.entrySet().removeIf(e -> e.getValue().isEmpty() && struck(result, e.getKey()) == 0);
        return groups;
    }

    /** How often a fault was done, alone or in a pair; for pairs: how many. */
    private static long struck(SoakResult result, String name) {
        return result.rounds().stream()
                .mapToLong(r -> name.equals(PAIRS)
                        ? (r.step().faults().size() > 1 ? 1 : 0)
                        : r.step().faults().stream()
                                .filter(f -> f.text().equals(name))
                                .count())
                .sum();
    }

    private static long notWhole(SoakResult result) {
        return result.rounds().stream().filter(r -> !r.whole()).count();
    }

    private static long losses(SoakResult result) {
        ToLongFunction<SoakRoundResult> diverged = r -> r.losses().size();
        return result.rounds().stream().mapToLong(diverged).sum();
    }

    private static Optional<Distribution> distribution(
            List<SoakRoundResult> rounds, Function<SoakRoundResult, OptionalDouble> value) {
        List<Double> values = rounds.stream()
                .flatMapToDouble(r -> value.apply(r).stream())
                .boxed()
                .toList();
        return values.isEmpty() ? Optional.empty() : Optional.of(Distribution.of(values));
    }
}
