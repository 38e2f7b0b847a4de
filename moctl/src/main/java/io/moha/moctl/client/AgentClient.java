package io.moha.moctl.client;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.moha.model.Obstacle;
import io.moha.model.OnLongTransactions;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** One agent's HTTP. Every call has its own deadline and is sent at most once. Safe for use by several threads. */
public final class AgentClient {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** An agent answers from memory; only {@code fresh=true} may take it a second. */
    private static final Duration READ_DEADLINE = Duration.ofSeconds(3);

    private final URI base;
    private final HttpClient http;
    private final String token;

    /**
     * @param base e.g. {@code http://127.0.0.1:13307}
     * @param http shared between clients
     * @param token bearer token for requests that change something; empty for none
     */
    public AgentClient(URI base, HttpClient http, String token) {
        this.base = base;
        this.http = http;
        this.token = token;
    }

    public URI base() {
        return base;
    }

    /**
     * Reads {@code /status}.
     *
     * @param fresh wait (at most a second) for an observation that is younger than this request
     * @throws AgentException if there is no usable answer
     */
    public NodeStatus status(boolean fresh) throws AgentException {
        try {
            return new NodeStatus(get(fresh ? "/status?fresh=true" : "/status"));
        } catch (IllegalArgumentException e) {
            throw new AgentException(base + ": " + e.getMessage(), e);
        }
    }

    /** Reads {@code /cluster}. */
    public ClusterInfo cluster() throws AgentException {
        try {
            return new ClusterInfo(get("/cluster"));
        } catch (IllegalArgumentException e) {
            throw new AgentException(base + ": " + e.getMessage(), e);
        }
    }

    /** Reads {@code /explain}: who would be elected if the primary were lost now. */
    public JsonNode explain() throws AgentException {
        return get("/explain");
    }

    /** Reads {@code /history}: an array of switch records, newest first. */
    public JsonNode history() throws AgentException {
        JsonNode history = get("/history");
        if (!history.isArray()) {
            throw new AgentException(base + "/history: the answer is not an array");
        }
        return history;
    }

    /**
     * Makes the primary read-only.
     *
     * @param reopenAfter the primary opens again by itself after this time unless a hand-over happened
     * @param deadline how long to wait for the answer
     */
    public Reply setReadOnly(Duration reopenAfter, Duration deadline) {
        return post("/setReadOnly?seconds=" + Math.max(1, (reopenAfter.toMillis() + 999) / 1000), deadline);
    }

    /** Undoes {@link #setReadOnly}. */
    public Reply setReadWrite(Duration deadline) {
        return post("/setReadWrite", deadline);
    }

    /**
     * Hands the writer role over to {@code target}.
     *
     * @param within how long the old primary may be closed before it goes back
     * @param inTheWay what to do about sessions that it would have to wait for
     * @param deadline how long to wait for the answer
     */
    public Reply changeMaster(String target, Duration within, OnLongTransactions inTheWay, Duration deadline) {
        return post(
                "/changeMaster?to=" + encode(target) + "&within-ms=" + within.toMillis() + "&on-long-transactions="
                        + inTheWay.text(),
                deadline);
    }

    /** Reads {@code /obstacles}: sessions that a planned change would have to wait for. */
    public List<Obstacle> obstacles() throws AgentException {
        JsonNode answer = get("/obstacles");
        List<Obstacle> obstacles = new ArrayList<>();
        try {
            for (JsonNode each : answer) {
                obstacles.add(new Obstacle(
                        Obstacle.Kind.valueOf(each.path("kind").asText().toUpperCase(Locale.ROOT)),
                        each.path("session").asLong(),
                        each.path("user").asText(),
                        each.path("seconds").asLong(),
                        each.path("what").asText()));
            }
        } catch (IllegalArgumentException e) {
            throw new AgentException(base + "/obstacles: " + e.getMessage(), e);
        }
        return obstacles;
    }

    /** Gives the node's own data up and has it copied from the primary; accepted only, the copy goes on afterwards. */
    public Reply reinit(String node, Duration deadline) {
        return post("/reinit?confirm=" + encode(node), deadline);
    }

    /** Removes a member that will not come back. */
    public Reply forget(String node, Duration deadline) {
        return post("/forget?node=" + encode(node), deadline);
    }

    /** Says what durability is wanted of the whole cluster. */
    public Reply durability(String mode, int acks, String onAckLoss, Duration deadline) {
        return post(
                "/durability?mode=" + encode(mode) + "&wait=" + acks + "&on-ack-loss=" + encode(onAckLoss), deadline);
    }

    private JsonNode get(String path) throws AgentException {
        HttpRequest request =
                HttpRequest.newBuilder(uri(path)).timeout(READ_DEADLINE).GET().build();
        try {
            HttpResponse<String> response =
                    http.send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
            if (response.statusCode() != 200) {
                throw new AgentException(uri(path) + " answered " + response.statusCode() + ": " + line(response));
            }
            return JSON.readTree(response.body());
        } catch (JsonProcessingException e) {
            throw new AgentException(uri(path) + ": the answer is not JSON", e);
        } catch (IOException e) {
            throw new AgentException(uri(path) + ": " + reason(e), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AgentException(uri(path) + ": interrupted", e);
        }
    }

    private Reply post(String path, Duration deadline) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(uri(path)).timeout(deadline).POST(HttpRequest.BodyPublishers.noBody());
        if (!token.isEmpty()) {
            request.header("Authorization", "Bearer " + token);
        }
        try {
            HttpResponse<String> response =
                    http.send(request.build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
            return reply(response);
        } catch (ConnectException | HttpConnectTimeoutException e) {
            // Nothing was sent: the only failure of the network that is certain to have had no effect.
            return new Reply(Reply.Outcome.REFUSED, uri(path) + ": " + reason(e));
        } catch (IOException e) {
            return new Reply(Reply.Outcome.UNKNOWN, uri(path) + ": " + reason(e));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new Reply(Reply.Outcome.UNKNOWN, uri(path) + ": interrupted");
        }
    }

    private static Reply reply(HttpResponse<String> response) {
        int code = response.statusCode();
        String text = line(response);
        if (code == 200) {
            boolean success = response.body().toLowerCase(Locale.ROOT).contains("success");
            return new Reply(success ? Reply.Outcome.DONE : Reply.Outcome.UNKNOWN, text);
        }
        String hint = switch (code) {
            case 401 -> " (wrong or missing token: check token-file in moctl.toml)";
            case 403 -> " (the agent has no api-token configured, so it refuses every change)";
            default -> "";
        };
        // 4xx means that the agent decided against it; 5xx, 504 above all, that it does not know itself.
        boolean refused = code >= 400 && code < 500 && code != 408;
        return new Reply(
                refused ? Reply.Outcome.REFUSED : Reply.Outcome.UNKNOWN, "answer " + code + ": " + text + hint);
    }

    private URI uri(String path) {
        return URI.create(base.toString().replaceAll("/+$", "") + path);
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static String line(HttpResponse<String> response) {
        return response.body().strip().replaceAll("\\s+", " ");
    }

    private static String reason(IOException e) {
        if (e instanceof HttpConnectTimeoutException) {
            return "no connection within a second";
        }
        if (e instanceof HttpTimeoutException) {
            return "no answer in time";
        }
        if (e instanceof ConnectException) {
            return "connection refused";
        }
        String message = e.getMessage();
        return message == null ? e.getClass().getSimpleName() : message;
    }
}
