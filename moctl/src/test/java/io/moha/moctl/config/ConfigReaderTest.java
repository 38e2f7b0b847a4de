package io.moha.moctl.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigReaderTest {
    private static final String GOOD = """
            agents = ["http://127.0.0.1:13307", "http://127.0.0.1:13308"]
            token-file = "secrets/token"

            [bench]
            user = "app"
            password-file = "/run/app-password"
            schema = "demo"
            writer = "127.0.0.1:5000"

            [bench.fault]
            kill-mysqld = ["docker", "kill", "mysql-node-{n}"]
            kill-agent = ["docker", "kill", "agent-{n}"]
            start-agent = ["docker", "start", "agent-{n}"]
            start-mysqld = ["docker", "start", "{node}"]
            """;

    @TempDir
    Path directory;

    @Test
    void readsEveryKeyAndResolvesPathsFromTheFile() throws Exception {
        MoctlConfig config = read(GOOD);

        assertThat(config.agents())
                .containsExactly(URI.create("http://127.0.0.1:13307"), URI.create("http://127.0.0.1:13308"));
        assertThat(config.tokenFile()).contains(directory.resolve("secrets/token"));
        BenchConfig bench = config.bench().orElseThrow();
        assertThat(bench.user()).isEqualTo("app");
        assertThat(bench.passwordFile()).contains(Path.of("/run/app-password"));
        assertThat(bench.schema()).isEqualTo("demo");
        assertThat(bench.writer()).hasToString("127.0.0.1:5000");
        assertThat(bench.sslMode()).isEqualTo("PREFERRED");
        assertThat(FaultCommands.forNode(bench.faults().killMysqld(), "node-12"))
                .containsExactly("docker", "kill", "mysql-node-12");
        assertThat(bench.faults().killAgent()).containsExactly("docker", "kill", "agent-{n}");
        assertThat(bench.faults().startAgent()).containsExactly("docker", "start", "agent-{n}");
        assertThat(FaultCommands.forNode(bench.faults().startMysqld(), "node-1"))
                .containsExactly("docker", "start", "node-1");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "agents = [            | agent = [             | unknown key 'agent': did you mean 'agents'?",
                "password-file         | pasword-file          | unknown key 'pasword-file' in [bench]: did you mean 'password-file'?",
                "start-mysqld          | start-mysql           | unknown key 'start-mysql' in [bench.fault]: did you mean 'start-mysqld'?",
                "http://127.0.0.1:13307| 127.0.0.1:13307       | write http://host:port",
                "http://127.0.0.1:13307| http://127.0.0.1      | write http://host:port",
                "127.0.0.1:5000        | 5000                  | '5000' is not host:port",
                "\"app\"               | 5                     | 'user' in [bench] is to be a text",
                "user = \"app\"        | ssl-mode = \"NONE\"   | 'user' is missing in [bench]",
                "schema = \"demo\"     | schema = \"a;b\"      | is not a plain name",
                "[\"docker\", \"start\", \"{node}\"] | \"docker\" | 'start-mysqld' in [bench.fault] is to be an array",
                "[bench]               | [bench                | not valid TOML"
            })
    void namesFileKeyAndRemedy(String good, String bad, String message) {
        assertThat(GOOD).contains(good.strip());
        assertThatThrownBy(() -> read(GOOD.replace(good.strip(), bad.strip())))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("moctl.toml")
                .hasMessageContaining(message.strip());
    }

    @Test
    void saysWhichSecretIsMissing() throws Exception {
        MoctlConfig config = read(GOOD);
        assertThatThrownBy(config::token).hasMessageContaining("token-file").hasMessageContaining("does not exist");
        Files.createDirectories(directory.resolve("secrets"));
        Files.writeString(directory.resolve("secrets/token"), "\n");
        assertThatThrownBy(config::token).hasMessageContaining("is empty");
        Files.writeString(directory.resolve("secrets/token"), "s3cret\n");
        assertThat(config.token()).isEqualTo("s3cret");
    }

    @Test
    void takesTheFirstFileThatExists() throws IOException {
        Path second = Files.writeString(directory.resolve("b"), "");
        Path third = Files.writeString(directory.resolve("c"), "");
        assertThat(ConfigReader.firstOf(List.of(directory.resolve("a"), second, third)))
                .contains(second);
    }

    private MoctlConfig read(String text) throws IOException, ConfigException {
        return ConfigReader.read(Files.writeString(directory.resolve("moctl.toml"), text));
    }
}
