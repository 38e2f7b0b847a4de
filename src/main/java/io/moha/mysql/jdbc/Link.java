package io.moha.mysql.jdbc;

import java.net.Socket;
import java.sql.Connection;

/**
 * One open connection.
 *
 * @param connection the session
 * @param socket the TCP socket under it
 * @param version of the server
 */
record Link(Connection connection, Socket socket, ServerVersion version) {
    /** Throws the connection away without talking to the server, which may be frozen. */
    void cut() {
        Watchdog.closeQuietly(socket);
        try {
            connection.abort(Runnable::run);
        } catch (java.sql.SQLException e) {
            // The socket is closed already.
        }
    }
}
