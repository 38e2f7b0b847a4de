package io.moha.e2e;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Set;

/** The files of one cluster: a home that goes away with it, with its secrets, and the logs, which stay. */
final class Directories {
    static final Path CHECKOUT = checkout();
    static final String AGENT_PASSWORD = "e2e-agent-password";
    static final String REPLICATION_PASSWORD = "e2e-repl-password";
    static final String TOKEN = "e2e-token";
    private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private final Path home;
    private final Path logs;

    Directories(String cluster) throws IOException {
        home = newHome();
        logs = CHECKOUT.resolve("agent/target/e2e").resolve(cluster);
        delete(logs);
        Files.createDirectories(logs);
        Files.createDirectory(secrets());
        secret("root", "e2e-root-password");
        secret("moha", AGENT_PASSWORD);
        secret("repl", REPLICATION_PASSWORD);
        secret("token", TOKEN);
    }

    /** A directory that only the owner reads. In /tmp: the path of a unix socket has at most 107 bytes. */
    static Path newHome() throws IOException {
        return Files.createTempDirectory(Path.of("/tmp"), "moha-e2e-");
    }

    private static Path checkout() {
        Path here = Path.of("").toAbsolutePath();
        return Files.exists(here.resolve("etc/my.cnf")) ? here : Objects.requireNonNull(here.getParent());
    }

    private void secret(String file, String value) throws IOException {
        Files.writeString(Files.createFile(secrets().resolve(file), OWNER_ONLY), value);
    }

    Path home() {
        return home;
    }

    Path secrets() {
        return home.resolve("secrets");
    }

    Path log(String part) {
        return logs.resolve(part + ".log");
    }

    /** Removes the home with all that is in it. */
    void close() {
        delete(home);
    }

    /** Removes a directory with all that is in it; harmless if it does not exist. */
    static void delete(Path directory) {
        if (!Files.exists(directory)) {
            return;
        }
        try {
            Files.walkFileTree(directory, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.delete(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(
                        Path each, java.io.@org.jspecify.annotations.Nullable IOException e) throws IOException {
                    Files.delete(each);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
