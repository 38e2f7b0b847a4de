package io.moha.e2e;

import io.moha.model.Endpoint;
import io.moha.mysql.Database;
import io.moha.mysql.jdbc.JdbcDatabase;
import io.moha.mysql.jdbc.JdbcSettings;
import io.moha.sim.DatabaseWorld;
import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;

/**
 * Three real mysqld processes, set up and configured as the images do it. They are kept from test to test, and
 * {@link #renew made as new} before each.
 */
final class RealDatabases implements DatabaseWorld, AutoCloseable {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final String ADMIN = "admin";
    private static final String APP = "app";
    private static final int TOO_MANY_CONNECTIONS = 1040;
    private static final int UNKNOWN_THREAD = 1094;

    private final Stage stage;
    private final Map<Server, JdbcDatabase> databases = new EnumMap<>(Server.class);
    private final Set<Server> down = EnumSet.noneOf(Server.class);
    private final Set<Server> frozen = EnumSet.noneOf(Server.class);
    private final String resetBinaryLogs;
    private final List<Connection> open = new ArrayList<>();

    /** Skips the test, loudly, where the programs are missing. */
    RealDatabases(String cluster, Stage.Mysql mysql) throws IOException, SQLException {
        resetBinaryLogs = mysql == Stage.Mysql.V80 ? "RESET MASTER" : "RESET BINARY LOGS AND GTIDS";
        stage = ProcessStage.open(cluster, mysql);
        for (Server each : Server.values()) {
            stage.createMysql(part(each), each.number());
        }
        for (Server each : Server.values()) {
            awaitAnswer(each, "moha", Directories.AGENT_PASSWORD, LONG);
            try (Connection connection = connect(each, "moha", Directories.AGENT_PASSWORD)) {
                Sessions.execute(
                        connection,
                        "SET sql_log_bin=0",
                        "SET GLOBAL super_read_only=OFF",
                        "CREATE USER admin IDENTIFIED BY 'admin'",
                        "GRANT ALL ON *.* TO admin",
                        "CREATE USER app IDENTIFIED BY 'app'",
                        "GRANT ALL ON demo.* TO app",
                        "SET GLOBAL super_read_only=ON");
            }
        }
    }

    private static String part(Server server) {
        return "mysql-" + server;
    }

    /** Undoes what a test has done to the servers, and connects to each as its agent would. */
    void renew() throws Exception {
        disconnect();
        for (Server each : Server.values()) {
            if (frozen.contains(each)) {
                thaw(each);
            }
            if (down.contains(each) || dead(each)) {
                start(each);
            }
            try (Connection connection = connect(each, ADMIN, ADMIN)) {
                Sessions.execute(
                        connection,
                        "SET sql_log_bin=0",
                        "SET GLOBAL rpl_semi_sync_source_enabled=OFF",
                        "SET GLOBAL rpl_semi_sync_replica_enabled=OFF",
                        "STOP REPLICA",
                        "RESET REPLICA ALL",
                        "SET GLOBAL read_only=ON",
                        "SET GLOBAL super_read_only=OFF",
                        "DROP DATABASE IF EXISTS demo",
                        "DROP DATABASE IF EXISTS moha",
                        "DROP DATABASE IF EXISTS errant",
                        resetBinaryLogs,
                        "SET GLOBAL super_read_only=ON",
                        "SET GLOBAL offline_mode=OFF");
            }
        }
        for (Server each : Server.values()) {
            dropReplicas(each);
        }
        for (Server each : Server.values()) {
            JdbcDatabase database = new JdbcDatabase(new JdbcSettings(
                    endpoint(each),
                    "moha",
                    Directories.AGENT_PASSWORD,
                    Duration.ofSeconds(3),
                    "REQUIRED",
                    "repl",
                    Directories.REPLICATION_PASSWORD,
                    true));
            databases.put(each, database);
            database.probe(LONG);
        }
        for (Server each : Server.values()) {
            // They are opened in the background after the first probe.
            String count = "SELECT COUNT(*) FROM performance_schema.processlist WHERE user='moha'";
            await("all connections of the agent", () -> ask(each, count).equals("5"));
        }
    }

