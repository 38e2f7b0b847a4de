package io.moha.moctl.bench;

import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.config.BenchConfig;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** {@code moctl bench failover}: one fault a round, as many rounds as asked for. One use. */
public final class FailoverBench {
    private static final BenchTable TABLE = new BenchTable("moctl_bench");

    private final Agents agents;
    private final BenchConfig config;
    private final String password;
    private final Settings settings;
    private final Consumer<RoundResult> progress;
    private final Watcher watcher;
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile Optional<Round> running = Optional.empty();

    /**
     * @param password of {@code config.user()}
     * @param progress told every round that was judged
     */
    public FailoverBench(
            Agents agents, BenchConfig config, String password, Settings settings, Consumer<RoundResult> progress) {
        this.agents = agents;
        this.config = config;
        this.password = password;
        this.settings = settings;
        this.progress = progress;
        this.watcher = new Watcher(agents);
    }

    /**
     * Runs all rounds.
     *
     * @throws BenchException if it cannot even start: nothing was broken then
     */
    public BenchResult run() throws BenchException {
        try {
            return measure();
        } finally {
            ended.countDown();
        }
    }

    /** Ends the bench after mending what it has broken; waits for that, at most {@code patience}. */
    public boolean stop(Duration patience) {
        watcher.stop();
        running.ifPresent(Round::cancel);
        try {
            return ended.await(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private BenchResult measure() throws BenchException {
        Instant startedAt = Instant.now();
        checkCommands();
        ClusterView before = watcher.healthyAtStart();
        Map<String, Target> nodes = Target.ofNodes(before, config, password);
        Target proxy = new Target(config.writer(), config, password);
        prepare(nodes, before);
        List<RoundResult> results = new ArrayList<>();
        String stopReason;
        try (Load load = load(nodes, proxy)) {
            stopReason = rounds(
                    new Round.Setting(agents, watcher, load, TABLE, nodes, config.faults(), settings), before, results);
        }
        stopReason = cleanUp(nodes, stopReason);
        return new BenchResult(startedAt, settings, before, results, stopReason);
    }

    /** As many writers as asked for at every node, and as many through the proxy. */
    private Load load(Map<String, Target> nodes, Target proxy) {
        Map<String, Target> targets = new LinkedHashMap<>(nodes);
        targets.put("", proxy);
        List<String> places = new ArrayList<>();
        for (int i = 0; i < settings.writersEach(); i++) {
            places.addAll(targets.keySet());
        }
        return new Load(TABLE, places, targets, settings.pace(), ack -> {});
    }

    /** Fills {@code results}; returns why it ended early, or nothing. */
    private String rounds(Round.Setting setting, ClusterView first, List<RoundResult> results) {
        ClusterView before = first;
        for (int number = 1; number <= settings.rounds(); number++) {
            try {
                Round round = new Round(setting, number, before);
                running = Optional.of(round);
                Optional<RoundResult> result = round.run();
                if (result.isEmpty() || watcher.stopped()) {
                    return "stopped in round " + number;
                }
                results.add(result.get());
                progress.accept(result.get());
                if (!result.get().errant().isEmpty() && settings.reinitDiverged()) {
                    new Rebuild(agents, watcher, settings.deadline()).diverged();
                } else if (!result.get().errant().isEmpty()) {
                    return "after round " + number + " a node has diverged, and only an operator may decide about it: "
                            + result.get().errant();
                }
            } catch (BenchException e) {
                return "round " + number + ": " + e.getMessage();
            }
            Watcher.Health health = watcher.awaitHealthy(setting.nodes().size(), settings.deadline());
            if (!health.whole() && number < settings.rounds()) {
                return "after round " + number + " the cluster is not healthy: "
                        + String.join("; ", health.obstacles());
            }
            before = health.view().orElse(before);
        }
        return "";
    }

    private void checkCommands() throws BenchException {
        boolean missing = switch (settings.fault()) {
            case MYSQLD_KILL -> config.faults().killMysqld().isEmpty();
            case HOST_KILL ->
                config.faults().killMysqld().isEmpty()
                        || config.faults().killAgent().isEmpty()
                        || config.faults().startAgent().isEmpty();
            case AGENT_KILL ->
                config.faults().killAgent().isEmpty()
                        || config.faults().startAgent().isEmpty();
            case SWITCH -> false;
        };
        if (missing) {
            throw new BenchException(
                    "--fault " + settings.fault().text() + " needs commands: [bench.fault] kill-mysqld for mysqld-kill "
                            + "and host-kill, kill-agent and start-agent for host-kill and agent-kill (start-mysqld where "
                            + "the agent does not start it)");
        }
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
                    "cannot make the table of the bench at " + primary + " (" + target + ") as " + config.user() + ": "
                            + e.getMessage(),
                    e);
        }
        // Readers of the table must find it wherever the first fault moves the primary.
        String difference = watcher.awaitSameData(settings.deadline());
        if (!difference.isEmpty()) {
            cleanUp(nodes, "");
            throw new BenchException("the nodes do not hold the same data at the start: " + difference);
        }
    }

    private String cleanUp(Map<String, Target> nodes, String stopReason) {
        String primary = watcher.primary();
        Target target = nodes.get(primary);
        if (target == null) {
            String left = "no primary at the end: the table moctl_bench stays";
            return stopReason.isEmpty() ? left : stopReason + "; " + left;
        }
        try {
            TABLE.drop(target);
            return stopReason;
        } catch (SQLException e) {
            String left = "the table moctl_bench stays: " + e.getMessage();
            return stopReason.isEmpty() ? left : stopReason + "; " + left;
        }
    }
}
