package io.moha.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.dataformat.toml.TomlMapper;
import io.moha.config.AgentConfig.Control.Kind;
import io.moha.model.Durability;
import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Reads {@code config.toml}. */
public final class ConfigLoader {
    private static final Set<String> SSL_MODES = Set.of("DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY");
    private static final Set<String> LEVELS = Set.of("debug", "info", "warn", "error", "fatal", "trace");

    private final Path file;
    private final Section top;
    private final Section database;
    private final Section control;
    private final List<String> warnings = new ArrayList<>();

    private ConfigLoader(Path file, JsonNode root) throws ConfigException {
        this.file = file;
        this.top = new Section(file, "", root, warnings);
        this.database = table(root, "db-config");
        this.control = table(root, "process");
    }

    /**
     * Reads and checks a file.
     *
     * @throws ConfigException with exit code 66 if the file cannot be read, 78 if its content cannot be used
     */
    public static AgentConfig load(Path file) throws ConfigException {
        String content;
        try {
            content = Files.readString(file);
        } catch (IOException e) {
            throw new ConfigException(
                    ConfigException.UNREADABLE,
                    file + ": cannot be read (" + e.getClass().getSimpleName()
                            + "); name a readable file with --config",
                    e);
        }
        try {
            return new ConfigLoader(file, new TomlMapper().readTree(content)).build();
        } catch (JsonProcessingException e) {
            throw new ConfigException(ConfigException.BAD, notToml(file, content, e), e);
        }
    }

    /** The parser's own words, without the text it stumbled over: that may be a secret. */
    private static String notToml(Path file, String content, JsonProcessingException e) {
        String duplicate = e.getOriginalMessage().startsWith("Duplicate key") ? Duplicates.describe(content) : "";
        if (!duplicate.isEmpty()) {
            return file + ": " + duplicate;
        }
        String where =
                e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
        return file + where + ": not valid TOML: " + e.getOriginalMessage() + "; correct that line";
    }

    private Section table(JsonNode root, String name) throws ConfigException {
        top.has(name);
        JsonNode node = root.get(name);
        if (node != null && !node.isObject()) {
            throw top.bad(name, "is not a table", "begin it with [" + name + "]");
        }
        return new Section(file, name, node == null ? JsonNodeFactory.instance.objectNode() : node, warnings);
    }

    private AgentConfig build() throws ConfigException {
        ignored();
        AgentConfig.Db db = db();
        String clusterName = top.required("cluster-name", "orders");
        if (!clusterName.matches("[A-Za-z0-9._-]+")) {
            throw top.bad(
                    "cluster-name",
                    "value '" + clusterName + "' is not usable in an etcd key",
                    "use letters, digits, dots, underscores and hyphens");
        }
        AgentConfig.Timing timing = timing();
        AgentConfig.Etcd etcd = etcd();
        AgentConfig.Node node = node(listen(db));
        AgentConfig.Api api = api(db, node.internal(), node.external());
        AgentConfig config = new AgentConfig(
                clusterName,
                rootPath(),
                node,
                timing,
                etcd,
                db,
                api,
                process(),
                proxy(),
                log(),
                Path.of(top.required("data-dir", "/var/lib/moha")),
                (int) top.number("bootstrap-expect", 1, 1, 99),
                top.number("max-candidate-backlog", 100_000, 0, Long.MAX_VALUE),
                top.flag("dead-man-switch", true),
                top.flag("failsafe", true),
                durability(),
                List.of());
        top.refuseUnknown();
        database.refuseUnknown();
        control.refuseUnknown();
        if (!config.deadManSwitch()) {
            warnings.add(file + ": dead-man-switch = false: if this agent is killed on the primary, its database stays"
                    + " writable while another node is promoted");
        }
        return withWarnings(config);
    }

    private AgentConfig withWarnings(AgentConfig c) {
        return new AgentConfig(
                c.clusterName(),
                c.etcdRootPath(),
                c.node(),
                c.timing(),
                c.etcd(),
                c.db(),
                c.api(),
                c.control(),
                c.proxy(),
                c.log(),
                c.dataDir(),
                c.bootstrapExpect(),
                c.maxCandidateBacklog(),
                c.deadManSwitch(),
                c.failsafe(),
                c.durability(),
                warnings);
    }

