package io.moha.moctl.render;

import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.client.NodeStatus;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * {@code moctl topology}: the tree in Orchestrator's form, {@code host:port [lag,state,version,rw,ROW,>>]}, replicas
 * below their source.
 */
public final class TopologyTree {
    private record Line(String name, String facts) {}

    private final ClusterView view;
    private final List<Line> lines = new ArrayList<>();
    private final Set<String> drawn = new HashSet<>();

    private TopologyTree(ClusterView view) {
        this.view = view;
    }

    /** One line a member, the facts aligned; each line ends with a newline. */
    public static String render(ClusterView view) {
        TopologyTree tree = new TopologyTree(view);
        // The primary first; then whatever hangs under nobody. A ring of sources has no root: what is left comes last.
        view.primary().ifPresent(p -> tree.draw(p, 0));
        view.members().stream()
                .filter(m -> m.id().equals(view.info().primary()))
                .forEach(m -> tree.draw(m, 0));
        view.members().stream().filter(m -> tree.parent(m).isEmpty()).forEach(m -> tree.draw(m, 0));
        view.members().forEach(m -> tree.draw(m, 0));
        int width = tree.lines.stream().mapToInt(l -> l.name().length()).max().orElse(0);
        StringBuilder out = new StringBuilder();
        for (Line line : tree.lines) {
            out.append(line.name())
                    .append(" ".repeat(width - line.name().length() + 1))
                    .append('[')
                    .append(line.facts())
                    .append("]\n");
        }
        return out.toString();
    }

    private void draw(MemberView member, int depth) {
        if (!drawn.add(member.id())) {
            return;
        }
        // Orchestrator indents by two blanks a level and marks the last step with a plus.
        String indent = depth == 0 ? "" : "  ".repeat(depth - 1) + "+ ";
        lines.add(new Line(indent + member.member().externalHost(), facts(member)));
        for (MemberView other : view.members()) {
            if (parent(other).equals(member.id())) {
                draw(other, depth + 1);
            }
        }
    }

    /** The id of the member it replicates from; empty for a root. A silent member is kept under the primary. */
    private String parent(MemberView member) {
        String primary = view.primary().map(MemberView::id).orElse(view.info().primary());
        if (member.id().equals(primary)) {
            return "";
        }
        if (member.status().isEmpty()) {
            return primary;
        }
        NodeStatus status = member.status().get();
        String source = status.source();
        if (status.master() || source.isEmpty()) {
            return "";
        }
        return view.members().stream()
                .filter(m -> m.member().internalHost().equals(source)
                        || m.member().externalHost().equals(source))
                .map(MemberView::id)
                .findFirst()
                .orElse("");
    }

    private static String facts(MemberView member) {
        String version = member.version().isEmpty() ? "?" : member.version();
        if (member.status().isEmpty()) {
            return "unknown,unreachable," + version + ",?,?";
        }
        NodeStatus s = member.status().get();
        if (!s.databaseUp()) {
            return "unknown,invalid," + version + ",?,?";
        }
        List<String> facts = new ArrayList<>(List.of(
                lag(s),
                state(s),
                version,
                s.readOnly() || s.offline() ? "ro" : "rw",
                s.binlogFormat().isEmpty() ? "?" : s.binlogFormat(),
                ">>"));
        if (s.onlyFollow()) {
            facts.add("only-follow");
        }
        if (!s.errant().isEmpty()) {
            facts.add("errant:" + s.errant().replaceAll("\\s+", ""));
        }
        return String.join(",", facts);
    }

    private static String lag(NodeStatus s) {
        if (s.master()) {
            return "0s";
        }
        return s.lag() < 0 ? "null" : s.lag() + "s";
    }

    private static String state(NodeStatus s) {
        if (s.diverged()) {
            return "diverged";
        }
        return s.master() || s.replicating() ? "ok" : "nonreplicating";
    }
}
