package io.moha.moctl.bench;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * The table that the writers fill: made at the start, dropped at the end.
 *
 * @param name a plain name
 */
public record BenchTable(String name) {
    private static final int PAGE = 20_000;

    /** The server names itself in the row: that tells which node took a row that came through the proxy. */
    String insert() {
        return "INSERT INTO " + name
                + " (id, round, writer, seq, sent_ns, server) VALUES (?, ?, ?, ?, ?, @@server_uuid)";
    }

    public void create(Target primary) throws SQLException {
        try (Connection connection = primary.connectPatiently();
                Statement statement = connection.createStatement()) {
            statement.execute("DROP TABLE IF EXISTS " + name);
            statement.execute("CREATE TABLE " + name + " (id BIGINT PRIMARY KEY, round INT NOT NULL,"
                    + " writer VARCHAR(64) NOT NULL, seq BIGINT NOT NULL, sent_ns BIGINT NOT NULL,"
                    + " server CHAR(36) NOT NULL, KEY (round))");
        }
    }

    public void drop(Target primary) throws SQLException {
        try (Connection connection = primary.connectPatiently();
                Statement statement = connection.createStatement()) {
            statement.execute("DROP TABLE IF EXISTS " + name);
        }
    }

    /** The rows of one round: id to the UUID of the server that took it. */
    public Map<Long, String> read(Target node, int round) throws SQLException {
        Map<Long, String> rows = new HashMap<>();
        Map<String, String> uuids = new HashMap<>(); // a few servers, many rows: one text for each server
        try (Connection connection = node.connectPatiently();
                PreparedStatement select =
                        connection.prepareStatement("SELECT id, server FROM " + name + " WHERE round = ?")) {
            select.setInt(1, round);
            try (ResultSet result = select.executeQuery()) {
                while (result.next()) {
                    String uuid = result.getString(2);
                    rows.put(result.getLong(1), uuids.computeIfAbsent(uuid, u -> u));
                }
            }
        }
        return rows;
    }

    /** Which of these ids there is a row for, whatever its round. */
    public Set<Long> present(Target node, Collection<Long> ids) throws SQLException {
        Set<Long> found = new HashSet<>();
        try (Connection connection = node.connectPatiently();
                PreparedStatement select = connection.prepareStatement("SELECT id FROM " + name + " WHERE id = ?")) {
            for (long id : ids) {
                select.setLong(1, id);
                try (ResultSet result = select.executeQuery()) {
                    if (result.next()) {
                        found.add(id);
                    }
                }
            }
        }
        return found;
    }

    /** Tells the ids of all rows, in rising order, a page at a time: the table may be larger than the memory here. */
    public void readIds(Target node, LongConsumer told) throws SQLException {
        try (Connection connection = node.connectPatiently();
                PreparedStatement select = connection.prepareStatement(
                        "SELECT id FROM " + name + " WHERE id > ? ORDER BY id LIMIT " + PAGE)) {
            long last = Long.MIN_VALUE;
            int got;
            do {
                got = 0;
                select.setLong(1, last);
                try (ResultSet result = select.executeQuery()) {
                    while (result.next()) {
                        last = result.getLong(1);
                        told.accept(last);
                        got++;
                    }
                }
            } while (got == PAGE);
        }
    }
}
