package io.moha.moctl.drill;

import com.fasterxml.jackson.databind.JsonNode;
import io.moha.moctl.bench.Ack;
import io.moha.moctl.bench.BenchException;
import io.moha.moctl.bench.BenchTable;
import io.moha.moctl.bench.Load;
import io.moha.moctl.bench.Rebuild;
import io.moha.moctl.bench.RoundAnalysis;
import io.moha.moctl.bench.Target;
import io.moha.moctl.bench.Watcher;
import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.client.NodeStatus;
import io.moha.model.GtidSet;
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
import java.util.function.BooleanSupplier;

/**
 * One round: write, strike, wait for the first acknowledgement, mend, wait until the cluster is whole, compare. One use.
 * Whatever happens after the first fault, everything is mended.
 */
final class SoakRound {
    private static final Duration WARM_UP = Duration.ofSeconds(30);
    /** A primary whose mysqld was killed is looked at only after it can have noticed. */
    private static final Duration STALE = Duration.ofSeconds(1);

    private static final int MOST_REBUILDS = 3;

    /**
     * What all rounds of a drill share.
     *
     * @param inspectors the nodes' servers, by an account that gets in while they are offline to applications
     * @param nodeByUuid from the server's UUID to the node; a rebuilt node may get a new one
     * @param named filled with the ids that only diverged nodes had
     */
    record Setting(
            Agents agents,
            Watcher watcher,
            Load load,
            BenchTable table,
            Map<String, Target> nodes,
            Map<String, Target> inspectors,
            FaultCommand command,
            SoakSettings settings,
            Map<String, String> nodeByUuid,
            IdSet named) {}

    private final Setting all;
    private final Watcher watcher;
    private final Load load;
    private final int number;
    private final Step step;
    private final MemberView old;
    private final List<String> replicas;
    private final long term;
    private final List<Ack> acks = new ArrayList<>();
    private final List<NamedLoss> losses = new ArrayList<>();
    private final List<String> violations = new ArrayList<>();
    /** Rows that only diverged nodes had, and who took them. */
    private final Map<Long, String> ownRows = new HashMap<>();

    private long faultAt;

    SoakRound(Setting setting, int number, Step step, ClusterView before) throws BenchException {
        this.all = setting;
        this.watcher = setting.watcher();
        this.load = setting.load();
        this.number = number;
        this.step = step;
        this.old = before.primary().orElseThrow(() -> new BenchException("there is no primary"));
        this.term = before.term();
        this.replicas = before.members().stream()
                .map(MemberView::id)
                .filter(id -> !id.equals(old.id()))
                .toList();
        learnUuids(before);
    }

    private void learnUuids(ClusterView view) {
        for (MemberView m : view.members()) {
            m.status()
                    .map(s -> s.json().path("server_uuid").asText(""))
                    .filter(uuid -> !uuid.isEmpty())
                    .ifPresent(uuid -> all.nodeByUuid().put(uuid, m.id()));
        }
    }

    /**
     * @return empty if the drill was stopped before the round could be judged
     * @throws BenchException if a fault cannot be made or mended, or nobody writes at the start
     */
    Optional<SoakRoundResult> run() throws BenchException {
        load.resume(number);
        warmUp();
        watcher.pause(step.delay());
        if (watcher.stopped()) {
            return Optional.empty();
        }
        boolean wentOn;
        faultAt = System.nanoTime();
        try {
            strike();
            wentOn = awaitFirstWrite();
        } finally {
            heal();
        }
        long healedAt = System.nanoTime();
        Watcher.Health health = awaitWhole();
        long wholeMillis = health.whole() ? (System.nanoTime() - healedAt) / 1_000_000 : -1;
        String failure = health.whole()
                ? awaitWritesEverywhere()
                : "not whole within " + all.settings().deadline().toSeconds() + " s: "
                        + String.join("; ", health.obstacles());
        load.pause();
        if (watcher.stopped()) {
            return Optional.empty();
        }
        health.view().ifPresent(this::learnUuids);
        return Optional.of(judge(health, wholeMillis, failure, !wentOn));
    }

    private void warmUp() throws BenchException {
        long start = System.nanoTime();
        BooleanSupplier writing = () -> load.ackedAfter(old.id(), start) && load.ackedAfter("", start);
        if (!watcher.await(WARM_UP, writing) && !watcher.stopped()) {
            throw new BenchException("no writes "
                    + (load.ackedAfter(old.id(), start) ? "through the proxy" : "at the primary " + old.id())
                    + " within " + WARM_UP.toSeconds() + " s: " + load.errors());
        }
    }

