package io.moha.mysql.jdbc;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Optional;

/** The few ways of running a statement. */
final class Sql {
    /** Reads the row the result stands on. */
    interface Row<T> {
        T read(ResultSet row) throws SQLException;
    }

    private Sql() {}

    static void execute(Link link, String sql) throws SQLException {
        try (Statement statement = link.connection().createStatement()) {
            statement.execute(sql);
        }
    }

    /** Returns the number of rows that matched. */
    static int update(Link link, String sql) throws SQLException {
        try (Statement statement = link.connection().createStatement()) {
            return statement.executeUpdate(sql);
        }
    }

    /** The first row, if there is one. */
    static <T> Optional<T> first(Link link, String sql, Row<T> row) throws SQLException {
        try (Statement statement = link.connection().createStatement();
                ResultSet result = statement.executeQuery(sql)) {
            return result.next() ? Optional.of(row.read(result)) : Optional.empty();
        }
    }

    static String text(Link link, String sql) throws SQLException {
        return first(link, sql, row -> String.valueOf(row.getString(1))).orElse("");
    }

    static boolean ping(Link link) throws SQLException {
        execute(link, "DO 1");
        return true;
    }

    /** A string literal. Right for sessions with an empty sql_mode, which all of ours have: there backslash escapes. */
    static String quote(String text) {
        return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'";
    }
}
