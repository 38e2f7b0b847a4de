package io.moha.mysql;

import io.moha.mysql.MysqldFixture.Version;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Initialised data directories with the tests' accounts, to be copied. */
final class MysqldTemplate {
    /** Raise it when the accounts or options change: old templates are left alone. */
    private static final int EDITION = 4;

    private MysqldTemplate() {}

    /** Initialised once per version and edition, then copied: a fresh data directory takes seconds. */
    static synchronized Path of(Version version) throws IOException {
        Path template = Path.of(
                System.getProperty("java.io.tmpdir"),
                "moha-template-" + System.getProperty("user.name") + "-" + version + "-" + EDITION);
        if (Files.isDirectory(template)) {
            return template;
        }
        Path work = Files.createTempDirectory("moha-template-");
        Path accounts = Files.writeString(work.resolve("accounts.sql"), accounts());
        List<String> command = new ArrayList<>(version.command());
        command.addAll(MysqldFixture.common());
        command.addAll(List.of(
                "--initialize-insecure",
                "--datadir=" + work.resolve("data"),
                "--log-error=" + work.resolve("error.log"),
                "--skip-log-bin",
                "--init-file=" + accounts));
        MysqldFixture.run(command);
        Files.deleteIfExists(work.resolve("data/auto.cnf")); // each copy is a server of its own
        // Another run may have been faster: its template is as good.
        MysqldFixture.run(
                List.of("sh", "-c", "mv -T \"$1\" \"$2\" || [ -d \"$2\" ]", "sh", work + "/data", template.toString()));
        MysqldFixture.run(List.of("rm", "-rf", work.toString()));
        return template;
    }

    /** One statement a line, as init files want it. The agent's privileges here are those that the manual asks for. */
    private static String accounts() {
        return String.join(
                "\n",
                "CREATE USER 'moha'@'%' IDENTIFIED BY " + quote(MysqldFixture.AGENT_PASSWORD) + ";",
                "GRANT REPLICATION CLIENT, RELOAD, PROCESS, SHOW DATABASES ON *.* TO 'moha'@'%';",
                "GRANT REPLICATION_SLAVE_ADMIN, SYSTEM_VARIABLES_ADMIN, CONNECTION_ADMIN ON *.* TO 'moha'@'%';",
                "GRANT BACKUP_ADMIN, CLONE_ADMIN, SYSTEM_USER ON *.* TO 'moha'@'%';",
                "GRANT CREATE, DROP, EVENT, SELECT, INSERT, UPDATE, DELETE ON moha.* TO 'moha'@'%';",
                "GRANT INSERT ON mysql.plugin TO 'moha'@'%';",
                "GRANT SELECT ON performance_schema.* TO 'moha'@'%';",
                "CREATE USER 'repl'@'%' IDENTIFIED BY " + quote(MysqldFixture.REPLICATION_PASSWORD) + ";",
                "GRANT REPLICATION SLAVE ON *.* TO 'repl'@'%';",
                // Without it offline_mode throws the replicas out, and the last transactions do not reach them.
                "GRANT CONNECTION_ADMIN ON *.* TO 'repl'@'%';",
                "CREATE USER 'app'@'%' IDENTIFIED BY '" + MysqldFixture.APP_PASSWORD + "';",
                "GRANT ALL ON demo.* TO 'app'@'%';",
                "CREATE USER 'admin'@'%' IDENTIFIED BY '" + MysqldFixture.ADMIN_PASSWORD + "';",
                "GRANT ALL ON *.* TO 'admin'@'%' WITH GRANT OPTION;",
                "");
    }

    private static String quote(String text) {
        return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'";
    }
}
