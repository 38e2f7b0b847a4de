package io.moha.moctl.bench;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Map;

/** The table that the writers fill: made at the start of a bench, dropped at its end. */
final class BenchTable {
    private static final String NAME = "moctl_bench";
    /** The server names itself in the row: that tells which node took a row that came through the proxy. */
    static final String INSERT =
            "INSERT INTO " + NAME + " (id, round, writer, seq, sent_ns, server) VALUES (?, ?, ?, ?, ?, @@server_uuid)";

    private BenchTable() {}

    static void create(Target primary) throws SQLException {
        try (Connection connection = primary.connectPatiently();
                Statement statement = connection.createStatement()) {
            statement.execute("DROP TABLE IF EXISTS " + NAME);
            statement.execute("CREATE TABLE " + NAME + " (id BIGINT PRIMARY KEY, round INT NOT NULL,"
                    + " writer VARCHAR(64) NOT NULL, seq BIGINT NOT NULL, sent_ns BIGINT NOT NULL,"
                    + " server CHAR(36) NOT NULL, KEY (round))");
        }
    }

    static void drop(Target primary) throws SQLException {
        try (Connection connection = primary.connectPatiently();
                Statement statement = connection.createStatement()) {
            statement.execute("DROP TABLE IF EXISTS " + NAME);
        }
    }

    /** The rows of one round: id to the UUID of the server that took it. */
    static Map<Long, String> read(Target node, int round) throws SQLException {
        Map<Long, String> rows = new HashMap<>();
        try (Connection connection = node.connectPatiently();
                PreparedStatement select =
                        connection.prepareStatement("SELECT id, server FROM " + NAME + " WHERE round = ?")) {
            select.setInt(1, round);
            try (ResultSet result = select.executeQuery()) {
                while (result.next()) {
                    rows.put(result.getLong(1), result.getString(2));
                }
            }
        }
        return rows;
    }
}
