package io.moha.mysql.jdbc;

import io.moha.model.Endpoint;
import io.moha.mysql.DatabaseException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The statements that move a server from one source to another. All are allowed while super_read_only is on. */
final class Replication {
    /** The server's upper bound; what 0 means differs from one manual to the next. */
    private static final long FOR_EVER = 4294967295L;

    /**
     * Seconds after which a source that has nothing to send says so. Two in each second: a replica knows within the
     * second of suspect-after that its source is lost. Must be less than replica_net_timeout, which is 1 at least, or the
     * receiver reconnects for ever.
     */
    private static final String HEARTBEAT = "0.5";

    /**
     * Seconds between two tries to connect. The first is made at once. A second one within suspect-after would meet a lost host
     * just when the receiver is to be stopped, and STOP REPLICA waits until a try has failed (replica_net_timeout, 3 s in etc/my.cnf).
     */
    private static final int CONNECT_RETRY = 2;

    private static final Logger LOG = LoggerFactory.getLogger(Replication.class);
    private static final int SELECT_DENIED = 1142;
    private static final int NOT_OWNER = 1095;
    private static final Duration KILL_WITHIN = Duration.ofSeconds(2);
    private static final String COORDINATOR = "SELECT t.processlist_id"
            + " FROM performance_schema.replication_applier_status_by_coordinator c"
            + " JOIN performance_schema.threads t USING (thread_id)"
            + " WHERE c.channel_name = '' AND c.service_state = 'ON' AND t.processlist_id IS NOT NULL";

    private static final String INSIDE =
            "SELECT (SELECT COUNT(*) FROM performance_schema.replication_applier_status_by_worker"
                    + " WHERE channel_name = '' AND applying_transaction <> '')"
                    + " + (SELECT COUNT(*) FROM performance_schema.replication_applier_status_by_coordinator"
                    + " WHERE channel_name = '' AND processing_transaction <> '')";

    private final JdbcSettings settings;

    Replication(JdbcSettings settings) {
        this.settings = settings;
    }

    /** STOP waits for the thread to end; the status is read all the same, because I4 and I1 rest on it. */
    static void stopReceiver(Link link) throws SQLException, DatabaseException {
        Sql.execute(link, "STOP REPLICA IO_THREAD");
        String running = Sql.first(link, "SHOW REPLICA STATUS", row -> row.getString("Replica_IO_Running"))
                .orElse("No");
        if (!running.equals("No")) {
            throw Faults.refused("the receiver still says '" + running + "' after STOP REPLICA IO_THREAD");
        }
    }

    /**
     * Stops both threads; everything received is executed. A receiver that was stopped in the middle of a transaction
     * leaves a part of it in the relay log, and STOP REPLICA then waits 60 s for the rest that will never come (measured
     * on 9.7.4: 60 s; with the coordinator killed first: 0.07 s). The part is no received transaction: it is rolled back,
     * and sent again by the next source.
     */
    static void stopDrained(Link link) throws SQLException, DatabaseException {
        stopReceiver(link);
        if (Sql.first(link, "SHOW REPLICA STATUS", Replication::insideGroup).orElse(false)) {
            killCoordinator(link);
        }
        Sql.execute(link, "STOP REPLICA");
    }

    /**
     * Before a server opens whose source is forgotten only later: half a transaction that was received would keep its row locks until
     * then. Where the applier stands between two transactions, as nearly always, this is one look.
     */
    static void stopInsideTransaction(Link link) throws SQLException, DatabaseException {
        if (!Sql.text(link, INSIDE).equals("0")) {
            stopDrained(link);
        }
    }

    /** Without the privileges the thread cannot be found or killed: STOP REPLICA then waits as MySQL does. */
    private static void killCoordinator(Link link) throws SQLException, DatabaseException {
        try {
            Optional<Long> coordinator = Sql.first(link, COORDINATOR, row -> row.getLong(1));
            if (coordinator.isEmpty()) {
                return;
            }
            Sql.execute(link, "KILL " + coordinator.get());
        } catch (SQLException e) {
            if (e.getErrorCode() != SELECT_DENIED && e.getErrorCode() != NOT_OWNER) {
                throw e;
            }
            LOG.warn(
                    "this agent's account may not kill the applier ({}): stopping replication may take 60 s; grant it"
                            + " SYSTEM_USER on *.* and SELECT on performance_schema.*",
                    e.getMessage());
            return;
        }
        // A STOP that arrives before the thread has ended would make it wait all the same.
        awaitApplierStopped(link);
    }

    private static void awaitApplierStopped(Link link) throws SQLException, DatabaseException {
        long until = System.nanoTime() + KILL_WITHIN.toNanos();
        while (Sql.first(link, "SHOW REPLICA STATUS", row -> row.getString("Replica_SQL_Running"))
                .filter("Yes"::equals)
                .isPresent()) {
            if (System.nanoTime() - until > 0) {
                throw Faults.refused("the applier still runs " + KILL_WITHIN + " after its coordinator was killed");
            }
            LockSupport.parkNanos(5_000_000);
        }
    }

    private static boolean insideGroup(ResultSet row) throws SQLException {
        boolean sameFile = String.valueOf(row.getString("Source_Log_File"))
                .equals(String.valueOf(row.getString("Relay_Source_Log_File")));
        boolean samePosition = row.getLong("Read_Source_Log_Pos") == row.getLong("Exec_Source_Log_Pos");
        return "Yes".equals(row.getString("Replica_SQL_Running")) && !(sameFile && samePosition);
    }

    /**
     * An applier that runs goes on: only the receiver turns to another source. Five times less work (on an idle machine 3 ms
     * against 15), while under loss-less durability the primary's commits wait for it. Half a transaction of the old source is
     * rolled back by the applier when the new one's first event comes, as when a receiver connects anew.
     */
    void follow(Link link, Endpoint source) throws SQLException, DatabaseException {
        stopReceiver(link);
        boolean goesOn = Sql.first(link, "SHOW REPLICA STATUS", Replication::appliesByPosition)
                .orElse(false);
        if (goesOn) {
            Sql.execute(link, changeSource(source));
            Sql.execute(link, "START REPLICA IO_THREAD");
        } else {
            stopDrained(link);
            Sql.execute(link, changeSource(source) + ", SOURCE_AUTO_POSITION=1");
            Sql.execute(link, "START REPLICA");
        }
    }

    private static boolean appliesByPosition(ResultSet row) throws SQLException {
        return row.getString("Channel_Name").isEmpty()
                && "Yes".equals(row.getString("Replica_SQL_Running"))
                && row.getInt("Auto_Position") == 1;
    }

    /** Carries the password: never to be logged. The server writes {@code <secret>} into its own logs. */
    private String changeSource(Endpoint source) {
        return "CHANGE REPLICATION SOURCE TO SOURCE_HOST=" + Sql.quote(source.host()) + ", SOURCE_PORT=" + source.port()
                + ", SOURCE_USER=" + Sql.quote(settings.replicationUser())
                + ", SOURCE_PASSWORD=" + Sql.quote(settings.replicationPassword())
                + ", SOURCE_CONNECT_RETRY=" + CONNECT_RETRY
                + ", SOURCE_RETRY_COUNT=" + FOR_EVER
                + ", SOURCE_HEARTBEAT_PERIOD=" + HEARTBEAT
                + (settings.encrypted() ? ", SOURCE_SSL=1" : ", SOURCE_SSL=0, GET_SOURCE_PUBLIC_KEY=1");
    }
}
