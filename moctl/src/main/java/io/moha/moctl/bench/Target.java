package io.moha.moctl.bench;

import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.config.BenchConfig;
import io.moha.model.Endpoint;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;

/** Where to write, and as whom. Keeps the password out of texts. */
public final class Target {
    private final Endpoint endpoint;
    private final String url;
    private final Properties properties = new Properties();

    public Target(Endpoint endpoint, BenchConfig config, String password) {
        this(endpoint, config, config.user(), password);
    }

    /** As another account than the one that writes. */
    public Target(Endpoint endpoint, BenchConfig config, String user, String password) {
        this.endpoint = endpoint;
        this.url = "jdbc:mysql://" + endpoint + "/" + config.schema();
        properties.setProperty("user", user);
        properties.setProperty("password", password);
        properties.setProperty("sslMode", config.sslMode());
        // caching_sha2_password without TLS needs the server's key once.
        properties.setProperty("allowPublicKeyRetrieval", "true");
        // A dead server must not hold a writer longer than this: the gap is measured with it.
        properties.setProperty("connectTimeout", "1000");
        properties.setProperty("socketTimeout", "1000");
        properties.setProperty("connectionAttributes", "none");
    }

    /**
     * Every member's server, by the member's id.
     *
     * @throws BenchException if a member has published an address that cannot be used
     */
    public static Map<String, Target> ofNodes(ClusterView view, BenchConfig config, String password)
            throws BenchException {
        Map<String, Target> nodes = new LinkedHashMap<>();
        for (MemberView m : view.members()) {
            try {
                nodes.put(m.id(), new Target(Endpoint.parse(m.member().externalHost()), config, password));
            } catch (IllegalArgumentException e) {
                throw new BenchException(m.id() + ": " + e.getMessage(), e);
            }
        }
        return nodes;
    }

    Connection connect() throws SQLException {
        return DriverManager.getConnection(url, properties);
    }

    /** For reading whole rounds, where a second is too short. */
    Connection connectPatiently() throws SQLException {
        Properties patient = new Properties();
        patient.putAll(properties);
        patient.setProperty("socketTimeout", "30000");
        return DriverManager.getConnection(url, patient);
    }

    @Override
    public String toString() {
        return endpoint.toString();
    }
}
