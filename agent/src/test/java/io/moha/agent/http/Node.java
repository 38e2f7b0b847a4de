package io.moha.agent.http;

import static org.awaitility.Awaitility.await;

import io.moha.agent.loop.Agent;
import io.moha.agent.loop.Clock;
import io.moha.agent.loop.Identity;
import io.moha.agent.loop.Peers;
import io.moha.agent.loop.Published;
import io.moha.agent.loop.StateFile;
import io.moha.agent.loop.Threads;
import io.moha.decide.Policy;
import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import io.moha.model.Term;
import io.moha.store.Json;
import io.moha.store.Keys;
import io.moha.store.MemoryStore;
import io.moha.store.Registration;
import io.moha.store.StoreException;
import io.moha.store.Txn;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/** An agent with its HTTP server on 127.0.0.1, around a server and an etcd in memory. */
final class Node implements AutoCloseable {
    static final String TOKEN = "t0ken-of-the-api";
    static final NodeId ID = new NodeId("n1");
    static final ApiServer.Access WITH_TOKEN = new ApiServer.Access(Optional.of(TOKEN), false, false);

    private static final Endpoint MYSQL = Endpoint.parse("10.0.0.1:3306");
    private static final Duration LONG = Duration.ofSeconds(15);
    private static final HttpClient HTTP =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /** Runs as the machine's clocks do, until a test jumps. */
    private static final class JumpingClock implements Clock {
        private final AtomicLong ahead = new AtomicLong();

        @Override
        public long now() {
            return System.nanoTime() + ahead.get();
        }

        @Override
        public Instant wall() {
            return Instant.now().plusNanos(ahead.get());
        }
    }

    final FakeServer mysql = new FakeServer();
    /** What other agents say of themselves, by address. */
    final Map<String, String> statuses = new ConcurrentHashMap<>();

    private final Peers others = new Peers() {
        @Override
        public CompletableFuture<Boolean> promise(
                String api, NodeId primary, Term term, Set<NodeId> asked, Duration length, Duration deadline) {
            return CompletableFuture.completedFuture(false);
        }

        @Override
        public CompletableFuture<Boolean> answers(String api, Duration deadline) {
            return CompletableFuture.completedFuture(statuses.containsKey(api));
        }

        @Override
        public CompletableFuture<Optional<String>> status(String api, Duration deadline) {
            return CompletableFuture.completedFuture(Optional.ofNullable(statuses.get(api)));
        }
    };

    private final JumpingClock clock = new JumpingClock();
    private final MemoryStore etcd = new MemoryStore(clock::now);
    private final MemoryStore.Client link = etcd.connect();
    private final Agent agent;
    private final ApiServer server;
    private final String base;
    private volatile boolean stopLoop;
    private final CountDownLatch loopStopped = new CountDownLatch(1);

    /** @param expect members that must be registered before the first election */
    Node(Path directory, int expect, ApiServer.Access access, Supplier<Map<String, Object>> settings)
            throws IOException {
        Identity identity = new Identity(
                ID, "demo", MYSQL, MYSQL, "http://n1", "http://n1", "", PromotionRule.NEUTRAL, false, true, Map.of());
        Policy policy = new Policy(
                Duration.ofSeconds(5),
                Duration.ofMillis(1500),
                Duration.ofMillis(500),
                Duration.ofSeconds(2),
                Duration.ofMillis(500),
                Duration.ofSeconds(30),
                expect,
                100_000,
                Duration.ofSeconds(4),
                Duration.ofSeconds(10),
                Duration.ofSeconds(5),
                Duration.ofSeconds(2),
                Duration.ofSeconds(1),
                Duration.ofSeconds(10));
        agent = new Agent(
                new Agent.Setup(
                        identity,
                        policy,
                        StateFile.in(directory),
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(1),
                        true,
                        true,
                        io.moha.model.Durability.ASYNC),
                link,
                mysql,
                mysql,
                Peers.none(),
                clock,
                Threads.real(() -> {}),
                this::onPublish);
        int port = freePort();
        base = "http://127.0.0.1:" + port;
        server = new ApiServer(
                new Endpoint("127.0.0.1", port),
                agent.loop(),
                clock,
                access,
                new ApiServer.Pages(
                        () -> "moha_up 1\n",
                        settings,
                        n -> n.equals(ID) ? ID + " is registered" : "",
                        wanted -> "",
                        () -> mysql.obstacles(Duration.ofSeconds(1)),
                        new Explain(others, 1000)),
                "0.1.0");
        server.start();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** On the loop's thread: a loop that is stopped here has published, and publishes nothing more. */
    private void onPublish(Published published) {
        if (!stopLoop) {
            return;
        }
        loopStopped.countDown();
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    Node start() {
        agent.start();
        return this;
    }

    /** Waits until {@code GET path} answers {@code code}. */
    Node awaitAnswer(String path, int code) {
        await().atMost(LONG)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> get(path).statusCode() == code);
        return this;
    }

    /** Waits until the page shows the text. */
    Node awaitPage(String path, String text) {
        await().atMost(LONG)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> get(path).body().contains(text));
        return this;
    }

