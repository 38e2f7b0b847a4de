package io.moha.e2e;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/** Sessions of clients and operators at the servers of a test. */
final class Sessions {
    private Sessions() {}

    /**
     * @param address host and port
     * @param connectMillis the longest wait for the connection
     * @param socketMillis the longest wait for an answer
     */
    static Connection open(String address, String user, String password, int connectMillis, int socketMillis)
            throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", user);
        properties.setProperty("password", password);
        properties.setProperty("sslMode", "REQUIRED");
        properties.setProperty("connectTimeout", Integer.toString(connectMillis));
        properties.setProperty("socketTimeout", Integer.toString(socketMillis));
        return DriverManager.getConnection("jdbc:mysql://" + address + "/", properties);
    }

    static void execute(Connection connection, String... statements) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        }
    }
}
