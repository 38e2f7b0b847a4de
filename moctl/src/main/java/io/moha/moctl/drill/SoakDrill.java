package io.moha.moctl.drill;

import io.moha.moctl.bench.Ack;
import io.moha.moctl.bench.BenchException;
import io.moha.moctl.bench.BenchTable;
import io.moha.moctl.bench.Load;
import io.moha.moctl.bench.Target;
import io.moha.moctl.bench.Watcher;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.config.BenchConfig;
import io.moha.model.Endpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** {@code moctl drill soak}: a plan of faults, round by round, and the ledger against the table at the end. One use. */
public final class SoakDrill {
    private static final BenchTable TABLE = new BenchTable("moctl_soak");
    private static final int EXAMPLES = 20;

    /**
     * The accounts of the drill.
     *
     * @param password of {@code config.user()}
     * @param inspector its password; ignored where the configuration names none
     */
    public record Access(BenchConfig config, String password, String inspector) {}

    private final Agents agents;
    private final Access access;
    private final FaultCommand command;
    private final SoakSettings settings;
    private final Path ledgerFile;
    private final Consumer<SoakRoundResult> progress;
    private final Watcher watcher;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final IdSet named = new IdSet();
    private volatile String ledgerFailure = "";

    /**
     * @param ledgerFile is made; must not be there
     * @param progress told every round that was judged
     */
    public SoakDrill(
            Agents agents,
            Access access,
            FaultCommand command,
            SoakSettings settings,
            Path ledgerFile,
            Consumer<SoakRoundResult> progress) {
        this.agents = agents;
        this.access = access;
        this.command = command;
        this.settings = settings;
        this.ledgerFile = ledgerFile;
        this.progress = progress;
        this.watcher = new Watcher(agents);
    }

    /**
     * Runs the plan.
     *
     * @throws BenchException if it cannot even start: nothing was broken then
     */
    public SoakResult run() throws BenchException {
        try {
            return soak();
        } finally {
            ended.countDown();
        }
    }

