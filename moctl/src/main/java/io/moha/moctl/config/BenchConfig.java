package io.moha.moctl.config;

import io.moha.model.Endpoint;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What {@code moctl bench} needs besides the agents.
 *
 * @param user an account without SUPER or CONNECTION_ADMIN: it must be stopped by the fence
 * @param passwordFile first line is its password; empty for an account without one
 * @param inspector an account that may read a node that is offline to applications, for {@code moctl drill}; empty: the
 *     first one
 * @param schema where the table of the bench is made; the account needs CREATE, DROP, INSERT, SELECT there
 * @param writer the writer's address at the proxy
 * @param sslMode Connector/J's {@code sslMode}
 * @param faults how to break and mend nodes
 */
public record BenchConfig(
        String user,
        Optional<Path> passwordFile,
        Optional<Inspector> inspector,
        String schema,
        Endpoint writer,
        String sslMode,
        FaultCommands faults) {
    /** An account with CONNECTION_ADMIN; its password is the first line of the file. */
    public record Inspector(String user, Path passwordFile) {}

    public BenchConfig {
        if (user.isBlank()) {
            throw new IllegalArgumentException("the user is empty");
        }
        if (!schema.matches("[A-Za-z0-9_$-]{1,64}")) {
            throw new IllegalArgumentException("the schema '" + schema + "' is not a plain name");
        }
        if (!sslMode.matches("DISABLED|PREFERRED|REQUIRED")) {
            throw new IllegalArgumentException("ssl-mode '" + sslMode + "': use DISABLED, PREFERRED or REQUIRED");
        }
    }
}
