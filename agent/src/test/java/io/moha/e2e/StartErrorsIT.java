package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Wrong settings end the agent with one clear message and an exit code that scripts can use. */
class StartErrorsIT {
    @TempDir
    Path directory = Path.of("");

    private record Ended(int code, String output) {}

    /** Runs the real program. */
    private Ended run(Path config, String... more) throws IOException, InterruptedException {
        Path jar = Path.of("target/moha-agent.jar").toAbsolutePath();
        assertThat(jar).exists();
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-jar",
                jar.toString(),
                "--config",
                config.toString()));
        command.addAll(List.of(more));
        Path output = Files.createTempFile(directory, "out", ".txt");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(process.waitFor(90, TimeUnit.SECONDS)).as("it ended").isTrue();
            return new Ended(process.exitValue(), Files.readString(output));
        } finally {
            process.destroyForcibly();
        }
    }

    private Path config(String etcd, int mysqlPort, String password, int apiPort, String more) throws IOException {
        Path file = directory.resolve("config.toml");
        Files.writeString(
                file, """
                cluster-name = "start-errors"
                data-dir = "%s"
                node-id = "n1"
                addr = "127.0.0.1:%d"
                etcd-urls = "%s"
                internal-service-host = "127.0.0.1:%d"
                %s
                [db-config]
                port = %d
                user = "moha"
                password = "%s"
                replication_user = "repl"
                replication_password = "secret-repl"
                """.formatted(directory.resolve("data"), apiPort, etcd, mysqlPort, more, mysqlPort, password));
        return file;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    @Test
    void aFileThatCannotBeReadIsNamed() throws Exception {
        Ended ended = run(directory.resolve("absent.toml"));
        assertThat(ended.code()).isEqualTo(66);
        assertThat(ended.output()).contains("absent.toml").contains("cannot be read");
    }

    @Test
    void anUnknownKeyNamesItsNeighbour() throws Exception {
        Ended ended = run(config("http://127.0.0.1:1", 1, "x", freePort(), "leader-lease-tll = 10"));
        assertThat(ended.code()).isEqualTo(78);
        assertThat(ended.output()).contains("leader-lease-tll").contains("did you mean 'leader-lease-ttl'");
    }

    @Test
    void aPortInUseIsNamed() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Ended ended = run(config("http://127.0.0.1:1", 1, "x", taken.getLocalPort(), ""));
            assertThat(ended.code()).isEqualTo(75);
            assertThat(ended.output()).contains("'addr'").contains(Integer.toString(taken.getLocalPort()));
        }
    }

    @Test
    void anEtcdThatDoesNotAnswerIsNamed() throws Exception {
        int nobody = freePort();
        Ended ended =
                run(config("http://127.0.0.1:" + nobody, freePort(), "x", freePort(), ""), "--start-timeout", "3");
        assertThat(ended.code()).isEqualTo(69);
        assertThat(ended.output()).contains("'etcd-urls'").contains(Integer.toString(nobody));
    }

    @Test
    void aWrongMySqlPasswordIsNamedButNotShown() throws Exception {
        try (TestCluster cluster = TestCluster.start("start-errors", TestCluster.Shape.usual())) {
            cluster.awaitPrimary(2);
            int etcd = cluster.port(cluster.etcd(1));
            int mysql = cluster.port(cluster.mysql(1));
            Ended ended = run(config("http://127.0.0.1:" + etcd, mysql, "wrong-password", freePort(), ""));
            assertThat(ended.code()).isEqualTo(69);
            assertThat(ended.output()).contains("password").contains("moha").doesNotContain("wrong-password");
        }
    }

    @Test
    void aFileWrittenForMoHAIsUnderstood() throws Exception {
        Path file = directory.resolve("moha.toml");
        Files.writeString(file, """
                cluster-name = "node-test"
                leader-lease-ttl = 20
                shutdown-threshold = 5
                register-ttl = 10
                etcd-urls = 'http://etcd1:2379,http://etcd2:2379,http://etcd3:2379'
                etcd-root-path = '/etcd-root-path/'
                etcd-username = 'root'
                etcd-password = 'root'
                data-dir = '/tmp/agent01'
                addr = 'http://127.0.0.1:13306'
                internal-service-host = 'mysql_1:3306'
                external-service-host = '127.0.0.1:3306'
                fork-process-file = '/usr/local/bin/docker-entrypoint.sh'
                fork-process-args = ['docker-entrypoint.sh', 'mysqld', '--defaults-file=/etc/my.cnf']
                fork-process-wait-second = 60
                log-file = '/agent/log/mysql-agent.log'
                log-level = 'info'
                log-max-size = 30
                log-max-days = 5
                log-compress = true
                [db-config]
                host = '127.0.0.1'
                user = 'root'
                password = 'mysql_root_password'
                port = 3306
                timeout = '1s'
                replication_user = 'repl'
                replication_password = 'mysql_replication_password'
                replication_net = '%'
                """);
        Ended ended = run(file, "--check");
        assertThat(ended.output()).contains("good").doesNotContain("mysql_root_password");
        assertThat(ended.code()).isZero();
    }
}
