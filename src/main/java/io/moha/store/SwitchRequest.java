package io.moha.store;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Map;

/**
 * Value of {@code request/switch}: written by the old primary in the transaction that hands the role over, read by the
 * new one for its evidence, deleted when that one is open.
 *
 * @param term the term that the hand-over began
 * @param phasesMs what the old primary's part took, milliseconds
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record SwitchRequest(
        @JsonProperty("term") long term,
        @JsonProperty("from") String from,
        @JsonProperty("to") String to,
        @JsonProperty("gtid_executed") String gtidExecuted,
        @JsonProperty("phases_ms") Map<String, Long> phasesMs) {}
