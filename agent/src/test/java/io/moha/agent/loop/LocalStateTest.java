package io.moha.agent.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moha.model.Term;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LocalStateTest {
    /** A file on a disk that can be full. */
    private static final class Disk implements StateFile {
        private Optional<String> content = Optional.empty();
        private boolean full;

        @Override
        public Optional<String> read() {
            return content;
        }

        @Override
        public void write(String text) throws IOException {
            if (full) {
                throw new IOException("no space left");
            }
            content = Optional.of(text);
        }
    }

    private final Disk disk = new Disk();

    @Test
    void whatIsKeptSurvivesARestart() throws IOException {
        LocalState state = LocalState.open(disk);
        state.keep(new Term(7));
        state.keepOnlyFollow(true);
        state.keepPromise(Duration.ofSeconds(10));
        LocalState again = LocalState.open(disk);
        assertThat(again.term()).isEqualTo(new Term(7));
        assertThat(again.onlyFollow()).isTrue();
        assertThat(again.promise()).isEqualTo(Duration.ofSeconds(10));
        again.keepPromise(Duration.ZERO);
        assertThat(LocalState.open(disk).promise()).isZero();
    }

    @Test
    void whatCouldNotBeWrittenIsTriedAgain() throws IOException {
        LocalState state = LocalState.open(disk);
        disk.full = true;
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> state.keepPromise(Duration.ofSeconds(10))).isInstanceOf(IOException.class);
            assertThatThrownBy(() -> state.keep(new Term(7))).isInstanceOf(IOException.class);
            assertThatThrownBy(() -> state.keepOnlyFollow(true)).isInstanceOf(IOException.class);
        }
        assertThat(state.promise()).isZero();
        assertThat(state.term()).isEqualTo(Term.NONE);
        disk.full = false;
        state.keepPromise(Duration.ofSeconds(10));
        assertThat(LocalState.open(disk).promise()).isEqualTo(Duration.ofSeconds(10));
    }

    @Test
    void aFileOfAnEarlierVersionHasPromisedNothing() throws IOException {
        disk.content = Optional.of("{\"term\":4,\"only_follow\":true}");
        LocalState state = LocalState.open(disk);
        assertThat(state.term()).isEqualTo(new Term(4));
        assertThat(state.promise()).isZero();
    }
}
