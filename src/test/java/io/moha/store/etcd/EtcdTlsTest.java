package io.moha.store.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.moha.store.StoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real etcd server that speaks TLS only and demands a client certificate. */
class EtcdTlsTest {
    private static final Duration DEADLINE = Duration.ofSeconds(5);

    @TempDir
    static Path directory;

    private static LocalEtcd etcd;

    @BeforeAll
    static void startEtcd() throws Exception {
        authority("ca");
        authority("stranger");
        certificate("server", "IP:127.0.0.1");
        certificate("client", "DNS:client");
        certificate("elsewhere", "DNS:elsewhere.example");
        etcd = start("server", "etcd");
    }

    private static LocalEtcd start(String certificate, String name) throws IOException {
        return LocalEtcd.start(
                Files.createDirectory(directory.resolve(name)),
                1,
                "--cert-file",
                file(certificate + ".pem").toString(),
                "--key-file",
                file(certificate + ".key").toString(),
                "--trusted-ca-file",
                file("ca.pem").toString(),
                "--client-cert-auth");
    }

    @AfterAll
    static void stopEtcd() throws Exception {
        if (etcd != null) {
            etcd.close();
        }
    }

    private static Path file(String name) {
        return directory.resolve(name);
    }

    private static void authority(String name) throws Exception {
        openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=" + name + " -keyout " + name + ".key -out " + name
                + ".pem");
    }

    private static void certificate(String name, String alternative) throws Exception {
        openssl("req -newkey rsa:2048 -nodes -subj /CN=" + name + " -keyout " + name + ".key -out " + name + ".csr");
        Files.writeString(file(name + ".ext"), "subjectAltName=" + alternative + "\n");
        openssl("x509 -req -days 2 -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile " + name
                + ".ext -out " + name + ".pem");
    }

    private static void openssl(String arguments) throws InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(("openssl " + arguments).split(" ", -1));
        builder.directory(directory.toFile()).redirectErrorStream(true);
        builder.redirectOutput(directory.resolve("openssl.log").toFile());
        try {
            assertThat(builder.start().waitFor()).as(arguments).isZero();
        } catch (IOException e) {
            assumeTrue(false, "SKIPPED: no openssl program found. Install it (Debian: apt-get install openssl): " + e);
        }
    }

    private static EtcdSettings settings(List<String> urls, String authority, Optional<String> certificate) {
        return new EtcdSettings(
                urls,
                "/moha/demo",
                Optional.empty(),
                Optional.empty(),
                Optional.of(file(authority + ".pem")),
                certificate.map(name -> file(name + ".pem")),
                certificate.map(name -> file(name + ".key")));
    }

    @Test
    void aClientWithTheRightFilesIsServed() throws Exception {
        try (EtcdStore store = EtcdStore.open(settings(etcd.urls(), "ca", Optional.of("client")))) {
            assertThat(store.read(DEADLINE).entries()).isEmpty();
        }
    }

    @Test
    void aServerOfAnotherAuthorityOrNameIsNotTalkedTo() throws Exception {
        notServed(settings(etcd.urls(), "stranger", Optional.of("client")), "certification path");
        try (LocalEtcd elsewhere = start("elsewhere", "elsewhere")) {
            notServed(settings(elsewhere.urls(), "ca", Optional.of("client")), "127.0.0.1");
        }
    }

    @Test
    void aClientWithoutACertificateIsNotServed() {
        notServed(settings(etcd.urls(), "ca", Optional.empty()), "certificate");
    }

    private static void notServed(EtcdSettings settings, String why) {
        try (EtcdStore store = EtcdStore.open(settings)) {
            StoreException failure =
                    catchThrowableOfType(StoreException.class, () -> store.read(Duration.ofSeconds(4)));
            assertThat(failure).hasMessageContaining(why);
        }
    }

    @Test
    void aFileThatCannotBeUsedIsNamedBeforeAnythingIsAsked() {
        EtcdSettings settings = settings(etcd.urls(), "absent", Optional.empty());

        assertThatThrownBy(() -> EtcdStore.open(settings))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(file("absent.pem").toString());
    }
}
