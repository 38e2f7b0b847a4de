package io.moha.mysql.jdbc;

import io.moha.model.Endpoint;
import io.moha.mysql.DatabaseException;
import java.sql.SQLException;

/** Takes all data of another server with the clone plugin. */
final class Cloner {
    private static final int RESTART_FAILED = 3707;
    private static final String INSTALL = "INSTALL PLUGIN clone SONAME 'mysql_clone.so'";

    private final JdbcSettings settings;

    Cloner(JdbcSettings settings) {
        this.settings = settings;
    }

    /** On another member only where it is writable: this agent does not touch the fence of another one's server. */
    static void ensurePluginOnDonor(Link link) throws SQLException {
        if (!hasPlugin(link)) {
            Sql.execute(link, INSTALL);
        }
    }

    /** INSTALL PLUGIN is not in the binary log, but it is refused while super_read_only is on: lift that for a moment. */
    static void ensurePluginHere(Link link) throws SQLException {
        if (hasPlugin(link)) {
            return;
        }
        boolean fenced = Sql.text(link, "SELECT @@GLOBAL.super_read_only").equals("1");
        if (fenced) {
            Sql.execute(link, "SET GLOBAL super_read_only=OFF"); // read_only stays on: no application can write
        }
        try {
            Sql.execute(link, INSTALL);
        } finally {
            if (fenced) {
                Sql.execute(link, "SET GLOBAL super_read_only=ON");
            }
        }
    }

    private static boolean hasPlugin(Link link) throws SQLException {
        String sql =
                "SELECT COUNT(*) FROM information_schema.plugins WHERE plugin_name='clone' AND plugin_status='ACTIVE'";
        return Sql.text(link, sql).equals("1");
    }

    /**
     * Replaces everything. The statement ends in a broken connection (the server restarts) or in error 3707 (nothing is
     * there to restart it: it shuts down); both are how success looks.
     */
    void take(Link link, Endpoint donor) throws SQLException, DatabaseException {
        Sql.execute(link, "STOP REPLICA");
        Sql.execute(link, "SET GLOBAL clone_valid_donor_list=" + Sql.quote(donor.toString()));
        try {
            // Carries the password: never to be logged. The server writes <secret> into its own logs.
            Sql.execute(
                    link,
                    "CLONE INSTANCE FROM " + Sql.quote(settings.user()) + "@" + Sql.quote(donor.host()) + ":"
                            + donor.port() + " IDENTIFIED BY " + Sql.quote(settings.password())
                            + (settings.encrypted() ? " REQUIRE SSL" : " REQUIRE NO SSL"));
        } catch (SQLException e) {
            if (e.getErrorCode() != RESTART_FAILED) {
                throw e;
            }
        }
    }
}
