package io.moha.store.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.etcd.jetcd.Auth;
import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.auth.Permission;
import io.moha.store.StoreException;
import io.moha.store.Txn;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real etcd server with users and passwords, whose tokens live two seconds. */
class EtcdAuthTest {
    private static final Duration DEADLINE = Duration.ofSeconds(5);
    private static final String PREFIX = "/moha/demo";

    @TempDir
    static Path directory;

    private static LocalEtcd etcd;

    @BeforeAll
    static void startEtcd() throws Exception {
        etcd = LocalEtcd.start(directory, 1, "--auth-token-ttl", "2", "--bcrypt-cost", "4");
        try (Client client = Client.builder().endpoints(etcd.url(0)).build()) {
            Auth auth = client.getAuthClient();
            auth.userAdd(bytes("root"), bytes("root-secret")).get();
            auth.roleAdd(bytes("root")).get();
            auth.userGrantRole(bytes("root"), bytes("root")).get();
            auth.userAdd(bytes("moha"), bytes("moha-secret")).get();
            auth.roleAdd(bytes("demo")).get();
            auth.roleGrantPermission(bytes("demo"), bytes(PREFIX + "/"), bytes(PREFIX + "0"), Permission.Type.READWRITE)
                    .get();
            auth.userGrantRole(bytes("moha"), bytes("demo")).get();
            auth.authEnable().get();
        }
    }

    @AfterAll
    static void stopEtcd() throws Exception {
        if (etcd != null) {
            etcd.close();
        }
    }

    private static ByteSequence bytes(String text) {
        return ByteSequence.from(text, StandardCharsets.UTF_8);
    }

    private static EtcdStore open(String prefix, Optional<String> user, Optional<String> password) {
        return EtcdStore.open(new EtcdSettings(
                etcd.urls(), prefix, user, password, Optional.empty(), Optional.empty(), Optional.empty()));
    }

    private static EtcdStore open() {
        return open(PREFIX, Optional.of("moha"), Optional.of("moha-secret"));
    }

    private static void refused(EtcdStore store, String why) {
        long began = System.nanoTime();
        StoreException read = catchThrowableOfType(StoreException.class, () -> store.read(DEADLINE));
        StoreException write = catchThrowableOfType(StoreException.class, () -> store.commit(put("a"), DEADLINE));
        Duration took = Duration.ofNanos(System.nanoTime() - began);

        assertThat(read).hasMessageContaining(why);
        assertThat(Objects.requireNonNull(read).unknown()).isFalse();
        assertThat(write).hasMessageContaining(why);
        assertThat(Objects.requireNonNull(write).unknown()).isFalse();
        assertThat(took).isLessThan(DEADLINE);
    }

    private static Txn put(String key) {
        return new Txn(List.of(), List.of(new Txn.Put(key, "x", 0)));
    }

    @Test
    void aWrongPasswordIsRefusedAtOnceAndNotNamed() {
        try (EtcdStore store = open(PREFIX, Optional.of("moha"), Optional.of("guessed-secret"))) {
            refused(store, "authentication failed");
            assertThat(catchThrowableOfType(StoreException.class, () -> store.read(DEADLINE)))
                    .hasMessageNotContaining("guessed-secret");
        }
    }

    @Test
    void noPasswordIsRefusedAtOnce() {
        try (EtcdStore store = open(PREFIX, Optional.empty(), Optional.empty())) {
            refused(store, "user name is empty");
        }
    }

    @Test
    void anotherClustersKeysAreRefusedAtOnce() {
        try (EtcdStore store = open("/moha/other", Optional.of("moha"), Optional.of("moha-secret"))) {
            refused(store, "permission denied");
        }
    }

    @Test
    void anExpiredTokenIsReplacedWithoutTheCallerNoticing() throws Exception {
        try (EtcdStore store = open()) {
            long lease = store.grantLease(Duration.ofSeconds(60), DEADLINE);

            expireToken();
            assertThat(store.commit(put("a"), DEADLINE).committed()).isTrue();
            expireToken();
            assertThat(store.read(DEADLINE).entries()).containsKey("a");
            expireToken();
            assertThat(store.renewLease(lease, DEADLINE)).isTrue();
            expireToken();
            assertThat(store.grantLease(Duration.ofSeconds(60), DEADLINE)).isNotZero();
            expireToken();
            store.revokeLease(lease, DEADLINE);
            assertThat(store.renewLease(lease, DEADLINE)).isFalse();
        }
    }

    /** etcd looks for expired tokens once a second; it has no sign by which a client could tell without using its token. */
    private static void expireToken() throws InterruptedException {
        Thread.sleep(4_000);
    }

    @Test
    void aServerThatForgotItsTokensIsLoggedInToAgainAndTheWatchGoesOn() throws Exception {
        AtomicInteger wakes = new AtomicInteger();
        try (EtcdStore store = open();
                EtcdStore writer = open();
                AutoCloseable unused = store.watch(r -> wakes.incrementAndGet())) {
            wokenBy(wakes, writer);
            etcd.kill(0);
            etcd.start(0);
            etcd.awaitHealthy();

            assertThat(store.commit(put("a"), DEADLINE).committed()).isTrue();
            wokenBy(wakes, writer);
        }
    }

    private static void wokenBy(AtomicInteger wakes, EtcdStore writer) {
        int before = wakes.get();
        await().atMost(DEADLINE).pollInterval(Duration.ofMillis(50)).until(() -> {
            writer.commit(put("probe"), DEADLINE);
            return wakes.get() > before;
        });
    }
}
