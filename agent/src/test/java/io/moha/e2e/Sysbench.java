package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;

/** Debian's sysbench, which keeps one server as busy as it can: four tables, no pause, until an error. */
final class Sysbench {
    private static final Path SCRIPTS = Path.of("/usr/share/sysbench");
    private static final Pattern TRANSACTIONS = Pattern.compile("transactions:\\s+(\\d+)");
    private static final Duration LONGEST_PREPARATION = Duration.ofMinutes(5);

    private final TestCluster cluster;
    private final int node;

    /** Skips the test, loudly, where sysbench is not installed. */
    Sysbench(TestCluster cluster, int node) {
        boolean installed = Files.isDirectory(SCRIPTS);
        if (!installed) {
            System.out.println("SKIPPED: no sysbench on this machine: apt-get install sysbench");
        }
        Assumptions.assumeTrue(installed, "no sysbench on this machine: apt-get install sysbench");
        this.cluster = cluster;
        this.node = node;
    }

    /** Makes the tables, gives the load, and drops the tables. An error that a client sees ends the load and fails the test. */
    long readWrite(int clients, Duration time) throws Exception {
        run("prepare", 1, LONGEST_PREPARATION);
        Matcher said = TRANSACTIONS.matcher(run("run", clients, time));
        assertThat(said.find()).as("sysbench tells its transactions").isTrue();
        run("cleanup", 1, LONGEST_PREPARATION);
        return Long.parseLong(said.group(1));
    }

    private String run(String what, int clients, Duration time) throws IOException, InterruptedException {
        Path options = Files.createTempFile(
                "sysbench", ".cnf", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Path output = Files.createTempFile("sysbench", ".out");
        try {
            // What a command line holds, everybody on the machine can read.
            Files.write(
                    options,
                    List.of(
                            "mysql-host=127.0.0.1",
                            "mysql-port=" + cluster.appPort(node),
                            "mysql-user=app",
                            "mysql-password=" + TestCluster.APP_PASSWORD,
                            "mysql-db=demo",
                            "tables=4",
                            "table-size=10000",
                            "threads=" + clients,
                            "time=" + time.toSeconds()));
            Process process = new ProcessBuilder(
                            "sysbench",
                            "--config-file=" + options,
                            SCRIPTS.resolve("oltp_read_write.lua").toString(),
                            what)
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            boolean ended = process.waitFor(time.plus(LONGEST_PREPARATION).toSeconds(), TimeUnit.SECONDS);
            process.destroyForcibly();
            String said = Files.readString(output);
            assertThat(ended && process.exitValue() == 0)
                    .as("sysbench " + what + " ends well: " + said)
                    .isTrue();
            return said;
        } finally {
            Files.delete(options);
            Files.delete(output);
        }
    }
}
