package io.moha.mysql.jdbc;

import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.DatabaseStatus.Commits;
import io.moha.mysql.DatabaseStatus.Receiver;
import io.moha.mysql.DatabaseStatus.Replica;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads the state of the server in two statements. What changes seldom, or only by this agent's own hand (position in the
 * binary log, whether there is user data, the dead-man's switch), is read every few seconds, and at once after the agent
 * has changed something: the probe runs several times a second on every server.
 */
final class Probe {
    private static final Duration SLOW = Duration.ofSeconds(5);
    private static final String GLOBALS = "SELECT @@GLOBAL.version, @@GLOBAL.server_uuid, @@GLOBAL.gtid_executed,"
            + " @@GLOBAL.gtid_purged, @@GLOBAL.read_only, @@GLOBAL.super_read_only, @@GLOBAL.offline_mode,"
            + " @@GLOBAL.binlog_format,"
            // Waiting for a lock, or for a replica's acknowledgement, are other states: that is not being stuck.
            + " (SELECT COUNT(*) FROM performance_schema.processlist"
            + " WHERE state IN ('waiting for handler commit', 'Waiting for disk space')"
            // A dropped table's files are unlinked at the end of its commit; others can commit meanwhile.
            + " AND NOT COALESCE(info, '') REGEXP '^[[:space:]]*(/[*].*?[*]/[[:space:]]*)*"
            + "(ALTER|CREATE|DROP|OPTIMIZE|RENAME|TRUNCATE)[[:space:]]'),"
            + " (SELECT SUM(sum_number_of_bytes_write) FROM performance_schema.file_summary_by_event_name"
            + " WHERE event_name='wait/io/file/sql/binlog'),"
            + " IF(COALESCE(@@GLOBAL.admin_address, '') = '', 0, @@GLOBAL.admin_port)";
    private static final String USER_DATA = "SELECT EXISTS(SELECT 1 FROM information_schema.schemata WHERE schema_name"
            + " NOT IN ('mysql','information_schema','performance_schema','sys','moha'))";

    /** What is read less often. */
    private record Slow(
            String binlogFile, long binlogPosition, boolean hasUserData, boolean deadManArmed, long readAtNanos) {}

    /** What one statement tells. */
    private record Globals(
            String version,
            String serverUuid,
            String executed,
            String purged,
            boolean readOnly,
            boolean superReadOnly,
            boolean offlineMode,
            String binlogFormat,
            Commits commits,
            int adminPort) {}

    private final GtidCache executed = new GtidCache();
    private final GtidCache purged = new GtidCache();
    private final GtidCache retrieved = new GtidCache();
    private @Nullable Slow slow;
    private volatile int adminPort;
    private String slowFor = "";
    private String lastExecuted = "";
    private volatile boolean changed = true;

    /** The agent has changed something: the next probe reads everything. */
    void invalidate() {
        changed = true;
    }

    /** The administrative port of the server as of the last probe; 0 if it has none. */
    int adminPort() {
        return adminPort;
    }

    /** Called by one thread at a time: the probe's line sees to it. */
    DatabaseStatus read(Link link) throws SQLException {
        Globals globals = Sql.first(link, GLOBALS, Probe::globals)
                .orElseThrow(() -> new SQLException("the server sent no row for " + GLOBALS));
        Optional<Replica> replica = replica(link);
        adminPort = globals.adminPort();
        // Reading the position waits for whoever writes the binary log: a huge transaction, or one on a full disk.
        boolean held = globals.commits().waiting() > 0 && globals.executed().equals(lastExecuted);
        lastExecuted = globals.executed();
        Slow rest = slow(link, globals.executed(), held);
        return new DatabaseStatus(
                globals.version(),
                globals.serverUuid(),
                executed.parse(globals.executed()),
                purged.parse(globals.purged()),
                globals.readOnly(),
                globals.superReadOnly(),
                globals.offlineMode(),
                globals.binlogFormat(),
                rest.binlogFile(),
                rest.binlogPosition(),
                rest.hasUserData(),
                replica,
                rest.deadManArmed(),
                globals.commits(),
                DatabaseStatus.SemiSync.OFF);
    }

    private static Globals globals(ResultSet row) throws SQLException {
        return new Globals(
                row.getString(1),
                row.getString(2),
                row.getString(3),
                row.getString(4),
                row.getBoolean(5),
                row.getBoolean(6),
                row.getBoolean(7),
                String.valueOf(row.getString(8)).toUpperCase(Locale.ROOT),
                new Commits(row.getInt(9), row.getLong(10)),
                row.getInt(11));
    }

    private Slow slow(Link link, String executedText, boolean held) throws SQLException {
        Slow last = slow;
        boolean old = last == null || System.nanoTime() - last.readAtNanos() > SLOW.toNanos();
        // An empty server that receives its first transactions must not be called empty for five seconds more.
        boolean firstData = last != null && !last.hasUserData() && !executedText.equals(slowFor);
        if (last != null && !old && !changed && !firstData) {
            return last;
        }
        changed = false; // before reading: a change during the read makes the next probe read again
        boolean userData = Sql.text(link, USER_DATA).equals("1");
        boolean armed = DeadMan.armed(link);
        Slow read;
        if (last != null && held) {
            read = new Slow(last.binlogFile(), last.binlogPosition(), userData, armed, System.nanoTime());
        } else {
            read = Sql.first(
                            link,
                            link.version().showBinaryLogStatus(),
                            row -> new Slow(
                                    row.getString("File"), row.getLong("Position"), userData, armed, System.nanoTime()))
                    .orElse(new Slow("", 0, userData, armed, System.nanoTime()));
        }
        slow = read;
        slowFor = executedText;
        return read;
    }

    private Optional<Replica> replica(Link link) throws SQLException {
        try (Statement statement = link.connection().createStatement();
                ResultSet row = statement.executeQuery("SHOW REPLICA STATUS")) {
            while (row.next()) {
                String host = row.getString("Source_Host");
                boolean ours = row.getString("Channel_Name").isEmpty() && host != null && !host.isEmpty();
                if (ours) {
                    return Optional.of(replica(row, host));
                }
            }
            return Optional.empty();
        }
    }

    private Replica replica(ResultSet row, String host) throws SQLException {
        Receiver receiver = switch (row.getString("Replica_IO_Running")) {
            case "Yes" -> Receiver.RUNNING;
            case "Connecting" -> Receiver.CONNECTING;
            default -> Receiver.STOPPED;
        };
        long behind = row.getLong("Seconds_Behind_Source");
        boolean missing = row.wasNull();
        return new Replica(
                new Endpoint(host, row.getInt("Source_Port")),
                receiver,
                row.getString("Replica_SQL_Running").equals("Yes"),
                retrieved.parse(row.getString("Retrieved_Gtid_Set")),
                "",
                missing ? -1 : behind,
                String.valueOf(row.getString("Last_IO_Error")),
                String.valueOf(row.getString("Last_SQL_Error")));
    }

    /** On an idle server the sets do not change from probe to probe. */
    private static final class GtidCache {
        private String text = "";
        private GtidSet set = GtidSet.EMPTY;

        GtidSet parse(String next) {
            if (!next.equals(text)) {
                set = GtidSet.parse(next);
                text = next;
            }
            return set;
        }
    }
}