    private void ignored() throws ConfigException {
        for (String key : List.of("refresh-interval", "lock-ttl", "error-log", "fork-process-wait-second")) {
            if (top.has(key)) {
                warnings.add(file + ": key '" + key + "' is accepted because MoHA had it, and not used");
            }
        }
        String service = top.text("service-type", "mysql");
        if (!service.equals("mysql")) {
            throw top.bad(
                    "service-type", "value '" + service + "' is not supported", "write \"mysql\" or remove the key");
        }
    }

    private Durability durability() throws ConfigException {
        boolean lossless = oneOf("durability", "async", "lossless").equals("lossless");
        boolean degrade = oneOf("on-ack-loss", "wait", "degrade").equals("degrade");
        return new Durability(lossless, (int) top.number("wait-count", 1, 1, 16), degrade);
    }

    /** @param usual what is meant where nothing is written */
    private String oneOf(String key, String usual, String other) throws ConfigException {
        String value = top.text(key, usual);
        if (!value.equals(usual) && !value.equals(other)) {
            throw top.bad(key, "value '" + value + "' is not known", "write \"" + usual + "\" or \"" + other + "\"");
        }
        return value;
    }

    private String rootPath() throws ConfigException {
        String path = top.text("etcd-root-path", "/moha");
        return path.startsWith("/") ? path : "/" + path;
    }

    private AgentConfig.Timing timing() throws ConfigException {
        long ttl = top.number("leader-lease-ttl", 10, 2, 3600);
        long threshold = top.number("shutdown-threshold", Math.min(3, Math.max(1, ttl / 3)), 1, 3600);
        long skew = top.number("clock-skew", ttl <= 4 ? 0 : 1, 0, 60);
        if (ttl - threshold - skew < 2) {
            throw top.bad(
                    "shutdown-threshold",
                    "value " + threshold + " is impossible with leader-lease-ttl = " + ttl + " and clock-skew = " + skew
                            + ": less than 2 s would be left between a renewal and the fence",
                    "write leader-lease-ttl = " + (threshold + skew + 2) + " or more, or a smaller shutdown-threshold");
        }
        return new AgentConfig.Timing(
                Duration.ofSeconds(ttl),
                Duration.ofSeconds(threshold),
                Duration.ofSeconds(skew),
                Duration.ofSeconds(top.number("register-ttl", 5, 2, 3600)),
                Duration.ofMillis(top.number("election-timeout-ms", 2000, 100, 60_000)),
                Duration.ofSeconds(top.number("drain-timeout", 30, 1, 86_400)),
                Duration.ofSeconds(top.number("stuck-after", 10, 3, 3600)),
                Duration.ofMillis(top.number("suspect-after-ms", 1000, 300, 3_600_000)),
                Duration.ofSeconds(top.number("acker-away-after", 10, 2, 86_400)));
    }

    private AgentConfig.Etcd etcd() throws ConfigException {
        List<String> urls = new ArrayList<>();
        for (String url : top.required("etcd-urls", "http://127.0.0.1:2379").split(",", -1)) {
            String trimmed = url.strip();
            if (!trimmed.matches("https?://[^/\\s]+:\\d{1,5}/?")) {
                throw top.bad(
                        "etcd-urls",
                        "'" + trimmed + "' is not a URL with scheme and port",
                        "write for example \"http://etcd1:2379,http://etcd2:2379\"");
            }
            urls.add(trimmed.endsWith("/") ? trimmed.substring(0, trimmed.length() - 1) : trimmed);
        }
        Optional<String> username = top.optional("etcd-username").filter(u -> !u.isBlank());
        Optional<Secret> password = top.secret("etcd-password", "etcd-password-file");
        if (username.isPresent() && password.isEmpty()) {
            throw top.bad("etcd-username", "is given without a password", "add etcd-password-file");
        }
        return new AgentConfig.Etcd(
                urls,
                username,
                username.isPresent() ? password : Optional.empty(),
                top.optional("etcd-ca-file").map(Path::of),
                top.optional("etcd-cert-file").map(Path::of),
                top.optional("etcd-key-file").map(Path::of));
    }

