package io.moha.sim;

import io.moha.agent.loop.Agent;
import io.moha.agent.loop.Identity;
import io.moha.agent.loop.Peers;
import io.moha.agent.loop.Published;
import io.moha.agent.loop.StateFile;
import io.moha.agent.loop.Wish;
import io.moha.decide.Diagnosis;
import io.moha.decide.Policy;
import io.moha.model.Durability;
import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import io.moha.model.Term;
import io.moha.store.ClusterStore;
import io.moha.store.DynamicSettings;
import io.moha.store.Json;
import io.moha.store.Keys;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Nodes, each with a server and an agent, around one etcd. */
final class Cluster implements SimMysql.Wires {
    /** Is told which received transactions a server has thrown away before it executed them. */
    interface OnDiscard {
        void accept(SimMysql server, List<SimMysql.Transaction> lost, String how);
    }

    /** How the agents are set. */
    record Shape(int nodes, Duration ttl, Duration registerTtl, boolean deadManSwitch, Durability durability) {
        Shape(int nodes, Duration ttl, Duration registerTtl, boolean deadManSwitch) {
            this(nodes, ttl, registerTtl, deadManSwitch, Durability.ASYNC);
        }
    }

    private Durability wished;

    /** One machine. */
    final class Node {
        final int number;
        final NodeId id;
        final SimMysql mysql;
        final SimEtcd.Link link = new SimEtcd.Link();
        private boolean engineBlind;
        /** Whether the server was frozen while nobody could fence it: beyond what async promises, until this time. */
        boolean beyond;

        long beyondUntil;

        /** Since when its agent has been at work, with the container engine at hand. */
        private long agentSince;

        /** When its agent was started for the last time. */
        private long startedAt;

        private final Text state = new Text();
        private @Nullable Life life;

        Node(int number) {
            this.number = number;
            this.id = new NodeId("n" + number);
            this.mysql = new SimMysql(
                    number, Endpoint.parse("10.0.0." + number + ":3306"), scheduler, random.split(), Cluster.this);
        }

        /** Whether async does not promise anything of this server now; see docs/internals/safety.md. */
        boolean excused() {
            boolean tended = agentRuns()
                    && !agentFrozen()
                    && !engineBlind
                    && scheduler.now() - agentSince > Duration.ofSeconds(13).toNanos();
            return (beyond && !tended) || scheduler.now() < beyondUntil;
        }

        /** Whether its agent learns what happens in etcd. */
        boolean hearsOfEtcd() {
            return agentRuns() && !agentFrozen() && link.well(scheduler.now());
        }

        boolean hearsAtOnce() {
            return hearsOfEtcd() && link.extraDelay == 0;
        }

        void engineBlind(boolean blind) {
            engineBlind = blind;
            agentSince = scheduler.now();
        }

        boolean engineBlind() {
            return engineBlind;
        }

        boolean agentRuns() {
            return life != null;
        }

        /** Whether its agent has been at work for so many nanoseconds. */
        boolean worksFor(long nanos) {
            return agentRuns() && scheduler.now() - agentSince >= nanos;
        }

        long startedAt() {
            return startedAt;
        }

        boolean agentFrozen() {
            return life != null && life.process.frozen();
        }

        Optional<Agent> agent() {
            return Optional.ofNullable(life).map(l -> l.agent);
        }

        Optional<Published> published() {
            return agent().map(a -> a.loop().published());
        }

        void startAgent() {
            if (life == null) {
                life = new Life(this);
                agentSince = scheduler.now();
                startedAt = agentSince;
                trace(() -> id + ": agent started");
            }
        }

        void killAgent() {
            if (life != null) {
                trace(() -> id + ": agent killed");
                scheduler.kill(life.process);
                life.store.close();
                life = null;
            }
        }

        void freezeAgent() {
            if (life != null) {
                trace(() -> id + ": agent frozen");
                scheduler.freeze(life.process);
            }
        }

        void thawAgent() {
            if (life != null && life.process.frozen()) {
                trace(() -> id + ": agent goes on");
                scheduler.thaw(life.process);
                agentSince = scheduler.now();
            }
        }
    }

