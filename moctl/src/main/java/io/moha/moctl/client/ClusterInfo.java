package io.moha.moctl.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * The JSON of {@code /cluster}: one agent's last read of etcd.
 *
 * @param json the document as it came
 */
public record ClusterInfo(JsonNode json) {
    public ClusterInfo {
        if (!json.path("members").isArray()) {
            throw new IllegalArgumentException("this is not the answer of an agent: it has no list of members");
        }
    }

    public String cluster() {
        return json.path("cluster").asText("");
    }

    public long term() {
        return json.path("term").asLong(-1);
    }

    /** The node that etcd names as holder; empty if there is none. */
    public String primary() {
        return json.path("primary").asText("");
    }

    /** Revision of etcd at which this was read: of two answers the higher one is newer. */
    public long revision() {
        return json.path("revision").asLong(-1);
    }

    public List<Member> members() {
        List<Member> result = new ArrayList<>();
        json.path("members").forEach(m -> result.add(new Member(m)));
        return List.copyOf(result);
    }
}
