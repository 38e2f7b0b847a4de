package io.moha.mysql.jdbc;

import io.moha.mysql.DatabaseException;
import java.sql.SQLException;
import java.util.Optional;

/**
 * How often the relay log is forced to the disk: after each event where a server acknowledges, else as its configuration
 * says, because it is dear: it halves what a replica can receive (docs/benchmarks.md). The agent remembers the setting only
 * as long as it lives, and so does the server.
 */
final class RelayLogSync {
    private Optional<String> before = Optional.empty();

    /** What was acknowledged must be there after a crash of the process or of the machine. */
    synchronized void everyEvent(Link link) throws SQLException, DatabaseException {
        String recovery = Sql.text(link, "SELECT @@GLOBAL.relay_log_recovery");
        if (recovery.equals("1")) {
            throw Faults.refused(
                    "acknowledging: relay_log_recovery is ON on this server, so that a crash throws away what"
                            + " it has acknowledged and not executed; set relay_log_recovery=OFF in its configuration and restart it");
        }
        String now = Sql.text(link, "SELECT @@GLOBAL.sync_relay_log");
        if (!now.equals("1")) {
            Sql.execute(link, "SET GLOBAL sync_relay_log=1");
            before = Optional.of(now);
        }
    }

    /** Called when the server acknowledges nothing any more. */
    synchronized void asBefore(Link link) throws SQLException {
        if (before.isPresent()) {
            Sql.execute(link, "SET GLOBAL sync_relay_log=" + Long.parseLong(before.get()));
            before = Optional.empty();
        }
    }
}
