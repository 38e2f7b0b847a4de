package io.moha.moctl.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.moha.moctl.render.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Where a bench ran: numbers without their machine mean nothing. */
final class Environment {
    private Environment() {}

    static ObjectNode describe(List<String> arguments) {
        ObjectNode json = Json.object();
        json.put("command", "moctl " + String.join(" ", arguments));
        json.put("moctl_version", Versions.own());
        json.put("java", System.getProperty("java.version", "?"));
        json.put("os", System.getProperty("os.name", "?") + " " + System.getProperty("os.version", "?"));
        json.put("cpus", Runtime.getRuntime().availableProcessors());
        json.put("cpu", line("/proc/cpuinfo", "model name"));
        json.put("memory", line("/proc/meminfo", "MemTotal"));
        return json;
    }

    /** The value of the first line {@code key : value}; empty where there is no such file. */
    private static String line(String file, String key) {
        try {
            return Files.readString(Path.of(file))
                    .lines()
                    .filter(l -> l.startsWith(key))
                    .map(l -> l.substring(l.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("");
        } catch (IOException e) {
            return "";
        }
    }
}
