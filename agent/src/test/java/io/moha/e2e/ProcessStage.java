package io.moha.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * Plain processes on 127.0.0.1, each with its own ports and its own directory below the cluster's home. The MySQL servers
 * are started by the images' own entry point, so accounts and options are the same as in containers; the agents drive
 * them by configured commands.
 */
final class ProcessStage implements Stage {
    private static final Set<ProcessStage> OPEN = ConcurrentHashMap.newKeySet();
    private static final Path ENTRY_POINT = Directories.CHECKOUT.resolve("docker-compose/images/mysql/entrypoint");
    private static final String AGENT =
            Directories.CHECKOUT.resolve("agent/bin/moha-agent").toString();
    private static final Path MY_CNF = Directories.CHECKOUT.resolve("etc/my.cnf");

    static {
        // Processes in sessions of their own would outlive an interrupted test run.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> OPEN.forEach(ProcessStage::close)));
    }

    private final Directories directories;
    private final Programs programs;
    private final Path script;
    private final Ports ports = new Ports();
    private final Set<String> parts = ConcurrentHashMap.newKeySet();

    private ProcessStage(Directories directories, Mysql mysql) throws IOException {
        this.directories = directories;
        this.programs = new Programs(directories.home(), mysql);
        this.script = directories.home().resolve("part");
        try (var text = Objects.requireNonNull(ProcessStage.class.getResourceAsStream("part"))) {
            Files.copy(text, script);
        }
    }

    /** Skips the test, loudly, where the programs are missing. */
    static ProcessStage open(String cluster, Mysql mysql) throws IOException {
        Directories directories = new Directories(cluster);
        try {
            ProcessStage stage = new ProcessStage(directories, mysql);
            OPEN.add(stage);
            return stage;
        } catch (IOException | RuntimeException e) {
            directories.close();
            throw e;
        }
    }

    @Override
    public int port(String part) {
        return ports.of(part);
    }

    @Override
    public String address(String part) {
        return "127.0.0.1:" + port(part);
    }

    @Override
    public AgentPlace agentPlace(String agent, String mysql) {
        String process = "kind = \"command\"\n"
                + List.of("start", "kill", "status").stream()
                        .map(action -> action + "-command = "
                                + control(action, mysql).stream()
                                        .map(word -> '"' + word + '"')
                                        .toList())
                        .collect(Collectors.joining("\n"));
        return new AgentPlace(
                "http://" + address(agent),
                home(agent).resolve("data").toString(),
                directories.secrets().toString(),
                process);
    }

    private Path home(String part) {
        return directories.home().resolve(part);
    }

    private List<String> control(String action, String part) {
        return List.of("bash", script.toString(), action, home(part).toString());
    }

    @Override
    public void createEtcd(String part, List<String> members) {
        String client = "http://" + address(part);
        List<String> cluster =
                members.stream().map(member -> member + "=" + peer(member)).toList();
        create(
                part,
                Map.of(),
                programs.bin().resolve("etcd").toString(),
                "--name=" + part,
                "--data-dir=" + home(part).resolve("data"),
                "--listen-client-urls=" + client,
                "--advertise-client-urls=" + client,
                "--listen-peer-urls=" + peer(part),
                "--initial-advertise-peer-urls=" + peer(part),
                "--initial-cluster=" + String.join(",", cluster));
    }

    private String peer(String etcd) {
        return "http://" + address(etcd + "-peer");
    }

    @Override
    public void createMysql(String part, int serverId) {
        Path home = home(part);
        Path secrets = directories.secrets();
        Map<String, String> environment = new TreeMap<>();
        environment.put("PATH", programs.bin() + ":" + System.getenv().getOrDefault("PATH", "/usr/bin:/bin"));
        environment.put("MOHA_DATADIR", home.resolve("data").toString());
        environment.put("MOHA_RUNDIR", home.resolve("run").toString());
        environment.put("MOHA_TEMPLATE", programs.template().resolve("data").toString());
        environment.put("MOHA_MYSQL_USER", System.getProperty("user.name"));
        environment.put("MYSQL_ROOT_PASSWORD_FILE", secrets.resolve("root").toString());
        environment.put("MOHA_PASSWORD_FILE", secrets.resolve("moha").toString());
        environment.put("MOHA_REPL_PASSWORD_FILE", secrets.resolve("repl").toString());
        List<String> command =
                new ArrayList<>(List.of("bash", ENTRY_POINT.toString(), "mysqld", "--defaults-file=" + MY_CNF));
        command.addAll(programs.mysqldPlaces());
        command.addAll(List.of(
                "--server-id=" + serverId,
                "--port=" + port(part),
                "--bind-address=127.0.0.1",
                "--report-host=127.0.0.1",
                "--report-port=" + port(part),
                "--admin-address=127.0.0.1",
                "--admin-port=" + port(part + "-admin"),
                "--socket=" + home.resolve("sock"),
                "--pid-file=" + home.resolve("mysqld.pid")));
        create(part, environment, command.toArray(String[]::new));
    }

    @Override
    public void createAgent(String part, String config) throws IOException {
        Path file = Files.writeString(directories.home().resolve(part + ".toml"), config);
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        archive(java);
        create(part, Map.of("MOHA_JAVA", java), AGENT, "--config", file.toString());
    }

    /** Without the archive of loaded classes a restart takes twice as long; made once, found again the next time. */
    private void archive(String java) {
        try {
            Programs.run(List.of("env", "MOHA_JAVA=" + java, AGENT, "--make-archive"), directories.home());
        } catch (IllegalStateException e) {
            System.out.println("no archive of the agent's classes, its restarts are slow here: " + e.getMessage());
        }
    }

    private void create(String part, Map<String, String> environment, String... command) {
        StringBuilder launch = new StringBuilder();
        environment.forEach((name, value) -> launch.append("export ")
                .append(name)
                .append('=')
                .append(Programs.quote(value))
                .append('\n'));
        launch.append("exec");
        for (String word : command) {
            launch.append(' ').append(Programs.quote(word));
        }
        try {
            Files.createDirectory(home(part));
            Files.createSymbolicLink(home(part).resolve("log"), directories.log(part));
            Files.writeString(home(part).resolve("launch"), launch.append('\n'));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        parts.add(part);
        startAgain(part);
    }

    private void act(String action, String part) {
        Programs.run(control(action, part), directories.home());
    }

    @Override
    public void kill(String part) {
        act("kill", part);
    }

    @Override
    public void stop(String part) {
        act("stop", part);
    }

    @Override
    public void startAgain(String part) {
        act("start", part);
    }

    @Override
    public void restart(String part) {
        act("stop", part);
        act("start", part);
    }

    @Override
    public void pause(String part) {
        act("freeze", part);
    }

    @Override
    public void unpause(String part) {
        act("thaw", part);
    }

    @Override
    public void remove(String part) {
        act("kill", part);
        Directories.delete(home(part));
        parts.remove(part);
    }

    @Override
    public void close() {
        if (!OPEN.remove(this)) {
            return;
        }
        // The agents first, or they would start their mysqld again.
        List<String> last = new ArrayList<>(parts);
        last.sort((a, b) -> Boolean.compare(b.startsWith("agent"), a.startsWith("agent")));
        last.forEach(this::kill);
        directories.close();
    }
}
