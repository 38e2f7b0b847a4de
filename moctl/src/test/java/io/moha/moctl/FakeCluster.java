package io.moha.moctl;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.moha.moctl.client.Agents;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.awaitility.Awaitility;

/**
 * Agents that answer as docs/reference/interfaces.md says, over one little cluster in memory: node-1 is primary of term
 * 7, the others follow. Each request that changes something can be made to go wrong in its own way.
 */
public final class FakeCluster implements AutoCloseable {
    public static final String UUID = "11111111-1111-1111-1111-111111111111";
    public static final String TOKEN = "a-token";
    private static final ObjectMapper JSON = new ObjectMapper();

    /** What becomes of a request that changes something. */
    public enum Fate {
        DONE,
        /** 409, nothing done. */
        REFUSED,
        /** 504, but it was done. */
        UNSAID_DONE,
        /** 504, and nothing was done. */
        UNSAID_NOT_DONE,
        /** The connection breaks, but it was done. */
        LOST_DONE,
        /** The connection breaks, and nothing was done. */
        LOST_NOT_DONE,
        /** 200 success, but nothing was done. */
        PRETENDED,
        /** 409, as soon as somebody asks for /setReadWrite; nothing done. */
        WITHDRAWN
    }

    private final Map<String, HttpServer> servers = new LinkedHashMap<>();
    private final Map<String, ObjectNode> statuses = new LinkedHashMap<>();
    private final List<ObjectNode> history = new ArrayList<>();
    private final ExecutorService pool = Executors.newCachedThreadPool();
    /** Requests that change something, as {@code node-1 /path?query}. */
    public final List<String> posts = new CopyOnWriteArrayList<>();

    public volatile Fate setReadOnly = Fate.DONE;
    public volatile Fate setReadWrite = Fate.DONE;
    public volatile Fate changeMaster = Fate.DONE;

    private static final String OBSTACLE = "[{\"kind\":\"ddl\",\"session\":12,\"user\":\"app@web\",\"seconds\":63,"
            + "\"what\":\"ALTER is running\"}]";
    /** How often the primary is asked before the session that is in the way has ended. */
    public volatile int obstaclesStay;

    private int lookedForObstacles;
    public volatile Fate forget = Fate.DONE;
    public volatile Fate durability = Fate.DONE;
    /** Whether a hand-over opens the new primary. */
    public volatile boolean opens = true;
    /** Who really becomes primary when the hand-over is asked for; empty for the one that was asked for. */
    public volatile String usurper = "";

    private long term = 7;
    private String holder = "node-1";

    public FakeCluster(int nodes) throws IOException {
        for (int n = 1; n <= nodes; n++) {
            String id = "node-" + n;
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.setExecutor(pool);
            server.createContext("/", exchange -> handle(id, exchange));
            server.start();
            servers.put(id, server);
            statuses.put(id, initial(n, id));
        }
    }

    private ObjectNode initial(int n, String id) {
        boolean primary = n == 1;
        return JSON.createObjectNode()
                .put("id", id)
                .put("master", primary)
                .put("only_follow", false)
                .put("io_thread_ok", true)
                .put("sql_thread_ok", true)
                .put("readonly", !primary)
                .put("seconds_behind_master", 0)
                .put("term", term)
                .put("cluster", "demo")
                .put("state", primary ? "PRIMARY" : "FOLLOWING")
                .put("because", primary ? "I hold the lease of term 7" : "I follow node-1 in term 7")
                .put("internal_host", "mysql-" + id + ":3306")
                .put("external_host", "127.0.0.1:" + (3306 + n))
                .put("version", "9.7.4-2")
                .put("executed", UUID + ":1-100")
                .put("errant", "")
                .put("backlog", 0)
                .put("database", "up")
                .put("offline_mode", false)
                .put("binlog_format", "ROW")
                .put("source", primary ? "" : "mysql-node-1:3306")
                .put("lease_remaining_ms", primary ? 8123 : -1)
                .put("fence_in_ms", primary ? 4100 : -1)
                .put("promotion_rule", "neutral")
                .put("agent_version", "0.1.0")
                .set("problems", JSON.createArrayNode());
    }

    /** The status that this node's agent answers with; change it as you like. */
    public ObjectNode status(String node) {
        ObjectNode status = statuses.get(node);
        if (status == null) {
            throw new IllegalArgumentException(node);
        }
        return status;
    }

    public void stopAgent(String node) {
        server(node).stop(0);
    }

    private HttpServer server(String node) {
        return Objects.requireNonNull(servers.get(node), node);
    }

    public URI address(String node) {
        return URI.create("http://127.0.0.1:" + server(node).getAddress().getPort());
    }

    public Agents agents() {
        return new Agents(servers.keySet().stream().map(this::address).toList(), TOKEN);
    }

    /** For {@code --agents}. */
    public String addresses() {
        return String.join(
                ",", servers.keySet().stream().map(n -> address(n).toString()).toList());
    }

    public void addHistory(ObjectNode record) {
        history.add(0, record);
    }

