package io.moha.moctl.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.toml.TomlMapper;
import io.moha.model.Endpoint;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/** Finds and reads {@code moctl.toml}. Relative paths in it count from the directory of the file. */
public final class ConfigReader {
    private static final List<String> ROOT = List.of("agents", "token-file", "bench");
    private static final List<String> BENCH = List.of(
            "user", "password-file", "inspect-user", "inspect-password-file", "schema", "writer", "ssl-mode", "fault");
    private static final List<String> FAULT = List.of("kill-mysqld", "kill-agent", "start-agent", "start-mysqld");

    private final Path file;

    private ConfigReader(Path file) {
        this.file = file;
    }

    /**
     * Reads one file.
     *
     * @throws ConfigException if it cannot be read or says something unusable
     */
    public static MoctlConfig read(Path file) throws ConfigException {
        return new ConfigReader(file.toAbsolutePath().normalize()).read();
    }

    /**
     * The first of these files that exists.
     *
     * @param candidates in order of preference
     */
    public static Optional<Path> firstOf(List<Path> candidates) {
        return candidates.stream().filter(Files::isRegularFile).findFirst();
    }

    /** Checks the form of an agent's address: {@code http://host:port}. */
    public static URI agentAddress(String text) throws ConfigException {
        try {
            URI uri = URI.create(text.strip());
            boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
            if (http && uri.getHost() != null && uri.getPort() > 0) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            throw new ConfigException("'" + text + "' is not an agent's address: write http://host:port", e);
        }
        throw new ConfigException("'" + text + "' is not an agent's address: write http://host:port");
    }

    private MoctlConfig read() throws ConfigException {
        JsonNode root = parse();
        known(root, "", ROOT);
        List<URI> agents = new ArrayList<>();
        for (String address : strings(root, "", "agents")) {
            try {
                agents.add(agentAddress(address));
            } catch (ConfigException e) {
                throw new ConfigException(file + ": agents: " + e.getMessage(), e);
            }
        }
        if (agents.isEmpty()) {
            throw new ConfigException(file + ": agents is missing: write agents = [\"http://127.0.0.1:13306\"]");
        }
        JsonNode bench = table(root, "", "bench");
        return new MoctlConfig(
                Optional.of(file),
                agents,
                path(root, "", "token-file"),
                bench.isMissingNode() ? Optional.empty() : Optional.of(bench(bench)));
    }

    private BenchConfig bench(JsonNode bench) throws ConfigException {
        known(bench, "bench", BENCH);
        JsonNode fault = table(bench, "bench", "fault");
        known(fault, "bench.fault", FAULT);
        try {
            return new BenchConfig(
                    required(bench, "bench", "user"),
                    path(bench, "bench", "password-file"),
                    inspector(bench),
                    required(bench, "bench", "schema"),
                    Endpoint.parse(required(bench, "bench", "writer")),
                    text(bench, "bench", "ssl-mode").orElse("PREFERRED"),
                    new FaultCommands(
                            strings(fault, "bench.fault", "kill-mysqld"),
                            strings(fault, "bench.fault", "kill-agent"),
                            strings(fault, "bench.fault", "start-agent"),
                            strings(fault, "bench.fault", "start-mysqld")));
        } catch (IllegalArgumentException e) {
            throw new ConfigException(file + ": [bench]: " + e.getMessage(), e);
        }
    }

    private Optional<BenchConfig.Inspector> inspector(JsonNode bench) throws ConfigException {
        Optional<String> user = text(bench, "bench", "inspect-user");
        Optional<Path> password = path(bench, "bench", "inspect-password-file");
        if (user.isPresent() != password.isPresent()) {
            throw new ConfigException(file + ": [bench]: inspect-user and inspect-password-file go together");
        }
        return user.map(u -> new BenchConfig.Inspector(u, password.orElseThrow()));
    }

    private JsonNode parse() throws ConfigException {
        try {
            return new TomlMapper().readTree(Files.readString(file));
        } catch (JsonProcessingException e) {
            int line = e.getLocation() == null ? -1 : e.getLocation().getLineNr();
            throw new ConfigException(
                    file + (line > 0 ? ", line " + line : "") + ": not valid TOML: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new ConfigException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    private void known(JsonNode table, String name, List<String> keys) throws ConfigException {
        for (Iterator<String> names = table.fieldNames(); names.hasNext(); ) {
            String key = names.next();
            if (!keys.contains(key)) {
                throw new ConfigException(
                        file + ": unknown key '" + key + "'" + (name.isEmpty() ? "" : " in [" + name + "]")
                                + ": did you mean '" + Nearest.of(key, keys) + "'? Known here: "
                                + String.join(", ", new TreeSet<>(keys)));
            }
        }
    }

    private JsonNode table(JsonNode parent, String name, String key) throws ConfigException {
        JsonNode value = parent.path(key);
        if (!value.isMissingNode() && !value.isObject()) {
            throw wrong(name, key, "a table: [" + (name.isEmpty() ? "" : name + ".") + key + "]");
        }
        return value;
    }

    private Optional<String> text(JsonNode table, String name, String key) throws ConfigException {
        JsonNode value = table.path(key);
        if (value.isMissingNode()) {
            return Optional.empty();
        }
        if (!value.isTextual() || value.asText().isBlank()) {
            throw wrong(name, key, "a text in quotes that is not empty");
        }
        return Optional.of(value.asText());
    }

    private String required(JsonNode table, String name, String key) throws ConfigException {
        return text(table, name, key)
                .orElseThrow(() -> new ConfigException(file + ": '" + key + "' is missing in [" + name + "]"));
    }

    private Optional<Path> path(JsonNode table, String name, String key) throws ConfigException {
        Path directory = file.resolveSibling("");
        return text(table, name, key).map(p -> directory.resolve(p).normalize());
    }

    private List<String> strings(JsonNode table, String name, String key) throws ConfigException {
        JsonNode value = table.path(key);
        if (value.isMissingNode()) {
            return List.of();
        }
        List<String> result = new ArrayList<>();
        if (!value.isArray() || value.isEmpty()) {
            throw wrong(name, key, "an array of texts: [\"...\", \"...\"]");
        }
        for (JsonNode element : value) {
            if (!element.isTextual() || element.asText().isEmpty()) {
                throw wrong(name, key, "an array of texts: [\"...\", \"...\"]");
            }
            result.add(element.asText());
        }
        return result;
    }

    private ConfigException wrong(String table, String key, String wanted) {
        return new ConfigException(
                file + ": '" + key + "'" + (table.isEmpty() ? "" : " in [" + table + "]") + " is to be " + wanted);
    }
}
