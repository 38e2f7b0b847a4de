package io.moha.agent.metrics;

import io.moha.agent.loop.Clock;
import io.moha.agent.loop.Published;
import io.moha.decide.Observation;
import io.moha.decide.Phase;
import io.moha.mysql.DatabaseStatus;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.LongSupplier;

/** Updated by the loop after each decision. MoHA's four names, with their double "agent", are kept. */
public final class Metrics {
    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final String cluster;
    private final Clock clock;
    private final Counter heartbeat;
    private final Counter masterSwitch;
    private final Gauge isLeader;
    private final Gauge slaveStatus;
    private final Gauge term;
    private final Gauge phase;
    private final Gauge fenceMargin;
    private final Gauge leaseRemaining;
    private final Gauge lag;
    private final Gauge backlog;
    private final Gauge errant;
    private final Gauge databaseUp;
    private final Gauge storeAge;
    private final Histogram pauses;
    private final Gauge longestPause;
    private final Gauge lossless;
    private final Gauge ackers;
    private final Gauge waiting;
    private Phase last = Phase.STARTING;

    public Metrics(String cluster, Clock clock, LongSupplier renewalNanos, LongSupplier probeNanos) {
        this.cluster = cluster;
        this.clock = clock;
        heartbeat = Counter.builder()
                .name("moha_agent_agent_heartbeat")
                .help("Turns of the agent's loop (MoHA's name)")
                .labelNames("cluster_name")
                .register(registry);
        masterSwitch = Counter.builder()
                .name("moha_agent_agent_master_switch")
                .help("Times this node became primary (MoHA's name)")
                .labelNames("cluster_name")
                .register(registry);
        isLeader = gauge("moha_agent_agent_is_leader", "1 if this node is primary (MoHA's name)", "cluster_name");
        slaveStatus = gauge(
                "moha_agent_agent_slave_status",
                "1 if the replication thread of this type runs (MoHA's name)",
                "cluster_name",
                "type");
        term = gauge("moha_term", "Term this node follows or holds", "cluster_name");
        phase = gauge("moha_phase", "1 for the phase the node is in", "cluster_name", "phase");
        fenceMargin = gauge("moha_fence_margin_seconds", "Time until the holder must fence itself", "cluster_name");
        leaseRemaining = gauge("moha_lease_remaining_seconds", "Time until the leader lease can end", "cluster_name");
        lag = gauge("moha_replication_lag_seconds", "Seconds behind the source; -1 if unknown", "cluster_name");
        backlog = gauge(
                "moha_replication_backlog_transactions", "Transactions received but not executed", "cluster_name");
        errant = gauge(
                "moha_errant_transactions", "Transactions of this node that the primary does not have", "cluster_name");
        databaseUp = gauge("moha_database_up", "1 if the local server answered the last probe", "cluster_name");
        storeAge = gauge("moha_store_age_seconds", "Age of the last read of etcd", "cluster_name");
        lossless = gauge(
                "moha_durability_lossless",
                "1 if loss-less durability is in force, 0 if it is async or degraded",
                "cluster_name");
        ackers = gauge(
                "moha_ackers_connected", "Replicas that are connected to this primary and acknowledge", "cluster_name");
        waiting = gauge("moha_commits_waiting", "Commits that wait for acknowledgements right now", "cluster_name");
        callback("moha_lease_renewal_seconds", "Duration of the last confirmed lease renewal", renewalNanos);
        callback("moha_database_probe_seconds", "Duration of the last probe of the local server", probeNanos);
        pauses = Histogram.builder()
                .name("moha_jvm_pause_seconds")
                .help(
                        "Times for which the whole agent stood still, from 20 ms; cause: gc or stopped (not the collector)")
                .labelNames("cluster_name", "cause")
                .classicOnly()
                .classicUpperBounds(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
                .register(registry);
        longestPause = gauge("moha_jvm_pause_max_seconds", "Longest of them since the agent started", "cluster_name");
        // Present before the first one: an alert on a rise needs a zero to rise from.
        pauses.initLabelValues(cluster, "gc");
        pauses.initLabelValues(cluster, "stopped");
        longestPause.labelValues(cluster).set(0);
        JvmMetrics.builder().register(registry);
    }

    /** The agent stood still. Only the thread of {@link PauseWatch} calls this. */
    public void pause(Duration length, boolean garbage) {
        double seconds = length.toNanos() / 1e9;
        pauses.labelValues(cluster, garbage ? "gc" : "stopped").observe(seconds);
        if (seconds > longestPause.labelValues(cluster).get()) {
            longestPause.labelValues(cluster).set(seconds);
        }
    }

    private Gauge gauge(String name, String help, String... labels) {
        return Gauge.builder().name(name).help(help).labelNames(labels).register(registry);
    }

    private void callback(String name, String help, LongSupplier nanos) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames("cluster_name")
                .callback(c -> c.call(nanos.getAsLong() / 1e9, cluster))
                .register(registry);
    }

    /** Loop thread only. */
    public void update(Published p) {
        long now = clock.now();
        heartbeat.labelValues(cluster).inc();
        Phase present = p.state().phase();
        if (present != last) {
            phase.labelValues(cluster, last.name()).set(0);
            if (present == Phase.PRIMARY && last == Phase.PROMOTING) {
                masterSwitch.labelValues(cluster).inc();
            }
            last = present;
        }
        phase.labelValues(cluster, present.name()).set(1);
        isLeader.labelValues(cluster).set(p.primaryAt(now) ? 1 : 0);
        term.labelValues(cluster).set((double) p.state().term().value());
        boolean holds = p.holderAt(now);
        fenceMargin.labelValues(cluster).set(holds ? (p.fenceAt() - now) / 1e9 : 0);
        leaseRemaining.labelValues(cluster).set(Math.max(0, (p.leaseEndsAt() - now) / 1e9));
        lag.labelValues(cluster).set((double) p.lagSeconds());
        databaseUp
                .labelValues(cluster)
                .set(p.observation().database().health() == Observation.Health.ANSWERING ? 1 : 0);
        p.observation().cluster().ifPresent(c -> storeAge.labelValues(cluster).set((now - c.readAt()) / 1e9));
        p.status().ifPresent(this::replication);
        lossless.labelValues(cluster)
                .set(
                        p.observation()
                                        .cluster()
                                        .flatMap(Observation.Cluster::sync)
                                        .filter(s ->
                                                s.list().binding() && s.list().acks() > 0)
                                        .isPresent()
                                ? 1
                                : 0);
        errant.labelValues(cluster).set((double) p.observation().errant().count());
    }

    private void replication(DatabaseStatus s) {
        backlog.labelValues(cluster)
                .set((double) s.received().subtract(s.executed()).count());
        boolean receiver = s.replica()
                .filter(r -> r.receiver() == DatabaseStatus.Receiver.RUNNING)
                .isPresent();
        boolean applier =
                s.replica().filter(DatabaseStatus.Replica::applierRunning).isPresent();
        ackers.labelValues(cluster).set((double) s.semiSync().ackers().size());
        waiting.labelValues(cluster).set((double) s.semiSync().waiting());
        slaveStatus.labelValues(cluster, "io_thread").set(receiver ? 1 : 0);
        slaveStatus.labelValues(cluster, "sql_thread").set(applier ? 1 : 0);
    }

    /** The text format. */
    public String text() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            PrometheusTextFormatWriter.create().write(out, registry.scrape());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toString(StandardCharsets.UTF_8);
    }
}