    /** An agent from its start to its end. */
    private final class Life {
        private final Scheduler.Program process = new Scheduler.Program();
        private final ClusterStore store;
        private final Agent agent;
        private String said = "";

        Life(Node node) {
            SimThreads threads = new SimThreads(scheduler, process, () -> node.mysql.wallOffset);
            Identity identity = new Identity(
                    node.id,
                    "sim",
                    node.mysql.endpoint,
                    node.mysql.endpoint,
                    "http://" + node.id,
                    "http://" + node.id,
                    "",
                    PromotionRule.NEUTRAL,
                    false,
                    true,
                    Map.of());
            store = etcd.connect(node.link, process);
            try {
                agent = new Agent(
                        new Agent.Setup(
                                identity,
                                policy,
                                node.state,
                                shape.registerTtl(),
                                Duration.ofSeconds(1),
                                shape.deadManSwitch(),
                                true,
                                shape.durability()),
                        store,
                        new SimDatabase(scheduler, random.split(), node.mysql, Cluster.this, shape.deadManSwitch()),
                        new SimDatabase.Container(scheduler, node.mysql, () -> node.engineBlind),
                        new Others(node),
                        threads,
                        threads,
                        p -> published(node, p));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            agent.start();
        }

        private void published(Node node, Published p) {
            Diagnosis diagnosis = p.decision().diagnosis();
            onDiagnosis.forEach(listener -> listener.accept(node, diagnosis));
            if (tracer != null && diagnosis != Diagnosis.LOOK_AGAIN && diagnosis != Diagnosis.COMPARISON_DUE) {
                String line = p.state().phase() + " " + p.decision().because().replaceAll("[0-9]+ (ms|trans)", "# $1");
                if (!line.equals(said)) {
                    said = line;
                    trace(() -> node.id + ": " + p.state().phase() + " "
                            + p.decision().because());
                }
            }
        }
    }

    /** The other agents, as one of them reaches them. */
    private final class Others implements Peers {
        private final Node from;

        Others(Node from) {
            this.from = from;
        }

        @Override
        public CompletableFuture<Boolean> promise(
                String api, NodeId primary, Term term, Set<NodeId> asked, Duration length, Duration deadline) {
            return ask(from, api, new Wish.Promise(primary, term, asked, length.toNanos(), new CompletableFuture<>()));
        }

        @Override
        public CompletableFuture<Boolean> answers(String api, Duration deadline) {
            Node to = nodes.stream()
                    .filter(n -> api.equals("http://" + n.id))
                    .findFirst()
                    .orElseThrow();
            CompletableFuture<Boolean> told = new CompletableFuture<>();
            boolean well =
                    open(from.number, to.number) && open(to.number, from.number) && to.agentRuns() && !to.agentFrozen();
            scheduler.in(well ? way() : deadline.toNanos(), () -> told.complete(well));
            return told;
        }

        @Override
        public CompletableFuture<Optional<String>> status(String api, Duration deadline) {
            return CompletableFuture.completedFuture(Optional.empty()); // asked for people only
        }
    }

    /** One agent asks another one; a request that arrives late is answered late. */
    private CompletableFuture<Boolean> ask(Node from, String api, Wish.Promise wish) {
        CompletableFuture<Boolean> told = new CompletableFuture<>();
        Node to = nodes.stream()
                .filter(n -> api.equals("http://" + n.id))
                .findFirst()
                .orElseThrow();
        if (open(from.number, to.number)) {
            scheduler.in(
                    way(),
                    () -> to.agent().ifPresent(a -> {
                        var unused = a.loop().ask(wish).thenAccept(answer -> {
                            if (open(to.number, from.number)) {
                                scheduler.in(way(), () -> told.complete(answer.kind() == Wish.Answer.Kind.DONE));
                            }
                        });
                    }));
        }
        return told;
    }

    private long way() {
        return 200_000L + random.nextLong(2_000_000L);
    }

    /** A file that survives its agent. */
    private static final class Text implements StateFile {
        private Optional<String> content = Optional.empty();

        @Override
        public Optional<String> read() {
            return content;
        }

        @Override
        public void write(String text) {
            content = Optional.of(text);
        }
    }

