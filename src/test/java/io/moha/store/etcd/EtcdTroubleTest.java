package io.moha.store.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.moha.store.StoreException;
import io.moha.store.Txn;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an operator may find etcd in: full, or compacted past what a watch has seen. A real server. */
class EtcdTroubleTest {
    private static final Duration DEADLINE = Duration.ofSeconds(5);
    private static final String QUOTA = "2097152";

    @TempDir
    Path directory;

    @Test
    void aFullEtcdStillRenewsLeasesAndAnswersReadsButRefusesWritesByNameUntilItIsEmptied() throws Exception {
        try (LocalEtcd etcd = LocalEtcd.start(directory, 1, "--quota-backend-bytes", QUOTA);
                EtcdStore store = open(etcd.url(0))) {
            long lease = store.grantLease(Duration.ofSeconds(30), DEADLINE);
            put(store, "master", "node-1");
            String block = "x".repeat(200_000);
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 100; i++) {
                            put(store, "filling", block + i);
                        }
                    })
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("database space exceeded")
                    .matches(e -> !((StoreException) e).unknown(), "it is certain that nothing was written");

            // The holder of a role goes on, and everybody sees it. Nobody else can take the role.
            assertThat(store.renewLease(lease, DEADLINE)).isTrue();
            assertThat(valueOf(store, "master")).isEqualTo("node-1");
            assertThatThrownBy(() -> put(store, "master", "node-2"))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("database space exceeded");

            call(
                    etcd,
                    "/v3/kv/compaction",
                    "{\"revision\":" + store.read(DEADLINE).revision() + ",\"physical\":true}");
            call(etcd, "/v3/maintenance/defragment", "{}");
            Matcher member = Pattern.compile("\"memberID\":\"([0-9]+)\"")
                    .matcher(call(etcd, "/v3/maintenance/alarm", "{\"action\":\"GET\"}"));
            assertThat(member.find()).isTrue();
            call(
                    etcd,
                    "/v3/maintenance/alarm",
                    "{\"action\":\"DEACTIVATE\",\"alarm\":\"NOSPACE\",\"memberID\":\"" + member.group(1) + "\"}");
            put(store, "master", "node-2");
            assertThat(valueOf(store, "master")).isEqualTo("node-2");
        }
    }

    @Test
    void aWatchThatWasAwayWhileItsRevisionsWereCompactedWakesAgain() throws Exception {
        try (LocalEtcd etcd = LocalEtcd.start(directory, 1);
                Wire wire = new Wire(URI.create(etcd.url(0)).getPort());
                EtcdStore direct = open(etcd.url(0));
                EtcdStore store = open("http://127.0.0.1:" + wire.port())) {
            AtomicInteger woken = new AtomicInteger();
            try (AutoCloseable watch = store.watch(r -> woken.incrementAndGet())) {
                put(direct, "master", "node-1");
                await("woken").until(() -> woken.get() > 0);
                wire.cut();
                for (int i = 0; i < 50; i++) {
                    put(direct, "master", "node-" + i);
                }
                call(
                        etcd,
                        "/v3/kv/compaction",
                        "{\"revision\":" + direct.read(DEADLINE).revision() + ",\"physical\":true}");
                int before = woken.get();
                wire.mend();
                await("woken for what it missed").until(() -> woken.get() > before);
                int again = woken.get();
                put(direct, "master", "node-51");
                await("it goes on").until(() -> woken.get() > again);
                assertThat(valueOf(store, "master")).isEqualTo("node-51");
            }
        }
    }

    private static EtcdStore open(String url) {
        return EtcdStore.open(EtcdSettings.plain(List.of(url), "/moha/trouble"));
    }

    private static void put(EtcdStore store, String key, String value) throws StoreException {
        store.commit(new Txn(List.of(), List.of(new Txn.Put(key, value, 0))), DEADLINE);
    }

    private static String valueOf(EtcdStore store, String key) throws StoreException {
        return Objects.requireNonNull(store.read(DEADLINE).entries().get(key)).value();
    }

    private static String call(LocalEtcd etcd, String path, String body) throws Exception {
        HttpResponse<String> answer = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(URI.create(etcd.url(0) + path))
                                .POST(HttpRequest.BodyPublishers.ofString(body))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return answer.body();
    }

    /** A TCP connection that can be cut. */
    private static final class Wire implements AutoCloseable {
        private final ServerSocket door = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        private final Set<Socket> open = ConcurrentHashMap.newKeySet();
        private final int target;
        private volatile boolean isCut;

        Wire(int target) throws IOException {
            this.target = target;
            run(this::accept);
        }

        int port() {
            return door.getLocalPort();
        }

        void cut() throws IOException {
            isCut = true;
            for (Socket each : open) {
                each.close();
            }
        }

        void mend() {
            isCut = false;
        }

        private void accept() throws IOException {
            while (true) {
                Socket one = door.accept();
                if (isCut) {
                    one.close();
                    continue;
                }
                Socket other = new Socket(InetAddress.getLoopbackAddress(), target);
                open.add(one);
                open.add(other);
                run(() -> copy(one, other));
                run(() -> copy(other, one));
            }
        }

        private static void copy(Socket from, Socket to) throws IOException {
            try (InputStream in = from.getInputStream();
                    OutputStream out = to.getOutputStream()) {
                in.transferTo(out);
            }
        }

        private interface Work {
            void run() throws IOException;
        }

        private static void run(Work work) {
            Thread thread = new Thread(() -> {
                try {
                    work.run();
                } catch (IOException e) {
                    // The connection was cut.
                }
            });
            thread.setDaemon(true);
            thread.start();
        }

        @Override
        public void close() throws IOException {
            cut();
            door.close();
        }
    }
}
