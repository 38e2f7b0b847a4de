package io.moha.mysql.jdbc;

import io.moha.mysql.DatabaseException;
import io.moha.mysql.jdbc.JdbcDatabase.Gate;
import java.sql.SQLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The switch by which a server fences itself when its agent is gone: an event that runs every second, and a row that says
 * until when the server may stay open.
 *
 * <p>The event acts only where {@code read_only} is off: while a server is being opened, and on every replica, it does
 * nothing. It acts only on the row of this very server ({@code @@server_uuid}), so that a clone or a dump does not carry
 * an armed switch to another one. A beat moves a running switch on but never revives one that has run out: a beat that was
 * held up (a frozen server) must not open the window again. Everything here runs with {@code sql_log_bin=0}: it creates no
 * GTID.
 *
 * <p>A server whose clock was set back would stay open for that long; so a beat further ahead than the allowance plus ten
 * seconds counts as run out. MySQL's scheduler itself waits for the moment at which the event was due by the old clock: it
 * runs nothing for that long. So each beat looks whether the event still runs, and sets it going again.
 */
final class DeadMan {
    /** In the event's comment; another text makes the next promotion install the event anew. */
    private static final String EDITION = "MoHA dead-man switch, edition 1";

    private static final String FROM_EVENTS =
            " FROM information_schema.events WHERE event_schema='moha' AND event_name='dead_man'";

    private static final String INSTALLED = "EXISTS(SELECT 1" + FROM_EVENTS;

    private static final String READY =
            INSTALLED + " AND status='ENABLED' AND event_comment='" + EDITION + "' AND definer=CURRENT_USER())";

    private static final String CREATE_TABLE = """
            CREATE TABLE IF NOT EXISTS moha.beat (
              server_uuid CHAR(36) NOT NULL PRIMARY KEY COMMENT 'the server this row is for',
              runs_out DATETIME(6) NOT NULL COMMENT 'UTC; open for writes until then',
              allowance_ms BIGINT NOT NULL COMMENT 'how far the last beat moved it',
              armed BOOLEAN NOT NULL
            ) ENGINE=InnoDB COMMENT='MoHA: written by the agent beside this server, never replicated'""";

    /** offline_mode first: it cannot hang, super_read_only can (it waits for commits that wait for an acknowledgement). */
    private static final String CREATE_EVENT = """
            CREATE EVENT moha.dead_man ON SCHEDULE EVERY 1 SECOND ON COMPLETION PRESERVE ENABLE COMMENT '%s' DO
            IF @@GLOBAL.read_only = 0 AND EXISTS(
                SELECT 1 FROM moha.beat WHERE server_uuid = @@GLOBAL.server_uuid AND armed
                  AND (runs_out <= UTC_TIMESTAMP(6)
                    OR runs_out > UTC_TIMESTAMP(6) + INTERVAL (allowance_ms * 1000 + 10000000) MICROSECOND)) THEN
              SET SESSION lock_wait_timeout = 1;
              SET GLOBAL offline_mode = ON;
              SET GLOBAL super_read_only = ON;
            END IF""".formatted(EDITION);

    /** Whether the event ran, or was set going, in the last seconds by the server's clock as it is now. */
    private static final String RUNS =
            "SELECT COUNT(*) FROM (SELECT CONVERT_TZ(last_executed, time_zone, '+00:00') AS ran,"
                    + " CONVERT_TZ(starts, time_zone, '+00:00') AS began" + FROM_EVENTS + " AND status='ENABLED'"
                    + " AND @@GLOBAL.event_scheduler='ON') AS e"
                    + " WHERE ran BETWEEN UTC_TIMESTAMP() - INTERVAL 5 SECOND AND UTC_TIMESTAMP() + INTERVAL 1 SECOND"
                    + " OR began BETWEEN UTC_TIMESTAMP() - INTERVAL 5 SECOND AND UTC_TIMESTAMP() + INTERVAL 1 SECOND";

    private static final Logger LOG = LoggerFactory.getLogger(DeadMan.class);

    private DeadMan() {}

