package io.moha.moctl.bench;

import com.fasterxml.jackson.databind.JsonNode;
import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.config.FaultCommands;
import io.moha.moctl.switchover.Preflight;
import io.moha.moctl.switchover.SwitchResult;
import io.moha.moctl.switchover.Switchover;
import io.moha.model.OnLongTransactions;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * One round: write, break the primary, measure, mend, wait until the cluster is whole, compare. One use. Whatever
 * happens after the fault, the commands that start things again are run.
 */
final class Round {
    private static final Duration WARM_UP = Duration.ofSeconds(15);
    private static final Duration SWITCH_TIMEOUT = Duration.ofSeconds(10);

    private final Agents agents;
    private final Watcher watcher;
    private final Load load;
    private final BenchTable table;
    private final Map<String, Target> nodes;
    private final FaultCommands faults;
    private final Settings settings;
    private final int number;
    private final MemberView old;
    private final long term;
    private final Map<String, String> nodeByUuid;
    private volatile Optional<Switchover> switchover = Optional.empty();
    private long faultAt;

    Round(Setting setting, int number, ClusterView before) throws BenchException {
        this.agents = setting.agents();
        this.watcher = setting.watcher();
        this.load = setting.load();
        this.table = setting.table();
        this.nodes = setting.nodes();
        this.faults = setting.faults();
        this.settings = setting.settings();
        this.number = number;
        this.old = before.primary().orElseThrow(() -> new BenchException("there is no primary"));
        this.term = before.term();
        this.nodeByUuid = new HashMap<>();
        for (MemberView m : before.members()) {
            m.status()
                    .ifPresent(s -> nodeByUuid.put(s.json().path("server_uuid").asText(m.id()), m.id()));
        }
    }

    /** What all rounds of a bench share. */
    record Setting(
            Agents agents,
            Watcher watcher,
            Load load,
            BenchTable table,
            Map<String, Target> nodes,
            FaultCommands faults,
            Settings settings) {}

    /** Asks a planned switch under way to go back or to end. */
    void cancel() {
        switchover.ifPresent(Switchover::cancel);
    }

    /**
     * @return empty if the bench was stopped before the round could be judged
     * @throws BenchException if the fault cannot be injected or mended
     */
    Optional<RoundResult> run() throws BenchException {
        load.resume(number);
        warmUp();
        // At a random moment of the agents' ticks, or every round would measure the same phase of them.
        watcher.pause(Duration.ofMillis(300 + ThreadLocalRandom.current().nextInt(1000)));
        if (watcher.stopped()) {
            return Optional.empty();
        }
        faultAt = System.nanoTime();
        String failure;
        boolean injected = false;
        try {
            failure = inject();
            injected = true;
            if (failure.isEmpty() && !awaitWrites()) {
                failure =
                        "writes did not go on within " + settings.deadline().toSeconds() + " s (" + load.errors() + ")";
            }
        } finally {
            mend(injected);
        }
        Watcher.Health health = watcher.awaitHealthy(nodes.size(), settings.deadline());
        long recovery = health.whole() ? millis(System.nanoTime() - faultAt) : -1;
        load.pause();
        if (watcher.stopped()) {
            return Optional.empty();
        }
        return Optional.of(judge(failure, health, recovery));
    }

    private void warmUp() throws BenchException {
        long start = System.nanoTime();
        boolean writing = watcher.await(WARM_UP, () -> load.ackedAfter(old.id(), start) && load.ackedAfter("", start));
        if (!writing && !watcher.stopped()) {
            throw new BenchException("before round " + number + ": no writes "
                    + (load.ackedAfter(old.id(), start) ? "through the proxy" : "at the primary " + old.id())
                    + " within " + WARM_UP.toSeconds() + " s: " + load.errors());
        }
    }

    /** Empty if the fault is there, else why this round has failed. */
    private String inject() throws BenchException {
        switch (settings.fault()) {
            case MYSQLD_KILL -> Commands.runTogether(List.of(FaultCommands.forNode(faults.killMysqld(), old.id())));
            case HOST_KILL ->
                Commands.runTogether(List.of(
                        FaultCommands.forNode(faults.killAgent(), old.id()),
                        FaultCommands.forNode(faults.killMysqld(), old.id())));
            case AGENT_KILL -> Commands.runTogether(List.of(FaultCommands.forNode(faults.killAgent(), old.id())));
            case SWITCH -> {
                return change();
            }
        }
        return "";
    }

    private String change() throws BenchException {
        ClusterView view;
        try {
            view = agents.view(true);
        } catch (AgentException e) {
            throw new BenchException(String.valueOf(e.getMessage()), e);
        }
        Preflight.Choice choice = Preflight.choose(view);
        Optional<MemberView> target = choice.node().flatMap(view::find);
        if (target.isEmpty()) {
            return "pre-flight: " + choice.why();
        }
        Switchover change = new Switchover(
                agents,
                old.member(),
                target.get().member(),
                term,
                SWITCH_TIMEOUT,
                OnLongTransactions.WAIT,
                sentence -> {});
        switchover = Optional.of(change);
        SwitchResult result = change.run();
        return result.done()
                ? ""
                : "the switch to " + result.to() + " ended " + result.outcome() + ": " + result.reason();
    }

