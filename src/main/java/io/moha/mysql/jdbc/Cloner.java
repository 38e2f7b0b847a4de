package io.moha.mysql.jdbc;

import io.moha.model.Endpoint;
import io.moha.mysql.DatabaseException;
import java.sql.SQLException;

/** Takes all data of another server with the clone plugin. */
final class Cloner {
    private static final int RESTART_FAILED = 3707;
    private static final String PLUGIN = "clone";
    private static final String LIBRARY = "mysql_clone.so";

    private final JdbcSettings settings;

    Cloner(JdbcSettings settings) {
        this.settings = settings;
    }

    /** On another member only where it is writable: this agent does not touch the fence of another one's server. */
    static void ensurePluginOnDonor(Link link) throws SQLException {
        Plugins.installOpen(link, PLUGIN, LIBRARY);
    }

    static void ensurePluginHere(Link link) throws SQLException {
        Plugins.install(link, PLUGIN, LIBRARY);
    }

    /**
     * Replaces everything. The statement ends in a broken connection (the server restarts) or in error 3707 (nothing is
     * there to restart it: it shuts down); both are how success looks.
     */
    void take(Link link, Endpoint donor) throws SQLException, DatabaseException {
        Replication.stopDrained(link);
        Sql.execute(link, "SET GLOBAL clone_valid_donor_list=" + Sql.quote(donor.toString()));
        // The clone drops this server's schemas first, which super_read_only refuses (1290). read_only stays on, and
        // offline_mode keeps readers away from what is half gone.
        Sql.execute(link, "SET GLOBAL offline_mode=ON");
        Sql.execute(link, "SET GLOBAL super_read_only=OFF");
        try {
            // Carries the password: never to be logged. The server writes <secret> into its own logs.
            Sql.execute(
                    link,
                    "CLONE INSTANCE FROM " + Sql.quote(settings.user()) + "@" + Sql.quote(donor.host()) + ":"
                            + donor.port() + " IDENTIFIED BY " + Sql.quote(settings.password())
                            + (settings.encrypted() ? " REQUIRE SSL" : " REQUIRE NO SSL"));
        } catch (SQLException e) {
            if (e.getErrorCode() != RESTART_FAILED) {
                fenceAgain(link, e);
                throw e;
            }
        }
    }

    private static void fenceAgain(Link link, SQLException reason) {
        try {
            Sql.execute(link, "SET GLOBAL super_read_only=ON");
        } catch (SQLException e) {
            reason.addSuppressed(e); // the connection broke: the server restarts, fenced by its configuration
        }
    }
}
