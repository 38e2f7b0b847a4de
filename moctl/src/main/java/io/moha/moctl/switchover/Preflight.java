package io.moha.moctl.switchover;

import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.client.NodeStatus;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Decides from one look at the cluster whether a planned change may begin, and to whom. Changes nothing. */
public final class Preflight {
    /** Above these the catch-up, during which nobody can write, could take longer than people expect. */
    static final long MAX_LAG_SECONDS = 10;

    static final long MAX_BACKLOG = 1000;

    private static final List<String> RULES = List.of("prefer", "neutral", "prefer_not", "must_not");
    private static final Pattern VERSION = Pattern.compile("^(\\d+)\\.(\\d+)(?:\\.(\\d+))?");

    /**
     * The best target, and why it.
     *
     * @param node empty if no replica passes
     * @param why one sentence
     */
    public record Choice(Optional<String> node, String why) {}

    private Preflight() {}

    /** All conditions for handing over to {@code target}, in the order in which people should read them. */
    public static List<Check> check(ClusterView view, String target) {
        List<Check> checks = new ArrayList<>(ofPrimary(view));
        Optional<MemberView> member = view.find(target);
        if (member.isEmpty()) {
            checks.add(new Check(
                    false,
                    "the target is a member",
                    target + " is not among "
                            + String.join(
                                    ", ",
                                    view.members().stream().map(MemberView::id).toList())));
            return checks;
        }
        checks.addAll(ofTarget(view, member.get()));
        return checks;
    }

    public static boolean passed(List<Check> checks) {
        return checks.stream().allMatch(Check::ok);
    }

    /**
     * Picks among the replicas that pass every check: by promotion rule, then the primary's data centre, then the
     * smallest backlog, then the smallest lag, then the id.
     */
    public static Choice choose(ClusterView view) {
        List<MemberView> replicas = view.members().stream()
                .filter(m -> !m.status().map(NodeStatus::master).orElse(false))
                .toList();
        String home = view.primary()
                .flatMap(MemberView::status)
                .map(NodeStatus::dataCenter)
                .orElse("");
        Optional<NodeStatus> best = replicas.stream()
                .filter(m -> passed(check(view, m.id())))
                .flatMap(m -> m.status().stream())
                .min(Comparator.comparingInt((NodeStatus s) -> RULES.indexOf(s.promotionRule()))
                        .thenComparing(s -> !s.dataCenter().equals(home))
                        .thenComparingLong(NodeStatus::backlog)
                        .thenComparingLong(NodeStatus::lag)
                        .thenComparing(NodeStatus::id));
        return best.map(s -> new Choice(
                        Optional.of(s.id()),
                        s.id() + " is the best of " + replicas.size() + " replicas: promotion rule " + s.promotionRule()
                                + (s.dataCenter().isEmpty() ? "" : ", data centre " + s.dataCenter()) + ", backlog "
                                + s.backlog() + ", lag " + s.lag() + "s"))
                .orElseGet(() -> new Choice(Optional.empty(), nobody(view, replicas)));
    }

    private static String nobody(ClusterView view, List<MemberView> replicas) {
        if (!passed(ofPrimary(view))) {
            return ofPrimary(view).stream()
                    .filter(c -> !c.ok())
                    .findFirst()
                    .orElseThrow()
                    .detail();
        }
        List<String> reasons = new ArrayList<>();
        for (MemberView m : replicas) {
            check(view, m.id()).stream()
                    .filter(c -> !c.ok())
                    .findFirst()
                    .ifPresent(c -> reasons.add(m.id() + ": " + c.detail()));
        }
        return replicas.isEmpty() ? "there is no replica" : "no replica can take over: " + String.join("; ", reasons);
    }

    private static List<Check> ofPrimary(ClusterView view) {
        Optional<MemberView> primary = view.primary();
        if (primary.isEmpty()) {
            return List.of(new Check(false, "a primary exists", "no reachable node says it is primary"));
        }
        List<MemberView> all = view.primaries();
        MemberView p = primary.get();
        return List.of(
                new Check(
                        all.size() == 1,
                        "a primary exists, and only one",
                        String.join(", ", all.stream().map(MemberView::id).toList()) + ", term " + view.term()),
                new Check(
                        p.openPrimary(),
                        "the primary is open for writes",
                        p.openPrimary() ? p.id() + " is writable" : p.id() + " is closed for writes"));
    }

