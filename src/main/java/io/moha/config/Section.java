package io.moha.config;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One table of the file: typed reading of its keys, with errors that name file, key, value and fix. */
final class Section {
    private static final Pattern DURATION = Pattern.compile("(\\d{1,6})(ms|s|m)");

    private final Path file;
    private final String name;
    private final JsonNode node;
    private final List<String> warnings;
    private final Set<String> known = new TreeSet<>();

    /** @param name of the table, empty for the top level */
    Section(Path file, String name, JsonNode node, List<String> warnings) {
        this.file = file;
        this.name = name;
        this.node = node;
        this.warnings = warnings;
    }

    private String at(String key) {
        return file + ": key '" + (name.isEmpty() ? "" : "[" + name + "] ") + key + "'";
    }

    ConfigException bad(String key, String trouble, String fix) {
        return new ConfigException(ConfigException.BAD, at(key) + ": " + trouble + "; " + fix);
    }

    boolean has(String key) {
        known.add(key);
        return node.has(key);
    }

    private Optional<JsonNode> get(String key) {
        known.add(key);
        return Optional.ofNullable(node.get(key));
    }

    String text(String key, String otherwise) throws ConfigException {
        return optional(key).orElse(otherwise);
    }

    String required(String key, String example) throws ConfigException {
        Optional<String> value = optional(key);
        if (value.isEmpty() || value.get().isBlank()) {
            throw bad(
                    key,
                    value.isEmpty() ? "is missing" : "is empty",
                    "write for example " + key + " = \"" + example + "\"");
        }
        return value.get();
    }

    Optional<String> optional(String key) throws ConfigException {
        Optional<JsonNode> value = get(key);
        if (value.isPresent() && !value.get().isTextual()) {
            throw bad(key, "value " + value.get() + " is not a text", "write it in quotes: " + key + " = \"...\"");
        }
        return value.map(JsonNode::asText);
    }

    /** A text that no message may show. */
    private Optional<String> unshown(String key) throws ConfigException {
        Optional<JsonNode> value = get(key);
        if (value.isPresent() && !value.get().isTextual()) {
            throw bad(key, "value is not a text", "write it in quotes: " + key + " = \"...\"");
        }
        return value.map(JsonNode::asText);
    }

    boolean flag(String key, boolean otherwise) throws ConfigException {
        Optional<JsonNode> value = get(key);
        if (value.isPresent() && !value.get().isBoolean()) {
            throw bad(key, "value " + value.get() + " is not true or false", "write " + key + " = " + otherwise);
        }
        return value.map(JsonNode::asBoolean).orElse(otherwise);
    }

    long number(String key, long otherwise, long least, long most) throws ConfigException {
        Optional<JsonNode> value = get(key);
        if (value.isEmpty()) {
            return otherwise;
        }
        if (!value.get().isIntegralNumber()) {
            throw bad(key, "value " + value.get() + " is not a whole number", "write " + key + " = " + otherwise);
        }
        long number = value.get().asLong();
        if (!value.get().canConvertToLong() || number < least || number > most) {
            throw bad(key, "value " + value.get() + " is out of range", "take one from " + least + " to " + most);
        }
        return number;
    }

    /** A duration text of at least 100 ms: {@code 500ms}, {@code 1s}, {@code 1m}. */
    Duration duration(String key, String otherwise) throws ConfigException {
        String text = text(key, otherwise);
        Matcher matcher = DURATION.matcher(text);
        if (!matcher.matches()) {
            throw bad(
                    key,
                    "value '" + text + "' is not a duration",
                    "write for example \"" + otherwise + "\" or \"500ms\"");
        }
        long number = Long.parseLong(matcher.group(1));
        Duration duration = switch (matcher.group(2)) {
            case "ms" -> Duration.ofMillis(number);
            case "s" -> Duration.ofSeconds(number);
            default -> Duration.ofMinutes(number);
        };
        if (duration.toMillis() < 100) {
            throw bad(key, "value '" + text + "' is out of range", "take at least \"100ms\"");
        }
        return duration;
    }

    List<String> list(String key) throws ConfigException {
        Optional<JsonNode> value = get(key);
        List<String> list = new ArrayList<>();
        if (value.isPresent()) {
            if (!value.get().isArray()) {
                throw bad(
                        key,
                        "value " + value.get() + " is not a list",
                        "write " + key + " = [\"program\", \"argument\"]");
            }
            for (JsonNode each : value.get()) {
                if (!each.isTextual()) {
                    throw bad(key, "element " + each + " is not a text", "write every element in quotes");
                }
                list.add(each.asText());
            }
        }
        return list;
    }

    Map<String, String> texts(String key) throws ConfigException {
        Map<String, String> map = new TreeMap<>();
        Optional<JsonNode> value = get(key);
        if (value.isPresent()) {
            if (!value.get().isObject()) {
                throw bad(key, "value " + value.get() + " is not a table", "write " + key + " = { rack = \"r1\" }");
            }
            for (Map.Entry<String, JsonNode> each : value.get().properties()) {
                if (!each.getValue().isTextual()) {
                    throw bad(
                            key,
                            "value " + each.getValue() + " of '" + each.getKey() + "' is not a text",
                            "write it in quotes");
                }
                map.put(each.getKey(), each.getValue().asText());
            }
        }
        return map;
    }

    /** A secret from {@code key} or from the file that {@code fileKey} names; never both. */
    Optional<Secret> secret(String key, String fileKey) throws ConfigException {
        Optional<String> direct = unshown(key);
        Optional<String> path = optional(fileKey);
        if (direct.isPresent() && path.isPresent()) {
            throw bad(key, "is given, and so is '" + fileKey + "'", "keep only one of them");
        }
        if (path.isEmpty()) {
            return direct.map(Secret::new);
        }
        Path from = Path.of(path.get());
        try {
            String content = Files.readString(from).stripTrailing();
            if (content.isEmpty()) {
                throw bad(fileKey, "the file " + from + " is empty", "write the secret into it");
            }
            if (Files.getPosixFilePermissions(from).contains(PosixFilePermission.OTHERS_READ)) {
                warnings.add(at(fileKey) + ": everybody may read " + from + "; chmod 600 it");
            }
            return Optional.of(new Secret(content));
        } catch (IOException e) {
            throw new ConfigException(
                    ConfigException.BAD,
                    at(fileKey) + ": cannot read " + from + " (" + e.getClass().getSimpleName()
                            + "); name a file that the agent may read",
                    e);
        }
    }

    /** Ends with the first key that nobody asked for. */
    void refuseUnknown() throws ConfigException {
        for (Map.Entry<String, JsonNode> each : node.properties()) {
            if (!known.contains(each.getKey())) {
                throw bad(each.getKey(), "is unknown", "did you mean '" + nearest(each.getKey()) + "'?");
            }
        }
    }

    private String nearest(String key) {
        String best = "";
        int least = Integer.MAX_VALUE;
        for (String candidate : known) {
            int distance = distance(key, candidate);
            if (distance < least) {
                least = distance;
                best = candidate;
            }
        }
        return best;
    }

    /** Levenshtein's distance. */
    static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int changed = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(changed, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}