    /** A source learns that a receiver was stopped when it sends the next word to it. */
    private void dropReplicas(Server source) throws Exception {
        String replica = "SELECT id FROM performance_schema.processlist WHERE command LIKE 'Binlog Dump%' LIMIT 1";
        await("no replica is connected", () -> {
            String id = ask(source, replica);
            if (!id.isEmpty()) {
                kill(source, id);
            }
            return id.isEmpty();
        });
    }

    private void kill(Server server, String connection) throws SQLException {
        try {
            execute(server, "KILL " + connection);
        } catch (SQLException e) {
            if (e.getErrorCode() != UNKNOWN_THREAD) {
                throw e;
            }
        }
    }

    private void disconnect() {
        databases.values().forEach(JdbcDatabase::close);
        databases.clear();
        for (Connection each : open) {
            try {
                each.abort(Runnable::run);
            } catch (SQLException e) {
                // Broken already.
            }
        }
        open.clear();
    }

    private Connection connect(Server server, String user, String password) throws SQLException {
        String address = endpoint(server).toString();
        try {
            return Sessions.open(address, user, password, 5000, 60_000);
        } catch (SQLException e) {
            // offline_mode ends whoever is about to log in, also those whom it would let stay.
            if (user.equals(ADMIN) && "08S01".equals(e.getSQLState()) && e.getErrorCode() == 0) {
                return Sessions.open(address, user, password, 5000, 60_000);
            }
            throw e;
        }
    }

    void execute(Server server, String... statements) throws SQLException {
        try (Connection connection = connect(server, ADMIN, ADMIN)) {
            Sessions.execute(connection, statements);
        }
    }

    private String ask(Server server, String sql) throws SQLException {
        try (Connection connection = connect(server, ADMIN, ADMIN);
                Statement statement = connection.createStatement();
                ResultSet row = statement.executeQuery(sql)) {
            return row.next() ? String.valueOf(row.getString(1)) : "";
        }
    }

    private void awaitAnswer(Server server, String user, String password, Duration longest) {
        Awaitility.await(server + " answers")
                .atMost(longest)
                .pollInterval(Duration.ofMillis(50))
                .ignoreExceptionsInstanceOf(SQLException.class)
                .until(() -> {
                    connect(server, user, password).close();
                    return true;
                });
    }

    @Override
    public Database database(Server server) {
        return Optional.ofNullable(databases.get(server)).orElseThrow();
    }

    @Override
    public Endpoint endpoint(Server server) {
        return Endpoint.parse(stage.address(part(server)));
    }

    @Override
    public void createSchema(Server server) throws SQLException {
        execute(
                server,
                "CREATE DATABASE demo",
                "CREATE TABLE demo.t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(64))");
    }

    @Override
    public boolean insert(Server server) {
        try (Connection connection = connect(server, APP, APP)) {
            Sessions.execute(connection, "INSERT INTO demo.t (v) VALUES ('x')");
            return true;
        } catch (SQLException e) {
            return false;
        }
    }

    @Override
    public Sent send(Server server) throws SQLException {
        Connection connection = connect(server, APP, APP);
        open.add(connection);
        AtomicBoolean acknowledged = new AtomicBoolean();
        Thread thread = new Thread(() -> {
            try {
                Sessions.execute(connection, "INSERT INTO demo.t (v) VALUES ('x')");
                acknowledged.set(true);
            } catch (SQLException e) {
                // Nobody was told that it is committed.
            }
        });
        thread.setDaemon(true);
        thread.start();
        return acknowledged::get;
    }

    @Override
    public Write begin(Server server) throws Exception {
        CompletableFuture<Boolean> end = slowInsert(server, APP, 10);
        return () -> end.get(30, TimeUnit.SECONDS);
    }

