package io.moha.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.testcontainers.DockerClientFactory;

/**
 * What happens to machines and networks, done to the containers of one {@link TestCluster} from the host: packets are
 * dropped inside a container's own network namespace, processes are stopped, disks are small. Needs Linux, root, Docker,
 * nsenter and iptables. Everything is undone by {@link #heal}.
 */
final class HostFaults {
    /** Which packets a cut drops, seen from the parts that are cut off. */
    enum Way {
        BOTH,
        /** What they send arrives, nothing comes back. */
        NOTHING_IN,
        /** They hear everything and cannot answer. */
        NOTHING_OUT
    }

    private static final ObjectMapper JSON = new ObjectMapper();

    private final TestCluster cluster;
    private final Map<String, String> containers = new ConcurrentHashMap<>();
    private final Set<String> cutOff = ConcurrentHashMap.newKeySet();

    HostFaults(TestCluster cluster) {
        this.cluster = cluster;
    }

    /** Skips the test, loudly, where such faults cannot be made. */
    static void assumePossible() {
        String missing = missing();
        if (!missing.isEmpty()) {
            System.out.println("SKIPPED: the safety tests on real processes need " + missing);
        }
        Assumptions.assumeTrue(missing.isEmpty(), "needs " + missing);
    }

    private static String missing() {
        if (System.getProperty("moha.e2e.stage", "docker").equalsIgnoreCase("process")
                || !DockerClientFactory.instance().isDockerAvailable()) {
            return "a Docker Engine, and -Dmoha.e2e.stage other than process";
        }
        for (String probe :
                List.of("test $(id -u) = 0", "command -v docker", "command -v nsenter", "command -v iptables")) {
            try {
                shell(probe);
            } catch (IllegalStateException e) {
                return "root, docker, nsenter and iptables; this failed: " + probe;
            }
        }
        return "";
    }

    /** The container of a part; it is found by its port while it runs, and remembered. */
    String container(String part) {
        return containers.computeIfAbsent(part, p -> {
            String id = shell("docker ps --quiet --no-trunc --filter publish=" + cluster.port(p));
            if (id.isEmpty()) {
                throw new IllegalStateException("no running container publishes the port of " + p);
            }
            return id;
        });
    }

    /** Sends a signal, by name without SIG, to the first process of a part. */
    void signal(String part, String name) {
        shell("docker kill --signal=" + name + " " + container(part));
    }

    /**
     * No packet passes between any part of one side and any part of the other. Containers that restart are free again.
     *
     * @return the moment before the first packet was dropped, monotonic nanoseconds
     */
    long cut(Collection<String> side, Collection<String> others, Way way) {
        List<String> addresses =
                look(others).values().stream().map(Seen::address).toList();
        return drop(side, addresses, way);
    }

    /** Clients, which come through the host, do not reach the database of a node; everybody else does. */
    void cutClients(String mysql) {
        drop(
                List.of(mysql),
                List.of(inspect(mysql, "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}")),
                Way.BOTH);
    }

    private long drop(Collection<String> side, List<String> addresses, Way way) {
        StringBuilder rules = new StringBuilder("*filter\n");
        for (String address : addresses) {
            if (way != Way.NOTHING_OUT) {
                rules.append("-A INPUT -s ").append(address).append(" -j DROP\n");
            }
            if (way != Way.NOTHING_IN) {
                rules.append("-A OUTPUT -d ").append(address).append(" -j DROP\n");
            }
        }
        List<String> pids = look(side).values().stream().map(Seen::pid).toList();
        cutOff.addAll(pids);
        long at = System.nanoTime();
        shell("set -e; for pid in " + String.join(" ", pids)
                + "; do nsenter -t $pid -n iptables-restore --noflush --wait=10 <<'END'\n" + rules
                + "COMMIT\nEND\ndone");
        return at;
    }

    /** All packets pass again, everywhere. */
    void reconnect() {
        List<String> pids = List.copyOf(cutOff);
        shell("for pid in " + String.join(" ", pids)
                + "; do nsenter -t $pid -n iptables --wait 10 -F || ! test -e /proc/$pid; done");
        pids.forEach(cutOff::remove);
    }

