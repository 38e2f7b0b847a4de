package io.moha.agent.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.moha.model.Endpoint;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** What HAProxy's agent-check is told; the last test with HAProxy itself, where this machine has one. */
@Timeout(60)
class AgentCheckTest {
    private volatile boolean primary;
    private volatile boolean replica;
    private AgentCheck check;
    private Thread thread;

    @BeforeEach
    void start() throws IOException {
        check = new AgentCheck(new Endpoint("127.0.0.1", free()), () -> primary, () -> replica);
        thread = new Thread(check, "agent-check");
        thread.start();
    }

    @AfterEach
    void stop() throws InterruptedException {
        check.close();
        thread.join();
    }

    private static int free() throws IOException {
        try (var socket = new java.net.ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private String ask(String question) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), check.port())) {
            socket.getOutputStream().write(question.getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    @Test
    void theWriterIsMeantUnlessTheReaderIsAskedFor() throws IOException {
        assertThat(ask("")).isEqualTo("down\n");
        primary = true;
        assertThat(ask("")).isEqualTo("up\n");
        assertThat(ask("writer\n")).isEqualTo("up\n");
        assertThat(ask("reader\n")).isEqualTo("down\n");
        primary = false;
        replica = true;
        assertThat(ask("reader\n")).isEqualTo("up\n");
        assertThat(ask("something much longer than anybody would ever send to an agent of this kind, without an end"))
                .isEqualTo("down\n");
    }

    @Test
    void aClientThatGoesAwayOrSaysNothingHoldsNobodyUp() throws IOException {
        new Socket(InetAddress.getLoopbackAddress(), check.port()).close();
        try (Socket silent = new Socket(InetAddress.getLoopbackAddress(), check.port())) {
            assertThat(silent.isConnected()).isTrue();
            primary = true;
            assertThat(ask("writer\n")).isEqualTo("up\n");
        }
    }

    @Test
    void anAddressInUseIsAnError() {
        assertThatThrownBy(() -> new AgentCheck(new Endpoint("127.0.0.1", check.port()), () -> true, () -> true))
                .isInstanceOf(BindException.class);
    }

    @Test
    @EnabledIf("io.moha.agent.proxy.ProxyPushTest#hasHaproxy")
    void aRealHaproxyFollowsIt(@TempDir Path directory) throws Exception {
        Path socket = directory.resolve("agents.sock");
        Path config = directory.resolve("haproxy.cfg");
        Files.writeString(config, """
                global
                    stats socket %s mode 600 level admin
                defaults
                    mode tcp
                    timeout client 1s
                    timeout server 1s
                    timeout connect 1s
                backend writer
                    server n1 127.0.0.1:9 agent-check agent-port %d agent-inter 100ms agent-send "writer\\n"
                backend readers
                    server n1 127.0.0.1:9 agent-check agent-port %d agent-inter 100ms agent-send "reader\\n"
                """.formatted(socket, check.port(), check.port()));
        Process haproxy = new ProcessBuilder(ProxyPushTest.HAPROXY.toString(), "-db", "-f", config.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("log").toFile())
                .start();
        try {
            RuntimeApi api = new RuntimeApi(socket.toString(), Duration.ofSeconds(5));
            await().until(() -> Files.exists(socket));
            await("down").until(() -> ProxyPushTest.state(api, "writer", "n1") == 0);
            primary = true;
            await("primary").until(() -> ProxyPushTest.state(api, "writer", "n1") == 2);
            assertThat(ProxyPushTest.state(api, "readers", "n1")).isZero();
            primary = false;
            replica = true;
            await("replica").until(() -> ProxyPushTest.state(api, "readers", "n1") == 2);
            await("no primary any more").until(() -> ProxyPushTest.state(api, "writer", "n1") == 0);
        } finally {
            haproxy.destroyForcibly().waitFor();
        }
    }
}
