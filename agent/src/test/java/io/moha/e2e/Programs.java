package io.moha.e2e;

import io.moha.e2e.Stage.Mysql;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/**
 * The programs that plain processes run: those of the cached Debian root with that root's own loader and libraries, so
 * that nothing has to be installed and no right is needed. MySQL 8.0.33 is run with the same loader and libraries.
 */
final class Programs {
    private static final Path ROOT = Path.of(System.getProperty("moha.mysql97.root", "/var/cache/moha/root-sid"));
    private static final Path ROOT80 = Path.of(System.getProperty("moha.mysql80.root", "/var/cache/moha/mysql-8.0.33"));
    private static final Map<Mysql, Path> TEMPLATES = new ConcurrentHashMap<>();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> TEMPLATES.values().forEach(Directories::delete)));
    }

    private final Mysql version;
    private final Path bin;
    private final Path lib;

    /**
     * Writes starters for the programs into the directory {@code bin} of a cluster's home. Skips the test, loudly, where
     * the programs are missing.
     */
    Programs(Path home, Mysql version) throws IOException {
        this.version = version;
        this.bin = Files.createDirectory(home.resolve("bin"));
        this.lib = Files.createDirectory(home.resolve("lib"));
        Path mysqld = version == Mysql.V97 ? ROOT.resolve("usr/sbin/mysqld") : ROOT80.resolve("bin/mysqld");
        Path loader = find(ROOT.resolve("usr/lib"), "glob:**/*-linux-gnu/ld-linux-*.so.*")
                .orElseGet(() -> missing(ROOT));
        Path libraries = Objects.requireNonNull(loader.getParent());
        // The name of the library before Debian's 64-bit time_t transition; the functions used are the same.
        Files.createSymbolicLink(lib.resolve("libaio.so.1"), libraries.resolve("libaio.so.1t64"));
        starter(loader, libraries, mysqld);
        starter(loader, libraries, ROOT.resolve("usr/bin/mysql"));
        starter(loader, libraries, ROOT.resolve("usr/bin/etcd"));
    }

    private static Optional<Path> find(Path directory, String glob) throws IOException {
        if (!Files.isDirectory(directory)) {
            return Optional.empty();
        }
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher(glob);
        try (Stream<Path> paths = Files.walk(directory, 2)) {
            return paths.filter(matcher::matches).findFirst();
        }
    }

    private static Path missing(Path path) {
        String message = "SKIPPED: neither Docker Engine nor the programs for plain processes: no " + path
                + "; docker-compose/images/build root mysql80-files makes it";
        System.err.println(message);
        return Assumptions.abort(message);
    }

    private void starter(Path loader, Path libraries, Path program) throws IOException {
        if (!Files.isExecutable(program)) {
            missing(program);
        }
        Path privately = libraries.resolve("private");
        String environment = "";
        if (program.startsWith(ROOT)) {
            environment = "OPENSSL_CONF=%s OPENSSL_MODULES=%s\nexport OPENSSL_CONF OPENSSL_MODULES\n"
                    .formatted(quote(ROOT.resolve("etc/ssl/openssl.cnf")), quote(libraries.resolve("ossl-modules")));
        } else {
            privately = ROOT80.resolve("lib/private");
        }
        String text = "#!/bin/sh\n" + environment + "exec " + quote(loader) + " --library-path "
                + quote(libraries + ":" + privately + ":" + lib) + " --argv0 " + quote(program) + " " + quote(program)
                + " \"$@\"\n";
        Path file = Files.writeString(bin.resolve(Objects.requireNonNull(program.getFileName())), text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
    }

    /** A word for a shell. */
    static String quote(Object word) {
        return "'" + word.toString().replace("'", "'\\''") + "'";
    }

    /** The directory with {@code etcd}, {@code mysql} and {@code mysqld}. */
    Path bin() {
        return bin;
    }

    /** Where mysqld finds its messages and plugins. */
    List<String> mysqldPlaces() {
        return version == Mysql.V97
                ? List.of("--basedir=" + ROOT.resolve("usr"), "--plugin-dir=" + ROOT.resolve("usr/lib/mysql/plugin"))
                : List.of("--basedir=" + ROOT80, "--plugin-dir=" + ROOT80.resolve("lib/plugin"));
    }

    /** An initialised data directory to copy; it goes away with this JVM. What identifies a server is left out. */
    Path template() {
        return TEMPLATES.computeIfAbsent(version, v -> makeTemplate());
    }

    private Path makeTemplate() {
        try {
            Path home = Directories.newHome();
            Path data = home.resolve("data");
            List<String> command = new ArrayList<>(List.of(bin.resolve("mysqld").toString(), "--no-defaults"));
            command.addAll(mysqldPlaces());
            command.addAll(List.of(
                    "--initialize-insecure",
                    "--datadir=" + data,
                    "--skip-log-bin",
                    "--innodb-redo-log-capacity=64M",
                    "--log-error-verbosity=1"));
            if (System.getProperty("user.name").equals("root")) {
                command.add("--user=root");
            }
            run(command, home);
            run(
                    List.of(
                            "sh",
                            "-c",
                            "cd \"$0\" && rm -rf auto.cnf ./*.pem binlog.* ./#innodb_temp",
                            data.toString()),
                    home);
            return home;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Runs a command to its end.
     *
     * @param scratch a directory for what it says
     * @throws IllegalStateException if it fails, with what it said
     */
    static void run(List<String> command, Path scratch) {
        Path said = scratch.resolve("said-" + Thread.currentThread().getId());
        @Nullable Process process = null;
        try {
            process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(said.toFile())
                    .start();
            if (!process.waitFor(90, TimeUnit.SECONDS) || process.exitValue() != 0) {
                throw new IllegalStateException(String.join(" ", command) + " failed: " + Files.readString(said));
            }
            Files.delete(said);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        } finally {
            if (process != null) {
                process.destroyForcibly();
            }
        }
    }
}
