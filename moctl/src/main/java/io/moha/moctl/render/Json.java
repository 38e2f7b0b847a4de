package io.moha.moctl.render;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import java.util.List;

/** JSON for scripts. Names are stable: fields are added, never renamed. */
public final class Json {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private Json() {}

    public static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    public static ArrayNode array() {
        return MAPPER.createArrayNode();
    }

    /** Indented, without a newline at the end. */
    public static String pretty(JsonNode node) {
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(node);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of JSON nodes can always be written", e);
        }
    }

    /** The cluster with {@code members[].status} (null where the agent did not answer) and {@code members[].error}. */
    public static ObjectNode cluster(ClusterView view, List<String> degradations) {
        ObjectNode result = object();
        result.put("cluster", view.info().cluster());
        result.put("term", view.term());
        result.put("primary", view.primary().map(MemberView::id).orElse(""));
        result.put("holder", view.info().primary());
        result.put("healthy", degradations.isEmpty());
        degradations.forEach(result.putArray("degradations")::add);
        ArrayNode members = result.putArray("members");
        for (MemberView m : view.members()) {
            ObjectNode row = members.addObject();
            row.setAll((ObjectNode) m.member().json().deepCopy());
            row.put("reachable", m.status().isPresent());
            row.put("error", m.error());
            m.status().ifPresentOrElse(s -> row.set("status", s.json()), () -> row.putNull("status"));
        }
        return result;
    }
}
