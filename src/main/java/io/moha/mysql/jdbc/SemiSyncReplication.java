package io.moha.mysql.jdbc;

import io.moha.mysql.DatabaseException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.LockSupport;

/**
 * Semi-synchronous replication. Nothing here makes a binlog event; settings are SET GLOBAL, so a restart ends them, as a
 * server that comes back must neither wait for nor acknowledge anything before its agent has looked.
 */
final class SemiSyncReplication {
    static final String SOURCE = "rpl_semi_sync_source";
    static final String REPLICA = "rpl_semi_sync_replica";

    /**
     * A hundred years in milliseconds. The variable takes more, but what the server makes of it, a point in time, is to
     * stay one that every layer below can express.
     */
    static final long FOR_EVER = 3_153_600_000_000L;

    private static final int UNKNOWN_THREAD = 1094;
    private static final Duration KILL_WITHIN = Duration.ofSeconds(2);

    /**
     * The connections of replicas; what each was opened with is in its user variables (8.0.33 and 9.7.4: 0.1 ms; one that
     * does not acknowledge has no rpl_semi_sync_replica).
     */
    private static final String CONNECTIONS = " FROM performance_schema.threads t"
            + " STRAIGHT_JOIN performance_schema.user_variables_by_thread id"
            + " ON id.thread_id = t.thread_id AND id.variable_name = 'replica_uuid'";

    private static final String ARE_REPLICAS = " WHERE t.processlist_command LIKE 'Binlog Dump%'";

    /** One value: the server_uuid of each replica that acknowledges, by commas; NULL if there is none. */
    static final String ACKERS = "SELECT GROUP_CONCAT(CONVERT(id.variable_value USING utf8mb4))" + CONNECTIONS
            + " STRAIGHT_JOIN performance_schema.user_variables_by_thread acks"
            + " ON acks.thread_id = t.thread_id AND acks.variable_name = 'rpl_semi_sync_replica'" + ARE_REPLICAS
            + " AND CONVERT(acks.variable_value USING utf8mb4) = '1'";

    /** One value: the server_uuid of each replica that has been sent everything, by commas; NULL if there is none. */
    static final String CAUGHT_UP = "SELECT GROUP_CONCAT(CONVERT(id.variable_value USING utf8mb4))" + CONNECTIONS
            + ARE_REPLICAS + " AND t.processlist_state LIKE '% has sent all binlog %'";

    /** Whether settings are such that no commit returns without its acknowledgements. */
    static final String LOSSLESS = "@@GLOBAL.rpl_semi_sync_source_enabled AND"
            + " @@GLOBAL.rpl_semi_sync_source_wait_no_replica AND"
            + " @@GLOBAL.rpl_semi_sync_source_wait_point = 'AFTER_SYNC' AND"
            + " @@GLOBAL.rpl_semi_sync_source_timeout >= " + FOR_EVER;

    private static final String SOURCE_STATUS = "Rpl_semi_sync_source_status";
    private static final String REPLICA_STATUS = "Rpl_semi_sync_replica_status";

    private SemiSyncReplication() {}

    /** @see io.moha.mysql.Database#awaitAckers */
    static void awaitAckers(Link link, int replicas) throws SQLException, DatabaseException {
        if (replicas == 0) {
            if (Plugins.active(link, SOURCE) && isOn(link, SOURCE)) {
                Sql.execute(link, "SET GLOBAL rpl_semi_sync_source_enabled=OFF");
            }
            return;
        }
        require(link);
        Plugins.install(link, SOURCE, "semisync_source.so");
        // All of it before it is switched on: never are there fewer than asked for.
        Sql.execute(
                link,
                "SET GLOBAL rpl_semi_sync_source_timeout=" + FOR_EVER
                        + ", GLOBAL rpl_semi_sync_source_wait_point='AFTER_SYNC'"
                        + ", GLOBAL rpl_semi_sync_source_wait_no_replica=ON"
                        + ", GLOBAL rpl_semi_sync_source_wait_for_replica_count=" + replicas);
        if (isOn(link, SOURCE)) {
            if (status(link, SOURCE_STATUS)) {
                return;
            }
            // Enabled with a timeout that somebody else had set, and that has passed: it waits for nobody any more, and
            // would go on so until a replica has caught up.
            Sql.execute(link, "SET GLOBAL rpl_semi_sync_source_enabled=OFF");
        }
        Sql.execute(link, "SET GLOBAL rpl_semi_sync_source_enabled=ON");
    }

