package io.moha.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.moha.config.AgentConfig.Control.Kind;
import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigLoaderTest {
    @TempDir
    Path directory = Path.of("unset");

    private TomlFile file() {
        return new TomlFile(directory);
    }

    private static ConfigException refused(TomlFile file) {
        return assertThrows(ConfigException.class, file::load);
    }

    private void assertRefused(TomlFile file, String... named) {
        ConfigException refusal = refused(file);
        assertThat(refusal.exitCode()).isEqualTo(78);
        assertThat(refusal.getMessage())
                .startsWith(directory.resolve("config.toml").toString())
                .contains(named);
    }

    // Every key: its default, and that it is read.

    private static Arguments top(String line, Function<AgentConfig, Object> read, Object otherwise, Object given) {
        return Arguments.of(Named.of(line, (Function<TomlFile, TomlFile>) f -> f.top(line)), read, otherwise, given);
    }

    private static Arguments db(String line, Function<AgentConfig, Object> read, Object otherwise, Object given) {
        return Arguments.of(Named.of(line, (Function<TomlFile, TomlFile>) f -> f.db(line)), read, otherwise, given);
    }

    private static Arguments process(String line, Function<AgentConfig, Object> read, Object otherwise, Object given) {
        return Arguments.of(
                Named.of(line, (Function<TomlFile, TomlFile>) f -> f.process(line)), read, otherwise, given);
    }

    private static Duration seconds(long value) {
        return Duration.ofSeconds(value);
    }

    static Stream<Arguments> keys() {
        return Stream.of(nodeKeys(), timeKeys(), otherKeys()).flatMap(s -> s);
    }

    private static Stream<Arguments> nodeKeys() {
        Endpoint mysql = new Endpoint("mysql-1", 3306);
        return Stream.of(
                top("cluster-name = 'orders'", AgentConfig::clusterName, "demo", "orders"),
                top("data-dir = '/x'", AgentConfig::dataDir, Path.of("/var/lib/moha"), Path.of("/x")),
                top("node-id = 'n1'", c -> c.node().id(), new NodeId(hostname() + "-13306"), new NodeId("n1")),
                top(
                        "addr = 'http://10.0.0.1:9'",
                        c -> c.node().id(),
                        new NodeId(hostname() + "-13306"),
                        new NodeId(hostname() + "-9")),
                top(
                        "addr = 'http://10.0.0.1:9'",
                        c -> c.api().listen(),
                        new Endpoint("0.0.0.0", 13306),
                        new Endpoint("10.0.0.1", 9)),
                top(
                        "addr = '10.0.0.1:9'",
                        c -> c.api().listen(),
                        new Endpoint("0.0.0.0", 13306),
                        new Endpoint("10.0.0.1", 9)),
                db(
                        "port = 3307",
                        c -> c.api().listen(),
                        new Endpoint("0.0.0.0", 13306),
                        new Endpoint("0.0.0.0", 13307)),
                top("internal-service-host = 'db:1'", c -> c.node().internal(), mysql, new Endpoint("db", 1)),
                top("external-service-host = 'ext:2'", c -> c.node().external(), mysql, new Endpoint("ext", 2)),
                top(
                        "external-service-host = 'ext:3308'",
                        c -> c.api().publicAddress(),
                        "http://mysql-1:13306",
                        "http://ext:13308"),
                top(
                        "api-address = 'http://ext:1'",
                        c -> c.api().publicAddress(),
                        "http://mysql-1:13306",
                        "http://ext:1"),
                top(
                        "internal-api-address = 'http://agent-1:2'",
                        c -> c.api().internalAddress(),
                        "http://mysql-1:13306",
                        "http://agent-1:2"),
                top("only-follow = true", c -> c.node().onlyFollow(), false, true),
                top(
                        "promotion-rule = 'prefer_not'",
                        c -> c.node().rule(),
                        PromotionRule.NEUTRAL,
                        PromotionRule.PREFER_NOT),
                top("data-center = 'east'", c -> c.node().dataCenter(), "", "east"),
                top("tags = { rack = 'r1' }", c -> c.node().tags(), Map.of(), Map.of("rack", "r1")),
                top(
                        "etcd-urls = 'http://a:1, https://b:2/'",
                        c -> c.etcd().urls(),
                        List.of("http://127.0.0.1:2379"),
                        List.of("http://a:1", "https://b:2")),
                top("etcd-root-path = '/ha/'", AgentConfig::prefix, "/moha/demo", "/ha/demo"),
                top("etcd-root-path = 'ha'", AgentConfig::prefix, "/moha/demo", "/ha/demo"),
                top("etcd-ca-file = '/ca'", c -> c.etcd().caFile(), Optional.empty(), Optional.of(Path.of("/ca"))),
                top("etcd-cert-file = '/c'", c -> c.etcd().certFile(), Optional.empty(), Optional.of(Path.of("/c"))),
                top("etcd-key-file = '/k'", c -> c.etcd().keyFile(), Optional.empty(), Optional.of(Path.of("/k"))));
    }

    private static Stream<Arguments> timeKeys() {
        return Stream.of(
                top("leader-lease-ttl = 20", c -> c.timing().leaderLeaseTtl(), seconds(10), seconds(20)),
                top("shutdown-threshold = 4", c -> c.timing().shutdownThreshold(), seconds(3), seconds(4)),
                top("clock-skew = 2", c -> c.timing().clockSkew(), seconds(1), seconds(2)),
                top("register-ttl = 7", c -> c.timing().registerTtl(), seconds(5), seconds(7)),
                top("election-timeout-ms = 900", c -> c.timing().electionTimeout(), seconds(2), Duration.ofMillis(900)),
                top("drain-timeout = 60", c -> c.timing().drainTimeout(), seconds(30), seconds(60)),
                top("stuck-after = 20", c -> c.timing().stuckAfter(), seconds(10), seconds(20)),
                top("bootstrap-expect = 3", AgentConfig::bootstrapExpect, 1, 3),
                top("max-candidate-backlog = 5", AgentConfig::maxCandidateBacklog, 100_000L, 5L),
                top("dead-man-switch = false", AgentConfig::deadManSwitch, true, false),
                top("failsafe = false", AgentConfig::failsafe, true, false),
                db("timeout = '250ms'", c -> c.db().timeout(), seconds(1), Duration.ofMillis(250)),
                db("timeout = '1m'", c -> c.db().timeout(), seconds(1), seconds(60)));
    }

    private static Stream<Arguments> otherKeys() {
        return Stream.of(
                top("api-allow-get = true", c -> c.api().allowGet(), false, true),
                top("api-allow-anonymous = true", c -> c.api().allowAnonymous(), false, true),
                top("log-level = 'debug'", c -> c.log().level(), "info", "debug"),
                top("log-level = 'fatal'", c -> c.log().level(), "info", "error"),
                top("log-file = '/l'", c -> c.log().file(), Optional.empty(), Optional.of(Path.of("/l"))),
                top("log-file = ''", c -> c.log().file(), Optional.empty(), Optional.empty()),
                top("log-max-size = 30", c -> c.log().maxSizeMb(), 100, 30),
                top("log-max-days = 5", c -> c.log().maxDays(), 7, 5),
                top("log-compress = true", c -> c.log().compress(), false, true),
                top("log-format = 'json'", c -> c.log().json(), false, true),
                db("host = 'db'", c -> c.db().server(), new Endpoint("127.0.0.1", 3306), new Endpoint("db", 3306)),
                db("port = 1", c -> c.db().server(), new Endpoint("127.0.0.1", 3306), new Endpoint("127.0.0.1", 1)),
                db("user = 'x'", c -> c.db().user(), "moha", "x"),
                db("password = 'x'", c -> c.db().password().reveal(), TomlFile.MYSQL_PASSWORD, "x"),
                db("replication_user = 'x'", c -> c.db().replicationUser(), "repl", "x"),
                db(
                        "replication_password = 'x'",
                        c -> c.db().replicationPassword().reveal(),
                        TomlFile.REPLICATION_PASSWORD,
                        "x"),
                db("replication_net = '10.%'", c -> c.db().replicationNet(), "%", "10.%"),
                db("ssl-mode = 'verify_ca'", c -> c.db().sslMode(), "REQUIRED", "VERIFY_CA"),
                process("kind = 'none'", c -> c.control().kind(), Kind.NONE, Kind.NONE),
                top("fork-process-file = '/mysqld'", c -> c.control().kind(), Kind.NONE, Kind.FORK),
                top("fork-process-file = '/mysqld'", c -> c.control().forkFile(), "", "/mysqld"),
                top(
                        "fork-process-args = ['mysqld', '-v']",
                        c -> c.control().forkArgs(),
                        List.of(),
                        List.of("mysqld", "-v")),
                process(
                        "docker-host = 'tcp://h:1'",
                        c -> c.control().dockerHost(),
                        "unix:///var/run/docker.sock",
                        "tcp://h:1"),
                process(
                        "host-proc = '/proc'",
                        c -> c.control().hostProc(),
                        Optional.empty(),
                        Optional.of(Path.of("/proc"))),
                top(
                        "haproxy-sockets = 'h:9999, /run/h.sock'",
                        c -> c.proxy().sockets(),
                        List.of(),
                        List.of("h:9999", "/run/h.sock")),
                top("haproxy-backend = 'b'", c -> c.proxy().backend(), "is-primary", "b"),
                top(
                        "agent-check-address = '0.0.0.0:13316'",
                        c -> c.proxy().agentCheck(),
                        Optional.empty(),
                        Optional.of(new Endpoint("0.0.0.0", 13316))),
                process("container = 'm'", c -> c.control().container(), "", "m"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("keys")
    void everyKeyHasItsDefaultAndIsRead(
            Function<TomlFile, TomlFile> change, Function<AgentConfig, Object> read, Object otherwise, Object given)
            throws ConfigException {
        assertThat(read.apply(file().load())).as("without the key").isEqualTo(otherwise);
        assertThat(read.apply(change.apply(file()).load())).as("with the key").isEqualTo(given);
    }

    private static String hostname() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (java.net.UnknownHostException e) {
            return "localhost";
        }
    }

    @Test
    void aShortLeaseHasSmallerDefaultsForWhatMustFitIntoIt() throws ConfigException {
        AgentConfig.Timing timing = file().top("leader-lease-ttl = 4").load().timing();
        assertThat(timing.shutdownThreshold()).isEqualTo(seconds(1));
        assertThat(timing.clockSkew()).isEqualTo(Duration.ZERO);
    }

    @Test
    void processControlByDockerAndByCommands() throws ConfigException {
        AgentConfig.Control docker =
                file().process("kind = 'docker'\ncontainer = 'm'").load().control();
        assertThat(docker.kind()).isEqualTo(Kind.DOCKER);
        assertThat(docker.container()).isEqualTo("m");
        AgentConfig.Control command = file().process("kind = 'command'")
                .process("start-command = ['a', 's']\nkill-command = ['b']\nstatus-command = ['c']")
                .load()
                .control();
        assertThat(command.kind()).isEqualTo(Kind.COMMAND);
        assertThat(command.startCommand()).containsExactly("a", "s");
        assertThat(command.killCommand()).containsExactly("b");
        assertThat(command.statusCommand()).containsExactly("c");
    }

    // Warnings.

    @Test
    void keysThatOnlyMohaUsedAreAcceptedWithAWarning() throws ConfigException {
        List<String> warnings = file().top("refresh-interval = 1")
                .top("lock-ttl = 1")
                .top("error-log = 'x'")
                .top("service-type = 'mysql'")
                .load()
                .warnings();
        for (String key : List.of("refresh-interval", "lock-ttl", "error-log")) {
            assertThat(warnings).anySatisfy(w -> assertThat(w).contains("'" + key + "'", "not used"));
        }
    }

    @Test
    void dangerousSettingsAreWarnedAboutByName() throws ConfigException {
        List<String> none =
                file().process("kind = 'docker'\ncontainer = 'm'").load().warnings();
        assertThat(none).isEmpty();
        assertThat(file().top("api-allow-anonymous = true").load().warnings())
                .anySatisfy(w -> assertThat(w).contains("api-allow-anonymous"));
        assertThat(file().top("dead-man-switch = false").load().warnings())
                .anySatisfy(w -> assertThat(w).contains("dead-man-switch"));
        assertThat(file().load().warnings()).anySatisfy(w -> assertThat(w).contains("[process]"));
    }

    // Mistakes.

    @ParameterizedTest
    @ValueSource(strings = {"cluster-name", "data-dir", "etcd-urls", "internal-service-host"})
    void aRequiredKeyThatIsMissingOrEmptyIsNamed(String key) {
        assertRefused(file().topWithout(key), "key '" + key + "'", "is missing", key + " = \"");
        assertRefused(file().top(key + " = ''"), "key '" + key + "'", "'");
    }

    @ParameterizedTest
    @ValueSource(strings = {"user", "password", "replication_user", "replication_password"})
    void aRequiredKeyOfTheDatabaseIsNamedWithItsTable(String key) {
        assertRefused(file().dbWithout(key), "key '[db-config] " + key + "'", "is missing", "write ");
    }

    @ParameterizedTest
    @CsvSource({
        "leader-lease-tll = 10,      leader-lease-tll,   leader-lease-ttl",
        "cluster_name = 'x',         cluster_name,       cluster-name",
        "only_follow = true,         only_follow,        only-follow",
        "etcd-url = 'http://a:1',    etcd-url,           etcd-urls",
        "apitoken = 'x',             apitoken,           api-token"
    })
    void anUnknownKeyIsNamedWithTheNearestKnownOne(String line, String key, String nearest) {
        assertRefused(file().top(line), "key '" + key + "'", "is unknown", "did you mean '" + nearest + "'");
    }

    @Test
    void anUnknownKeyInATableIsNamedWithTheTable() {
        assertRefused(file().db("pasword-file = 'x'"), "'[db-config] pasword-file'", "did you mean 'password-file'");
        assertRefused(file().process("containr = 'x'"), "'[process] containr'", "did you mean 'container'");
    }

    @Test
    void anUnknownTableIsNamed() {
        TomlFile file = file();
        file.process("kind = 'none'\n[dbconfig]\nhost = 'x'");
        assertRefused(file, "key 'dbconfig'", "did you mean 'db-config'");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "leader-lease-ttl = '10'       | leader-lease-ttl     | \"10\" is not a whole number | leader-lease-ttl = 10",
                "leader-lease-ttl = 2.5        | leader-lease-ttl     | 2.5 is not a whole number | leader-lease-ttl = 10",
                "only-follow = 'yes'           | only-follow          | \"yes\" is not true or false | only-follow = false",
                "only-follow = 1               | only-follow          | 1 is not true or false    | only-follow = false",
                "cluster-name = 7              | cluster-name         | 7 is not a text           | in quotes",
                "tags = 'x'                    | tags                 | \"x\" is not a table      | tags = {",
                "tags = { rack = 1 }           | tags                 | 1 of 'rack' is not a text | in quotes",
                "fork-process-args = 'mysqld'  | fork-process-args    | \"mysqld\" is not a list  | fork-process-args = [",
                "fork-process-args = [1]       | fork-process-args    | 1 is not a text           | in quotes",
                "db-config = 3                 | db-config            | is not a table            | [db-config]"
            })
    void aValueOfTheWrongTypeIsNamedWithTheRightForm(String line, String key, String value, String fix) {
        TomlFile file = file();
        if (key.equals("db-config")) {
            file.write(line + "\n");
            ConfigException refusal =
                    assertThrows(ConfigException.class, () -> ConfigLoader.load(directory.resolve("config.toml")));
            assertThat(refusal.getMessage()).contains("key '" + key + "'", value, fix);
        } else {
            assertRefused(file.top(line), "key '" + key + "'", value, fix);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "leader-lease-ttl = 1         | leader-lease-ttl      | value 1      | from 2 to 3600",
                "leader-lease-ttl = 4294967306 | leader-lease-ttl     | 4294967306   | from 2 to 3600",
                "leader-lease-ttl = 18446744073709551626 | leader-lease-ttl | 18446744073709551626 | from 2 to 3600",
                "shutdown-threshold = 0       | shutdown-threshold    | value 0      | from 1",
                "register-ttl = 1             | register-ttl          | value 1      | from 2",
                "clock-skew = -1              | clock-skew            | value -1     | from 0",
                "election-timeout-ms = 5      | election-timeout-ms   | value 5      | from 100",
                "drain-timeout = 0            | drain-timeout         | value 0      | from 1",
                "stuck-after = 2              | stuck-after           | value 2      | from 3",
                "bootstrap-expect = 0         | bootstrap-expect      | value 0      | from 1",
                "max-candidate-backlog = -1   | max-candidate-backlog | value -1     | from 0",
                "log-max-size = 0             | log-max-size          | value 0      | from 1",
                "log-max-days = 0             | log-max-days          | value 0      | from 1",
                "log-level = 'loud'           | log-level             | 'loud'       | debug, info, warn or error",
                "log-format = 'xml'           | log-format            | 'xml'        | \"json\"",
                "promotion-rule = 'always'    | promotion-rule        | 'always'     | must_not",
                "node-id = 'a/b'              | node-id               | 'a/b'        | node-id = \"",
                "cluster-name = 'a/b'         | cluster-name          | 'a/b'        | letters",
                "etcd-urls = 'etcd1:2379'     | etcd-urls             | 'etcd1:2379' | http://etcd1:2379",
                "etcd-urls = 'http://a:1,'    | etcd-urls             | ''           | http://etcd1:2379",
                "addr = 'http://0.0.0.0'      | addr                  | 0.0.0.0      | http://0.0.0.0:13306",
                "addr = 'http://0.0.0.0:0'    | addr                  | port 0       | http://0.0.0.0:13306",
                "internal-service-host = 'm'  | internal-service-host | 'm'          | mysql-1:3306",
                "external-service-host = 'm:x' | external-service-host | 'm:x'       | mysql-1:3306",
                "api-address = 'ext:1'        | api-address           | 'ext:1'      | http://mysql-1:13306",
                "internal-api-address = 'a:1' | internal-api-address  | 'a:1'        | http://mysql-1:13306",
                "service-type = 'mongo'       | service-type          | 'mongo'      | mysql",
                "haproxy-sockets = 'h:1,h2'   | haproxy-sockets       | 'h2'         | mysql-1:3306",
                "haproxy-backend = 'a b'      | haproxy-backend       | 'a b'        | is-primary",
                "agent-check-address = 'h'    | agent-check-address   | 'h'          | mysql-1:3306",
                "api-token = ' '              | api-token             | is empty     | remove the key"
            })
    void aValueThatCannotBeIsNamedWithOneThatCan(String line, String key, String value, String fix) {
        assertRefused(file().top(line), "key '" + key + "'", value, fix);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "port = 0                | port     | value 0    | from 1 to 65535",
                "port = 65536            | port     | value 65536 | from 1 to 65535",
                "timeout = 1             | timeout  | 1 is not a text | in quotes",
                "timeout = '1'           | timeout  | '1'        | \"500ms\"",
                "timeout = '0s'          | timeout  | '0s'       | \"100ms\"",
                "ssl-mode = 'PREFERRED'  | ssl-mode | 'PREFERRED' | REQUIRED"
            })
    void aValueOfTheDatabaseThatCannotBeIsNamed(String line, String key, String value, String fix) {
        assertRefused(file().db(line), "key '[db-config] " + key + "'", value, fix);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "kind = 'podman'  | [process] kind           | 'podman'",
                "kind = 'docker'  | [process] container      | is missing",
                "kind = 'command' | [process] kill-command   | is missing",
                "kind = 'fork'    | fork-process-file        | is missing"
            })
    void whatTheKindOfProcessControlNeedsIsNamed(String line, String key, String trouble) {
        assertRefused(file().process(line), "key '" + key + "'", trouble);
    }

    @ParameterizedTest
    @CsvSource({"10, 8, 1, 11", "10, 7, 2, 11", "2, 1, 0, 3", "5, 3, 1, 6"})
    void aLeaseThatLeavesNoTimeBetweenRenewalAndFenceIsRefusedWithOneThatWould(
            int ttl, int threshold, int skew, int enough) throws ConfigException {
        TomlFile file = file().top("leader-lease-ttl = " + ttl)
                .top("shutdown-threshold = " + threshold)
                .top("clock-skew = " + skew);
        assertRefused(
                file,
                "key 'shutdown-threshold'",
                "value " + threshold,
                "leader-lease-ttl = " + ttl,
                "write leader-lease-ttl = " + enough);
        assertThat(file.top("leader-lease-ttl = " + enough).load().timing().leaderLeaseTtl())
                .isEqualTo(seconds(enough));
    }

    @Test
    void aKeyThatStandsTwiceIsNamedWithBothLines() {
        file().write("a = 1\n# b = 1\nb = 1\nc = [\n 'b',\n]\n b = 2\n");
        assertThat(loadFailure().getMessage())
                .startsWith(directory.resolve("config.toml") + ": key 'b'")
                .contains("line 3 and in line 7", "keep one of them");
        file().write("host = 'x'\n[db-config]\nhost = 'a'\n\"host\" = 'b'\n");
        assertThat(loadFailure().getMessage()).contains("key '[db-config] host'", "line 3 and in line 4");
        assertThat(loadFailure().exitCode()).isEqualTo(78);
    }

    private ConfigException loadFailure() {
        return assertThrows(ConfigException.class, () -> ConfigLoader.load(directory.resolve("config.toml")));
    }

    @Test
    void whatIsNoTomlIsNamedWithItsLine() {
        file().write("cluster-name = 'x'\ndata-dir = /var\n");
        assertThat(loadFailure().getMessage()).contains("config.toml, line 2", "not valid TOML");
        assertThat(loadFailure().exitCode()).isEqualTo(78);
    }

    @Test
    void aFileThatCannotBeReadEndsWith66() {
        ConfigException missing =
                assertThrows(ConfigException.class, () -> ConfigLoader.load(directory.resolve("nowhere.toml")));
        assertThat(missing.exitCode()).isEqualTo(66);
        assertThat(missing.getMessage()).contains("nowhere.toml", "cannot be read", "--config");
        ConfigException folder = assertThrows(ConfigException.class, () -> ConfigLoader.load(directory));
        assertThat(folder.exitCode()).isEqualTo(66);
    }

    // Secrets.

    @Test
    void secretsAreReadFromFilesWithoutTheLineBreakAtTheEnd() throws ConfigException {
        TomlFile file = file();
        Path mysql = file.secretFile("mysql", "from file\n");
        Path replication = file.secretFile("replication", "r from file");
        Path etcd = file.secretFile("etcd", "e from file\r\n");
        Path token = file.secretFile("token", "t from file\n\n");
        AgentConfig config = file.dbWithout("password")
                .dbWithout("replication_password")
                .db("password-file = '" + mysql + "'")
                .db("replication_password_file = '" + replication + "'")
                .top("etcd-username = 'root'")
                .top("etcd-password-file = '" + etcd + "'")
                .top("api-token-file = '" + token + "'")
                .load();
        assertThat(config.db().password().reveal()).isEqualTo("from file");
        assertThat(config.db().replicationPassword().reveal()).isEqualTo("r from file");
        assertThat(config.etcd().password().orElseThrow().reveal()).isEqualTo("e from file");
        assertThat(config.api().token().orElseThrow().reveal()).isEqualTo("t from file");
        assertThat(config.warnings()).noneMatch(w -> w.contains("chmod"));
    }

    @Test
    void aSecretFileThatCannotServeIsNamed() {
        assertRefused(
                file().dbWithout("password").db("password-file = '/nowhere/pw'"),
                "'[db-config] password-file'",
                "/nowhere/pw");
        TomlFile file = file();
        Path empty = file.secretFile("empty", "\n");
        assertRefused(file.top("api-token-file = '" + empty + "'"), "'api-token-file'", empty.toString(), "is empty");
        assertRefused(
                file().db("password-file = '" + empty + "'"), "'[db-config] password'", "'password-file'", "only one");
        assertRefused(file().top("etcd-username = 'root'"), "key 'etcd-username'", "etcd-password-file");
    }

    @Test
    void aSecretFileThatEverybodyMayReadIsWarnedAbout() throws Exception {
        TomlFile file = file();
        Path open = file.secretFile("open", "token");
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rw-r--r--"));
        assertThat(file.top("api-token-file = '" + open + "'").load().warnings())
                .anySatisfy(w -> assertThat(w).contains("api-token-file", open.toString(), "chmod 600"));
    }

    @Test
    void noSecretIsShownByTheLoadedConfiguration() throws ConfigException {
        TomlFile file = file().top("etcd-username = 'root'")
                .top("etcd-password = 's3cret-of-etcd'")
                .top("api-token = 's3cret-token'");
        AgentConfig config = file.load();
        assertThat(config.toString()).doesNotContain("s3cret").contains("***");
        assertThat(config.warnings()).noneMatch(w -> w.contains("s3cret"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "password = 33301234",
                "password = s3cret",
                "password = 's3cret",
                "password = \"\\qs3cret\"",
                "password = 's3cret' s3cret",
                "pasword = 's3cret'",
                "password = ['s3cret']",
                "replication_password = 33301234"
            })
    void noMistakeInASecretShowsIt(String line) {
        ConfigException refusal = refused(file().db(line));
        for (Throwable t = refusal; t != null; t = t.getCause()) {
            assertThat(t.toString()).doesNotContain("s3cret").doesNotContain("33301234");
        }
        assertThat(refusal.exitCode()).isEqualTo(78);
    }
}
