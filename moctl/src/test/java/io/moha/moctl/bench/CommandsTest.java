package io.moha.moctl.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class CommandsTest {
    @TempDir
    Path directory;

    @Test
    void startsAllBeforeItWaitsForOne() throws Exception {
        Path pipe = directory.resolve("pipe");
        Commands.runTogether(List.of(List.of("mkfifo", pipe.toString())));
        // Each end of a pipe waits for the other: one after the other would never end.
        Commands.runTogether(List.of(List.of("cat", pipe.toString()), List.of("cp", "/etc/hostname", pipe.toString())));
        assertThat(Files.exists(pipe)).isTrue();
    }

    @Test
    void namesTheCommandItsCodeAndWhatItSaid() {
        assertThatThrownBy(() -> Commands.runTogether(List.of(List.of("ls", "/no-such-thing"))))
                .isInstanceOf(BenchException.class)
                .hasMessageContaining("ls /no-such-thing ended with 2")
                .hasMessageContaining("No such file");
        assertThatThrownBy(() -> Commands.runTogether(List.of(List.of("no-such-program"))))
                .isInstanceOf(BenchException.class)
                .hasMessageContaining("no-such-program");
    }
}