    private void heal() throws BenchException {
        try {
            healOrTryAgain();
        } catch (BenchException e) {
            throw new BenchException("STILL BROKEN after " + step.text() + ", mend it by hand: " + e.getMessage(), e);
        }
    }

    /** Ctrl-C reaches the running command, too, and a busy machine may be late: a second time costs nothing. */
    private void healOrTryAgain() throws BenchException {
        try {
            all.command().heal();
        } catch (BenchException first) {
            watcher.pause(STALE);
            all.command().heal();
        }
    }

    private void strike() throws BenchException {
        for (int i = 0; i < step.faults().size(); i++) {
            if (i > 0) {
                watcher.pause(step.between());
            }
            all.command().strike(step.faults().get(i), old.id(), replicas, step.replica() + i);
        }
    }

    /** False if nobody's write was acknowledged although the faults were given their time. */
    private boolean awaitFirstWrite() {
        if (step.hitsPrimary()) {
            return watcher.await(all.settings().patience(), new FirstWrite());
        }
        long struck = System.nanoTime();
        watcher.await(step.hold(), () -> false);
        return wroteAfter(struck);
    }

    private boolean wroteAfter(long time) {
        return all.nodes().keySet().stream().anyMatch(n -> load.ackedAfter(n, time));
    }

    /** Another node has taken a write, or the old primary is open again and has. */
    private final class FirstWrite implements BooleanSupplier {
        /** A cut does not close the primary at once: there only a later term says that it was elected again. */
        private final long wanted = step.faults().contains(FaultKind.PRIMARY_MYSQLD) ? term : term + 1;

        private long nextLook = System.nanoTime() + STALE.toNanos();

        @Override
        public boolean getAsBoolean() {
            if (replicas.stream().anyMatch(n -> load.ackedAfter(n, faultAt))) {
                return true;
            }
            if (System.nanoTime() < nextLook) {
                return false;
            }
            long lookedAt = System.nanoTime();
            nextLook = lookedAt + STALE.toNanos() / 4;
            return watcher.reopened(old.id(), wanted) && load.ackedAfter(old.id(), lookedAt - STALE.toNanos() / 2);
        }
    }

    /** A node that has diverged is written down and then rebuilt; that may happen to more than one. */
    private Watcher.Health awaitWhole() throws BenchException {
        Duration deadline = all.settings().deadline();
        Watcher.Health health = watcher.awaitHealthy(all.nodes().size(), deadline);
        for (int i = 0; i < MOST_REBUILDS && !health.errant().isEmpty() && !watcher.stopped(); i++) {
            writeDown();
            new Rebuild(all.agents(), watcher, deadline).diverged();
            health = watcher.awaitHealthy(all.nodes().size(), deadline);
        }
        return health;
    }

    private void writeDown() throws BenchException {
        ClusterView view;
        try {
            view = all.agents().view(true);
        } catch (AgentException e) {
            throw new BenchException("what the diverged node names cannot be read: " + e.getMessage(), e);
        }
        acks.addAll(load.drain());
        Set<Long> acknowledged = new HashSet<>();
        acks.forEach(a -> acknowledged.add(a.id()));
        for (MemberView m : view.members()) {
            Optional<NodeStatus> diverged = m.status().filter(NodeStatus::diverged);
            if (diverged.isPresent()) {
                losses.add(loss(view, m.id(), diverged.get().errant(), acknowledged));
            }
        }
    }

    private NamedLoss loss(ClusterView view, String node, String errant, Set<Long> acknowledged) throws BenchException {
        try {
            Target there = all.inspectors().get(node);
            Target primary = view.primary().map(p -> all.nodes().get(p.id())).orElse(null);
            if (there == null || primary == null) {
                throw new BenchException(node + " has diverged, and there is no primary to compare it with");
            }
            Map<Long, String> own = all.table().read(there, number);
            own.keySet().removeAll(all.table().read(primary, number).keySet());
            ownRows.putAll(own);
            long lost = own.keySet().stream().filter(acknowledged::contains).count();
            NamedLoss loss = new NamedLoss(node, errant, GtidSet.parse(errant).count(), own.size(), lost);
            if (!loss.namesAll()) {
                violations.add(node + " has " + loss.rows() + " rows of its own and names only " + loss.named()
                        + " transactions: " + errant);
            }
            return loss;
        } catch (SQLException e) {
            throw new BenchException(
                    node + " has diverged, and its table cannot be read before it is rebuilt (inspect-user in [bench] "
                            + "needs SELECT and CONNECTION_ADMIN): " + e.getMessage(),
                    e);
        } catch (IllegalArgumentException e) {
            throw new BenchException(node + " names GTIDs that cannot be read: " + e.getMessage(), e);
        }
    }

