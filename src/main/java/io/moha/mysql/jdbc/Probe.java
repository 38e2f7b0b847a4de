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
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Reads the state of the server in two statements, three on a replica that acknowledges. What changes seldom, or only by this agent's own hand (position in the
 * binary log, whether there is user data, the dead-man's switch), is read every few seconds, and at once after the agent
 * has changed something: the probe runs several times a second on every server.
 */
final class Probe {
    private static final Duration SLOW = Duration.ofSeconds(5);
    private static final String GLOBALS = "SELECT @@GLOBAL.version, @@GLOBAL.server_uuid, @@GLOBAL.gtid_executed,"
            + " @@GLOBAL.gtid_purged, @@GLOBAL.read_only, @@GLOBAL.super_read_only, @@GLOBAL.offline_mode,"
            + " @@GLOBAL.binlog_format,"
            + " (SELECT SUM(sum_number_of_bytes_write) FROM performance_schema.file_summary_by_event_name"
            + " WHERE event_name='wait/io/file/sql/binlog'),"
            + " IF(COALESCE(@@GLOBAL.admin_address, '') = '', 0, @@GLOBAL.admin_port),"
            + " (SELECT CONCAT(count_received_heartbeats, '/', last_heartbeat_timestamp)"
            + " FROM performance_schema.replication_connection_status WHERE channel_name = ''),"
            + " sessions.no_room, sessions.committing, sessions.unacknowledged, ";

    private static final String SESSIONS =
            " FROM (SELECT COALESCE(SUM(state = 'Waiting for disk space'), 0) AS no_room,"
                    + " COALESCE(SUM(state = 'waiting for handler commit'), 0) AS committing,"
                    + " COALESCE(SUM(state LIKE 'Waiting for semi-sync ACK from %'), 0) AS unacknowledged"
                    + " FROM performance_schema.processlist"
                    + " WHERE (state IN ('waiting for handler commit', 'Waiting for disk space')"
                    + " OR state LIKE 'Waiting for semi-sync ACK from %')"
                    // A dropped table's files are unlinked at the end of its commit; others can commit meanwhile.
                    + " AND NOT COALESCE(info, '') REGEXP '^[[:space:]]*(/[*].*?[*]/[[:space:]]*)*"
                    + "(ALTER|CREATE|DROP|OPTIMIZE|RENAME|TRUNCATE)[[:space:]]') AS sessions";
    private static final String USER_DATA = "SELECT EXISTS(SELECT 1 FROM information_schema.schemata WHERE schema_name"
            + " NOT IN ('mysql','information_schema','performance_schema','sys','moha'))";

