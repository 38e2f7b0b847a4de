package io.moha.moctl.switchover;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * How a planned change ended.
 *
 * @param outcome what was read back at the end
 * @param from the old primary
 * @param to the wanted primary
 * @param reason one sentence; empty if it is done
 * @param phases milliseconds by phase, in their order
 * @param record the switch record in etcd; empty if there is none or it was not seen in time
 */
public record SwitchResult(
        Outcome outcome, String from, String to, String reason, Map<String, Long> phases, Optional<JsonNode> record) {
    /** What was read back. */
    public enum Outcome {
        /** The target is primary and open. */
        DONE,
        /** Nothing was asked of anybody. */
        NOT_STARTED,
        /** The old primary is primary and open. */
        ROLLED_BACK,
        /** Another node became primary meanwhile. */
        OVERTAKEN,
        /** Neither could be read back in time. */
        UNKNOWN
    }

    public SwitchResult {
        phases = Collections.unmodifiableMap(new LinkedHashMap<>(phases));
    }

    public boolean done() {
        return outcome == Outcome.DONE;
    }
}