    /** Ends an account's sessions and takes all connections there are, the one that is kept for administrators too. */
    AutoCloseable crowdOut(Server server, String account) throws SQLException {
        List<Connection> crowd = new ArrayList<>();
        String before = ask(server, "SELECT @@GLOBAL.max_connections");
        Connection first = connect(server, ADMIN, ADMIN);
        crowd.add(first);
        Sessions.execute(first, "SET GLOBAL max_connections=20");
        fill(server, crowd);
        List<String> ids = new ArrayList<>();
        try (Statement statement = first.createStatement();
                ResultSet rows = statement.executeQuery(
                        "SELECT id FROM performance_schema.processlist WHERE user='" + account + "'")) {
            while (rows.next()) {
                ids.add(rows.getString(1));
            }
        }
        for (String id : ids) {
            Sessions.execute(first, "KILL " + id);
        }
        fill(server, crowd);
        return () -> {
            Sessions.execute(first, "SET GLOBAL max_connections=" + before);
            for (Connection each : crowd) {
                each.close();
            }
        };
    }

    private void fill(Server server, List<Connection> crowd) throws SQLException {
        while (true) {
            try {
                crowd.add(connect(server, ADMIN, ADMIN));
            } catch (SQLException e) {
                if (e.getErrorCode() == TOO_MANY_CONNECTIONS) {
                    return;
                }
                throw e;
            }
        }
    }

    @Override
    public AutoCloseable longTransaction(Server server) throws Exception {
        CompletableFuture<Boolean> end = slowInsert(server, ADMIN, 50);
        return () -> {
            execute(server, "KILL " + slowOne(server));
            end.get(30, TimeUnit.SECONDS);
        };
    }

    /** @return when it has ended: whether the client was told that it is done */
    private CompletableFuture<Boolean> slowInsert(Server server, String account, int seconds) throws Exception {
        Connection connection = connect(server, account, account);
        open.add(connection);
        CompletableFuture<Boolean> end = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                Sessions.execute(connection, "INSERT INTO demo.t (v) SELECT SLEEP(" + seconds + ")");
                end.complete(true);
            } catch (SQLException e) {
                end.complete(false);
            }
        });
        thread.setDaemon(true);
        thread.start();
        await("the insert is under way", () -> !slowOne(server).isEmpty());
        return end;
    }

    private String slowOne(Server server) throws SQLException {
        return ask(
                server,
                "SELECT id FROM performance_schema.processlist WHERE info LIKE 'INSERT%SLEEP%' AND state='User sleep'");
    }

    @Override
    public void errant(Server server) throws SQLException {
        execute(
                server,
                "SET GLOBAL super_read_only=OFF",
                "CREATE DATABASE IF NOT EXISTS errant",
                "SET GLOBAL super_read_only=ON");
    }

    @Override
    public void stopApplier(Server server) throws SQLException {
        execute(server, "STOP REPLICA SQL_THREAD");
    }

    @Override
    public void kill(Server server) {
        down.add(server);
        stage.kill(part(server));
    }

    @Override
    public void start(Server server) {
        // After a clone it may be on its way out yet; and for a moment a killed one still holds its socket's lock file.
        for (int tries = 1; ; tries++) {
            stage.restart(part(server));
            try {
                awaitAnswer(server, ADMIN, ADMIN, Duration.ofSeconds(15));
                down.remove(server);
                return;
            } catch (ConditionTimeoutException e) {
                if (tries == 3) {
                    throw e;
                }
            }
        }
    }

    @Override
    public void freeze(Server server) {
        frozen.add(server);
        stage.pause(part(server));
    }

    @Override
    public void thaw(Server server) {
        stage.unpause(part(server));
        frozen.remove(server);
    }

    @Override
    public boolean dead(Server server) {
        try (Connection connection = connect(server, ADMIN, ADMIN)) {
            return false;
        } catch (SQLException e) {
            return e.getErrorCode() == 0;
        }
    }

    @Override
    public long now() {
        return System.nanoTime();
    }

    @Override
    public void pass(Duration time) throws InterruptedException {
        TimeUnit.NANOSECONDS.sleep(time.toNanos());
    }

    @Override
    public void close() {
        disconnect();
        stage.close();
    }
}
