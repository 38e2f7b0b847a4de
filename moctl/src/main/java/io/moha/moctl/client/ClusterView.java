package io.moha.moctl.client;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The whole cluster at about one moment: etcd's list and every agent's own words.
 *
 * @param info the newest {@code /cluster} among the agents that answered
 * @param members in the order of their ids
 */
public record ClusterView(ClusterInfo info, List<MemberView> members) {
    public ClusterView {
        members = members.stream()
                .sorted(Comparator.comparing(MemberView::id, ClusterView::compareNatural))
                .toList();
    }

    /** The reachable node that says it is primary; of several the one with the highest term. */
    public Optional<MemberView> primary() {
        return primaries().stream()
                .max(Comparator.comparingLong(
                        m -> m.status().map(NodeStatus::term).orElse(-1L)));
    }

    /** All reachable nodes that say they are primary: more than one only for a moment, or never. */
    public List<MemberView> primaries() {
        return members.stream()
                .filter(m -> m.status().map(NodeStatus::master).orElse(false))
                .toList();
    }

    public Optional<MemberView> find(String id) {
        return members.stream().filter(m -> m.id().equals(id)).findFirst();
    }

    /** The highest term that anybody names. */
    public long term() {
        return Math.max(
                info.term(),
                members.stream()
                        .flatMap(m -> m.status().stream())
                        .mapToLong(NodeStatus::term)
                        .max()
                        .orElse(-1));
    }

    /** What keeps this cluster from being whole, one sentence each; empty if nothing does. */
    public List<String> degradations() {
        List<String> result = new ArrayList<>();
        List<MemberView> primaries = primaries();
        if (primaries.isEmpty()) {
            result.add("there is no primary");
        } else if (primaries.stream().noneMatch(MemberView::openPrimary)) {
            result.add("the primary " + primaries.get(0).id() + " is closed for writes");
        }
        if (primaries.stream().filter(MemberView::openPrimary).count() > 1) {
            result.add("more than one node says it is an open primary: "
                    + String.join(", ", primaries.stream().map(MemberView::id).toList()));
        }
        for (MemberView m : members) {
            degradation(m).ifPresent(d -> result.add(m.id() + " " + d));
        }
        return List.copyOf(result);
    }

    private static Optional<String> degradation(MemberView m) {
        if (m.status().isEmpty()) {
            return Optional.of("is unreachable: " + m.error());
        }
        NodeStatus s = m.status().get();
        if (!s.databaseUp()) {
            return Optional.of("has no working database");
        }
        if (s.diverged()) {
            return Optional.of("has diverged" + (s.errant().isEmpty() ? "" : ": " + s.errant()));
        }
        if (!m.member().alive()) {
            return Optional.of("is not registered");
        }
        if (!s.master() && !s.replicating()) {
            return Optional.of("does not replicate");
        }
        return Optional.empty();
    }

    /** Compares ids so that node-2 comes before node-10. */
    static int compareNatural(String a, String b) {
        String prefixA = a.replaceFirst("\\d{1,18}$", "");
        String prefixB = b.replaceFirst("\\d{1,18}$", "");
        if (!prefixA.equals(prefixB) || prefixA.length() == a.length() || prefixB.length() == b.length()) {
            return a.compareTo(b);
        }
        int byNumber = Long.compare(
                Long.parseLong(a.substring(prefixA.length())), Long.parseLong(b.substring(prefixB.length())));
        return byNumber != 0 ? byNumber : a.compareTo(b);
    }
}