    private AgentConfig.Db db() throws ConfigException {
        String ssl = database.text("ssl-mode", "REQUIRED").toUpperCase(Locale.ROOT);
        if (!SSL_MODES.contains(ssl)) {
            throw database.bad(
                    "ssl-mode", "value '" + ssl + "' is unknown", "use one of " + new java.util.TreeSet<>(SSL_MODES));
        }
        return new AgentConfig.Db(
                new Endpoint(database.text("host", "127.0.0.1"), (int) database.number("port", 3306, 1, 65_535)),
                database.required("user", "moha"),
                secretRequired(database, "password", "password-file"),
                database.duration("timeout", "1s"),
                database.required("replication_user", "repl"),
                secretRequired(database, "replication_password", "replication_password_file"),
                database.text("replication_net", "%"),
                ssl);
    }

    private static Secret secretRequired(Section section, String key, String fileKey) throws ConfigException {
        Optional<Secret> secret = section.secret(key, fileKey);
        if (secret.isEmpty()) {
            throw section.bad(key, "is missing", "write " + fileKey + " = \"/path/to/a/file\" (or " + key + ")");
        }
        return secret.get();
    }

    private Endpoint listen(AgentConfig.Db db) throws ConfigException {
        int port = db.server().port();
        String text = top.text("addr", "0.0.0.0:" + derivedPort(port));
        String bare = text.replaceFirst("^http://", "").replaceFirst("/$", "");
        try {
            return Endpoint.parse(bare.startsWith(":") ? "0.0.0.0" + bare : bare);
        } catch (IllegalArgumentException e) {
            throw top.bad("addr", "value " + e.getMessage(), "write for example \"http://0.0.0.0:13306\"");
        }
    }

    /** MoHA's rule: a 1 before the port of MySQL, 3306 becomes 13306. Longer ports keep their last four digits. */
    static int derivedPort(int mysqlPort) {
        return 10_000 + mysqlPort % 10_000;
    }

    private AgentConfig.Node node(Endpoint listen) throws ConfigException {
        Endpoint internal = endpoint("internal-service-host", top.required("internal-service-host", "mysql-1:3306"));
        String external = top.text("external-service-host", internal.toString());
        String id = top.text("node-id", hostname() + "-" + listen.port());
        boolean onlyFollow = top.flag("only-follow", false);
        PromotionRule rule;
        NodeId node;
        try {
            rule = PromotionRule.parse(top.text("promotion-rule", "neutral"));
        } catch (IllegalArgumentException e) {
            throw top.bad("promotion-rule", String.valueOf(e.getMessage()), "write promotion-rule = \"neutral\"");
        }
        try {
            node = new NodeId(id);
        } catch (IllegalArgumentException e) {
            throw top.bad("node-id", String.valueOf(e.getMessage()), "write for example node-id = \"mysql-node-1\"");
        }
        Map<String, String> tags = top.texts("tags");
        return new AgentConfig.Node(
                node,
                internal,
                endpoint("external-service-host", external),
                onlyFollow,
                top.flag("acker", true),
                rule,
                top.text("data-center", ""),
                tags);
    }

    private Endpoint endpoint(String key, String text) throws ConfigException {
        try {
            return Endpoint.parse(text);
        } catch (IllegalArgumentException e) {
            throw top.bad(key, String.valueOf(e.getMessage()), "write for example " + key + " = \"mysql-1:3306\"");
        }
    }

    private static String hostname() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    private String url(String key, Endpoint derived) throws ConfigException {
        String address = top.text(key, "http://" + derived);
        if (!address.matches("https?://[^/\\s]+:\\d{1,5}")) {
            throw top.bad(
                    key,
                    "value '" + address + "' is not a URL with port",
                    "write for example \"http://" + derived + "\"");
        }
        return address;
    }

    private AgentConfig.Api api(AgentConfig.Db db, Endpoint internal, Endpoint external) throws ConfigException {
        String address = url("api-address", new Endpoint(external.host(), derivedPort(external.port())));
        String inside = url(
                "internal-api-address", new Endpoint(internal.host(), listen(db).port()));
        boolean anonymous = top.flag("api-allow-anonymous", false);
        if (anonymous) {
            warnings.add(file + ": api-allow-anonymous = true: everybody who reaches the port may change the primary");
        }
        Optional<Secret> token = top.secret("api-token", "api-token-file");
        if (token.filter(t -> t.reveal().isBlank()).isPresent()) {
            throw top.bad("api-token", "is empty", "write a long random text, or remove the key");
        }
        return new AgentConfig.Api(listen(db), address, inside, token, top.flag("api-allow-get", false), anonymous);
    }

