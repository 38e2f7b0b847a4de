package io.moha.mysql.jdbc;

import io.moha.model.Obstacle;
import io.moha.model.Obstacle.Kind;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** Finds and ends the sessions that stand in the way of closing a server. The agents' own and the server's are none. */
final class Obstacles {
    private static final int NO_SUCH_THREAD = 1094;

    /** A transaction or DDL statement that is younger than this, in seconds, ends by itself in time. */
    private static final int LONG = 1;

    /** InnoDB tells the start in the zone of the machine, NOW() in that of the session. */
    private static final String AGE =
            "TIMESTAMPDIFF(SECOND, t.trx_started, CONVERT_TZ(NOW(), @@session.time_zone, 'SYSTEM'))";

    private static final String TRANSACTIONS = "SELECT 'TRANSACTION', p.id, p.user, p.host,"
            + " " + AGE + ","
            + " CONCAT('a transaction with ', t.trx_rows_modified, ' changed rows, not committed')"
            + " FROM information_schema.innodb_trx t JOIN performance_schema.processlist p ON p.id = t.trx_mysql_thread_id"
            + " WHERE t.trx_rows_modified > 0 AND " + AGE + " > " + LONG;
    private static final String DDL = "SELECT 'DDL', p.id, p.user, p.host, p.time,"
            + " CONCAT(UPPER(REGEXP_SUBSTR(p.info, '(ALTER|CREATE|DROP|OPTIMIZE|RENAME|TRUNCATE)')), ' is running')"
            + " FROM performance_schema.processlist p WHERE p.command = 'Query' AND p.time > " + LONG
            + " AND p.info REGEXP '^[[:space:]]*(/[*].*?[*]/[[:space:]]*)*(ALTER|CREATE|DROP|OPTIMIZE|RENAME|TRUNCATE)[[:space:]]'";
    // Known from the moment it is granted: whoever holds it may do so for long.
    private static final String LOCKS = "SELECT IF(l.object_type = 'GLOBAL', 'READ_LOCK', 'BACKUP_LOCK'),"
            + " p.id, p.user, p.host, p.time,"
            + " IF(l.object_type = 'GLOBAL', 'FLUSH TABLES WITH READ LOCK is held', 'LOCK INSTANCE FOR BACKUP is held')"
            + " FROM performance_schema.metadata_locks l"
            + " JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id"
            + " JOIN performance_schema.processlist p ON p.id = t.processlist_id"
            + " WHERE l.lock_status = 'GRANTED' AND l.lock_type = 'SHARED' AND l.lock_duration = 'EXPLICIT'"
            + " AND l.object_type IN ('GLOBAL', 'BACKUP LOCK')";

    private final String ownUser;

    Obstacles(String ownUser) {
        this.ownUser = ownUser;
    }

    List<Obstacle> find(Link link) throws SQLException {
        List<Obstacle> found = new ArrayList<>();
        for (String sql : List.of(TRANSACTIONS, DDL, LOCKS)) {
            try (Statement statement = link.connection().createStatement();
                    ResultSet row = statement.executeQuery(sql)) {
                while (row.next()) {
                    add(row, found);
                }
            }
        }
        return List.copyOf(found);
    }

    private void add(ResultSet row, List<Obstacle> found) throws SQLException {
        String user = String.valueOf(row.getString(3));
        long session = row.getLong(2);
        // A replica's applier is no session of somebody's; a statement inside a transaction is one obstacle.
        boolean known = found.stream().anyMatch(o -> o.session() == session);
        if (!user.equals(ownUser) && !user.equals("system user") && !user.equals("event_scheduler") && !known) {
            String host = String.valueOf(row.getString(4)).replaceFirst(":\\d+$", "");
            found.add(new Obstacle(
                    Kind.valueOf(row.getString(1)),
                    session,
                    user + "@" + host,
                    Math.max(0, row.getLong(5)),
                    row.getString(6)));
        }
    }

    /** Those that have gone meanwhile are as good as ended. */
    static void end(Link link, List<Obstacle> obstacles) throws SQLException {
        for (Obstacle each : obstacles) {
            try {
                Sql.execute(link, "KILL CONNECTION " + each.session());
            } catch (SQLException e) {
                if (e.getErrorCode() != NO_SUCH_THREAD) {
                    throw e;
                }
            }
        }
    }
}
