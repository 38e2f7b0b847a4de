package io.moha.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.moha.model.GtidSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/**
 * One cluster of its own: etcd servers, MySQL servers with an agent each, on a {@link Stage}, with ports that stay the same
 * over restarts. Removed on close; the logs of all parts are kept in {@code target/e2e/<name>}.
 */
final class TestCluster implements AutoCloseable {
    static final String TOKEN = Directories.TOKEN;
    static final String APP_PASSWORD = "app-password";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient HTTP =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(1)).build();

    /**
     * What a cluster is made of.
     *
     * @param stage where it must run; empty: where it can
     */
    record Shape(
            Stage.Mysql mysql,
            int nodes,
            int etcds,
            int leaseTtl,
            Map<Integer, String> extraConfig,
            Optional<Stage.Kind> stage) {
        static Shape usual() {
            return new Shape(Stage.Mysql.V97, 3, 1, 6, Map.of(), Optional.empty());
        }

        Shape mysql(Stage.Mysql version) {
            return new Shape(version, nodes, etcds, leaseTtl, extraConfig, stage);
        }

        Shape nodes(int number) {
            return new Shape(mysql, number, etcds, leaseTtl, extraConfig, stage);
        }

        Shape etcds(int number) {
            return new Shape(mysql, nodes, number, leaseTtl, extraConfig, stage);
        }

        /** @param seconds of the leader lease */
        Shape leaseTtl(int seconds) {
            return new Shape(mysql, nodes, etcds, seconds, extraConfig, stage);
        }

        Shape config(int node, String lines) {
            Map<Integer, String> more = new TreeMap<>(extraConfig);
            more.put(node, lines);
            return new Shape(mysql, nodes, etcds, leaseTtl, more, stage);
        }

        Shape on(Stage.Kind kind) {
            return new Shape(mysql, nodes, etcds, leaseTtl, extraConfig, Optional.of(kind));
        }
    }

    private final Shape shape;
    private final Stage stage;

    private TestCluster(Shape shape, Stage stage) {
        this.shape = shape;
        this.stage = stage;
    }

    /** Skips the test where nothing can run; starts everything but waits for nothing. */
    static TestCluster start(String name, Shape shape) throws IOException {
        TestCluster cluster = new TestCluster(shape, Stage.open(name, shape.mysql(), shape.stage()));
        try {
            for (int n = 1; n <= shape.etcds(); n++) {
                cluster.stage.createEtcd(cluster.etcd(n), cluster.etcds());
            }
            for (int n = 1; n <= shape.nodes(); n++) {
                cluster.createMysql(n, n);
                cluster.stage.createAgent(cluster.agent(n), cluster.config(n));
            }
            return cluster;
        } catch (IOException | RuntimeException e) {
            cluster.close();
            throw e;
        }
    }

    /** @param serverId also of a node that is made anew */
    void createMysql(int n, int serverId) {
        stage.createMysql(mysql(n), serverId);
    }

    private List<String> etcds() {
        return IntStream.rangeClosed(1, shape.etcds()).mapToObj(this::etcd).toList();
    }

    private String config(int n) {
        Stage.AgentPlace place = stage.agentPlace(agent(n), mysql(n));
        String database = stage.address(mysql(n));
        int colon = database.lastIndexOf(':');
        return """
                cluster-name = "e2e"
                leader-lease-ttl = %d
                shutdown-threshold = 2
                register-ttl = 3
                data-dir = "%s"
                node-id = "node-%d"
                addr = "%s"
                etcd-urls = "%s"
                etcd-root-path = "/moha"
                internal-service-host = "%s"
                external-service-host = "127.0.0.1:%d"
                api-address = "http://127.0.0.1:%d"
                internal-api-address = "http://%s"
                api-token-file = "%s/token"
                bootstrap-expect = %d
                %s
                [db-config]
                host = "%s"
                port = %s
                user = "moha"
                password-file = "%s/moha"
                replication_user = "repl"
                replication_password_file = "%s/repl"
                [process]
                %s
                """.formatted(
                        shape.leaseTtl(),
                        place.dataDir(),
                        n,
                        place.addr(),
                        etcds().stream().map(e -> "http://" + stage.address(e)).collect(Collectors.joining(",")),
                        database,
                        port(mysql(n)),
                        port(agent(n)),
                        stage.address(agent(n)),
                        place.secrets(),
                        shape.nodes(),
                        shape.extraConfig().getOrDefault(n, ""),
                        database.substring(0, colon),
                        database.substring(colon + 1),
                        place.secrets(),
                        place.secrets(),
                        place.process());
    }

    String etcd(int n) {
        return "etcd-" + n;
    }

    String mysql(int n) {
        return "mysql-" + n;
    }

    String agent(int n) {
        return "agent-" + n;
    }

    /** The port of a part on 127.0.0.1; the same for its whole life. */
    int port(String part) {
        return stage.port(part);
    }

    void kill(String part) {
        stage.kill(part);
    }

    void stop(String part) {
        stage.stop(part);
    }

    void startAgain(String part) {
        stage.startAgain(part);
    }

    void restart(String part) {
        stage.restart(part);
    }

    /** @return milliseconds until the agent was at work again */
    long restartAgent(int n) {
        long from = System.nanoTime();
        restart(agent(n));
        awaitStatus(n, "at work again", s -> !s.get("state").asText().equals("STARTING"));
        return (System.nanoTime() - from) / 1_000_000;
    }

    /**
     * Whether a primary's agent that was away for so long must have found its lease alive; a renewal may have been a fifth
     * of the lease old. A loaded machine may take longer for a restart: that is said, and nothing is to be concluded from who
     * is primary afterwards.
     */
    boolean withinLease(long awayMillis) {
        long lease = 1000L * shape.leaseTtl();
        boolean within = awayMillis < lease * 4 / 5;
        System.out.println("end-to-end: the restart of the primary's agent took " + awayMillis + " ms"
                + (within ? "" : ", too long for a lease of " + lease + " ms"));
        return within;
    }

    void pause(String part) {
        stage.pause(part);
    }

    void unpause(String part) {
        stage.unpause(part);
    }

    void remove(String part) {
        stage.remove(part);
    }

    /** {@code /status} of a node; empty if its agent does not answer. */
    Optional<JsonNode> status(int n) {
        return get(n, "/status").map(TestCluster::parse);
    }

    JsonNode history(int n) {
        return parse(get(n, "/history").orElseThrow());
    }

    private static JsonNode parse(String json) {
        try {
            return JSON.readTree(json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Optional<String> get(int n, String path) {
        try {
            HttpResponse<String> response =
                    HTTP.send(request(n, path).GET().build(), HttpResponse.BodyHandlers.ofString());
            return response.statusCode() == 200 ? Optional.of(response.body()) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    /** POST with the token. */
    HttpResponse<String> post(int n, String path) throws IOException, InterruptedException {
        HttpRequest request = request(n, path)
                .header("Authorization", "Bearer " + TOKEN)
                .POST(HttpRequest.BodyPublishers.noBody())
                .build();
        return HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    }

    int code(int n, String method, String path, Optional<String> token) throws IOException, InterruptedException {
        HttpRequest.Builder request = request(n, path).method(method, HttpRequest.BodyPublishers.noBody());
        token.ifPresent(t -> request.header("Authorization", "Bearer " + t));
        return HTTP.send(request.build(), HttpResponse.BodyHandlers.discarding())
                .statusCode();
    }

    private HttpRequest.Builder request(int n, String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port(agent(n)) + path))
                .timeout(Duration.ofSeconds(30));
    }

    /** A connection as the agent's account, which may do everything. */
    Connection connect(int n) throws SQLException {
        return connect(n, "moha", Directories.AGENT_PASSWORD);
    }

    /** A connection as the application. */
    Connection connectApp(int n) throws SQLException {
        return connect(n, "app", APP_PASSWORD);
    }

    /** Where the application reaches a node's server, on 127.0.0.1. */
    int appPort(int n) {
        return port(mysql(n));
    }

    private Connection connect(int n, String user, String password) throws SQLException {
        return Sessions.open("127.0.0.1:" + appPort(n), user, password, 1000, 2000);
    }

    void execute(int n, String... statements) throws SQLException {
        try (Connection connection = connect(n)) {
            Sessions.execute(connection, statements);
        }
    }

    /** Waits until some node is primary and the given number of others follow it. @return the primary */
    int awaitPrimary(int followers) {
        int[] found = new int[1];
        await("a primary and " + followers + " followers", () -> {
            int primary = 0;
            int following = 0;
            for (int n = 1; n <= shape.nodes(); n++) {
                Optional<JsonNode> status = status(n);
                if (status.isPresent() && status.get().get("master").asBoolean()) {
                    primary = primary == 0 ? n : -1;
                } else if (status.filter(TestCluster::follows).isPresent()) {
                    following++;
                }
            }
            found[0] = primary;
            return primary > 0 && following >= followers;
        });
        return found[0];
    }

    private static boolean follows(JsonNode status) {
        return status.get("state").asText().equals("FOLLOWING")
                && status.get("io_thread_ok").asBoolean()
                && status.get("sql_thread_ok").asBoolean();
    }

    /**
     * After the crash of a primary, replication being asynchronous: waits until it follows by itself because it has
     * nothing of its own, or stays fenced and names what only it has. Then its data is given up for the primary's.
     *
     * @return the rows of the ledger that only the old primary had
     */
    Set<Long> awaitReturn(int old) throws Exception {
        return awaitReturn(old, false);
    }

    /** @param lossless whether what it has of its own must be proven never to have been acknowledged */
    Set<Long> awaitReturn(int old, boolean lossless) throws Exception {
        JsonNode status = awaitStatus(old, "followed or diverged", s -> {
            String state = s.get("state").asText();
            return state.equals("DIVERGED")
                    || (state.equals("FOLLOWING") && s.get("io_thread_ok").asBoolean());
        });
        if (!status.get("state").asText().equals("DIVERGED")) {
            return Set.of();
        }
        GtidSet named = GtidSet.parse(status.get("errant").asText());
        Set<Long> own = ledger(old);
        own.removeAll(ledger(awaitPrimary(0)));
        if (named.count() != own.size()) {
            throw new AssertionError("node-" + old + " names " + named + " but has these rows alone: " + own);
        }
        GtidSet proven = GtidSet.parse(status.get("never_acknowledged").asText());
        if (!proven.equals(lossless ? named : GtidSet.EMPTY)) {
            throw new AssertionError("node-" + old + " names " + named + ", of which never acknowledged: " + proven);
        }
        System.out.println((lossless ? "never acknowledged: " : "async lost, and named: ") + named);
        if (post(old, "/reinit?confirm=node-" + old).statusCode() != 200) {
            throw new AssertionError("reinit was refused");
        }
        awaitStatus(old, "follows again", TestCluster::follows);
        return own;
    }

    /** The ids of all rows in the ledger of a node. */
    Set<Long> ledger(int node) throws SQLException {
        Set<Long> ids = new HashSet<>();
        try (Connection connection = connect(node);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT id FROM demo.ledger")) {
            while (rows.next()) {
                ids.add(rows.getLong(1));
            }
        }
        return ids;
    }

    /** Waits until a node's status is as wanted. */
    JsonNode awaitStatus(int n, String what, Predicate<JsonNode> wanted) {
        JsonNode[] last = new JsonNode[1];
        await("node-" + n + ": " + what, () -> {
            Optional<JsonNode> status = status(n);
            status.ifPresent(s -> last[0] = s);
            return status.filter(wanted).isPresent();
        });
        return last[0];
    }

    void await(String what, java.util.concurrent.Callable<Boolean> condition) {
        await(what, 2, condition);
    }

    private void await(String what, int minutes, java.util.concurrent.Callable<Boolean> condition) {
        try {
            Awaitility.await(what)
                    .atMost(minutes, TimeUnit.MINUTES)
                    .pollInterval(100, TimeUnit.MILLISECONDS)
                    .ignoreExceptions()
                    .until(condition);
        } catch (ConditionTimeoutException e) {
            throw new AssertionError("waited " + minutes + " minutes for: " + what + "; " + describe(), e);
        }
    }

    /** The cluster on one line, for messages. */
    String describe() {
        StringBuilder text = new StringBuilder();
        for (int n = 1; n <= shape.nodes(); n++) {
            text.append("node-").append(n).append(": ");
            text.append(status(n)
                    .map(s -> "%s, term %s, own %s, %s, because %s %s"
                            .formatted(
                                    s.path("state").asText(),
                                    s.path("term").asText(),
                                    s.path("errant").asText(),
                                    s.path("receiver").asText(),
                                    s.path("because").asText(),
                                    s.path("problems")))
                    .orElse("no answer"));
            text.append("; ");
        }
        return text.append("history: ")
                .append(IntStream.rangeClosed(1, shape.nodes())
                        .mapToObj(n -> get(n, "/history"))
                        .flatMap(Optional::stream)
                        .findFirst()
                        .orElse("unknown"))
                .toString();
    }

    /** The application's account and table, on the primary. */
    void prepareApplication(int primary) throws SQLException {
        execute(
                primary,
                "CREATE USER IF NOT EXISTS app@'%' IDENTIFIED BY '" + APP_PASSWORD + "'",
                "CREATE DATABASE IF NOT EXISTS demo",
                "GRANT ALL ON demo.* TO app@'%'",
                "CREATE TABLE IF NOT EXISTS demo.ledger (id BIGINT PRIMARY KEY, node INT NOT NULL)");
    }

    /** Waits until all nodes have executed the same transactions; one that was made anew may have tens of thousands to replay. */
    void awaitSameGtids() {
        await("the same GTID set everywhere", 8, () -> {
            String first = status(1).orElseThrow().get("executed").asText();
            for (int n = 2; n <= shape.nodes(); n++) {
                if (!status(n).orElseThrow().get("executed").asText().equals(first)) {
                    return false;
                }
            }
            return !first.isEmpty();
        });
    }

    long term(int n) {
        return status(n).orElseThrow().get("term").asLong();
    }

    @Override
    public void close() {
        stage.close();
    }
}