    /** Ends the drill after mending what it has broken; waits for that, at most {@code patience}. */
    public boolean stop(Duration patience) {
        watcher.stop();
        try {
            return ended.await(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private SoakResult soak() throws BenchException {
        Instant startedAt = Instant.now();
        ClusterView before = watcher.healthyAtStart();
        Map<String, Target> nodes = Target.ofNodes(before, access.config(), access.password());
        Map<String, Target> inspectors = inspectors(before, nodes);
        command.heal(); // a hook that does not work is found before anything is broken
        List<SoakRoundResult> results = new ArrayList<>();
        String stopReason;
        try (Ledger ledger = Ledger.create(ledgerFile)) {
            prepare(nodes, before);
            try (Load load = load(nodes, ledger)) {
                SoakRound.Setting setting = new SoakRound.Setting(
                        agents, watcher, load, TABLE, nodes, inspectors, command, settings, new HashMap<>(), named);
                stopReason = rounds(setting, before, results);
            }
        } catch (IOException e) {
            throw new BenchException("the ledger " + ledgerFile + " cannot be made: " + e, e);
        }
        SoakResult.Check check = check(nodes);
        SoakResult result = new SoakResult(startedAt, settings, before, results, check, stopReason);
        if (result.ok()) {
            drop(nodes);
        }
        return result;
    }

    private Map<String, Target> inspectors(ClusterView view, Map<String, Target> nodes) {
        Optional<BenchConfig.Inspector> inspector = access.config().inspector();
        if (inspector.isEmpty()) {
            return nodes;
        }
        Map<String, Target> result = new LinkedHashMap<>();
        for (MemberView m : view.members()) {
            Endpoint address = Endpoint.parse(m.member().externalHost());
            result.put(
                    m.id(), new Target(address, access.config(), inspector.get().user(), access.inspector()));
        }
        return result;
    }

    private void prepare(Map<String, Target> nodes, ClusterView view) throws BenchException {
        String primary = view.primary().map(MemberView::id).orElse("");
        Target target = nodes.get(primary);
        if (target == null) {
            throw new BenchException("there is no primary to make the table at");
        }
        try {
            TABLE.create(target);
        } catch (SQLException e) {
            throw new BenchException(
                    "cannot make the table " + TABLE.name() + " at " + primary + " (" + target + ") as "
                            + access.config().user() + ": " + e.getMessage(),
                    e);
        }
        String difference = watcher.awaitSameData(settings.deadline());
        if (!difference.isEmpty()) {
            throw new BenchException("the nodes do not hold the same data at the start: " + difference);
        }
    }

    /** Half of the clients through the proxy; the others at the nodes, in turn. */
    private Load load(Map<String, Target> nodes, Ledger ledger) {
        Map<String, Target> targets = new LinkedHashMap<>(nodes);
        targets.put("", new Target(access.config().writer(), access.config(), access.password()));
        List<String> ids = List.copyOf(nodes.keySet());
        List<String> places = new ArrayList<>();
        for (int i = 0; i < settings.clients(); i++) {
            places.add(i % 2 == 0 ? "" : ids.get(i / 2 % ids.size()));
        }
        return new Load(TABLE, places, targets, settings.pace(), ack -> enter(ledger, ack));
    }

    private void enter(Ledger ledger, Ack ack) {
        try {
            ledger.append(ack.id());
        } catch (IOException e) {
            ledgerFailure = "the ledger " + ledgerFile + " cannot be written: " + e;
        }
    }

    /** Fills {@code results}; returns why it ended early, or nothing. */
    private String rounds(SoakRound.Setting setting, ClusterView first, List<SoakRoundResult> results) {
        ClusterView before = first;
        List<Step> steps = settings.plan().steps();
        for (int number = 1; number <= steps.size(); number++) {
            try {
                Optional<SoakRoundResult> result = new SoakRound(setting, number, steps.get(number - 1), before).run();
                if (result.isEmpty() || watcher.stopped()) {
                    return "stopped in round " + number;
                }
                results.add(result.get());
                progress.accept(result.get());
            } catch (BenchException e) {
                return (watcher.stopped() ? "stopped in round " : "round ") + number + " ("
                        + steps.get(number - 1).text() + "): " + e.getMessage();
            }
            if (!ledgerFailure.isEmpty()) {
                return "after round " + number + ": " + ledgerFailure;
            }
            Watcher.Health health = watcher.awaitHealthy(setting.nodes().size(), settings.deadline());
            if (!health.whole()) {
                return "after round " + number + " the cluster is not whole: " + String.join("; ", health.obstacles());
            }
            before = health.view().orElse(before);
        }
        return "";
    }

    /** From disk, not from memory: what counts is what a client would still know after a crash of this machine. */
    private SoakResult.Check check(Map<String, Target> nodes) {
        if (watcher.stopped()) {
            return SoakResult.Check.failed("not made: the drill was stopped");
        }
        Target primary = nodes.get(watcher.primary());
        if (primary == null) {
            return SoakResult.Check.failed("not made: there is no primary at the end");
        }
        try {
            IdSet acknowledged = Ledger.read(ledgerFile);
            IdSet present = new IdSet();
            TABLE.readIds(primary, present::add);
            return compare(acknowledged, present, named);
        } catch (IOException | SQLException e) {
            return SoakResult.Check.failed("not made: " + e.getMessage());
        }
    }

    /** Every acknowledged id is present, or was in a diverged node's table before that was rebuilt, or is missing. */
    static SoakResult.Check compare(IdSet acknowledged, IdSet present, IdSet named) {
        IdSet accounted = present.union(named);
        long missing = acknowledged.countMissingIn(accounted);
        return new SoakResult.Check(
                acknowledged.size(),
                missing,
                acknowledged.countMissingIn(present) - missing,
                acknowledged.missingIn(accounted, EXAMPLES),
                "");
    }

    private void drop(Map<String, Target> nodes) {
        Target primary = nodes.get(watcher.primary());
        if (primary != null) {
            try {
                TABLE.drop(primary);
            } catch (SQLException e) {
                return; // it is dropped by the next drill
            }
        }
    }
}
