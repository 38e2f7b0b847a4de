package io.moha.mysql.jdbc;

import java.sql.SQLException;

/** Installs plugins of the server that its configuration did not load. */
final class Plugins {
    private Plugins() {}

    static boolean active(Link link, String plugin) throws SQLException {
        return Sql.text(
                        link,
                        "SELECT COUNT(*) FROM information_schema.plugins WHERE plugin_name=" + Sql.quote(plugin)
                                + " AND plugin_status='ACTIVE'")
                .equals("1");
    }

    /**
     * INSTALL PLUGIN is not in the binary log, but it is refused while super_read_only is on (1290, measured on 8.0.33
     * and 9.7.4): lift that for a moment. Where the configuration loads the plugin ({@code plugin_load_add}) this does
     * nothing.
     */
    static void install(Link link, String plugin, String library) throws SQLException {
        if (active(link, plugin)) {
            return;
        }
        boolean fenced = Sql.text(link, "SELECT @@GLOBAL.super_read_only").equals("1");
        if (fenced) {
            Sql.execute(link, "SET GLOBAL super_read_only=OFF"); // read_only stays on: no application can write
        }
        try {
            installOpen(link, plugin, library);
        } finally {
            if (fenced) {
                Sql.execute(link, "SET GLOBAL super_read_only=ON");
            }
        }
    }

    /** Only where the server is writable: another one's fence is not to be touched. */
    static void installOpen(Link link, String plugin, String library) throws SQLException {
        if (!active(link, plugin)) {
            Sql.execute(link, "INSTALL PLUGIN " + plugin + " SONAME " + Sql.quote(library));
        }
    }
}