    final Scheduler scheduler;
    final SimEtcd etcd;
    final List<Node> nodes = new ArrayList<>();
    private final SplittableRandom random;
    private final Shape shape;
    private final Policy policy;
    private final boolean[][] cut;
    private final @Nullable Consumer<String> tracer;
    private final List<BiConsumer<Node, Diagnosis>> onDiagnosis = new ArrayList<>();
    private OnDiscard onDiscard = (s, l, h) -> {};

    Cluster(Scheduler scheduler, SplittableRandom random, Shape shape, @Nullable Consumer<String> tracer) {
        this.scheduler = scheduler;
        this.random = random;
        this.shape = shape;
        this.tracer = tracer;
        this.etcd = new SimEtcd(scheduler, random.split());
        this.wished = shape.durability();
        this.cut = new boolean[shape.nodes() + 1][shape.nodes() + 1];
        this.policy = new Policy(
                shape.ttl(),
                Duration.ofSeconds(2),
                Duration.ofMillis(200),
                Duration.ofSeconds(2),
                Duration.ofMillis(500),
                Duration.ofSeconds(15),
                shape.nodes(),
                100_000,
                Duration.ofSeconds(4),
                Duration.ofSeconds(10),
                Duration.ofSeconds(5),
                Duration.ofSeconds(2),
                Duration.ofSeconds(1),
                Duration.ofSeconds(10));
        for (int n = 1; n <= shape.nodes(); n++) {
            nodes.add(new Node(n));
        }
        for (Node a : nodes) {
            nodes.forEach(b -> {
                if (a != b) {
                    a.mysql.mayBeFollowedBy(b.mysql);
                }
            });
        }
    }

    void onDiagnosis(BiConsumer<Node, Diagnosis> listener) {
        onDiagnosis.add(listener);
    }

    void onDiscard(OnDiscard listener) {
        onDiscard = listener;
    }

    void trace(Supplier<String> line) {
        if (tracer != null) {
            tracer.accept(String.format("%10.6f %s", scheduler.now() / 1e9, line.get()));
        }
    }

    /** Nanoseconds by which a promise is longer than what the primary makes of it. */
    long promisesLonger() {
        return policy.leaseTtl().toNanos() - policy.fenceAt(0);
    }

    /** What operators want now. */
    Durability durability() {
        return wished;
    }

    void wish(Durability durability) {
        trace(() -> "operators want " + durability);
        wished = durability;
        etcd.put(Keys.CONFIG, Json.write(DynamicSettings.of(durability)));
    }

    Duration ttl() {
        return shape.ttl();
    }

    /** Nothing sent from one node arrives at the other. */
    void cut(int from, int to, boolean isCut) {
        cut[from][to] = isCut;
    }

    @Override
    public boolean open(int from, int to) {
        return !cut[from][to];
    }

    @Override
    public SimMysql server(Endpoint endpoint) {
        return nodes.stream()
                .map(n -> n.mysql)
                .filter(m -> m.endpoint.equals(endpoint))
                .findFirst()
                .orElseThrow();
    }

    @Override
    public void discarded(SimMysql server, List<SimMysql.Transaction> lost, String how) {
        trace(() -> "n" + server.node + ": " + how + " and discarded " + lost.size() + " received transactions");
        onDiscard.accept(server, lost, how);
    }

    /** The node that the key {@code master} names; empty if there is no such key. */
    Optional<Node> holder() {
        return Optional.ofNullable(etcd.view().entries().get("master"))
                .flatMap(e -> nodes.stream()
                        .filter(n -> n.id.value().equals(e.value()))
                        .findFirst());
    }

    /** The node that has the role without a lease, being the only one. */
    Optional<Node> alone() {
        return etcd.view().entries().containsKey(Keys.SINGLE_POINT) ? holder() : Optional.empty();
    }

    long term() {
        return Optional.ofNullable(etcd.view().entries().get("election/master/term"))
                .map(e -> Long.parseLong(e.value()))
                .orElse(0L);
    }

    Optional<Node> writable() {
        return nodes.stream().filter(n -> n.mysql.writable()).findFirst();
    }
}
