package io.moha.agent.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** What a proxy is told, and when; the last test with HAProxy itself, where this machine has one. */
@Timeout(60)
class ProxyPushTest {
    static final Path HAPROXY = Path.of(System.getProperty("moha.haproxy", "/usr/sbin/haproxy"));

    private final FakeProxy proxy = new FakeProxy();
    private volatile boolean primary;
    private ProxyPush push;

    @BeforeEach
    void start() {
        push = new ProxyPush(proxy.address(), "is-primary", "n1", () -> primary, () -> Set.of("n1", "n2", "n3"));
    }

    @AfterEach
    void stop() throws IOException {
        proxy.close();
    }

    @Test
    void whoBecomesPrimarySaysSoAtOnceAndClosesTheWayToTheOthersFirst() {
        primary = true;
        push.turn();
        assertThat(proxy.asked)
                .containsExactly("set server is-primary/n2 health down;set server is-primary/n3 health down;"
                        + "set server is-primary/n1 health up");
    }

    @Test
    void whoIsNotPrimarySaysNothing() {
        push.turn();
        assertThat(proxy.asked).isEmpty();
    }

    @Test
    void whoIsPrimaryNoMoreSaysSoOnce() {
        primary = true;
        push.turn();
        primary = false;
        push.turn();
        push.turn();
        assertThat(proxy.asked).hasSize(2);
        assertThat(proxy.asked.get(1)).isEqualTo("set server is-primary/n1 health down");
    }

    @Test
    void aProxyThatWasRestartedIsCorrectedAndOneThatKnowsIsLeftAlone() {
        primary = true;
        push.turn();
        proxy.asked.clear();
        push.turn();
        assertThat(proxy.asked).as("it knows").containsExactly("show servers state is-primary");
        proxy.up.putAll(Map.of("n1", false, "n2", true, "n3", false));
        proxy.asked.clear();
        push.turn();
        assertThat(proxy.asked)
                .containsExactly(
                        "show servers state is-primary",
                        "set server is-primary/n2 health down;set server is-primary/n1 health up");
    }

    @Test
    void aNodeThatTheProxyDoesNotHaveIsNoReasonToComplainEverySecond() {
        proxy.up.remove("n3");
        primary = true;
        push.turn();
        proxy.asked.clear();
        push.turn();
        assertThat(proxy.asked).containsExactly("show servers state is-primary");
    }

    @Test
    void aProxyThatIsAwayIsToldWhenItIsBack() throws Exception {
        proxy.close();
        primary = true;
        push.turn();
        FakeProxy back = new FakeProxy();
        ProxyPush other =
                new ProxyPush(back.address(), "is-primary", "n1", () -> primary, () -> Set.of("n1", "n2", "n3"));
        other.turn();
        assertThat(back.up).containsEntry("n1", true).containsEntry("n2", false);
        back.close();
    }

    @Test
    void aChangeIsToldWithoutWaitingForTheNextLook() {
        Thread thread = new Thread(push, "push");
        thread.start();
        try {
            primary = true;
            long since = System.nanoTime();
            push.look();
            await().pollInterval(Duration.ofMillis(1)).until(() -> !proxy.asked.isEmpty());
            assertThat(Duration.ofNanos(System.nanoTime() - since)).isLessThan(Duration.ofMillis(900));
        } finally {
            thread.interrupt();
        }
    }

    @Test
    void aProxyThatDoesNotAnswerHoldsNobodyUpForLong() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            primary = true;
            long since = System.nanoTime();
            new ProxyPush("127.0.0.1:" + silent.getLocalPort(), "b", "n1", () -> primary, Set::of).turn();
            assertThat(Duration.ofNanos(System.nanoTime() - since)).isLessThan(Duration.ofSeconds(5));
        }
    }

    static boolean hasHaproxy() {
        return Files.isExecutable(HAPROXY);
    }

    @Test
    @EnabledIf("hasHaproxy")
    void aRealHaproxyTakesItAndItsChecksWin(@TempDir Path directory) throws Exception {
        Path socket = directory.resolve("agents.sock");
        Path config = directory.resolve("haproxy.cfg");
        // Nobody listens at the address of the checks: what was pushed is undone by them.
        Files.writeString(config, """
                global
                    stats socket %s mode 600 level admin
                defaults
                    mode tcp
                    timeout client 1s
                    timeout server 1s
                    timeout connect 1s
                backend is-primary
                    default-server inter 300ms fall 1 rise 1
                    server n1 127.0.0.1:9 check
                    server n2 127.0.0.1:9
                backend primary
                    server n1 127.0.0.1:9 track is-primary/n1
                """.formatted(socket));
        Process haproxy = new ProcessBuilder(HAPROXY.toString(), "-db", "-f", config.toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("log").toFile())
                .start();
        try {
            RuntimeApi api = new RuntimeApi(socket.toString(), Duration.ofSeconds(5));
            await().until(() -> Files.exists(socket));
            await("the check has failed").until(() -> state(api, "primary", "n1") == 0);
            primary = true;
            ProxyPush real = new ProxyPush(socket.toString(), "is-primary", "n1", () -> primary, () -> Set.of("n1"));
            await("told, and the server that follows it, too")
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> {
                        real.turn();
                        return state(api, "primary", "n1") != 0;
                    });
            primary = false;
            real.turn();
            await("the checks win").until(() -> state(api, "is-primary", "n1") == 0);
        } finally {
            haproxy.destroyForcibly().waitFor();
        }
    }

    static int state(RuntimeApi api, String backend, String server) throws IOException {
        for (String line : api.ask("show servers state " + backend).split("\n", -1)) {
            String[] fields = line.split(" ", -1);
            if (fields.length > 5 && fields[3].equals(server)) {
                return Integer.parseInt(fields[5]);
            }
        }
        return -1;
    }

    /** Answers like HAProxy: one connection for each request. */
    private static final class FakeProxy implements AutoCloseable {
        final List<String> asked = new CopyOnWriteArrayList<>();
        final Map<String, Boolean> up = new ConcurrentHashMap<>(Map.of("n1", true, "n2", true, "n3", true));
        private final ServerSocket server;

        FakeProxy() {
            try {
                server = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
            Thread thread = new Thread(this::serve, "fake-proxy");
            thread.setDaemon(true);
            thread.start();
        }

        String address() {
            return "127.0.0.1:" + server.getLocalPort();
        }

        private void serve() {
            while (!server.isClosed()) {
                try (Socket client = server.accept()) {
                    String line = new BufferedReader(
                                    new InputStreamReader(client.getInputStream(), StandardCharsets.UTF_8))
                            .readLine();
                    String answer = answer(line);
                    asked.add(line);
                    client.getOutputStream().write(answer.getBytes(StandardCharsets.UTF_8));
                } catch (IOException e) {
                    // closed by the test, or the client went away: nothing to answer
                }
            }
        }

        private String answer(String line) {
            if (line.startsWith("show")) {
                StringBuilder text = new StringBuilder("1\n# be_id be_name srv_id srv_name srv_addr srv_op_state\n");
                up.forEach((node, is) -> text.append("3 is-primary 1 ")
                        .append(node)
                        .append(" 10.0.0.1 ")
                        .append(is ? 2 : 0)
                        .append(" 0\n"));
                return text.append('\n').toString();
            }
            for (String command : line.split(";", -1)) {
                String[] words = command.split("[ /]", -1);
                up.computeIfPresent(words[3], (node, was) -> words[5].equals("up"));
            }
            return "\n";
        }

        @Override
        public void close() throws IOException {
            server.close();
        }
    }
}
