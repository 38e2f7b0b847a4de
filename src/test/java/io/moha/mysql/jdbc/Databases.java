package io.moha.mysql.jdbc;

import io.moha.model.Endpoint;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.MysqldFixture;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.awaitility.Awaitility;

/** What the tests of this package have in common. */
final class Databases {
    static final Duration SOON = Duration.ofSeconds(5);
    /** For statements that may wait for fsync on a loaded machine. */
    static final Duration LONG = Duration.ofSeconds(30);

    static final Duration ALLOWANCE = Duration.ofSeconds(60);

    private Databases() {}

    static JdbcSettings settings(Endpoint server) {
        return new JdbcSettings(
                server,
                "moha",
                MysqldFixture.AGENT_PASSWORD,
                Duration.ofSeconds(3),
                "REQUIRED",
                "repl",
                MysqldFixture.REPLICATION_PASSWORD,
                true);
    }

    static JdbcDatabase on(MysqldFixture server) {
        return new JdbcDatabase(settings(server.endpoint()));
    }

    /** Makes an empty server the primary, with a schema and a table for the application. */
    static void makePrimary(JdbcDatabase db, MysqldFixture server) throws Exception {
        db.openForWrites(ALLOWANCE, () -> true, LONG);
        server.execute(
                "CREATE DATABASE demo", "CREATE TABLE demo.t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(64))");
    }

    static void insert(MysqldFixture server) throws SQLException {
        try (Connection app = server.app();
                Statement statement = app.createStatement()) {
            statement.execute("INSERT INTO demo.t (v) VALUES ('x')");
        }
    }

    static DatabaseStatus await(JdbcDatabase db, String what, java.util.function.Predicate<DatabaseStatus> condition) {
        return Awaitility.await(what)
                .atMost(LONG)
                .pollInterval(Duration.ofMillis(20))
                .until(() -> db.probe(SOON), condition);
    }

    /** Waits until each role has its connection: they are opened in the background after the first probe. */
    static void awaitAllConnections(MysqldFixture server) {
        String count = "SELECT COUNT(*) FROM performance_schema.processlist WHERE user='moha'";
        await("all roles are connected", () -> server.ask(count).equals("5"));
    }

    static void await(String what, Callable<Boolean> condition) {
        Awaitility.await(what).atMost(LONG).pollInterval(Duration.ofMillis(20)).until(condition);
    }
}
