package io.moha.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NodeIdTest {
    @ParameterizedTest
    @ValueSource(strings = {"a", "node-1", "db_1.example.com-13306", "N"})
    void takesWhatAnEtcdKeyCanHold(String text) {
        assertThat(new NodeId(text)).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "a/b", "a b", "a\n", "nöde", "a:1"})
    void refusesTheRestAndSaysWhatIsAllowed(String text) {
        assertThatThrownBy(() -> new NodeId(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'" + text + "'")
                .hasMessageContaining("1 to 64 letters");
    }

    @Test
    void isAtMost64CharactersLong() {
        assertThat(new NodeId("n".repeat(64)).value()).hasSize(64);
        assertThatThrownBy(() -> new NodeId("n".repeat(65))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void isOrderedByItsText() {
        assertThat(new NodeId("node-1")).isLessThan(new NodeId("node-2"));
    }
}
