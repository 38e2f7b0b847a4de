package io.moha.store;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Evidence of one change of primary: value of {@code switch/<ts>} (protocol, section 8). Times in milliseconds. */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record SwitchRecord(
        @JsonProperty("ts") String ts,
        @JsonProperty("term") long term,
        @JsonProperty("kind") String kind,
        @JsonProperty("reason") String reason,
        @JsonProperty("old_primary") @Nullable String oldPrimary,
        @JsonProperty("new_primary") String newPrimary,
        @JsonProperty("binlog_file") String binlogFile,
        @JsonProperty("binlog_position") long binlogPosition,
        @JsonProperty("gtid_executed") String gtidExecuted,
        @JsonProperty("server_uuid") String serverUuid,
        @JsonProperty("ballots") Map<String, BallotSummary> ballots,
        @JsonProperty("no_ballot") List<String> noBallot,
        @JsonProperty("durability") String durability,
        @JsonProperty("phases_ms") @Nullable Map<String, Long> phasesMs,
        @JsonProperty("previous") @Nullable String previous) {

    /** A ballot as the evidence keeps it. */
    public record BallotSummary(
            @JsonProperty("received") String received,
            @JsonProperty("executed") String executed,
            @JsonProperty("backlog") long backlog,
            @JsonProperty("eligible") boolean eligible,
            @JsonProperty("reason") String reason) {}

    public SwitchRecord withPhases(Map<String, Long> phases) {
        return new SwitchRecord(
                ts,
                term,
                kind,
                reason,
                oldPrimary,
                newPrimary,
                binlogFile,
                binlogPosition,
                gtidExecuted,
                serverUuid,
                ballots,
                noBallot,
                durability,
                Collections.unmodifiableMap(new LinkedHashMap<>(phases)),
                previous);
    }
}
