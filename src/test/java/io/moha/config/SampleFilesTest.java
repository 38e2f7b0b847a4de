package io.moha.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.moha.config.AgentConfig.Control.Kind;
import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files that people start from: MoHA's own, and {@code etc/config.toml} of this repository. */
class SampleFilesTest {
    private static final Path SAMPLE = Path.of("..", "etc", "config.toml");
    private static final Path REFERENCE = Path.of("..", "docs", "reference", "configuration.md");

    /** Laid out as MoHA's etc/docker-compose/deploy-example/config.toml, which has shutdown-threshold twice. */
    private static final String MOHA = """
            cluster-name = "node-test"

            leader-lease-ttl = 20
            shutdown-threshold = 5
            register-ttl = 10

            etcd-urls = 'http://etcd1:2379,http://etcd2:2379,http://etcd3:2379'
            etcd-root-path = '/etcd-root-path/'  # with the name: the prefix of all keys
            etcd-username = 'root'
            etcd-password = 'root'
            data-dir = '/tmp/agent01'
            addr = 'http://127.0.0.1:13306'
            internal-service-host = 'mysql_1:3306'
            external-service-host = '127.0.0.1:3306'

            fork-process-file = '/usr/local/bin/docker-entrypoint.sh'
            fork-process-args = [
                'docker-entrypoint.sh',
                'mysqld',
                '--defaults-file=/etc/my.cnf'
            ]
            fork-process-wait-second = 60

            log-file = '/agent/log/mysql-agent.log'
            log-level = 'info'
            log-max-size = 30
            log-max-days = 5
            log-compress = true
            shutdown-threshold = 5

            [db-config]
            host = '127.0.0.1'
            user = 'root'
            password = 'mysql_root_password'
            port = 3306
            timeout = '1s'
            replication_user = 'repl'
            replication_password = 'mysql_replication_password'
            replication_net = '%'
            """;

    @TempDir
    Path directory = Path.of("unset");

    private Path config = Path.of("unset");

    @BeforeEach
    void name() {
        config = directory.resolve("config.toml");
    }

    @Test
    void mohasSampleIsRefusedForTheKeyThatItHasTwice() throws IOException {
        Files.writeString(config, MOHA);
        ConfigException refusal = assertThrows(ConfigException.class, () -> ConfigLoader.load(config));
        assertThat(refusal.exitCode()).isEqualTo(78);
        assertThat(refusal.getMessage())
                .isEqualTo(config + ": key 'shutdown-threshold': is given twice, in line 4 and in line 29; keep one of"
                        + " them");
    }

    @Test
    void mohasSampleWithoutTheSecondKeyLoadsAsItIs() throws Exception {
        Files.writeString(config, MOHA.replaceFirst("(?s)(log-compress = true\n)shutdown-threshold = 5\n", "$1"));
        AgentConfig loaded = ConfigLoader.load(config);
        assertThat(loaded.prefix()).isEqualTo("/etcd-root-path/node-test");
        assertThat(loaded.timing().leaderLeaseTtl()).isEqualTo(Duration.ofSeconds(20));
        assertThat(loaded.timing().shutdownThreshold()).isEqualTo(Duration.ofSeconds(5));
        assertThat(loaded.etcd().urls()).hasSize(3);
        assertThat(loaded.api().listen()).isEqualTo(new Endpoint("127.0.0.1", 13306));
        assertThat(loaded.control().kind()).isEqualTo(Kind.FORK);
        assertThat(loaded.control().forkArgs())
                .containsExactly("docker-entrypoint.sh", "mysqld", "--defaults-file=/etc/my.cnf");
        assertThat(loaded.db().password().reveal()).isEqualTo("mysql_root_password");
        assertThat(loaded.log().compress()).isTrue();
        assertThat(loaded.warnings()).anyMatch(w -> w.contains("fork-process-wait-second"));
    }

    /** The sample, with its secret files in this test's directory. */
    private String sample() throws IOException {
        for (String secret : List.of("mysql-password", "replication-password", "etcd-password", "api-token")) {
            new TomlFile(directory).secretFile(secret, "secret\n");
        }
        return Files.readString(SAMPLE).replace("/etc/moha/", directory + "/");
    }

    @Test
    void theSampleLoads() throws Exception {
        Files.writeString(config, sample());
        AgentConfig loaded = ConfigLoader.load(config);
        assertThat(loaded.node().id()).isEqualTo(new NodeId("mysql-node-1"));
        assertThat(loaded.control().kind()).isEqualTo(Kind.COMMAND);
        assertThat(loaded.db().password().reveal()).isEqualTo("secret");
        assertThat(loaded.warnings()).isEmpty();
    }

    /** Keys that may stand beside a key of the sample only in its place. */
    private static String instead(String line) {
        return switch (line.substring(0, line.indexOf(' '))) {
            case "password" -> "password-file";
            case "replication_password" -> "replication_password_file";
            default -> "";
        };
    }

    @Test
    void everyLineThatIsCommentedOutInTheSampleIsGood() throws Exception {
        String sample = sample();
        Matcher commented = Pattern.compile("(?m)^# ([a-z_-]+ = .+)$").matcher(sample);
        int lines = 0;
        while (commented.find()) {
            String line = commented.group(1);
            String changed = sample.replace("\n# " + line + "\n", "\n" + line + "\n");
            if (line.startsWith("etcd-username")) {
                changed = changed.replace("# etcd-password-file", "etcd-password-file");
            }
            if (!instead(line).isEmpty()) {
                changed = changed.replaceAll("(?m)^" + instead(line) + " = .*$", "");
            }
            changed = changed.replace("\"/host/proc\"", "\"/proc\"");
            Files.writeString(config, changed);
            assertThat(ConfigLoader.load(config)).as(line).isNotNull();
            lines++;
        }
        assertThat(lines).isGreaterThan(30);
    }

    @Test
    void theSampleHasEveryKeyOfTheReferenceAndNoOther() throws IOException {
        Set<String> documented = new TreeSet<>();
        for (String row : Files.readAllLines(REFERENCE)) {
            if (row.startsWith("| `") && !row.contains("accepted because MoHA's files have them")) {
                Matcher key = Pattern.compile("`([a-z][a-z_-]*)`").matcher(row.split("\\|", -1)[1]);
                while (key.find()) {
                    documented.add(key.group(1));
                }
            }
        }
        documented.remove("fork-process-wait-second");
        Set<String> sampled = new TreeSet<>();
        Matcher key = Pattern.compile("(?m)^(?:# )?([a-z_-]+) = ").matcher(Files.readString(SAMPLE));
        while (key.find()) {
            sampled.add(key.group(1));
        }
        assertThat(sampled).isEqualTo(documented);
    }
}
