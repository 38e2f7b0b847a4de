package io.moha.config;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** A configuration file in a test's directory: the required keys, and what the test adds or leaves out. */
final class TomlFile {
    static final String MYSQL_PASSWORD = "s3cret-of-mysql";
    static final String REPLICATION_PASSWORD = "s3cret-of-replication";

    private static final String TOP = """
            cluster-name = "demo"
            data-dir = "/var/lib/moha"
            etcd-urls = "http://127.0.0.1:2379"
            internal-service-host = "mysql-1:3306"
            """;
    private static final String DB = """
            user = "moha"
            password = "s3cret-of-mysql"
            replication_user = "repl"
            replication_password = "s3cret-of-replication"
            """;

    private final Path directory;
    private String top = TOP;
    private String db = DB;
    private String process = "";

    TomlFile(Path directory) {
        this.directory = directory;
    }

    /** Adds lines at the top level; a key that the file has already is replaced. */
    TomlFile top(String lines) {
        top = without(top, key(lines)) + lines + "\n";
        return this;
    }

    TomlFile db(String lines) {
        db = without(db, key(lines)) + lines + "\n";
        return this;
    }

    TomlFile process(String lines) {
        process += lines + "\n";
        return this;
    }

    TomlFile topWithout(String key) {
        top = without(top, key);
        return this;
    }

    TomlFile dbWithout(String key) {
        db = without(db, key);
        return this;
    }

    private static String key(String line) {
        return line.substring(0, line.indexOf('=')).strip();
    }

    private static String without(String lines, String key) {
        return lines.replaceAll("(?m)^" + key + " = .*\\n", "");
    }

    Path write() {
        return write(top + "[db-config]\n" + db + "[process]\n" + process);
    }

    Path write(String content) {
        try {
            return Files.writeString(directory.resolve("config.toml"), content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    AgentConfig load() throws ConfigException {
        return ConfigLoader.load(write());
    }

    /** A file beside the configuration that only its owner may read. */
    Path secretFile(String name, String content) {
        try {
            Path file = Files.writeString(directory.resolve(name), content);
            return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