    /** A server that has restarted waits for nobody: it must not be opened as if it did. */
    static void requireWaiting(Link link, int replicas) throws SQLException, DatabaseException {
        String waits = "SELECT IF(" + LOSSLESS + ", @@GLOBAL.rpl_semi_sync_source_wait_for_replica_count, 0)";
        int count = Plugins.active(link, SOURCE) ? Integer.parseInt(Sql.text(link, waits)) : 0;
        if (count < replicas) {
            throw Faults.refused("opening for writes: commits must wait for " + replicas
                    + " acknowledgements, and the server waits for " + count);
        }
    }

    /** @see io.moha.mysql.Database#acknowledge */
    static void acknowledge(Link link, boolean on, RelayLogSync relayLog) throws SQLException, DatabaseException {
        if (on) {
            require(link);
            relayLog.everyEvent(link);
            Plugins.install(link, REPLICA, "semisync_replica.so");
        } else if (!Plugins.active(link, REPLICA)) {
            return;
        }
        if (isOn(link, REPLICA) != on) {
            Sql.execute(link, "SET GLOBAL rpl_semi_sync_replica_enabled=" + (on ? "ON" : "OFF"));
        }
        // One that is about to connect will ask the setting.
        boolean running = Sql.first(link, "SHOW REPLICA STATUS", row -> row.getString("Replica_IO_Running"))
                .filter("Yes"::equals)
                .isPresent();
        if (running && acknowledging(link) != on) {
            Replication.stopReceiver(link);
            Sql.execute(link, "START REPLICA IO_THREAD");
        }
        if (!on) {
            relayLog.asBefore(link);
        }
    }

    /** Whether the present connection to the source was opened to acknowledge. The plugin is installed. */
    static boolean acknowledging(Link link) throws SQLException {
        return status(link, REPLICA_STATUS);
    }

    /** @see io.moha.mysql.Database#dropReplica */
    static void dropReplica(Link link, String serverUuid) throws SQLException, DatabaseException {
        String find = "SELECT COALESCE(GROUP_CONCAT(t.processlist_id), '')" + CONNECTIONS + ARE_REPLICAS
                + " AND LOWER(CONVERT(id.variable_value USING utf8mb4)) = "
                + Sql.quote(serverUuid.toLowerCase(Locale.ROOT));
        List<String> connections = ids(link, find);
        for (String id : connections) {
            kill(link, id);
        }
        // It may still take an acknowledgement while it ends (measured: 20 ms).
        long until = System.nanoTime() + KILL_WITHIN.toNanos();
        while (ids(link, find).stream().anyMatch(connections::contains)) {
            if (System.nanoTime() - until > 0) {
                throw Faults.refused(
                        "the connection of the replica " + serverUuid + " is there " + KILL_WITHIN + " after its KILL");
            }
            LockSupport.parkNanos(5_000_000);
        }
    }

    private static void kill(Link link, String id) throws SQLException {
        try {
            Sql.execute(link, "KILL " + id);
        } catch (SQLException e) {
            if (e.getErrorCode() != UNKNOWN_THREAD) {
                throw e;
            }
        }
    }

    private static List<String> ids(Link link, String sql) throws SQLException {
        return Arrays.stream(Sql.text(link, sql).split(","))
                .filter(id -> !id.isEmpty())
                .toList();
    }

    private static boolean isOn(Link link, String plugin) throws SQLException {
        return Sql.text(link, "SELECT @@GLOBAL." + plugin + "_enabled").equals("1");
    }

    private static boolean status(Link link, String variable) throws SQLException {
        return Sql.text(
                        link,
                        "SELECT variable_value FROM performance_schema.global_status WHERE variable_name="
                                + Sql.quote(variable))
                .equals("ON");
    }

    private static void require(Link link) throws DatabaseException {
        if (!link.version().hasSemiSync()) {
            throw Faults.refused("MySQL " + link.version() + " is too old for lossless durability: 8.0.26 is needed");
        }
    }
}