    /**
     * Installs and arms the switch. super_read_only is off, read_only still on.
     *
     * @param until when the server is to fence itself unless beaten, on this machine's monotonic clock
     * @throws SQLException also where the server was started with event_scheduler=DISABLED (1290)
     */
    static void arm(Link link, long until, Gate gate) throws SQLException, DatabaseException {
        String state = Sql.text(link, "SELECT CONCAT(@@GLOBAL.event_scheduler, '/', " + READY + ")");
        if (!state.startsWith("ON/")) {
            gate.check();
            Sql.execute(link, "SET GLOBAL event_scheduler=ON");
        }
        if (!state.endsWith("/1")) {
            gate.check();
            Sql.execute(link, "CREATE DATABASE IF NOT EXISTS moha");
            gate.check();
            Sql.execute(link, CREATE_TABLE);
            gate.check();
            Sql.execute(link, "DROP EVENT IF EXISTS moha.dead_man");
            gate.check();
            Sql.execute(link, CREATE_EVENT);
        }
        gate.check();
        Row row = Row.endingAt(link, until);
        gate.check();
        Sql.execute(
                link,
                "REPLACE INTO moha.beat (server_uuid, runs_out, allowance_ms, armed) VALUES (@@GLOBAL.server_uuid, "
                        + row.runsOut() + ", " + row.allowanceMillis() + ", TRUE)");
    }

    /** What a beat writes: a moment of the server's clock, as text. */
    private record Row(String runsOut, long allowanceMillis) {
        /**
         * The end is a moment, not a length from whenever the statement is executed: one that waited in the socket of a
         * frozen server would else move the end by as long as it waited, past the lease. The server's clock is read first;
         * when its answer is here, it shows at least that.
         */
        static Row endingAt(Link link, long until) throws SQLException, DatabaseException {
            String serverTime = Sql.text(link, "SELECT UTC_TIMESTAMP(6)");
            long left = until - System.nanoTime();
            if (left <= 0) {
                throw Faults.refused("beat: its time was over before it could be written");
            }
            return new Row(
                    "TIMESTAMP" + Sql.quote(serverTime) + " + INTERVAL " + left / 1000 + " MICROSECOND",
                    Math.max(1, left / 1_000_000));
        }
    }

    /** Removes the event, for a cluster that does without. super_read_only is off. */
    static void remove(Link link, Gate gate) throws SQLException, DatabaseException {
        if (Sql.text(link, "SELECT " + INSTALLED + ")").equals("1")) {
            gate.check();
            Sql.execute(link, "DROP EVENT IF EXISTS moha.dead_man");
        }
    }

    /**
     * Moves a running switch on.
     *
     * @param until when the server is to fence itself, on this machine's monotonic clock
     * @param first since the switch was armed: MySQL does not say of a replica whether its event runs
     * @return false if the switch is not armed, or has run out already
     */
    static boolean beat(Link link, long until, boolean first) throws SQLException, DatabaseException {
        Row row = Row.endingAt(link, until);
        boolean moved = Sql.update(
                        link,
                        "UPDATE moha.beat SET runs_out = " + row.runsOut() + ", allowance_ms = "
                                + row.allowanceMillis()
                                + " WHERE server_uuid = @@GLOBAL.server_uuid AND armed AND runs_out > UTC_TIMESTAMP(6)")
                == 1;
        if (moved) {
            keepRunning(link, first);
        }
        return moved;
    }

    /** Trouble here is told, but is no reason to call the beat failed: it is written. */
    private static void keepRunning(Link link, boolean first) {
        try {
            if (Sql.text(link, RUNS).equals("1")) {
                return;
            }
            if (!first) {
                LOG.warn(
                        "the dead-man's event of this server does not run: its clock was set back, or somebody stopped the"
                                + " event or the scheduler; setting it going again");
            }
            Sql.execute(link, "SET SESSION lock_wait_timeout=1");
            Sql.execute(link, "SET GLOBAL event_scheduler=ON");
            Sql.execute(link, "ALTER EVENT moha.dead_man ON SCHEDULE EVERY 1 SECOND ENABLE");
        } catch (SQLException e) {
            LOG.warn("the dead-man's event of this server cannot be set going: {}", e.getMessage());
        }
    }

    /** Whether the event is installed and would act on this server once the beat runs out. */
    static boolean armed(Link link) throws SQLException {
        if (!Sql.text(link, "SELECT " + READY).equals("1")) {
            return false;
        }
        return Sql.text(
                        link,
                        "SELECT EXISTS(SELECT 1 FROM moha.beat WHERE server_uuid = @@GLOBAL.server_uuid AND armed)"
                                + " AND @@GLOBAL.event_scheduler = 'ON'")
                .equals("1");
    }
}
