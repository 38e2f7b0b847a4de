package io.moha.store.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Real etcd servers as child processes on the loopback address, to be frozen, killed and started again. */
final class LocalEtcd implements AutoCloseable {
    /** etcd's program; without it {@code PATH} and the image cache of the quickstart are searched. */
    static final String PROGRAM_PROPERTY = "moha.etcd";

    private static final Path CACHED = Path.of("/var/cache/moha/root-sid/usr/bin/etcd");

    private final String program;
    private final Path directory;
    private final List<Integer> clientPorts = new ArrayList<>();
    private final List<Integer> peerPorts = new ArrayList<>();
    private final List<Integer> metricsPorts = new ArrayList<>();
    private final List<String> extra;
    private final @Nullable Process[] processes;

    private LocalEtcd(Path directory, int size, List<String> extra) throws IOException {
        this.program = program();
        this.directory = directory;
        this.extra = List.copyOf(extra);
        this.processes = new @Nullable Process[size];
        List<ServerSocket> held = new ArrayList<>();
        for (int i = 0; i < 3 * size; i++) {
            held.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        }
        for (int i = 0; i < size; i++) {
            clientPorts.add(held.get(3 * i).getLocalPort());
            peerPorts.add(held.get(3 * i + 1).getLocalPort());
            metricsPorts.add(held.get(3 * i + 2).getLocalPort());
        }
        for (ServerSocket each : held) {
            each.close();
        }
    }

    /** Starts {@code size} servers and waits until they are healthy. Skips the test when there is no etcd. */
    static LocalEtcd start(Path directory, int size, String... extra) throws IOException {
        LocalEtcd etcd = new LocalEtcd(directory, size, List.of(extra));
        try {
            for (int i = 0; i < size; i++) {
                etcd.start(i);
            }
            etcd.awaitHealthy();
        } catch (IOException | RuntimeException e) {
            // Nobody else can end what has been started.
            etcd.close();
            throw e;
        }
        return etcd;
    }

    private static String program() {
        Optional<Path> found = find();
        assumeTrue(
                found.isPresent(),
                "SKIPPED: no etcd program found. Install one (Debian: apt-get install etcd-server) or name it with -D"
                        + PROGRAM_PROPERTY + "=/path/to/etcd");
        return found.orElseThrow().toString();
    }

    private static Optional<Path> find() {
        String named = System.getProperty(PROGRAM_PROPERTY, "");
        if (!named.isEmpty()) {
            return Optional.of(Path.of(named));
        }
        String path = System.getenv().getOrDefault("PATH", "");
        Stream<Path> installed = Arrays.stream(path.split(":")).map(each -> Path.of(each, "etcd"));
        return Stream.concat(installed, Stream.of(CACHED))
                .filter(Files::isExecutable)
                .findFirst();
    }

    void start(int i) throws IOException {
        List<String> command = new ArrayList<>(List.of(program, "--name", "etcd-" + i));
        command.addAll(List.of("--data-dir", directory.resolve("etcd-" + i).toString()));
        command.addAll(List.of("--listen-client-urls", url(i), "--advertise-client-urls", url(i)));
        command.addAll(List.of("--listen-peer-urls", peerUrl(i), "--initial-advertise-peer-urls", peerUrl(i)));
        command.addAll(List.of("--listen-metrics-urls", metricsUrl(i)));
        String cluster = String.join(
                ",",
                IntStream.range(0, processes.length)
                        .mapToObj(each -> "etcd-" + each + "=" + peerUrl(each))
                        .toList());
        command.addAll(List.of("--initial-cluster", cluster, "--unsafe-no-fsync", "--log-level", "warn"));
        command.addAll(extra);
        processes[i] = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        directory.resolve("etcd-" + i + ".log").toFile()))
                .start();
    }

    void awaitHealthy() {
        await("etcd's health, see " + directory)
                .atMost(Duration.ofSeconds(30))
                .until(() -> IntStream.range(0, processes.length).allMatch(this::healthy));
    }

    private boolean healthy(int i) {
        return get(i, "/health").contains("\"true\"");
    }

    /** Whether server {@code i} is the leader, from its metrics. */
    boolean leads(int i) {
        return get(i, "/metrics").contains("\netcd_server_is_leader 1\n");
    }

    /** How many renewals of leases server {@code i} has made. */
    long renewals(int i) {
        return sum(i, "etcd_debugging_lease_renewed_total ");
    }

    /** Transactions and puts that wrote, as server {@code i} has applied them. */
    long writes(int i) {
        return sum(i, "etcd_mvcc_put_total ", "etcd_mvcc_delete_total ");
    }

    private long sum(int i, String... names) {
        return get(i, "/metrics")
                .lines()
                .filter(line -> Arrays.stream(names).anyMatch(line::startsWith))
                .mapToLong(line -> (long) Double.parseDouble(line.substring(line.indexOf(' '))))
                .sum();
    }

    private String get(int i, String path) {
        try {
            HttpURLConnection connection =
                    (HttpURLConnection) URI.create(metricsUrl(i) + path).toURL().openConnection();
            connection.setConnectTimeout(1000);
            connection.setReadTimeout(1000);
            try (var body = connection.getInputStream()) {
                return new String(body.readAllBytes(), StandardCharsets.UTF_8);
            }
        } catch (IOException e) {
            return "";
        }
    }

    String url(int i) {
        String scheme = extra.contains("--cert-file") ? "https" : "http";
        return scheme + "://127.0.0.1:" + clientPorts.get(i);
    }

    private String metricsUrl(int i) {
        return "http://127.0.0.1:" + metricsPorts.get(i);
    }

    private String peerUrl(int i) {
        return "http://127.0.0.1:" + peerPorts.get(i);
    }

    List<String> urls() {
        return IntStream.range(0, processes.length).mapToObj(this::url).toList();
    }

    void freeze(int i) throws Exception {
        signal(i, "STOP");
    }

    void thaw(int i) throws Exception {
        signal(i, "CONT");
    }

    private void signal(int i, String name) throws Exception {
        String pid = Long.toString(process(i).pid());
        Process kill = new ProcessBuilder("kill", "-" + name, pid).start();
        assertThat(kill.waitFor()).isZero();
    }

    /** SIGKILL. */
    void kill(int i) throws InterruptedException {
        process(i).destroyForcibly();
        assertThat(process(i).waitFor(10, TimeUnit.SECONDS)).isTrue();
    }

    private Process process(int i) {
        Process process = processes[i];
        assertThat(process).isNotNull();
        return Objects.requireNonNull(process);
    }

    @Override
    public void close() {
        for (Process each : processes) {
            if (each != null) {
                each.destroyForcibly().onExit().join();
            }
        }
    }
}
