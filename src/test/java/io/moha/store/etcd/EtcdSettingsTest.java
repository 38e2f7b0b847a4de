package io.moha.store.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EtcdSettingsTest {
    private static EtcdSettings with(
            Optional<String> user, Optional<String> password, Optional<Path> cert, Optional<Path> key) {
        return new EtcdSettings(
                List.of("https://etcd:2379"), "/moha/demo", user, password, Optional.empty(), cert, key);
    }

    @Test
    void urlsGetTheirPortAndPrefixesLoseTheirSlash() {
        EtcdSettings settings = EtcdSettings.plain(
                List.of(" http://etcd-1", "https://[::1]:2380/", "http://etcd-1:2379"), "/moha/demo//");

        assertThat(settings.urls()).containsExactly("http://etcd-1:2379", "https://[::1]:2380");
        assertThat(settings.prefix()).isEqualTo("/moha/demo");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"etcd-1:2379", "127.0.0.1:2379", "ftp://etcd-1", "http://", "http://etcd-1:0", "http://a b", ""})
    void aUrlThatIsNoneIsNamedWithWhatToWriteInstead(String url) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> EtcdSettings.plain(List.of(url), "/moha/demo"))
                .withMessageContaining("'" + url + "'")
                .withMessageContaining("http://host:port");
    }

    @Test
    void halvesOfPairsAndEmptyValuesAreRefused() {
        Optional<String> text = Optional.of("x");
        Optional<Path> path = Optional.of(Path.of("x"));
        assertThatIllegalArgumentException().isThrownBy(() -> EtcdSettings.plain(List.of(), "/moha/demo"));
        assertThatIllegalArgumentException().isThrownBy(() -> EtcdSettings.plain(List.of("http://a"), "/"));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> with(text, Optional.empty(), Optional.empty(), Optional.empty()));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> with(text, Optional.of(""), Optional.empty(), Optional.empty()));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> with(Optional.empty(), Optional.empty(), path, Optional.empty()));
    }

    @Test
    void thePasswordIsNotShown() {
        EtcdSettings settings =
                with(Optional.of("moha"), Optional.of("very-secret"), Optional.empty(), Optional.empty());

        assertThat(settings.toString()).contains("moha").doesNotContain("very-secret");
    }
}
