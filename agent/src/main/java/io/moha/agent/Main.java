package io.moha.agent;

import io.moha.agent.http.ApiServer;
import io.moha.agent.http.Explain;
import io.moha.agent.http.HttpPeers;
import io.moha.agent.loop.Agent;
import io.moha.agent.loop.Clock;
import io.moha.agent.loop.Identity;
import io.moha.agent.loop.Peers;
import io.moha.agent.loop.Published;
import io.moha.agent.loop.StateFile;
import io.moha.agent.loop.Threads;
import io.moha.agent.metrics.Metrics;
import io.moha.agent.metrics.PauseWatch;
import io.moha.agent.proxy.AgentCheck;
import io.moha.agent.proxy.ProxyPush;
import io.moha.config.AgentConfig;
import io.moha.config.ConfigException;
import io.moha.config.ConfigLoader;
import io.moha.config.Secret;
import io.moha.decide.Policy;
import io.moha.model.Durability;
import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseProcess;
import io.moha.mysql.jdbc.JdbcDatabase;
import io.moha.mysql.jdbc.JdbcSettings;
import io.moha.store.ClusterStore;
import io.moha.store.DynamicSettings;
import io.moha.store.Json;
import io.moha.store.Keys;
import io.moha.store.StoreException;
import io.moha.store.Txn;
import io.moha.store.etcd.EtcdSettings;
import io.moha.store.etcd.EtcdStore;
import java.io.IOException;
import java.net.BindException;
import java.nio.file.Path;
import java.security.Security;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The agent as a program. Exit codes: docs/reference/interfaces.md. */
@Command(
        name = "moha-agent",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        description = "Runs beside one MySQL server, campaigns for the writer role, and fences the server without it.")
