package io.moha.moctl.client;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * One row of {@code /cluster}: what etcd knows of a member.
 *
 * @param json the row as it came
 */
public record Member(JsonNode json) {
    public Member {
        if (json.path("id").asText("").isEmpty()) {
            throw new IllegalArgumentException("a member without an id: " + json);
        }
    }

    public String id() {
        return json.path("id").asText();
    }

    /** Has a registration now. */
    public boolean alive() {
        return json.path("alive").asBoolean(false);
    }

    /** Where clients and moctl reach its MySQL server, {@code host:port}. */
    public String externalHost() {
        String external = json.path("external_host").asText("");
        return external.isEmpty() ? internalHost() : external;
    }

    public String internalHost() {
        return json.path("internal_host").asText("");
    }

    /** Where its agent listens; empty if unknown. */
    public String api() {
        return json.path("api").asText("");
    }

    public String version() {
        return json.path("version").asText("");
    }

    public boolean onlyFollow() {
        return json.path("only_follow").asBoolean(false);
    }
}
