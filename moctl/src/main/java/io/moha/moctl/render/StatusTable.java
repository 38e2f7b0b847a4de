package io.moha.moctl.render;

import com.fasterxml.jackson.databind.JsonNode;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.client.NodeStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** {@code moctl status}: one row a member, then why each is what it is, then what is wrong. */
public final class StatusTable {
    private StatusTable() {}

    /**
     * @param degradations what keeps the cluster from being whole
     * @param colour whether the reader is a terminal
     */
    public static String render(ClusterView view, List<String> degradations, boolean colour) {
        Table table = new Table(
                "NODE", "ROLE", "STATE", "TERM", "VERSION", "LAG", "BACKLOG", "MODE", "LEASE", "FENCE", "PROBLEMS");
        for (MemberView m : view.members()) {
            table.row(tone(m), cells(m));
        }
        StringBuilder out = new StringBuilder();
        out.append(String.format(
                Locale.ROOT, "cluster %s, term %d%s%n%n", view.info().cluster(), view.term(), durability(view)));
        out.append(table.render(colour)).append('\n');
        for (MemberView m : view.members()) {
            String why = m.status().map(NodeStatus::because).orElse("unreachable: " + m.error());
            if (!why.isEmpty()) {
                out.append(m.id()).append(": ").append(why).append('\n');
            }
            for (String problem : problems(m)) {
                out.append(Table.Tone.BAD.paint("  ! " + problem, colour)).append('\n');
            }
        }
        if (degradations.isEmpty()) {
            out.append('\n').append(Table.Tone.GOOD.paint("healthy", colour)).append('\n');
        } else {
            out.append('\n')
                    .append(Table.Tone.BAD.paint("degraded: " + String.join("; ", degradations), colour))
                    .append('\n');
        }
        return out.toString();
    }

    /** What is in force, as the open primary says; nothing where there is none. */
    private static String durability(ClusterView view) {
        return view.members().stream()
                .filter(MemberView::openPrimary)
                .flatMap(m -> m.status().stream())
                .map(NodeStatus::json)
                .findFirst()
                .map(StatusTable::inWords)
                .orElse("");
    }

    private static String inWords(JsonNode primary) {
        String inForce = primary.path("durability").asText("");
        if (inForce.isEmpty() || inForce.equals("async")) {
            boolean other = primary.path("durability_wanted").asText("async").equals("lossless");
            return inForce.isEmpty() ? "" : ", durability async" + (other ? " (lossless is wanted)" : "");
        }
        List<String> ackers = new ArrayList<>();
        primary.path("ackers").forEach(a -> ackers.add(a.asText()));
        return String.format(
                Locale.ROOT,
                ", durability %s (%d of %s must have a write; %d connected, %d commits wait)",
                inForce,
                primary.path("ackers_needed").asInt(),
                ackers,
                primary.path("ackers_connected").asInt(),
                primary.path("commits_waiting").asInt());
    }

    private static Table.Tone tone(MemberView m) {
        if (m.openPrimary()) {
            return Table.Tone.GOOD;
        }
        return m.healthyReplica() ? Table.Tone.PLAIN : Table.Tone.BAD;
    }

    private static String[] cells(MemberView m) {
        if (m.status().isEmpty()) {
            String registered = m.member().alive() ? "registered" : "not registered";
            return new String[] {m.id(), "-", "unreachable", "-", dash(m.version()), "-", "-", "-", "-", "-", registered
            };
        }
        NodeStatus s = m.status().get();
        int problems = problems(m).size();
        return new String[] {
            m.id(),
            s.master() ? "primary" : s.onlyFollow() ? "only-follow" : "replica",
            dash(s.state()),
            Long.toString(s.term()),
            dash(s.version()),
            s.master() ? "-" : s.lag() < 0 ? "unknown" : s.lag() + "s",
            s.backlog() < 0 ? "unknown" : Long.toString(s.backlog()),
            mode(s),
            s.master() ? seconds(s.leaseRemainingMillis()) : "-",
            s.master() ? seconds(s.fenceInMillis()) : "-",
            problems == 0 ? "-" : problems + " (below)"
        };
    }

    private static List<String> problems(MemberView m) {
        List<String> result = new ArrayList<>();
        m.status().ifPresent(s -> {
            if (!s.errant().isEmpty()) {
                result.add("transactions that the primary does not have: " + s.errant()
                        + (s.neverAcknowledged().isEmpty()
                                ? ""
                                : "; proven never acknowledged: " + s.neverAcknowledged()));
            }
            result.addAll(s.problems());
            if (!m.member().alive()) {
                result.add("not registered in etcd");
            }
        });
        return result;
    }

    private static String mode(NodeStatus s) {
        if (!s.databaseUp()) {
            return "down";
        }
        return s.offline() ? "offline" : s.readOnly() ? "ro" : "rw";
    }

    private static String seconds(long millis) {
        return millis < 0 ? "-" : String.format(Locale.ROOT, "%.1fs", millis / 1000.0);
    }

    private static String dash(String text) {
        return text.isEmpty() ? "-" : text;
    }
}
