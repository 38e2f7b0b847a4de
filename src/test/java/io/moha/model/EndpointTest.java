package io.moha.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EndpointTest {
    @ParameterizedTest
    @CsvSource({"mysql-1:3306,  mysql-1,  3306", "127.0.0.1:1,   127.0.0.1, 1", "[::1]:65535,   ::1,      65535"})
    void isReadAndPrintedTheSame(String text, String host, int port) {
        assertThat(Endpoint.parse(text)).isEqualTo(new Endpoint(host, port)).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "mysql-1", ":3306", "mysql-1:", "mysql-1:abc", " :3306"})
    void refusesWhatIsNotHostAndPort(String text) {
        assertThatThrownBy(() -> Endpoint.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"mysql-1:0", "mysql-1:-1", "mysql-1:65536"})
    void refusesAPortThatCannotBeAndNamesIt(String text) {
        assertThatThrownBy(() -> Endpoint.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("mysql-1")
                .hasMessageContaining(text.substring(text.indexOf(':') + 1));
    }
}
