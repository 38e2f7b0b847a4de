package io.moha.agent.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class MetricsDocumentTest {
    @Test
    void theReferenceListsExactlyTheMetricsThatThereAre() throws IOException {
        // From the source, because the text format leaves out what has no value yet. Tests run in the module's
        // directory.
        String source = Files.readString(Path.of("src/main/java/io/moha/agent/metrics/Metrics.java"));
        String page = Files.readString(Path.of("../docs/reference/metrics.md"));
        assertThat(names("^\\| `(moha_\\w+)`", page)).isEqualTo(names("\"(moha_\\w+)\"", source));
    }

    private static Set<String> names(String pattern, String text) {
        Set<String> names = new TreeSet<>();
        Matcher matcher = Pattern.compile(pattern, Pattern.MULTILINE).matcher(text);
        while (matcher.find()) {
            names.add(matcher.group(1));
        }
        assertThat(names).isNotEmpty();
        return names;
    }
}
