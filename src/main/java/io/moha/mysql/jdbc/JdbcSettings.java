package io.moha.mysql.jdbc;

import io.moha.model.Endpoint;
import java.time.Duration;
import java.util.List;

/**
 * How to reach the server beside this agent, and with which accounts.
 *
 * @param server where it listens
 * @param user the agent's account; the same on every member
 * @param password its password
 * @param connectTimeout limit for making one connection, handshake included
 * @param sslMode {@code DISABLED}, {@code REQUIRED}, {@code VERIFY_CA} or {@code VERIFY_IDENTITY}
 * @param replicationUser account that a replica's receiver uses on its source
 * @param replicationPassword its password; MySQL takes at most 32 characters here
 * @param deadManSwitch whether the server is to fence itself when the agent's beat runs out
 */
public record JdbcSettings(
        Endpoint server,
        String user,
        String password,
        Duration connectTimeout,
        String sslMode,
        String replicationUser,
        String replicationPassword,
        boolean deadManSwitch) {
    private static final List<String> SSL_MODES = List.of("DISABLED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY");
    private static final int LONGEST_REPLICATION_PASSWORD = 32;

    public JdbcSettings {
        if (user.isBlank()) {
            throw new IllegalArgumentException("the user of the agent's account is empty");
        }
        if (connectTimeout.toMillis() < 1) {
            throw new IllegalArgumentException("the connect timeout " + connectTimeout + " is shorter than 1 ms");
        }
        if (!SSL_MODES.contains(sslMode)) {
            throw new IllegalArgumentException("ssl-mode '" + sslMode + "' is unknown: use one of " + SSL_MODES);
        }
        // The server's own message for this mistake would quote the password.
        if (replicationPassword.length() > LONGEST_REPLICATION_PASSWORD) {
            throw new IllegalArgumentException("the replication password has " + replicationPassword.length()
                    + " characters; MySQL takes at most " + LONGEST_REPLICATION_PASSWORD
                    + " in CHANGE REPLICATION SOURCE");
        }
    }

    /** Whether connections are encrypted. */
    public boolean encrypted() {
        return !sslMode.equals("DISABLED");
    }

    /** Without the passwords. */
    @Override
    public String toString() {
        return "JdbcSettings[" + user + "@" + server + ", replication as " + replicationUser + ", ssl-mode " + sslMode
                + ", connect timeout " + connectTimeout + ", dead-man switch " + deadManSwitch + "]";
    }
}
