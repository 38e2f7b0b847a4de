package io.moha.mysql.jdbc;

import com.mysql.cj.jdbc.Driver;
import io.moha.model.Endpoint;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseException.Kind;
import java.net.Socket;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Makes single connections with the agent's account. */
final class Connector {
    /**
     * Nothing the agent does may create a GTID, so binary logging is off in all its sessions from the start. Kept
     * connections must not be ended for idling (wait_timeout), and no statement may wait for a lock for a year.
     */
    private static final String SESSION =
            "sql_log_bin=0,sql_mode='',wait_timeout=31536000,interactive_timeout=31536000,"
                    + "lock_wait_timeout=5,innodb_lock_wait_timeout=5,max_execution_time=0";

    static {
        // Its thread would only look after connections that were forgotten, and none is.
        System.setProperty("com.mysql.cj.disableAbandonedConnectionCleanup", "true");
    }

    /**
     * The second door of this agent's own server: its administrative port, where connections are not counted.
     *
     * @param serverUuid whose door it is: an address like 127.0.0.1 may lead elsewhere
     */
    record AdminDoor(Endpoint endpoint, String serverUuid) {}

    private final JdbcSettings settings;
    private volatile @Nullable AdminDoor adminDoor;
    private final Watchdog watchdog;
    private final Faults faults;

    Connector(JdbcSettings settings, Watchdog watchdog, Faults faults) {
        this.settings = settings;
        this.watchdog = watchdog;
        this.faults = faults;
    }

    /** @param door of this agent's own server, as that server says itself; null if it has none */
    void know(@Nullable AdminDoor door) {
        adminDoor = door;
    }

    /**
     * Connects on the calling thread, by the administrative port where applications have taken all connections. Name
     * resolution is not bounded: callers that must not wait for it use another thread.
     *
     * @throws DatabaseException UNREACHABLE, ACCESS_DENIED, or REFUSED where the server answers but does not serve us
     */
    Link connect(Endpoint server, String role, Deadline callerDeadline) throws DatabaseException {
        try {
            return dial(server, role, callerDeadline);
        } catch (DatabaseException e) {
            AdminDoor door = adminDoor;
            if (e.errorCode() != Faults.TOO_MANY_CONNECTIONS || door == null || !server.equals(settings.server())) {
                throw e;
            }
            return enterOr(e, door, role, callerDeadline);
        }
    }

    /** Tried again at once: 9.7.4 under load was seen to answer there in plain text where TLS was expected, cause unknown. */
    private Link enterOr(DatabaseException turnedAway, AdminDoor door, String role, Deadline deadline)
            throws DatabaseException {
        for (int tries = 0; tries < 3 && !deadline.passed(); tries++) {
            try {
                return enter(door, role, deadline);
            } catch (DatabaseException e) {
                turnedAway.addSuppressed(e);
                if (e.kind() != Kind.UNREACHABLE) {
                    break;
                }
            }
        }
        throw turnedAway;
    }

    private Link enter(AdminDoor door, String role, Deadline deadline) throws DatabaseException {
        Link link = dial(door.endpoint(), role, deadline);
        try {
            String uuid = Sql.text(link, "SELECT @@GLOBAL.server_uuid");
            if (uuid.equals(door.serverUuid())) {
                return link;
            }
            link.cut();
            throw Faults.refused("the administrative port " + door.endpoint() + " belongs to another server, " + uuid);
        } catch (SQLException e) {
            link.cut();
            throw faults.connecting("asking at the administrative port " + door.endpoint(), e);
        }
    }

    private Link dial(Endpoint server, String role, Deadline callerDeadline) throws DatabaseException {
        Deadline deadline = callerDeadline.orIn(settings.connectTimeout());
        String what = "connecting to " + server;
        AtomicReference<@Nullable Socket> socket = new AtomicReference<>();
        AtomicReference<Watchdog.@Nullable Guard> guard = new AtomicReference<>();
        TappedSocketFactory.tap(made -> {
            Watchdog.Guard before = guard.get();
            if (before != null) {
                before.over(); // a name with several addresses: the attempt before this one has failed
            }
            socket.set(made);
            guard.set(watchdog.guard(made, deadline));
        });
        try {
            Connection connection = new Driver().connect("jdbc:mysql://" + server + "/", properties(role, deadline));
            Socket raw = socket.get();
            Watchdog.Guard watching = guard.get();
            if (connection == null || raw == null || watching == null) {
                throw Faults.refused(what + ": Connector/J made no connection");
            }
            if (!watching.over()) {
                throw Faults.timedOut(Kind.UNREACHABLE, what);
            }
            return link(connection, raw, server);
        } catch (SQLException e) {
            Socket raw = socket.get();
            if (raw != null) {
                Watchdog.closeQuietly(raw);
            }
            throw deadline.passed() && Faults.isLost(e)
                    ? faults.timedOut(Kind.UNREACHABLE, what, e)
                    : faults.connecting(what, e);
        } finally {
            TappedSocketFactory.tap(null);
            Watchdog.Guard watching = guard.get();
            if (watching != null) {
                watching.over();
            }
        }
    }

    private Link link(Connection connection, Socket socket, Endpoint server) throws SQLException, DatabaseException {
        // From the handshake: costs no statement.
        ServerVersion version = ServerVersion.parse(connection.getMetaData().getDatabaseProductVersion());
        Link link = new Link(connection, socket, version);
        if (!version.supported()) {
            link.cut();
            throw Faults.refused("MySQL " + version + " on " + server + " is too old: " + ServerVersion.OLDEST
                    + " or later is needed");
        }
        return link;
    }

    private Properties properties(String role, Deadline deadline) {
        Duration limit = Duration.ofMillis(deadline.leftMillis());
        Properties p = new Properties();
        p.setProperty("user", settings.user());
        p.setProperty("password", settings.password());
        p.setProperty("connectTimeout", Long.toString(limit.toMillis()));
        p.setProperty("socketTimeout", Long.toString(limit.toMillis()));
        p.setProperty("sslMode", settings.sslMode());
        // Without TLS caching_sha2_password needs the server's RSA key.
        p.setProperty("allowPublicKeyRetrieval", Boolean.toString(!settings.encrypted()));
        p.setProperty("socketFactory", TappedSocketFactory.class.getName());
        p.setProperty("sessionVariables", SESSION);
        p.setProperty("connectionAttributes", "program_name:moha-agent,moha_role:" + role);
        p.setProperty("characterEncoding", "UTF-8");
        p.setProperty("logger", "Slf4JLogger");
        p.setProperty("useLocalSessionState", "true");
        p.setProperty("maintainTimeStats", "false");
        p.setProperty("allowLoadLocalInfile", "false");
        return p;
    }
}
