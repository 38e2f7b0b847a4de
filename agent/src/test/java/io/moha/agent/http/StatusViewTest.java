package io.moha.agent.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.moha.agent.Main;
import io.moha.config.AgentConfig;
import io.moha.config.ConfigLoader;
import io.moha.model.GtidSet;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What the pages show, held against docs/reference/interfaces.md. */
class StatusViewTest extends HttpTest {
    /** In the code, but not in the document: one of both is to be mended. */
    private static final Set<String> UNDOCUMENTED = Set.of("uptime_seconds");

    @Test
    void statusHasExactlyTheFieldsOfTheReference() throws IOException {
        Set<String> expected = documentedFields("/status");
        assertThat(expected).hasSizeGreaterThan(40);
        expected.addAll(UNDOCUMENTED);
        assertThat(fields(JSON.readTree(primary().get("/status").body()))).isEqualTo(expected);
    }

    @Test
    void clusterHasExactlyTheFieldsOfTheReference() throws IOException {
        JsonNode cluster = JSON.readTree(primary().get("/cluster").body());
        Set<String> shown = fields(cluster);
        shown.addAll(fields(cluster.get("members").get(0)));
        assertThat(shown).isEqualTo(documentedFields("/cluster"));
    }

    @Test
    void statusOfAPrimarySaysWhatItIs() throws IOException {
        Node node = primary().awaitStatus("\"because\":\"holds the lease of term 1 and serves writes\"");
        JsonNode status = JSON.readTree(node.get("/status").body());
        assertThat(status.get("id").asText()).isEqualTo("n1");
        assertThat(status.get("master").asBoolean()).isTrue();
        assertThat(status.get("primary").asText()).isEqualTo("n1");
        assertThat(status.get("state").asText()).isEqualTo("PRIMARY");
        assertThat(status.get("term").asLong()).isEqualTo(1);
        assertThat(status.get("readonly").asBoolean()).isFalse();
        assertThat(status.get("io_thread_ok").asBoolean()).isTrue();
        assertThat(status.get("sql_thread_ok").asBoolean()).isTrue();
        assertThat(status.get("seconds_behind_master").asLong()).isZero();
        assertThat(status.get("dead_man").asText()).isEqualTo("armed");
        assertThat(status.get("fence_in_ms").asLong()).isBetween(1L, 3000L);
        assertThat(status.get("lease_remaining_ms").asLong()).isBetween(1L, 5000L);
        assertThat(status.get("problems")).isEmpty();
    }

    @Test
    void aFreshStatusIsYoungerThanTheRequest() throws IOException {
        Node node = primary();
        for (int n = 1; n <= 5; n++) {
            String set = FakeServer.UUID + ":1-" + (n + 1);
            node.mysql.executed(GtidSet.parse(set));
            JsonNode status = JSON.readTree(node.get("/status?fresh=true").body());
            assertThat(status.get("executed").asText()).isEqualTo(set);
        }
    }

    @Test
    void theHistoryShowsHowThePrimaryCameToBe() throws IOException {
        JsonNode history = JSON.readTree(primary().get("/history").body());
        assertThat(history).hasSize(1);
        assertThat(history.get(0).get("kind").asText()).isEqualTo("bootstrap");
        assertThat(history.get(0).get("new_primary").asText()).isEqualTo("n1");
    }

    @Test
    void noSecretIsShownByAnyPage() throws Exception {
        Path file = Files.writeString(directory.resolve("config.toml"), """
                cluster-name = "demo"
                data-dir = "/var/lib/moha"
                etcd-urls = "http://127.0.0.1:2379"
                etcd-username = "moha"
                etcd-password = "s3cret-of-etcd"
                internal-service-host = "mysql-1:3306"
                api-token = "%s"
                [db-config]
                user = "moha"
                password = "s3cret-of-mysql"
                replication_user = "repl"
                replication_password = "s3cret-of-replication"
                """.formatted(Node.TOKEN));
        Map<String, Object> settings = visible(ConfigLoader.load(file));
        Node node = node(1, Node.WITH_TOKEN, () -> settings).start().awaitAnswer("/masterCheck", 200);
        assertThat(node.get("/config").body())
                .contains("\"cluster-name\":\"demo\"")
                .contains("\"api-token\":\"configured\"");
        for (String page : List.of("/config", "/status", "/cluster", "/history", "/metrics", "/nope")) {
            assertThat(node.get(page).body()).as(page).doesNotContain("s3cret", Node.TOKEN);
        }
        assertThat(Node.WITH_TOKEN.toString()).doesNotContain(Node.TOKEN);
    }

    /** What the program itself hands to {@code /config}: private to the wiring, which no other package may see. */
    @SuppressWarnings("unchecked")
    private static Map<String, Object> visible(AgentConfig settings) throws ReflectiveOperationException {
        Method visible = Main.class.getDeclaredMethod("visible", AgentConfig.class);
        visible.setAccessible(true);
        return (Map<String, Object>) visible.invoke(null, settings);
    }

    private static Set<String> fields(JsonNode object) {
        Set<String> names = new TreeSet<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    /** All names in the block of JSON that follows the line which announces the page. */
    private static Set<String> documentedFields(String page) throws IOException {
        Path here = Path.of("").toAbsolutePath();
        Path root = Files.exists(here.resolve("docs")) ? here : here.resolveSibling("");
        String text = Files.readString(root.resolve("docs/reference/interfaces.md"));
        Matcher block = Pattern.compile("\n`" + page + "`:\n```json\n(.*?)\n```", Pattern.DOTALL)
                .matcher(text);
        assertThat(block.find()).as("a block of JSON for " + page).isTrue();
        return allFields(JSON.readTree(block.group(1)));
    }

    private static Set<String> allFields(JsonNode node) {
        Set<String> names = fields(node);
        node.elements().forEachRemaining(child -> names.addAll(allFields(child)));
        return names;
    }
}