    private AgentConfig.Proxy proxy() throws ConfigException {
        List<String> sockets = new ArrayList<>();
        for (String socket : top.text("haproxy-sockets", "").split(",", -1)) {
            String where = socket.strip();
            if (!where.isEmpty() && !where.startsWith("/")) {
                endpoint("haproxy-sockets", where);
            }
            if (!where.isEmpty()) {
                sockets.add(where);
            }
        }
        String backend = top.text("haproxy-backend", "is-primary");
        if (!backend.matches("[A-Za-z0-9._:-]+")) {
            throw top.bad(
                    "haproxy-backend",
                    "value '" + backend + "' is no name of a HAProxy backend",
                    "write for example \"is-primary\"");
        }
        String check = top.text("agent-check-address", "");
        return new AgentConfig.Proxy(
                sockets,
                backend,
                check.isEmpty() ? Optional.empty() : Optional.of(endpoint("agent-check-address", check)));
    }

    private Optional<Path> hostProc() throws ConfigException {
        String text = control.text("host-proc", "");
        if (!text.isEmpty() && !Files.isRegularFile(Path.of(text, "1/stat"))) {
            throw control.bad(
                    "host-proc",
                    "value '" + text + "' is no /proc",
                    "mount the host's /proc there, read-only, or remove the key");
        }
        return text.isEmpty() ? Optional.empty() : Optional.of(Path.of(text));
    }

    private AgentConfig.Control process() throws ConfigException {
        String forkFile = top.text("fork-process-file", "");
        List<String> forkArgs = top.list("fork-process-args");
        String kind = control.text("kind", forkFile.isEmpty() ? "none" : "fork");
        Kind parsed = null;
        for (Kind each : Kind.values()) {
            if (each.name().toLowerCase(Locale.ROOT).equals(kind)) {
                parsed = each;
            }
        }
        if (parsed == null) {
            throw control.bad("kind", "value '" + kind + "' is unknown", "use docker, command, fork or none");
        }
        AgentConfig.Control process = new AgentConfig.Control(
                parsed,
                parsed == Kind.DOCKER ? control.required("container", "mysql-node-1") : control.text("container", ""),
                control.text("docker-host", "unix:///var/run/docker.sock"),
                hostProc(),
                control.list("start-command"),
                control.list("kill-command"),
                control.list("status-command"),
                forkFile,
                forkArgs);
        if (parsed == Kind.COMMAND) {
            requireCommands(process);
        } else if (parsed == Kind.FORK && forkFile.isEmpty()) {
            throw top.bad(
                    "fork-process-file", "is missing", "name mysqld's start program, or choose another [process] kind");
        } else if (parsed == Kind.NONE) {
            warnings.add(
                    file + ": no [process]: this agent can neither start nor kill its database, so the last rung of"
                            + " the fence is missing");
        }
        return process;
    }

    private void requireCommands(AgentConfig.Control process) throws ConfigException {
        Map<String, List<String>> commands = Map.of(
                "start-command", process.startCommand(),
                "kill-command", process.killCommand(),
                "status-command", process.statusCommand());
        for (Map.Entry<String, List<String>> command : new java.util.TreeMap<>(commands).entrySet()) {
            if (command.getValue().isEmpty()) {
                throw control.bad(
                        command.getKey(),
                        "is missing",
                        "write " + command.getKey() + " = [\"/usr/local/bin/db\", \"...\"]");
            }
        }
    }

    private AgentConfig.Log log() throws ConfigException {
        String level = top.text("log-level", "info").toLowerCase(Locale.ROOT);
        if (!LEVELS.contains(level)) {
            throw top.bad("log-level", "value '" + level + "' is unknown", "use debug, info, warn or error");
        }
        String format = top.text("log-format", "text");
        if (!format.equals("text") && !format.equals("json")) {
            throw top.bad("log-format", "value '" + format + "' is unknown", "use \"text\" or \"json\"");
        }
        return new AgentConfig.Log(
                level.equals("fatal") ? "error" : level,
                top.optional("log-file").filter(f -> !f.isBlank()).map(Path::of),
                (int) top.number("log-max-size", 100, 1, 100_000),
                (int) top.number("log-max-days", 7, 1, 36_500),
                top.flag("log-compress", false),
                format.equals("json"));
    }
}