    public static ObjectNode record(String ts, long term, String kind, String from, String to) {
        ObjectNode record = JSON.createObjectNode()
                .put("ts", ts)
                .put("term", term)
                .put("kind", kind)
                .put("reason", "because of a test")
                .put("old_primary", from)
                .put("new_primary", to)
                .put("binlog_file", "binlog.000003")
                .put("binlog_position", 157);
        record.putObject("phases_ms").put("elect", 31).put("open", 3).put("total", 55);
        return record;
    }

    private synchronized void handle(String node, HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        if (exchange.getRequestMethod().equals("GET")) {
            read(node, path, exchange);
            return;
        }
        posts.add(node + " " + exchange.getRequestURI());
        if (!("Bearer " + TOKEN).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
            answer(exchange, 401, "wrong or missing token");
            return;
        }
        String query = String.valueOf(exchange.getRequestURI().getQuery());
        switch (path) {
            case "/setReadOnly" ->
                change(exchange, setReadOnly, () -> status(node).put("readonly", true));
            case "/setReadWrite" ->
                change(exchange, setReadWrite, () -> {
                    if (node.equals(holder)) {
                        status(node).put("readonly", false);
                    }
                });
            case "/changeMaster" ->
                change(exchange, changeMaster, () -> handOver(node, query.replaceAll("^to=|&.*", "")));
            case "/durability" ->
                change(
                        exchange,
                        durability,
                        () -> status(holder).put("durability", query.replaceAll("^mode=|&.*", "")));
            case "/forget" -> change(exchange, forget, () -> statuses.remove(query.replace("node=", "")));
            default -> answer(exchange, 404, "no such path");
        }
    }

    private void read(String node, String path, HttpExchange exchange) throws IOException {
        switch (path) {
            case "/explain" ->
                answer(
                        exchange,
                        200,
                        "{\"primary\":\"" + holder
                                + "\",\"term\":7,\"because\":\"durability is async\",\"candidates\":["
                                + "{\"node\":\"node-2\",\"rank\":1,\"why\":\"would be elected: " + node + " says so\"},"
                                + "{\"node\":\"node-3\",\"rank\":0,\"why\":\"only follows\"}]}");
            case "/obstacles" ->
                answer(exchange, 200, node.equals(holder) && lookedForObstacles++ < obstaclesStay ? OBSTACLE : "[]");
            case "/status" ->
                answer(
                        exchange,
                        200,
                        statuses.getOrDefault(node, JSON.createObjectNode()).toString());
            case "/cluster" -> answer(exchange, 200, cluster().toString());
            case "/history" -> answer(exchange, 200, history.toString());
            default -> answer(exchange, 404, "no such path");
        }
    }

    private void change(HttpExchange exchange, Fate fate, Runnable effect) throws IOException {
        if (fate == Fate.DONE || fate == Fate.UNSAID_DONE || fate == Fate.LOST_DONE) {
            effect.run();
        }
        switch (fate) {
            case DONE, PRETENDED -> answer(exchange, 200, "success");
            case REFUSED -> answer(exchange, 409, "not now");
            case UNSAID_DONE, UNSAID_NOT_DONE -> answer(exchange, 504, "unknown");
            case LOST_DONE, LOST_NOT_DONE -> exchange.close();
            case WITHDRAWN -> pool.execute(() -> answerWhenWithdrawn(exchange));
        }
    }

    private void answerWhenWithdrawn(HttpExchange exchange) {
        Awaitility.await().until(() -> posts.stream().anyMatch(p -> p.endsWith("/setReadWrite")));
        try {
            answer(exchange, 409, "fail: an operator asked to go back; open for writes again");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void handOver(String from, String asked) {
        String to = usurper.isEmpty() ? asked : usurper;
        term++;
        holder = to;
        status(from).put("master", false).put("state", "FOLLOWING").put("source", "mysql-" + to + ":3306");
        status(to)
                .put("master", true)
                .put("state", "PRIMARY")
                .put("readonly", !opens)
                .put("source", "");
        statuses.values().forEach(s -> s.put("term", term));
        addHistory(record("20261120T031207.114Z", term, "switchover", from, to));
    }

    private ObjectNode cluster() {
        ObjectNode cluster = JSON.createObjectNode()
                .put("cluster", "demo")
                .put("term", term)
                .put("primary", holder)
                .put("holder", holder)
                .put("revision", 123 + term);
        ArrayNode members = cluster.putArray("members");
        statuses.forEach((id, s) -> {
            ObjectNode row = members.addObject();
            row.put("id", id)
                    .put("alive", s.path("alive").asBoolean(true))
                    .put("master", id.equals(holder))
                    .put("api", address(id).toString());
            for (String field : List.of("internal_host", "external_host", "version")) {
                row.set(field, s.path(field));
            }
        });
        return cluster;
    }

    private static void answer(HttpExchange exchange, int code, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(code, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    @Override
    public void close() {
        servers.values().forEach(s -> s.stop(0));
        pool.shutdownNow();
    }
}
