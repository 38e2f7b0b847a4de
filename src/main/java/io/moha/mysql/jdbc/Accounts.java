package io.moha.mysql.jdbc;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Whether the fence stops those it has to stop, and only those. */
final class Accounts {
    private static final Set<String> SERVERS_OWN = Set.of("root", "mysql.sys", "mysql.session", "mysql.infoschema");
    private static final String UNSTOPPABLE = "SELECT grantee, privilege_type FROM information_schema.user_privileges"
            + " WHERE privilege_type IN ('SUPER', 'CONNECTION_ADMIN')";
    private static final String REPLICATION =
            "SELECT grantee FROM information_schema.user_privileges WHERE" + " privilege_type = 'REPLICATION SLAVE'";

    private Accounts() {}

    static List<String> warnings(Link link, JdbcSettings settings) throws SQLException {
        Map<String, Set<String>> privileges = unstoppable(link);
        List<String> warnings = new ArrayList<>();
        privileges.forEach((account, held) -> {
            boolean known = SERVERS_OWN.contains(name(account))
                    || name(account).equals(settings.user())
                    || name(account).equals(settings.replicationUser());
            if (!known) {
                warnings.add("the account " + account + " holds " + String.join(" and ", held)
                        + ": the fence does not stop its sessions; revoke it if an application uses it");
            }
        });
        for (String account : replicationAccounts(link)) {
            if (name(account).equals(settings.replicationUser()) && !privileges.containsKey(account)) {
                warnings.add("the replication account " + account + " lacks CONNECTION_ADMIN: offline_mode on a fenced"
                        + " primary throws its replicas out before they have the last transactions; grant it");
            }
        }
        return List.copyOf(warnings);
    }

    private static Map<String, Set<String>> unstoppable(Link link) throws SQLException {
        Map<String, Set<String>> privileges = new TreeMap<>();
        try (Statement statement = link.connection().createStatement();
                ResultSet row = statement.executeQuery(UNSTOPPABLE)) {
            while (row.next()) {
                privileges
                        .computeIfAbsent(row.getString(1), account -> new TreeSet<>())
                        .add(row.getString(2));
            }
        }
        return privileges;
    }

    private static List<String> replicationAccounts(Link link) throws SQLException {
        List<String> accounts = new ArrayList<>();
        try (Statement statement = link.connection().createStatement();
                ResultSet row = statement.executeQuery(REPLICATION)) {
            while (row.next()) {
                accounts.add(row.getString(1));
            }
        }
        return accounts;
    }

    /** The user of {@code 'user'@'host'}. */
    private static String name(String account) {
        int at = account.lastIndexOf("'@'");
        return at > 0 ? account.substring(1, at) : account;
    }
}
