package io.moha.moctl.client;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * What one agent says of itself: the JSON of {@code /status}. Fields that an older agent does not send read as empty,
 * false or -1, never as null.
 *
 * @param json the document as it came
 */
public record NodeStatus(JsonNode json) {
    public NodeStatus {
        if (!json.isObject() || json.path("id").asText("").isEmpty()) {
            throw new IllegalArgumentException("this is not the status of an agent: it has no id");
        }
    }

    public String id() {
        return text("id");
    }

    public boolean master() {
        return flag("master");
    }

    public boolean onlyFollow() {
        return flag("only_follow");
    }

    /** Receiver and applier run. */
    public boolean replicating() {
        return flag("io_thread_ok") && flag("sql_thread_ok");
    }

    public boolean readOnly() {
        return flag("readonly");
    }

    public boolean offline() {
        return flag("offline_mode");
    }

    public boolean databaseUp() {
        return text("database").equals("up");
    }

    /** Primary, and applications can write there. */
    public boolean open() {
        return master() && databaseUp() && !readOnly() && !offline();
    }

    /** Seconds behind the source; -1 if unknown. */
    public long lag() {
        return number("seconds_behind_master");
    }

    public long term() {
        return number("term");
    }

    /** Transactions received but not executed; -1 if unknown. */
    public long backlog() {
        return number("backlog");
    }

    public String state() {
        return text("state");
    }

    public String because() {
        return text("because");
    }

    public String internalHost() {
        return text("internal_host");
    }

    public String version() {
        return text("version");
    }

    public String executed() {
        return text("executed");
    }

    /** GTIDs that the primary does not have; empty if none. */
    public String errant() {
        return text("errant");
    }

    /** Of the errant ones, those that no client was told of. */
    public String neverAcknowledged() {
        return text("never_acknowledged");
    }

    public String source() {
        return text("source");
    }

    public String binlogFormat() {
        return text("binlog_format");
    }

    public String dataCenter() {
        return text("data_center");
    }

    /** {@code prefer}, {@code neutral}, {@code prefer_not} or {@code must_not}. */
    public String promotionRule() {
        return json.path("promotion_rule").asText("neutral");
    }

    public String agentVersion() {
        return text("agent_version");
    }

    /** -1 if the node holds no lease. */
    public long leaseRemainingMillis() {
        return number("lease_remaining_ms");
    }

    public long fenceInMillis() {
        return number("fence_in_ms");
    }

    /** Its own transactions keep it from following. */
    public boolean diverged() {
        return state().equals("DIVERGED") || !errant().isEmpty();
    }

    public List<String> problems() {
        List<String> result = new ArrayList<>();
        json.path("problems").forEach(p -> result.add(p.asText()));
        for (String error : List.of("receiver_error", "applier_error")) {
            if (!text(error).isEmpty() && !result.contains(text(error))) {
                result.add(error.replace('_', ' ') + ": " + text(error));
            }
        }
        return List.copyOf(result);
    }

    private String text(String field) {
        return json.path(field).asText("");
    }

    private boolean flag(String field) {
        return json.path(field).asBoolean(false);
    }

    private long number(String field) {
        return json.path(field).asLong(-1);
    }
}