    /** {@link #reconnect}; stopped and paused parts go on. Parts that have ended are left alone. */
    void heal() {
        reconnect();
        look(containers.keySet()).forEach((part, seen) -> {
            if (seen.state().equals("paused")) {
                shell("docker unpause " + container(part));
            }
            if (!seen.pid().equals("0")) {
                shell("kill -CONT " + seen.pid() + " || true");
            }
        });
    }

    private record Seen(String state, String pid, String address) {}

    /** All at once: asking one by one takes seconds on a busy machine. */
    private Map<String, Seen> look(Collection<String> parts) {
        List<String> names = List.copyOf(parts);
        Map<String, Seen> seen = new TreeMap<>();
        if (names.isEmpty()) {
            return seen;
        }
        String answer = shell("docker inspect --format '{{.State.Status}} {{.State.Pid}}"
                + " {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "
                + names.stream().map(this::container).collect(Collectors.joining(" ")));
        List<String> lines = answer.lines().toList();
        for (int i = 0; i < names.size(); i++) {
            String[] words = lines.get(i).split(" ", -1);
            seen.put(names.get(i), new Seen(words[0], words[1], words.length > 2 ? words[2] : ""));
        }
        return seen;
    }

    /** The parts must be reachable by name when they are wanted: call before the first fault. */
    void know(Collection<String> parts) {
        parts.forEach(this::container);
    }

    /** The part has another container now. */
    void forget(String part) {
        containers.remove(part);
    }

    String inspect(String part, String format) {
        return shell("docker inspect --format '" + format + "' " + container(part));
    }

    /**
     * Makes the container of a part anew, with an empty volume and further options for {@code docker create}.
     *
     * @param options shell words
     */
    void recreate(String part, String options) throws IOException {
        JsonNode old = JSON.readTree(shell("docker inspect " + container(part))).get(0);
        StringBuilder create = new StringBuilder("docker create");
        option(create, "--name", old.get("Name").asText().substring(1));
        option(create, "--hostname", old.at("/Config/Hostname").asText());
        option(create, "--network", old.at("/HostConfig/NetworkMode").asText());
        option(create, "--network-alias", part);
        old.at("/Config/Env").forEach(e -> option(create, "--env", e.asText()));
        old.at("/HostConfig/Binds").forEach(b -> option(create, "--volume", b.asText()));
        old.at("/HostConfig/PortBindings")
                .properties()
                .forEach(p -> option(
                        create,
                        "--publish",
                        "127.0.0.1:" + p.getValue().get(0).get("HostPort").asText() + ":" + p.getKey()));
        create.append(' ').append(options);
        create.append(' ').append(Programs.quote(old.at("/Config/Image").asText()));
        old.at("/Config/Cmd").forEach(c -> create.append(' ').append(Programs.quote(c.asText())));
        shell("docker rm --force --volumes " + container(part));
        containers.put(part, shell(create.toString()));
        cluster.startAgain(part);
    }

    private static void option(StringBuilder command, String name, String value) {
        command.append(' ').append(name).append(' ').append(Programs.quote(value));
    }

    /**
     * Runs a shell command on this machine.
     *
     * @return what it wrote to standard output, stripped
     * @throws IllegalStateException if it fails or takes longer than a minute, with what it said
     */
    static String shell(String command) {
        Path out = temporary();
        Path err = temporary();
        try {
            Process process = new ProcessBuilder(new ArrayList<>(List.of("bash", "-c", command)))
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile())
                    .start();
            if (!process.waitFor(60, TimeUnit.SECONDS) || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new IllegalStateException(command + " failed: " + Files.readString(err));
            }
            return new String(Files.readAllBytes(out), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } finally {
            out.toFile().delete();
            err.toFile().delete();
        }
    }

    private static Path temporary() {
        try {
            return Files.createTempFile("moha-shell-", "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
