package io.moha.moctl.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.client.NodeStatus;
import io.moha.model.GtidSet;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** Waits for conditions of the cluster; every wait has a deadline, and all of them end early when it is stopped. */
public final class Watcher {
    private static final Duration LOOK = Duration.ofMillis(200);
    /** A node compares itself with the new primary for a moment before it follows: only lasting divergence counts. */
    private static final Duration LASTING = Duration.ofSeconds(10);

    private final Agents agents;
    private volatile boolean stopped;

    public Watcher(Agents agents) {
        this.agents = agents;
    }

    /** Ends all waits, now and later. */
    public void stop() {
        stopped = true;
    }

    public boolean stopped() {
        return stopped;
    }

    /**
     * How a wait for health ended.
     *
     * @param view the last look; empty if no agent answered
     * @param obstacles what is in the way; empty if the cluster is whole
     * @param errant GTIDs that a diverged node names; empty if none has diverged
     */
    public record Health(Optional<ClusterView> view, List<String> obstacles, String errant) {
        public boolean whole() {
            return obstacles.isEmpty();
        }
    }

    /** Waits until all of {@code members} members are there and healthy, or a divergence lasts, or time is up. */
    public Health awaitHealthy(int members, Duration deadline) {
        long until = System.nanoTime() + deadline.toNanos();
        long divergedSince = Long.MAX_VALUE;
        Health health;
        do {
            health = look(members);
            if (health.whole() || stopped) {
                return health;
            }
            if (health.errant().isEmpty()) {
                divergedSince = Long.MAX_VALUE;
            } else if (divergedSince == Long.MAX_VALUE) {
                divergedSince = System.nanoTime();
            } else if (System.nanoTime() - divergedSince > LASTING.toNanos()) {
                return health;
            }
            pause(LOOK);
        } while (System.nanoTime() < until);
        return health;
    }

    /**
     * The cluster as it is before anything is broken.
     *
     * @throws BenchException saying what keeps it from being healthy
     */
    public ClusterView healthyAtStart() throws BenchException {
        Health health = awaitHealthy(2, Duration.ofSeconds(10));
        return health.view()
                .filter(v -> health.whole())
                .orElseThrow(() -> new BenchException(
                        "the cluster is to be healthy at the start: " + String.join("; ", health.obstacles())));
    }

    /** Waits until every known member is healthy, also one that is diverged now: it is being rebuilt. */
    public boolean awaitRejoined(Duration deadline) {
        return await(deadline, () -> look(1).whole());
    }

    private Health look(int members) {
        try {
            ClusterView view = agents.view(false);
            List<String> obstacles = new ArrayList<>(view.degradations());
            if (view.members().size() < members) {
                obstacles.add("only " + view.members().size() + " of " + members + " members are known");
            }
            view.members().stream()
                    .flatMap(m -> m.status().stream())
                    .filter(s -> s.term() != view.term())
                    .forEach(s -> obstacles.add(s.id() + " is at term " + s.term() + " of " + view.term()));
            return new Health(Optional.of(view), obstacles, errant(view));
        } catch (AgentException e) {
            return new Health(Optional.empty(), List.of(String.valueOf(e.getMessage())), "");
        }
    }

    private static String errant(ClusterView view) {
        List<String> named = new ArrayList<>();
        for (MemberView m : view.members()) {
            m.status()
                    .filter(NodeStatus::diverged)
                    .ifPresent(s -> named.add(s.id() + ": " + (s.errant().isEmpty() ? "not named" : s.errant())));
        }
        return String.join("; ", named);
    }

    /** Waits until all nodes have executed the same set; empty if so, else what differs. Writers must be paused. */
    public String awaitSameData(Duration deadline) {
        long until = System.nanoTime() + deadline.toNanos();
        String difference;
        do {
            difference = difference();
            if (difference.isEmpty() || stopped) {
                return difference;
            }
            pause(LOOK);
        } while (System.nanoTime() < until);
        return difference;
    }

    private String difference() {
        try {
            ClusterView view = agents.view(true);
            Optional<NodeStatus> primary = view.primary().flatMap(MemberView::status);
            if (primary.isEmpty()) {
                return "there is no primary to compare with";
            }
            GtidSet reference = GtidSet.parse(primary.get().executed());
            for (MemberView m : view.members()) {
                if (m.status().isEmpty()) {
                    return m.id() + " is unreachable: " + m.error();
                }
                GtidSet executed = GtidSet.parse(m.status().get().executed());
                if (!reference.contains(executed) || !executed.contains(reference)) {
                    return m.id() + " lacks [" + reference.subtract(executed) + "] and has ["
                            + executed.subtract(reference) + "] of its own";
                }
            }
            return "";
        } catch (AgentException | IllegalArgumentException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** The switch records with a term above {@code term}, oldest first. */
    public List<JsonNode> recordsAfter(long term) {
        try {
            ClusterView view = agents.view(false);
            Optional<MemberView> primary = view.primary();
            if (primary.isEmpty()) {
                return List.of();
            }
            List<JsonNode> records = new ArrayList<>();
            for (JsonNode r : agents.of(primary.get().member()).history()) {
                if (r.path("term").asLong(-1) > term) {
                    records.add(r);
                }
            }
            Collections.reverse(records);
            return records;
        } catch (AgentException e) {
            return List.of(); // the round then fails by itself: its change of primary has no record
        }
    }

    /** The id of the primary now; empty if there is none. */
    public String primary() {
        try {
            return agents.view(false).primary().map(MemberView::id).orElse("");
        } catch (AgentException e) {
            return "";
        }
    }

    /** Whether the cluster has come to a later term with this node as open primary again. */
    public boolean reopened(String node, long term) {
        try {
            return agents.view(false)
                    .primary()
                    .flatMap(MemberView::status)
                    .map(s -> s.id().equals(node) && s.open() && s.term() >= term)
                    .orElse(false);
        } catch (AgentException e) {
            return false;
        }
    }

    /** Waits for a condition that is cheap to ask; false if time is up or the bench is stopped. */
    public boolean await(Duration deadline, BooleanSupplier condition) {
        long until = System.nanoTime() + deadline.toNanos();
        while (!condition.getAsBoolean()) {
            if (stopped || System.nanoTime() > until) {
                return false;
            }
            pause(Duration.ofMillis(2));
        }
        return true;
    }

    /** Sleeps; an interrupt stops everything. */
    public void pause(Duration time) {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            stopped = true;
        }
    }
}