    /** Waits until somebody acknowledges writes again, at a node and through the proxy. */
    private boolean awaitWrites() {
        long start = System.nanoTime();
        long[] nextLook = {start + Duration.ofSeconds(1).toNanos()};
        boolean[] reopened = {false};
        boolean direct = watcher.await(settings.deadline(), () -> {
            if (nodes.keySet().stream().anyMatch(n -> !n.equals(old.id()) && load.ackedAfter(n, faultAt))) {
                return true;
            }
            // Nobody else: perhaps the old primary itself came back.
            if (System.nanoTime() > nextLook[0]) {
                nextLook[0] = System.nanoTime() + Duration.ofMillis(250).toNanos();
                reopened[0] = reopened[0] || watcher.reopened(old.id(), term);
                return reopened[0]
                        && load.ackedAfter(
                                old.id(), nextLook[0] - Duration.ofMillis(500).toNanos());
            }
            return false;
        });
        long since = System.nanoTime();
        return direct && watcher.await(settings.deadline(), () -> load.ackedAfter("", since));
    }

    /** After a lost host, or agent, nothing starts again by itself; after a killed mysqld its agent does that. */
    private void mend(boolean injected) throws BenchException {
        boolean host = settings.fault() == FaultKind.HOST_KILL;
        if (!host && settings.fault() != FaultKind.AGENT_KILL) {
            return;
        }
        try {
            if (host && !faults.startMysqld().isEmpty()) {
                Commands.runTogether(List.of(FaultCommands.forNode(faults.startMysqld(), old.id())));
            }
            Commands.runTogether(List.of(FaultCommands.forNode(faults.startAgent(), old.id())));
        } catch (BenchException e) {
            if (injected) {
                throw new BenchException("STILL BROKEN, start it by hand: " + old.id() + ": " + e.getMessage(), e);
            }
        }
    }

    private RoundResult judge(String failureSoFar, Watcher.Health health, long recovery) {
        String failure = failureSoFar;
        if (failure.isEmpty() && !health.whole()) {
            failure = !health.errant().isEmpty() && settings.reinitDiverged()
                    ? ""
                    : health.errant().isEmpty()
                            ? "not healthy again within " + settings.deadline().toSeconds() + " s: "
                                    + String.join("; ", health.obstacles())
                            : "diverged: " + health.errant();
        }
        if (failure.isEmpty() && health.errant().isEmpty()) {
            String difference = watcher.awaitSameData(settings.deadline());
            failure = difference.isEmpty() ? "" : "the nodes do not end with the same data: " + difference;
        }
        String to =
                health.view().flatMap(ClusterView::primary).map(MemberView::id).orElse("");
        List<Ack> acks = load.drain();
        Map<Long, String> rows = Map.of();
        Target primary = nodes.get(to);
        if (primary != null) {
            try {
                rows = table.read(primary, number);
            } catch (SQLException e) {
                failure = failure.isEmpty() ? "the table cannot be read at " + to + ": " + e.getMessage() : failure;
            }
        }
        Map<Long, String> taken = rows;
        long missing = acks.stream().filter(a -> !taken.containsKey(a.id())).count();
        if (missing > 0 && health.errant().isEmpty() && failure.isEmpty()) {
            failure = missing + " acknowledged writes are missing, and no node names them as errant";
        }
        return measured(acks, taken, failure, health.errant(), to, recovery, missing);
    }

    private RoundResult measured(
            List<Ack> acks,
            Map<Long, String> rows,
            String failure,
            String errant,
            String to,
            long recovery,
            long missing) {
        List<Ack> resolved = acks.stream()
                .map(a -> a.proxied() ? a.takenBy(nodeByUuid.getOrDefault(rows.getOrDefault(a.id(), ""), "")) : a)
                .toList();
        List<JsonNode> records = watcher.recordsAfter(term);
        List<String> primaries = new ArrayList<>(List.of(old.id()));
        records.forEach(r -> primaries.add(r.path("new_primary").asText()));
        RoundAnalysis analysis = new RoundAnalysis(resolved, faultAt);
        Set<Long> acknowledged = new HashSet<>();
        acks.forEach(a -> acknowledged.add(a.id()));
        long unacknowledged =
                rows.keySet().stream().filter(id -> !acknowledged.contains(id)).count();
        return new RoundResult(
                number,
                old.id(),
                to,
                inMillis(analysis.nodeGap(old.id())),
                inMillis(analysis.proxyGap()),
                inMillis(analysis.closedAfter(old.id())),
                recovery,
                acks.size(),
                missing,
                unacknowledged,
                errant,
                analysis.violations(primaries),
                failure,
                records);
    }

    private static OptionalDouble inMillis(OptionalLong nanos) {
        return nanos.isPresent() ? OptionalDouble.of(nanos.getAsLong() / 1e6) : OptionalDouble.empty();
    }

    private static long millis(long nanos) {
        return nanos / 1_000_000;
    }
}