    /**
     * What is read less often.
     *
     * @param change how often this agent had changed the role of the server, or all of it, before it was read
     * @param replaced how often it had changed all of it
     */
    private record Slow(
            String binlogFile,
            long binlogPosition,
            boolean hasUserData,
            boolean deadManArmed,
            int change,
            int replaced,
            long readAtNanos) {}

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
            long binlogBytes,
            int adminPort,
            String heartbeats,
            Sessions sessions,
            SemiSyncProbe.Settings semiSync) {}

    /**
     * Sessions in the middle of a commit. Waiting for a lock is another state: that is not being stuck.
     *
     * @param noRoom wait for room on the disk
     * @param committing are being committed, or stand in the queue behind one that is
     * @param unacknowledged wait for acknowledgements; those behind them count as committing
     */
    private record Sessions(int noRoom, int committing, int unacknowledged) {
        /** Waiting for a replica is not being stuck, nor is the queue behind it. */
        int held() {
            return unacknowledged > 0 ? noRoom : noRoom + committing;
        }

        int waitForReplicas() {
            return unacknowledged > 0 ? unacknowledged + committing : 0;
        }

        boolean any() {
            return noRoom + committing + unacknowledged > 0;
        }
    }

    private final GtidCache executed = new GtidCache();
    private final GtidCache purged = new GtidCache();
    private final GtidCache retrieved = new GtidCache();
    private final SemiSyncProbe semiSync = new SemiSyncProbe();
    private @Nullable Slow slow;
    private volatile int adminPort;
    private String slowFor = "";
    private String lastExecuted = "";
    /** Counts what the agent has changed. */
    private final AtomicInteger changes = new AtomicInteger();

    private final AtomicInteger replacements = new AtomicInteger();

    /** The agent has opened or closed the server, or changed its source: the next probe reads what goes with that. */
    void invalidate() {
        changes.incrementAndGet();
    }

    /** There may be other data, or other plugins: the next probe reads everything. */
    void invalidateAll() {
        replacements.incrementAndGet();
        invalidate();
    }

    /** The agent has changed semi-synchronous replication: perhaps a plugin is new. What is set is read each time. */
    void invalidatePlugins() {
        if (!semiSync.complete()) {
            invalidateAll();
        }
    }

    /** The administrative port of the server as of the last probe; 0 if it has none. */
    int adminPort() {
        return adminPort;
    }

    /** Called by one thread at a time: the probe's line sees to it. */
    DatabaseStatus read(Link link) throws SQLException {
        // Before reading: a change during the read makes the next probe read again.
        int change = changes.get();
        int replaced = replacements.get();
        Globals globals = globals(link, replaced);
        Optional<Replica> replica = replica(link, globals.heartbeats());
        boolean acknowledging = replica.isPresent()
                && replica.get().receiver() == Receiver.RUNNING
                && semiSync.acknowledging(link, globals.semiSync());
        adminPort = globals.adminPort();
        // Reading the position waits for whoever writes the binary log: a huge transaction, or one on a full disk.
        boolean held = globals.sessions().any() && globals.executed().equals(lastExecuted);
        lastExecuted = globals.executed();
        Slow rest = slow(link, globals.executed(), held, change, replaced);
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
                new Commits(globals.sessions().held(), globals.binlogBytes()),
                globals.semiSync().with(globals.sessions().waitForReplicas(), acknowledging));
    }

    private Globals globals(Link link, int change) throws SQLException {
        try {
            return askGlobals(link, change);
        } catch (SQLException e) {
            if (semiSync.forgets(e)) {
                return askGlobals(link, change);
            }
            throw e;
        }
    }

    private Globals askGlobals(Link link, int change) throws SQLException {
        String sql = GLOBALS + semiSync.columns(link, change) + SESSIONS;
        return Sql.first(link, sql, Probe::globals)
                .orElseThrow(() -> new SQLException("the server sent no row for " + sql));
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
                row.getLong(9),
                row.getInt(10),
                String.valueOf(row.getString(11)),
                new Sessions(row.getInt(12), row.getInt(13), row.getInt(14)),
                SemiSyncProbe.settings(row, 15));
    }

    private Slow slow(Link link, String executedText, boolean held, int change, int replaced) throws SQLException {
        Slow last = slow;
        boolean old = last == null || System.nanoTime() - last.readAtNanos() > SLOW.toNanos();
        // An empty server that receives its first transactions must not be called empty for five seconds more.
        boolean firstData = last != null && !last.hasUserData() && !executedText.equals(slowFor);
        if (last != null && !old && last.change() == change && !firstData) {
            return last;
        }
        // Data does not go away with a role.
        boolean known = last != null && !old && last.hasUserData() && last.replaced() == replaced;
        boolean userData = known || Sql.text(link, USER_DATA).equals("1");
        boolean armed = DeadMan.armed(link);
        Slow read;
        if (last != null && held) {
            read = new Slow(
                    last.binlogFile(), last.binlogPosition(), userData, armed, change, replaced, System.nanoTime());
        } else {
            read = Sql.first(
                            link,
                            link.version().showBinaryLogStatus(),
                            row -> new Slow(
                                    row.getString("File"),
                                    row.getLong("Position"),
                                    userData,
                                    armed,
                                    change,
                                    replaced,
                                    System.nanoTime()))
                    .orElse(new Slow("", 0, userData, armed, change, replaced, System.nanoTime()));
        }
        slow = read;
        slowFor = executedText;
        return read;
    }

    private Optional<Replica> replica(Link link, String heartbeats) throws SQLException {
        try (Statement statement = link.connection().createStatement();
                ResultSet row = statement.executeQuery("SHOW REPLICA STATUS")) {
            while (row.next()) {
                String host = row.getString("Source_Host");
                boolean ours = row.getString("Channel_Name").isEmpty() && host != null && !host.isEmpty();
                if (ours) {
                    return Optional.of(replica(row, host, heartbeats));
                }
            }
            return Optional.empty();
        }
    }

    private Replica replica(ResultSet row, String host, String heartbeats) throws SQLException {
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
                row.getString("Source_Log_File") + "/" + row.getLong("Read_Source_Log_Pos") + "/" + heartbeats,
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