    Node awaitStatus(String text) {
        return awaitPage("/status", text);
    }

    /** The loop stands still from now on, as in an agent that is frozen; HTTP goes on. */
    void freezeLoop() throws InterruptedException {
        stopLoop = true;
        agent.loop().wake();
        loopStopped.await();
    }

    void jump(Duration ahead) {
        clock.ahead.addAndGet(ahead.toNanos());
    }

    /** The agent does not reach etcd any more. */
    void cutOffFromEtcd() {
        link.unreachable(true);
    }

    /** Registers another member, as its agent would. */
    void register(NodeId other, Endpoint itsMysql) throws StoreException {
        MemoryStore.Client its = etcd.connect();
        long lease = its.grantLease(Duration.ofHours(1), LONG);
        its.commit(new Txn(List.of(), registration(other, itsMysql, lease)), LONG);
    }

    /** Makes another member the primary of term 1, as its agent would. */
    void elect(NodeId other, Endpoint itsMysql) throws StoreException {
        MemoryStore.Client its = etcd.connect();
        long lease = its.grantLease(Duration.ofHours(1), LONG);
        List<Txn.Op> ops = new ArrayList<>(registration(other, itsMysql, lease));
        ops.add(new Txn.Put(Keys.HOLDER, other.value(), lease));
        ops.add(new Txn.Put(Keys.TERM, "1", 0));
        ops.add(new Txn.Put(Keys.LAST_ID, other.value(), 0));
        ops.add(new Txn.Put(Keys.followed(other), "1", 0));
        its.commit(new Txn(List.of(), ops), LONG);
    }

    private static List<Txn.Op> registration(NodeId other, Endpoint itsMysql, long lease) {
        String host = itsMysql.toString();
        Registration r = new Registration(
                other.value(),
                host,
                host,
                false,
                "http://" + other,
                "http://" + other,
                "9.7.4",
                "",
                "neutral",
                false,
                Map.of(),
                0L,
                null,
                null,
                null);
        return List.of(
                new Txn.Put(Keys.registration(other), Json.write(r), lease),
                new Txn.Put(Keys.member(other), Json.write(r.asMember()), 0));
    }

    String address() {
        return base;
    }

    HttpResponse<String> get(String path) {
        return send("GET", path);
    }

    /** With the right token. */
    HttpResponse<String> post(String path) {
        return send("POST", path, "Authorization", "Bearer " + TOKEN);
    }

    /** @param headers names and values by turns */
    HttpResponse<String> send(String method, String path, String... headers) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(base + path)).timeout(LONG).method(method, BodyPublishers.noBody());
        if (headers.length > 0) {
            request.headers(headers);
        }
        try {
            return HTTP.send(request.build(), BodyHandlers.ofString());
        } catch (IOException e) {
            throw new AssertionError(method + " " + path + " got no answer", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    @Override
    public void close() {
        server.close();
        agent.close();
    }
}