    private static List<Check> ofTarget(ClusterView view, MemberView target) {
        List<Check> checks = new ArrayList<>();
        checks.add(new Check(
                target.member().alive(),
                "the target is registered",
                target.id() + (target.member().alive() ? " has a registration" : " has no registration in etcd")));
        if (target.status().isEmpty()) {
            checks.add(new Check(false, "the target's agent answers", target.error()));
            return checks;
        }
        NodeStatus t = target.status().get();
        if (t.master()) {
            checks.add(new Check(false, "the target is a replica", t.id() + " is the primary already"));
            return checks;
        }
        checks.add(new Check(
                !target.onlyFollow(),
                "the target may become primary",
                t.onlyFollow() ? t.id() + " only follows" : "promotion rule " + t.promotionRule()));
        checks.add(replication(view, t));
        checks.add(new Check(
                t.lag() >= 0 && t.lag() <= MAX_LAG_SECONDS,
                "the target is close: lag at most " + MAX_LAG_SECONDS + "s",
                t.lag() < 0 ? "its lag is unknown" : "lag " + t.lag() + "s"));
        checks.add(new Check(
                t.backlog() >= 0 && t.backlog() <= MAX_BACKLOG,
                "the target is close: backlog at most " + MAX_BACKLOG,
                t.backlog() < 0 ? "its backlog is unknown" : "backlog " + t.backlog()));
        checks.add(new Check(
                !t.diverged(),
                "the target has no transactions of its own",
                t.diverged() ? "errant: " + (t.errant().isEmpty() ? t.because() : t.errant()) : "none errant"));
        view.primary().flatMap(MemberView::status).ifPresent(p -> checks.addAll(likeness(p, t)));
        return checks;
    }

    private static Check replication(ClusterView view, NodeStatus t) {
        String what = "the target replicates from the primary";
        if (!t.databaseUp()) {
            return new Check(false, what, t.id() + " has no working database");
        }
        if (!t.replicating()) {
            List<String> problems = t.problems();
            return new Check(
                    false,
                    what,
                    "receiver or applier does not run"
                            + (problems.isEmpty() ? "" : ": " + String.join("; ", problems)));
        }
        Optional<MemberView> primary = view.primary();
        boolean right = primary.map(p -> t.source().isEmpty()
                        || t.source().equals(p.member().internalHost())
                        || t.source().equals(p.member().externalHost()))
                .orElse(false);
        return new Check(right, what, right ? "receiver and applier run" : "its source is " + t.source());
    }

    private static List<Check> likeness(NodeStatus primary, NodeStatus target) {
        int order = compareVersions(target.version(), primary.version());
        boolean sameFormat = target.binlogFormat().equals(primary.binlogFormat());
        return List.of(
                new Check(
                        target.term() == primary.term(),
                        "the target follows the same term",
                        "term " + target.term()
                                + (target.term() == primary.term() ? "" : ", primary " + primary.term())),
                new Check(
                        order >= 0,
                        "the target's version is not older than the primary's",
                        target.version() + (order == 0 ? "" : ", primary " + primary.version())),
                new Check(
                        sameFormat,
                        "binary log format is the same",
                        target.binlogFormat() + (sameFormat ? "" : ", primary " + primary.binlogFormat())));
    }

    /** By the numbers in front, {@code 9.7.4-2} as 9.7.4: a distribution's suffix says nothing about compatibility. */
    static int compareVersions(String a, String b) {
        Matcher left = VERSION.matcher(a);
        Matcher right = VERSION.matcher(b);
        if (!left.find() || !right.find()) {
            return a.equals(b) ? 0 : -1;
        }
        for (int i = 1; i <= 3; i++) {
            int order = Integer.compare(number(left.group(i)), number(right.group(i)));
            if (order != 0) {
                return order;
            }
        }
        return 0;
    }

    private static int number(@Nullable String digits) {
        return digits == null ? 0 : Integer.parseInt(digits);
    }
}
