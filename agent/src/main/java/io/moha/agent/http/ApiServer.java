package io.moha.agent.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.moha.agent.loop.AgentLoop;
import io.moha.agent.loop.Clock;
import io.moha.agent.loop.Published;
import io.moha.agent.loop.Wish;
import io.moha.decide.Phase;
import io.moha.model.Durability;
import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import io.moha.model.Obstacle;
import io.moha.model.OnLongTransactions;
import io.moha.model.Term;
import io.moha.store.DynamicSettings;
import io.undertow.Undertow;
import io.undertow.UndertowOptions;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.util.HttpString;
import io.undertow.util.Methods;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The agent's HTTP server. */
public final class ApiServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ApiServer.class);
    private static final int TEAPOT = 418;
    private static final Duration FRESH = Duration.ofSeconds(1);
    private static final int MOST_ACKS = 16;
    private static final Duration LONGEST = Duration.ofSeconds(25);
    private static final Duration SHORTEST_CHANGE = Duration.ofMillis(100);
    private static final Duration LONGEST_CHANGE = Duration.ofMinutes(10);
    private static final Duration LONGEST_PROMISE = Duration.ofMinutes(5);

    /**
     * Who may change something.
     *
     * @param token bearer token; empty: nobody may, unless {@code anonymous}
     * @param allowGet mutating endpoints also take GET, as MoHA did
     * @param anonymous mutating endpoints need no token
     */
    public record Access(Optional<String> token, boolean allowGet, boolean anonymous) {
        @Override
        public String toString() {
            return "Access[token=" + (token.isPresent() ? "***" : "none") + ", allowGet=" + allowGet + ", anonymous="
                    + anonymous + "]";
        }
    }

    /** What the handlers need besides the loop. */
    public record Pages(
            Supplier<String> metrics,
            Supplier<Map<String, Object>> settings,
            Function<NodeId, String> forget,
            Function<Durability, String> durability,
            Callable<List<Obstacle>> obstacles,
            Explain explain) {}

    private final AgentLoop loop;
    private final Clock clock;
    private final Access access;
    private final Pages pages;
    private final StatusView view;
    private final Semaphore slow = new Semaphore(1);
    private final ObjectMapper mapper = new ObjectMapper();
    private final Undertow server;

    public ApiServer(Endpoint listen, AgentLoop loop, Clock clock, Access access, Pages pages, String version) {
        this.loop = loop;
        this.clock = clock;
        this.access = access;
        this.pages = pages;
        this.view = new StatusView(clock, clock.wall(), version);
        this.server = Undertow.builder()
                .addHttpListener(listen.port(), listen.host())
                .setIoThreads(1)
                .setWorkerThreads(4)
                .setServerOption(UndertowOptions.NO_REQUEST_TIMEOUT, 30_000)
                .setServerOption(UndertowOptions.IDLE_TIMEOUT, 60_000)
                .setServerOption(UndertowOptions.MAX_ENTITY_SIZE, 65_536L)
                .setHandler(this::route)
                .build();
    }

    /** @throws RuntimeException wrapping a BindException if the port is in use */
    public void start() {
        server.start();
    }

    @Override
    public void close() {
        server.stop();
    }

    private void route(HttpServerExchange exchange) {
        Published p = loop.published();
        String path = exchange.getRequestPath();
        if (p == null) {
            text(exchange, 503, "the agent is starting");
            return;
        }
        long now = clock.now();
        switch (path) {
            case "/masterCheck" -> check(exchange, p.primaryAt(now), TEAPOT);
            case "/slaveCheck" -> check(exchange, p.healthyReplica(), TEAPOT);
            case "/primary", "/read-write" -> check(exchange, p.primaryAt(now), 503);
            case "/replica" -> replica(exchange, p);
            case "/read-only" -> check(exchange, p.primaryAt(now) || p.healthyReplica(), 503);
            case "/health", "/readiness" -> check(exchange, healthy(p, now), 503);
            case "/liveness" -> check(exchange, alive(p, now), 503);
            case "/status" -> status(exchange);
            case "/cluster" -> json(exchange, view.cluster(p));
            case "/explain" -> explain(exchange);
            case "/obstacles" -> obstacles(exchange);
            case "/history" -> json(exchange, StatusView.history(p));
            case "/config" -> json(exchange, pages.settings().get());
            case "/metrics" -> metrics(exchange);
            case "/setReadOnly",
                    "/changeMaster",
                    "/setReadWrite",
                    "/setOnlyFollow",
                    "/forget",
                    "/durability",
                    "/reinit",
                    "/failsafe" -> mutate(exchange, path);
            default -> text(exchange, 404, "no such page; see docs/reference/interfaces.md");
        }
    }

    private static boolean healthy(Published p, long now) {
        boolean role = p.primaryAt(now)
                || p.healthyReplica()
                || (p.holderAt(now) && p.state().phase() == Phase.READ_ONLY);
        return role && p.observation().database().health() != io.moha.decide.Observation.Health.DEAD;
    }

    /** The loop turns five times a second; ten seconds without a turn is a stuck agent. */
    private static boolean alive(Published p, long now) {
        return now - p.observation().now() < Duration.ofSeconds(10).toNanos();
    }

    private void replica(HttpServerExchange exchange, Published p) {
        String lag = parameter(exchange, "lag");
        boolean near = true;
        if (lag != null) {
            try {
                long allowed = Long.parseLong(lag);
                near = p.lagSeconds() >= 0 && p.lagSeconds() <= allowed;
            } catch (NumberFormatException e) {
                text(exchange, 400, "lag='" + lag + "' is not a number of seconds");
                return;
            }
        }
        check(exchange, p.healthyReplica() && near, 503);
    }

    private void check(HttpServerExchange exchange, boolean good, int otherwise) {
        exchange.setStatusCode(good ? 200 : otherwise);
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/plain");
        exchange.getResponseSender().send(good ? "ok" : "no");
    }

    /** With {@code fresh=true} waits for an observation younger than the request; on a worker, not on the I/O thread. */
    private void status(HttpServerExchange exchange) {
        if (!"true".equals(parameter(exchange, "fresh"))) {
            Published p = loop.published();
            json(exchange, p == null ? Map.of() : view.status(p));
            return;
        }
        exchange.dispatch(() -> {
            long asked = clock.now();
            loop.look();
            Published p = loop.published();
            while (clock.now() - asked < FRESH.toNanos() && (p == null || p.observedAt() - asked < 0)) {
                try {
                    TimeUnit.MILLISECONDS.sleep(2);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    break;
                }
                p = loop.published();
            }
            json(exchange, p == null ? Map.of() : view.status(p));
            exchange.endExchange();
        });
    }

    /** Asks the other agents: on a worker. */
    private void explain(HttpServerExchange exchange) {
        slowly(exchange, () -> {
            Published p = loop.published();
            json(exchange, p == null ? Map.of() : pages.explain().of(p, view.status(p)));
        });
    }

    /** What a planned change would have to wait for here, asked of the server now; on a worker. */
    private void obstacles(HttpServerExchange exchange) {
        slowly(exchange, () -> {
            try {
                json(exchange, StatusView.obstacles(pages.obstacles().call()));
            } catch (Exception e) {
                LOG.debug("/obstacles", e);
                text(exchange, 503, "the database does not say");
            }
        });
    }

    /** One at a time: the workers are needed for what the primary asks the others for. */
    private void slowly(HttpServerExchange exchange, Runnable page) {
        exchange.dispatch(() -> {
            if (slow.tryAcquire()) {
                try {
                    page.run();
                } finally {
                    slow.release();
                }
            } else {
                text(exchange, 503, "busy with the same for somebody else: ask again");
            }
            exchange.endExchange();
        });
    }

    private void metrics(HttpServerExchange exchange) {
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
        exchange.getResponseSender().send(pages.metrics().get());
    }

    private void mutate(HttpServerExchange exchange, String path) {
        boolean get = exchange.getRequestMethod().equals(Methods.GET);
        if (!exchange.getRequestMethod().equals(Methods.POST) && !(get && access.allowGet())) {
            exchange.getResponseHeaders().put(Headers.ALLOW, access.allowGet() ? "POST, GET" : "POST");
            text(exchange, 405, path + " takes POST; GET only with api-allow-get = true in the agent's configuration");
            return;
        }
        String refusal = access.anonymous() ? null : refusal(exchange);
        if (refusal != null) {
            text(exchange, access.token().isPresent() ? 401 : 403, refusal);
            return;
        }
        LOG.info("{} asked by {}", path, exchange.getSourceAddress());
        exchange.dispatch(() -> {
            act(exchange, path);
            exchange.endExchange();
        });
    }

    private @Nullable String refusal(HttpServerExchange exchange) {
        if (access.token().isEmpty()) {
            return "refused: this agent has no api-token, so nobody may change anything by HTTP; set api-token-file"
                    + " (or api-allow-anonymous = true, as MoHA was) in its configuration";
        }
        String header = exchange.getRequestHeaders().getFirst(new HttpString("Authorization"));
        byte[] wanted = ("Bearer " + access.token().get()).getBytes(StandardCharsets.UTF_8);
        byte[] given = header == null ? new byte[0] : header.getBytes(StandardCharsets.UTF_8);
        return MessageDigest.isEqual(wanted, given)
                ? null
                : "refused: the header 'Authorization: Bearer <api-token>' is missing or wrong";
    }

    private void act(HttpServerExchange exchange, String path) {
        CompletableFuture<Wish.Answer> answer = new CompletableFuture<>();
        Wish wish;
        try {
            switch (path) {
                case "/forget" -> {
                    forget(exchange);
                    return;
                }
                case "/durability" -> {
                    durability(exchange);
                    return;
                }
                case "/reinit" -> wish = new Wish.Rebuild(confirmed(exchange, answer));
                case "/setReadOnly" -> wish = new Wish.ReadOnly(seconds(exchange), answer);
                case "/failsafe" -> wish = promise(exchange, answer);
                case "/setReadWrite" -> wish = new Wish.ReadWrite(answer);
                case "/setOnlyFollow" -> wish = new Wish.OnlyFollow(onlyFollow(exchange), answer);
                default ->
                    wish = new Wish.ChangePrimary(
                            Optional.ofNullable(parameter(exchange, "to")).map(NodeId::new),
                            within(exchange),
                            inTheWay(exchange),
                            answer);
            }
        } catch (IllegalArgumentException e) {
            text(exchange, 400, "fail: " + e.getMessage());
            return;
        }
        Wish.Answer ended = loop.ask(wish)
                .completeOnTimeout(
                        new Wish.Answer(Wish.Answer.Kind.UNKNOWN, "fail: no answer in time; read /status"),
                        LONGEST.plus(wish instanceof Wish.ChangePrimary change ? change.longest() : Duration.ZERO)
                                .toMillis(),
                        TimeUnit.MILLISECONDS)
                .join();
        int code = switch (ended.kind()) {
            case DONE -> 200;
            case REFUSED -> 409;
            case UNKNOWN -> 504;
        };
        text(exchange, code, ended.text());
    }

    /** The primary asks, not an operator. */
    private static Wish promise(HttpServerExchange exchange, CompletableFuture<Wish.Answer> answer) {
        Duration length = millis(exchange, "millis", Duration.ofMillis(1), LONGEST_PROMISE);
        return new Wish.Promise(
                new NodeId(required(exchange, "primary")),
                new Term(number(exchange, "term")),
                Stream.of(required(exchange, "asked").split(","))
                        .map(NodeId::new)
                        .collect(Collectors.toSet()),
                length.toNanos(),
                answer);
    }

    private static Duration millis(HttpServerExchange exchange, String name, Duration least, Duration most) {
        long value = number(exchange, name);
        if (value < least.toMillis() || value > most.toMillis()) {
            throw new IllegalArgumentException(
                    name + "=" + value + " is not " + least.toMillis() + " to " + most.toMillis());
        }
        return Duration.ofMillis(value);
    }

    private static long number(HttpServerExchange exchange, String name) {
        String text = required(exchange, name);
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + "='" + text + "' is not a number", e);
        }
    }

    private static String required(HttpServerExchange exchange, String name) {
        String text = parameter(exchange, name);
        if (text == null) {
            throw new IllegalArgumentException("the parameter '" + name + "' is missing");
        }
        return text;
    }

    private void forget(HttpServerExchange exchange) {
        String node = parameter(exchange, "node");
        if (node == null) {
            text(exchange, 400, "fail: name the member: /forget?node=NODE");
            return;
        }
        String trouble = pages.forget().apply(new NodeId(node));
        text(
                exchange,
                trouble.isEmpty() ? 200 : 409,
                trouble.isEmpty() ? "forget " + node + " success" : "fail: " + trouble);
    }

    /** For the whole cluster: the primary obeys as soon as it has read it. */
    private void durability(HttpServerExchange exchange) {
        String loss = parameter(exchange, "on-ack-loss");
        String count = parameter(exchange, "wait");
        long acks = count == null ? 1 : number(exchange, "wait");
        if (acks < 1 || acks > MOST_ACKS) {
            throw new IllegalArgumentException("wait=" + acks + " is not 1 to " + MOST_ACKS);
        }
        Durability wanted =
                DynamicSettings.durability(required(exchange, "mode"), (int) acks, loss == null ? "wait" : loss);
        String trouble = pages.durability().apply(wanted);
        text(
                exchange,
                trouble.isEmpty() ? 200 : 409,
                trouble.isEmpty()
                        ? "set durability to " + wanted.text() + " success; what is in force is shown by /status"
                        : "fail: " + trouble);
    }

    /** Data is given up only by somebody who can name the node. */
    private CompletableFuture<Wish.Answer> confirmed(
            HttpServerExchange exchange, CompletableFuture<Wish.Answer> answer) {
        Published p = loop.published();
        String id = p == null ? "" : p.identity().id().value();
        if (!id.equals(parameter(exchange, "confirm"))) {
            throw new IllegalArgumentException(
                    "this replaces all data of " + id + " by a copy of the primary's; say" + " /reinit?confirm=" + id);
        }
        return answer;
    }

    private static long seconds(HttpServerExchange exchange) {
        String seconds = parameter(exchange, "seconds");
        if (seconds == null) {
            return 0;
        }
        try {
            long value = Long.parseLong(seconds);
            if (value >= 1 && value <= 3600) {
                return Duration.ofSeconds(value).toNanos();
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("seconds='" + seconds + "' is not a number from 1 to 3600", e);
        }
        throw new IllegalArgumentException("seconds='" + seconds + "' is not a number from 1 to 3600");
    }

    /** How long a planned change may close the primary. */
    private static Duration within(HttpServerExchange exchange) {
        return parameter(exchange, "within-ms") == null
                ? Wish.ChangePrimary.USUALLY_WITHIN
                : millis(exchange, "within-ms", SHORTEST_CHANGE, LONGEST_CHANGE);
    }

    private static OnLongTransactions inTheWay(HttpServerExchange exchange) {
        String text = parameter(exchange, "on-long-transactions");
        return text == null ? OnLongTransactions.WAIT : OnLongTransactions.of(text);
    }

    private static boolean onlyFollow(HttpServerExchange exchange) {
        String value = parameter(exchange, "onlyFollow");
        if ("true".equals(value) || "false".equals(value)) {
            return Boolean.parseBoolean(value);
        }
        throw new IllegalArgumentException("onlyFollow='" + value + "' must be true or false");
    }

    private static @Nullable String parameter(HttpServerExchange exchange, String name) {
        Deque<String> values = exchange.getQueryParameters().get(name);
        return values == null ? null : values.peekFirst();
    }

    private void json(HttpServerExchange exchange, Object value) {
        try {
            byte[] body = mapper.writeValueAsBytes(value);
            exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "application/json");
            exchange.getResponseSender().send(java.nio.ByteBuffer.wrap(body));
        } catch (JsonProcessingException e) {
            text(exchange, 500, "cannot be written as JSON: " + e.getOriginalMessage());
        }
    }

    private static void text(HttpServerExchange exchange, int code, String body) {
        exchange.setStatusCode(code);
        exchange.getResponseHeaders().put(Headers.CONTENT_TYPE, "text/plain; charset=utf-8");
        exchange.getResponseSender().send(body + "\n");
    }
}