    /** So that every gap has its end. */
    private String awaitWritesEverywhere() {
        long since = System.nanoTime();
        return watcher.await(WARM_UP, () -> wroteAfter(since) && load.ackedAfter("", since)) || watcher.stopped()
                ? ""
                : "whole, but no writes " + (wroteAfter(since) ? "through the proxy" : "at the nodes") + " within "
                        + WARM_UP.toSeconds() + " s: " + load.errors();
    }

    private SoakRoundResult judge(Watcher.Health health, long wholeMillis, String failureSoFar, boolean healedFirst) {
        String failure = failureSoFar;
        if (failure.isEmpty()) {
            String difference = watcher.awaitSameData(all.settings().deadline());
            failure = difference.isEmpty() ? "" : "the nodes do not end with the same data: " + difference;
        }
        acks.addAll(load.drain());
        String to =
                health.view().flatMap(ClusterView::primary).map(MemberView::id).orElse("");
        Map<Long, String> rows = new HashMap<>();
        Set<Long> absent = new HashSet<>();
        Target primary = all.nodes().get(to);
        if (primary != null) {
            try {
                rows.putAll(all.table().read(primary, number));
                acks.stream().map(Ack::id).filter(id -> !rows.containsKey(id)).forEach(absent::add);
                // An answer that came too late for its round belongs to a row of the round before.
                absent.removeAll(all.table().present(primary, absent));
            } catch (SQLException e) {
                absent.clear(); // the check at the end will tell
                failure = failure.isEmpty() ? "the table cannot be read at " + to + ": " + e.getMessage() : failure;
            }
        }
        long namedLost = 0;
        for (long id : absent) {
            if (ownRows.containsKey(id)) {
                namedLost++;
                all.named().add(id);
            }
        }
        long missing = absent.size() - namedLost;
        judgeLoss(missing, namedLost);
        ownRows.forEach(rows::putIfAbsent);
        return measured(rows, to, wholeMillis, failure, healedFirst, missing, namedLost);
    }

    private void judgeLoss(long missing, long namedLost) {
        if (missing > 0) {
            violations.add(missing + " acknowledged writes are missing, and no node names them");
        }
        if (namedLost > 0 && all.settings().durability() == Durability.LOSSLESS) {
            violations.add(namedLost + " acknowledged writes are lost, though named: lossless forgives none");
        }
    }

    private SoakRoundResult measured(
            Map<Long, String> rows,
            String to,
            long wholeMillis,
            String failure,
            boolean healedFirst,
            long missing,
            long namedLost) {
        List<Ack> resolved = acks.stream()
                .map(a -> a.proxied() ? a.takenBy(all.nodeByUuid().getOrDefault(rows.getOrDefault(a.id(), ""), "")) : a)
                .toList();
        List<JsonNode> records = records(!to.equals(old.id()));
        List<String> primaries = new ArrayList<>(List.of(old.id()));
        records.forEach(r -> primaries.add(r.path("new_primary").asText()));
        RoundAnalysis analysis = new RoundAnalysis(resolved, faultAt);
        if (wholeMillis >= 0) {
            violations.addAll(analysis.violations(primaries));
        }
        Set<Long> acknowledged = new HashSet<>();
        acks.forEach(a -> acknowledged.add(a.id()));
        return new SoakRoundResult(
                number,
                step,
                old.id(),
                to,
                healedFirst,
                inMillis(analysis.nodeGap(old.id())),
                inMillis(analysis.proxyGap()),
                wholeMillis,
                acks.size(),
                missing,
                namedLost,
                losses,
                rows.keySet().stream().filter(id -> !acknowledged.contains(id)).count(),
                violations,
                failure,
                records);
    }

    /** A change of primary has left a record; whoever shows it may be busy. */
    private List<JsonNode> records(boolean changed) {
        List<JsonNode> records = watcher.recordsAfter(term);
        for (int i = 0; i < 10 && changed && records.isEmpty() && !watcher.stopped(); i++) {
            watcher.pause(STALE);
            records = watcher.recordsAfter(term);
        }
        return records;
    }

    private static OptionalDouble inMillis(OptionalLong nanos) {
        return nanos.isPresent() ? OptionalDouble.of(nanos.getAsLong() / 1e6) : OptionalDouble.empty();
    }
}
