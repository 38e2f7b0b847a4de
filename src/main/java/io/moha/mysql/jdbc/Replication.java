package io.moha.mysql.jdbc;

import io.moha.model.Endpoint;
import io.moha.mysql.DatabaseException;
import java.sql.SQLException;
import java.util.Locale;

/** The statements that move a server from one source to another. All are allowed while super_read_only is on. */
final class Replication {
    /** The server's upper bound; what 0 means differs from one manual to the next. */
    private static final long FOR_EVER = 4294967295L;

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

    void follow(Link link, Endpoint source) throws SQLException {
        double netTimeout = Sql.first(link, "SELECT " + link.version().replicaNetTimeout(), row -> row.getDouble(1))
                .orElse(60.0);
        Sql.execute(link, "STOP REPLICA");
        // Carries the password: never to be logged. The server writes <secret> into its own logs.
        Sql.execute(link, changeSource(source, netTimeout));
        Sql.execute(link, "START REPLICA");
    }

    private String changeSource(Endpoint source, double netTimeout) {
        // One heartbeat a second; a period at or above replica_net_timeout makes the server warn and reconnect for
        // ever.
        double heartbeat = netTimeout > 1 ? 1 : netTimeout / 2;
        return "CHANGE REPLICATION SOURCE TO SOURCE_HOST=" + Sql.quote(source.host()) + ", SOURCE_PORT=" + source.port()
                + ", SOURCE_USER=" + Sql.quote(settings.replicationUser())
                + ", SOURCE_PASSWORD=" + Sql.quote(settings.replicationPassword())
                + ", SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=" + FOR_EVER
                + String.format(Locale.ROOT, ", SOURCE_HEARTBEAT_PERIOD=%.3f", heartbeat)
                + (settings.encrypted() ? ", SOURCE_SSL=1" : ", SOURCE_SSL=0, GET_SOURCE_PUBLIC_KEY=1");
    }
}
