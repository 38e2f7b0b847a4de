package io.moha.agent.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import io.moha.store.StoreException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.io.TempDir;

/** Nodes in the states that the answers speak of. */
abstract class HttpTest {
    static final NodeId OTHER = new NodeId("n2");
    static final Endpoint OTHER_MYSQL = Endpoint.parse("10.0.0.2:3306");
    static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path directory = Path.of("unset");

    private final List<Node> nodes = new ArrayList<>();

    @AfterEach
    void close() {
        nodes.forEach(Node::close);
    }

    /** Not started yet. */
    Node node(int expect, ApiServer.Access access) throws IOException {
        return node(expect, access, Map::of);
    }

    /** @param settings what {@code /config} shows */
    Node node(int expect, ApiServer.Access access, Supplier<Map<String, Object>> settings) throws IOException {
        Node node = new Node(directory, expect, access, settings);
        nodes.add(node);
        return node;
    }

    Node primary(ApiServer.Access access) throws IOException {
        return node(1, access).start().awaitAnswer("/masterCheck", 200);
    }

    Node primary() throws IOException {
        return primary(Node.WITH_TOKEN);
    }

    /** Waits for a second member that never comes. */
    Node waiting() throws IOException {
        return node(2, Node.WITH_TOKEN).start().awaitStatus("\"state\":\"VOTING\"");
    }

    Node replica() throws IOException, StoreException {
        Node node = node(1, Node.WITH_TOKEN);
        node.elect(OTHER, OTHER_MYSQL);
        return node.start().awaitAnswer("/slaveCheck", 200);
    }

    static void assertCodes(Node node, String... pathsAndCodes) {
        for (int i = 0; i < pathsAndCodes.length; i += 2) {
            assertThat(node.get(pathsAndCodes[i]).statusCode())
                    .as(pathsAndCodes[i])
                    .isEqualTo(Integer.parseInt(pathsAndCodes[i + 1]));
        }
    }
}
