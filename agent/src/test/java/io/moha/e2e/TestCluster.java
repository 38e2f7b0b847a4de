package io.moha.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.ExposedPort;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.PortBinding;
import com.github.dockerjava.api.model.Ports;
import io.moha.model.GtidSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Assumptions;
import org.testcontainers.DockerClientFactory;

/**
 * One cluster of its own: etcd servers, MySQL servers with an agent each, in containers on a network of their own, with
 * published ports that stay the same over restarts. Removed on close; the logs of all containers are kept in {@code
 * target/e2e/<name>}.
 */
final class TestCluster implements AutoCloseable {
    static final String TOKEN = "e2e-token";
    private static final String AGENT_PASSWORD = "e2e-agent-password";
    private static final Path CHECKOUT = checkout();
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient HTTP =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(1)).build();

    /** What a cluster is made of. */
    record Shape(String mysqlImage, int nodes, int etcds, int leaseTtl, Map<Integer, String> extraConfig) {
        static Shape usual() {
            return new Shape("moha/mysql:9.7", 3, 1, 6, Map.of());
        }

        Shape mysql(String image) {
            return new Shape(image, nodes, etcds, leaseTtl, extraConfig);
        }

        Shape etcds(int number) {
            return new Shape(mysqlImage, nodes, number, leaseTtl, extraConfig);
        }

        Shape config(int node, String lines) {
            Map<Integer, String> more = new TreeMap<>(extraConfig);
            more.put(node, lines);
            return new Shape(mysqlImage, nodes, etcds, leaseTtl, more);
        }
    }

    private final DockerClient docker;
    private final String prefix = "e2e-" + UUID.randomUUID().toString().substring(0, 8);
    private final String name;
    private final Shape shape;
    private final Path directory;
    private final String network;
    private final Map<String, Integer> ports = new TreeMap<>();
    private final List<String> containers = new ArrayList<>();

    private TestCluster(String name, Shape shape) throws IOException {
        this.name = name;
        this.shape = shape;
        this.docker = DockerClientFactory.instance().client();
        this.directory = Files.createTempDirectory(prefix);
        this.network = docker.createNetworkCmd().withName(prefix).exec().getId();
    }

    private static Path checkout() {
        Path here = Path.of("").toAbsolutePath();
        return Files.exists(here.resolve("etc/my.cnf")) ? here : Objects.requireNonNull(here.getParent());
    }

    /** Skips the test where no engine answers; starts everything but waits for nothing. */
    static TestCluster start(String name, Shape shape) throws IOException {
        Assumptions.assumeTrue(
                DockerClientFactory.instance().isDockerAvailable(),
                "SKIPPED: no Docker Engine answers; start one (./verify does, where it may) to run this test");
        TestCluster cluster = new TestCluster(name, shape);
        try {
            cluster.writeSecrets();
            for (int n = 1; n <= shape.etcds(); n++) {
                cluster.createEtcd(n);
            }
            for (int n = 1; n <= shape.nodes(); n++) {
                cluster.createMysql(n, n);
                cluster.createAgent(n);
            }
            return cluster;
        } catch (IOException | RuntimeException e) {
            cluster.close();
            throw e;
        }
    }

    private void writeSecrets() throws IOException {
        secret("root", "e2e-root-password");
        secret("moha", AGENT_PASSWORD);
        secret("repl", "e2e-repl-password");
        secret("token", TOKEN);
    }

    private void secret(String file, String value) throws IOException {
        Path path = Files.createFile(
                directory.resolve(file),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(path, value);
    }

    private void createEtcd(int n) {
        StringBuilder peers = new StringBuilder();
        for (int i = 1; i <= shape.etcds(); i++) {
            peers.append(i == 1 ? "" : ",")
                    .append(etcd(i))
                    .append("=http://")
                    .append(etcd(i))
                    .append(":2380");
        }
        String host = "http://" + etcd(n);
        create(
                etcd(n),
                "moha/etcd:3.5",
                2379,
                List.of(),
                List.of(),
                "etcd",
                "--name",
                etcd(n),
                "--data-dir",
                "/tmp/etcd",
                "--listen-client-urls",
                "http://0.0.0.0:2379",
                "--advertise-client-urls",
                host + ":2379",
                "--listen-peer-urls",
                "http://0.0.0.0:2380",
                "--initial-advertise-peer-urls",
                host + ":2380",
                "--initial-cluster",
                peers.toString());
    }

    /** @param serverId also of a node that is made anew */
    void createMysql(int n, int serverId) {
        create(
                mysql(n),
                shape.mysqlImage(),
                3306,
                List.of(directory + ":/run/secrets:ro", CHECKOUT.resolve("etc/my.cnf") + ":/etc/moha/my.cnf:ro"),
                List.of(
                        "MYSQL_ROOT_PASSWORD_FILE=/run/secrets/root",
                        "MOHA_PASSWORD_FILE=/run/secrets/moha",
                        "MOHA_REPL_PASSWORD_FILE=/run/secrets/repl"),
                "--defaults-file=/etc/moha/my.cnf",
                "--server-id=" + serverId,
                "--report-host=" + mysql(n));
    }

    private void createAgent(int n) throws IOException {
        int port = port(agent(n));
        String config = config(n, port);
        Path file = directory.resolve("agent-" + n + ".toml");
        Files.writeString(file, config);
        create(
                agent(n),
                "moha/base:sid",
                13306,
                List.of(
                        directory + ":/run/secrets:ro",
                        CHECKOUT.resolve("agent") + ":/opt/moha:ro",
                        file + ":/etc/moha/config.toml:ro",
                        "/var/run/docker.sock:/var/run/docker.sock"),
                List.of(),
                "/opt/moha/bin/moha-agent",
                "--config",
                "/etc/moha/config.toml");
    }

    private String config(int n, int port) {
        StringBuilder urls = new StringBuilder();
        for (int i = 1; i <= shape.etcds(); i++) {
            urls.append(i == 1 ? "" : ",").append("http://").append(etcd(i)).append(":2379");
        }
        return """
                cluster-name = "e2e"
                leader-lease-ttl = %d
                shutdown-threshold = 2
                register-ttl = 3
                data-dir = "/var/lib/moha"
                node-id = "node-%d"
                addr = "http://0.0.0.0:13306"
                etcd-urls = "%s"
                etcd-root-path = "/moha"
                internal-service-host = "%s:3306"
                external-service-host = "127.0.0.1:%d"
                api-address = "http://127.0.0.1:%d"
                api-token-file = "/run/secrets/token"
                bootstrap-expect = %d
                %s
                [db-config]
                host = "%s"
                port = 3306
                user = "moha"
                password-file = "/run/secrets/moha"
                replication_user = "repl"
                replication_password_file = "/run/secrets/repl"
                [process]
                kind = "docker"
                container = "%s"
                """.formatted(
                        shape.leaseTtl(),
                        n,
                        urls,
                        mysql(n),
                        port(mysql(n)),
                        port,
                        shape.nodes(),
                        shape.extraConfig().getOrDefault(n, ""),
                        mysql(n),
                        mysql(n));
    }

    private void create(
            String container,
            String image,
            int inside,
            List<String> binds,
            List<String> environment,
            String... command) {
        HostConfig host = new HostConfig()
                .withNetworkMode(network)
                .withBinds(binds.stream().map(Bind::parse).toList())
                .withPortBindings(new PortBinding(
                        Ports.Binding.bindIpAndPort("127.0.0.1", port(container)), ExposedPort.tcp(inside)));
        docker.createContainerCmd(image)
                .withName(container)
                .withAliases(container)
                .withHostName(container)
                .withEnv(environment)
                .withCmd(command)
                .withExposedPorts(ExposedPort.tcp(inside))
                .withHostConfig(host)
                .exec();
        containers.add(container);
        docker.startContainerCmd(container).exec();
    }

    String etcd(int n) {
        return prefix + "-etcd-" + n;
    }

    String mysql(int n) {
        return prefix + "-mysql-" + n;
    }

    String agent(int n) {
        return prefix + "-agent-" + n;
    }

    /** The published port of a container; the same for its whole life. */
    int port(String container) {
        return ports.computeIfAbsent(container, c -> {
            try (ServerSocket socket = new ServerSocket(0)) {
                return socket.getLocalPort();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    void kill(String container) {
        docker.killContainerCmd(container).withSignal("KILL").exec();
    }

    void stop(String container) {
        docker.stopContainerCmd(container).withTimeout(30).exec();
    }

    void startAgain(String container) {
        docker.startContainerCmd(container).exec();
    }

    void restart(String container) {
        docker.restartContainerCmd(container).withTimeout(20).exec();
    }

    void pause(String container) {
        docker.pauseContainerCmd(container).exec();
    }

    void unpause(String container) {
        docker.unpauseContainerCmd(container).exec();
    }

    /** Removes the container and its data. */
    void remove(String container) {
        docker.removeContainerCmd(container)
                .withForce(true)
                .withRemoveVolumes(true)
                .exec();
        containers.remove(container);
    }

    /** Cuts a container off the network, or brings it back. */
    void cut(String container) {
        docker.disconnectFromNetworkCmd()
                .withNetworkId(network)
                .withContainerId(container)
                .exec();
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
        return connect(n, "moha", AGENT_PASSWORD);
    }

    /** A connection as the application. */
    Connection connectApp(int n) throws SQLException {
        return connect(n, "app", "app-password");
    }

    private Connection connect(int n, String user, String password) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        properties.setProperty("password", password);
        properties.setProperty("sslMode", "REQUIRED");
        properties.setProperty("connectTimeout", "1000");
        properties.setProperty("socketTimeout", "2000");
        return DriverManager.getConnection("jdbc:mysql://127.0.0.1:" + port(mysql(n)) + "/", properties);
    }

    void execute(int n, String... statements) throws SQLException {
        try (Connection connection = connect(n);
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
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
                } else if (status.isPresent()
                        && status.get().get("state").asText().equals("FOLLOWING")
                        && status.get().get("io_thread_ok").asBoolean()
                        && status.get().get("sql_thread_ok").asBoolean()) {
                    following++;
                }
            }
            found[0] = primary;
            return primary > 0 && following >= followers;
        });
        return found[0];
    }

    /**
     * After the crash of a primary, replication being asynchronous: waits until it follows by itself because it has
     * nothing of its own, or stays fenced and names what only it has. Then its data is given up for the primary's.
     *
     * @return the rows of the ledger that only the old primary had
     */
    Set<Long> awaitReturn(int old) throws Exception {
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
        own.removeAll(ledger(awaitPrimary(1)));
        if (named.count() != own.size()) {
            throw new AssertionError("node-" + old + " names " + named + " but has these rows alone: " + own);
        }
        System.out.println("async lost, and named: " + named);
        if (post(old, "/reinit?confirm=node-" + old).statusCode() != 200) {
            throw new AssertionError("reinit was refused");
        }
        awaitPrimary(shape.nodes() - 1);
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
        Awaitility.await(what)
                .atMost(120, TimeUnit.SECONDS)
                .pollInterval(100, TimeUnit.MILLISECONDS)
                .ignoreExceptions()
                .until(condition);
    }

    /** The application's account and table, on the primary. */
    void prepareApplication(int primary) throws SQLException {
        execute(
                primary,
                "CREATE USER IF NOT EXISTS app@'%' IDENTIFIED BY 'app-password'",
                "CREATE DATABASE IF NOT EXISTS demo",
                "GRANT ALL ON demo.* TO app@'%'",
                "CREATE TABLE IF NOT EXISTS demo.ledger (id BIGINT PRIMARY KEY, node INT NOT NULL)");
    }

    /** Waits until all nodes have executed the same transactions. */
    void awaitSameGtids() {
        await("the same GTID set everywhere", () -> {
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

    String log(String container) {
        Path file = CHECKOUT.resolve("agent/target/e2e").resolve(name).resolve(container + ".log");
        try {
            Files.createDirectories(file.getParent());
            Process process = new ProcessBuilder("docker", "logs", container)
                    .redirectErrorStream(true)
                    .redirectOutput(file.toFile())
                    .start();
            process.waitFor(20, TimeUnit.SECONDS);
            return Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            return "no log: " + e;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }

    @Override
    public void close() {
        for (String container : new ArrayList<>(containers)) {
            log(container);
            try {
                remove(container);
            } catch (RuntimeException e) {
                System.err.println("cannot remove " + container + ": " + e);
            }
        }
        docker.removeNetworkCmd(network).exec();
    }
}