public final class Main implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(Main.class);
    private static final int UNAVAILABLE = 69;
    private static final int PORT_IN_USE = 75;
    private static final int DEFECT = 70;

    @Option(names = "--config", required = true, description = "the configuration file (config.toml)")
    private Path config = Path.of("config.toml");

    @Option(names = "--check", description = "check the configuration file and end")
    private boolean check;

    @Option(
            names = "--start-timeout",
            defaultValue = "60",
            description = "seconds within which etcd and MySQL must have answered once (default: ${DEFAULT-VALUE})")
    private int startTimeout;

    /** The version from the jar's manifest. */
    static final class Version implements CommandLine.IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"moha-agent " + version()};
        }
    }

    public static void main(String[] args) {
        // Containers come back under other addresses; the JVM would remember a name that is missing for 10 s.
        Security.setProperty("networkaddress.cache.ttl", "3");
        Security.setProperty("networkaddress.cache.negative.ttl", "0");
        System.exit(new CommandLine(new Main()).execute(args));
    }

    private static String version() {
        String version = Main.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }

    @Override
    @SuppressWarnings("SystemOut")
    public Integer call() {
        Logging.quiet();
        AgentConfig settings;
        try {
            settings = ConfigLoader.load(config);
        } catch (ConfigException e) {
            return fail(e.exitCode(), String.valueOf(e.getMessage()));
        }
        if (check) {
            settings.warnings().forEach(w -> System.out.println("warning: " + w));
            System.out.println(config + ": good");
            return 0;
        }
        Logging.set(settings.log());
        settings.warnings().forEach(w -> LOG.warn("{}", w));
        return run(settings);
    }

    @SuppressWarnings("SystemOut") // the last word of a program that could not start belongs on stderr
    private static int fail(int code, String message) {
        System.err.println("moha-agent: " + message);
        return code;
    }

    private int run(AgentConfig settings) {
        LOG.info(
                "{} starting: node {} of cluster {}, etcd {}",
                "moha-agent " + version(),
                settings.node().id(),
                settings.clusterName(),
                settings.etcd().urls());
        EtcdStore store;
        try {
            store = EtcdStore.open(etcd(settings));
        } catch (IllegalArgumentException e) {
            return fail(ConfigException.BAD, config + ": " + e.getMessage());
        }
        JdbcDatabase database = new JdbcDatabase(jdbc(settings));
        DatabaseProcess process = Processes.of(settings);
        AtomicReference<@Nullable Metrics> metrics = new AtomicReference<>();
        AtomicReference<@Nullable Published> last = new AtomicReference<>();
        List<ProxyPush> proxies = proxies(settings, last);
        Consumer<Published> onPublish = p -> {
            last.set(p);
            proxies.forEach(ProxyPush::look);
            Metrics target = metrics.get();
            if (target != null) {
                target.update(p);
            }
        };
        Peers peers = new HttpPeers(settings.api().token().map(Secret::reveal));
        Threads threads = Threads.real(Main::endByDefect);
        Agent agent;
        try {
            agent = new Agent(setup(settings), store, database, process, peers, Clock.SYSTEM, threads, onPublish);
        } catch (IOException e) {
            return fail(ConfigException.BAD, config + ": key 'data-dir': " + e.getMessage());
        }
        Metrics meters = new Metrics(settings.clusterName(), Clock.SYSTEM, agent::renewalNanos, agent::probeNanos);
        metrics.set(meters);
        threads.start("moha-pauses", new PauseWatch(Clock.SYSTEM, PauseWatch.collectors(), meters::pause));
        ApiServer server = new ApiServer(
                settings.api().listen(),
                agent.loop(),
                Clock.SYSTEM,
                new ApiServer.Access(
                        settings.api().token().map(Secret::reveal),
                        settings.api().allowGet(),
                        settings.api().allowAnonymous()),
                new ApiServer.Pages(
                        meters::text,
                        () -> visible(settings),
                        node -> forget(store, agent, node),
                        wanted -> want(store, agent, wanted),
                        () -> database.obstacles(Duration.ofSeconds(2)),
                        new Explain(peers, settings.maxCandidateBacklog())),
                version());
        proxies.forEach(p -> threads.start("haproxy", p));
        try {
            agentCheck(settings, last).ifPresent(check -> threads.start("agent-check", check));
        } catch (IOException e) {
            agent.close();
            return fail(
                    PORT_IN_USE,
                    config + ": key 'agent-check-address': cannot listen on "
                            + settings.proxy().agentCheck().orElseThrow() + ": " + e.getMessage());
        }
        try {
            server.start();
        } catch (RuntimeException e) {
            agent.close();
            boolean inUse = e.getCause() instanceof BindException;
            return fail(
                    PORT_IN_USE,
                    config + ": key 'addr': cannot listen on " + settings.api().listen() + ": "
                            + (inUse ? "the port is in use; stop the other program or choose another port" : e));
        }
        agent.start();
        return serve(settings, agent, server, database);
    }

    private static Optional<AgentCheck> agentCheck(AgentConfig settings, AtomicReference<@Nullable Published> last)
            throws IOException {
        Optional<Endpoint> listen = settings.proxy().agentCheck();
        if (listen.isEmpty()) {
            return Optional.empty();
        }
        BooleanSupplier replica = () -> {
            Published p = last.get();
            return p != null && p.healthyReplica();
        };
        return Optional.of(new AgentCheck(listen.get(), primary(last), replica));
    }

    private static BooleanSupplier primary(AtomicReference<@Nullable Published> last) {
        return () -> {
            Published p = last.get();
            return p != null && p.primaryAt(Clock.SYSTEM.now());
        };
    }

    private static List<ProxyPush> proxies(AgentConfig settings, AtomicReference<@Nullable Published> last) {
        Supplier<Set<String>> members = () -> {
            Published p = last.get();
            return p == null
                    ? Set.of()
                    : p.observation()
                            .cluster()
                            .map(c -> c.members().keySet().stream()
                                    .map(NodeId::value)
                                    .collect(Collectors.toSet()))
                            .orElse(Set.of());
        };
        return settings.proxy().sockets().stream()
                .map(where -> new ProxyPush(
                        where, settings.proxy().backend(), settings.node().id().value(), primary(last), members))
                .toList();
    }

    /**
     * Half an agent is worse than none: without one the database closes itself, and whoever looks after this process starts it
     * anew. Nothing is put in order first: that might wait for the thread that has died.
     */
    private static void endByDefect() {
        LOG.error("the agent ends, to be started anew by its supervisor; please report the defect above");
        Runtime.getRuntime().halt(DEFECT);
    }

    private int serve(AgentConfig settings, Agent agent, ApiServer server, JdbcDatabase database) {
        CountDownLatch stop = new CountDownLatch(1);
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stop.countDown();
            try {
                stopped.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        String refusal = "";
        try {
            refusal = awaitServices(settings, agent, stop);
            if (refusal.isEmpty()) {
                warnOfAccounts(database);
                stop.await();
                LOG.info(
                        "stopping; the role and the registration stay until their leases end, so that a restarted agent"
                                + " resumes them");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            server.close();
            agent.close();
            stopped.countDown();
        }
        return refusal.isEmpty() ? 0 : fail(UNAVAILABLE, refusal);
    }

    /** Accounts that the fence does not stop, by name. */
    private static void warnOfAccounts(JdbcDatabase database) {
        try {
            database.accountWarnings(Duration.ofSeconds(2)).forEach(w -> LOG.warn("{}", w));
        } catch (DatabaseException e) {
            LOG.warn("the accounts could not be checked: {}", e.getMessage());
        }
    }

    /** A wrong password never heals by waiting; a service that is away may come within the start timeout. */
    private String awaitServices(AgentConfig settings, Agent agent, CountDownLatch stop) throws InterruptedException {
        long until = System.nanoTime() + Duration.ofSeconds(startTimeout).toNanos();
        while (!agent.databaseAnswered() || !agent.storeWasRead()) {
            if (agent.databaseRefusesAccount()) {
                return config + ": key '[db-config] user' / 'password': MySQL at "
                        + settings.db().server()
                        + " refuses the account '" + settings.db().user() + "': " + agent.databaseError()
                        + "; correct the password or create the account";
            }
            if (System.nanoTime() - until > 0) {
                return agent.storeWasRead()
                        ? config + ": key '[db-config] host' / 'port': MySQL at "
                                + settings.db().server() + " did not answer within " + startTimeout + " s: "
                                + agent.databaseError()
                        : config + ": key 'etcd-urls': etcd at "
                                + settings.etcd().urls() + " did not answer within "
                                + startTimeout + " s: " + agent.storeError()
                                + "; correct the addresses or start etcd";
            }
            if (stop.await(100, java.util.concurrent.TimeUnit.MILLISECONDS)) {
                return "";
            }
        }
        return "";
    }

    private static EtcdSettings etcd(AgentConfig settings) {
        AgentConfig.Etcd e = settings.etcd();
        return new EtcdSettings(
                e.urls(),
                settings.prefix(),
                e.username(),
                e.password().map(Secret::reveal),
                e.caFile(),
                e.certFile(),
                e.keyFile());
    }

    private static JdbcSettings jdbc(AgentConfig settings) {
        AgentConfig.Db db = settings.db();
        return new JdbcSettings(
                db.server(),
                db.user(),
                db.password().reveal(),
                db.timeout(),
                db.sslMode(),
                db.replicationUser(),
                db.replicationPassword().reveal(),
                settings.deadManSwitch());
    }

    private static Agent.Setup setup(AgentConfig settings) throws IOException {
        AgentConfig.Node node = settings.node();
        AgentConfig.Timing timing = settings.timing();
        Identity identity = new Identity(
                node.id(),
                settings.clusterName(),
                node.internal(),
                node.external(),
                settings.api().publicAddress(),
                settings.api().internalAddress(),
                node.dataCenter(),
                node.rule(),
                node.onlyFollow(),
                node.acker(),
                node.tags());
        Policy policy = new Policy(
                timing.leaderLeaseTtl(),
                timing.shutdownThreshold(),
                timing.clockSkew(),
                timing.electionTimeout(),
                Duration.ofMillis(500),
                timing.drainTimeout(),
                settings.bootstrapExpect(),
                settings.maxCandidateBacklog(),
                Duration.ofSeconds(4),
                timing.stuckAfter(),
                Duration.ofSeconds(5),
                Duration.ofSeconds(2),
                timing.suspectAfter(),
                timing.ackerAwayAfter());
        return new Agent.Setup(
                identity,
                policy,
                StateFile.in(settings.dataDir()),
                timing.registerTtl(),
                settings.db().timeout(),
                settings.deadManSwitch(),
                settings.failsafe(),
                settings.durability());
    }

    /** Settings in force for {@code /config}; secrets are left out, not masked. */
    private static Map<String, Object> visible(AgentConfig s) {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("cluster-name", s.clusterName());
        all.put("haproxy-sockets", s.proxy().sockets());
        all.put("haproxy-backend", s.proxy().backend());
        all.put("etcd-prefix", s.prefix());
        all.put("etcd-urls", s.etcd().urls());
        all.put("node-id", s.node().id().value());
        all.put("leader-lease-ttl", s.timing().leaderLeaseTtl().toSeconds());
        all.put("shutdown-threshold", s.timing().shutdownThreshold().toSeconds());
        all.put("clock-skew", s.timing().clockSkew().toSeconds());
        all.put("register-ttl", s.timing().registerTtl().toSeconds());
        all.put("election-timeout-ms", s.timing().electionTimeout().toMillis());
        all.put("drain-timeout", s.timing().drainTimeout().toSeconds());
        all.put("stuck-after", s.timing().stuckAfter().toSeconds());
        all.put("promotion-rule", s.node().rule().text());
        all.put("data-center", s.node().dataCenter());
        all.put("bootstrap-expect", s.bootstrapExpect());
        all.put("max-candidate-backlog", s.maxCandidateBacklog());
        all.put("dead-man-switch", s.deadManSwitch());
        all.put("failsafe", s.failsafe());
        all.put("process", s.control().kind().name().toLowerCase(java.util.Locale.ROOT));
        all.put("mysql", s.db().server().toString());
        all.put("ssl-mode", s.db().sslMode());
        all.put("api-allow-get", s.api().allowGet());
        all.put("api-allow-anonymous", s.api().allowAnonymous());
        all.put("api-token", s.api().token().isPresent() ? "configured" : "none");
        return all;
    }

    /** @return empty if the member is forgotten, else why not */
    /** @return why not; empty if it is said */
    private static String want(ClusterStore store, Agent agent, Durability wanted) {
        String value = Json.write(DynamicSettings.of(wanted));
        try {
            store.commit(new Txn(List.of(), List.of(new Txn.Put(Keys.CONFIG, value, 0))), Duration.ofSeconds(2));
            agent.loop().look();
            return "";
        } catch (StoreException e) {
            return "etcd: " + e.getMessage();
        }
    }

    private static String forget(ClusterStore store, Agent agent, NodeId node) {
        List<Txn.Guard> unregistered = List.of(new Txn.CreateRevisionIs(Keys.registration(node), 0));
        List<Txn.Op> traces = List.of(
                new Txn.Delete(Keys.member(node)),
                new Txn.Delete(Keys.ballot(node)),
                new Txn.Delete(Keys.followed(node)));
        // A node that was the only one holds the role without a lease: nothing else would ever end that.
        List<Txn.Guard> andSingle = new ArrayList<>(unregistered);
        andSingle.add(new Txn.ValueIs(Keys.SINGLE_POINT, node.value()));
        List<Txn.Op> andRole = new ArrayList<>(traces);
        andRole.add(new Txn.Delete(Keys.SINGLE_POINT));
        andRole.add(new Txn.Delete(Keys.HOLDER));
        Duration deadline = Duration.ofSeconds(2);
        try {
            boolean gone = store.commit(new Txn(andSingle, andRole), deadline).committed()
                    || store.commit(new Txn(unregistered, traces), deadline).committed();
            agent.loop().look();
            return gone ? "" : node + " is registered: its agent runs; stop it first";
        } catch (StoreException e) {
            return "etcd: " + e.getMessage();
        }
    }
}
