package io.moha.moctl.render;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.moha.moctl.bench.Distribution;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.NodeStatus;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.function.Function;

/** What the reports of bench and drill have in common. */
final class Facts {
    private Facts() {}

    /** What the members say of themselves; one word where they agree. */
    static String of(ClusterView view, Function<NodeStatus, String> field) {
        List<String> said = view.members().stream()
                .flatMap(m -> m.status().stream())
                .map(field)
                .distinct()
                .toList();
        return String.join(", ", said);
    }

    /** What the agents say that an acknowledged write is worth. */
    static String durability(ClusterView view) {
        return of(view, s -> s.json().path("durability").asText(""));
    }

    static void put(ObjectNode json, Distribution d) {
        json.put("min", rounded(d.min()))
                .put("median", rounded(d.median()))
                .put("p90", rounded(d.p90()))
                .put("p99", rounded(d.p99()))
                .put("max", rounded(d.max()))
                .put("count", d.count());
    }

    static void millis(ObjectNode json, String name, OptionalDouble value) {
        if (value.isPresent()) {
            json.put(name, rounded(value.getAsDouble()));
        } else {
            json.putNull(name);
        }
    }

    static String seconds(OptionalDouble millis) {
        return millis.isPresent() ? seconds(millis.getAsDouble()) + " s" : "-";
    }

    static String seconds(double millis) {
        return String.format(Locale.ROOT, "%.3f", millis / 1000);
    }

    private static double rounded(double millis) {
        return Math.round(millis * 10) / 10.0;
    }
}
