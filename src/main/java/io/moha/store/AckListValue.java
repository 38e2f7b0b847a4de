package io.moha.store;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.moha.model.AckList;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.Term;
import java.util.List;
import java.util.stream.Collectors;

/** Value of {@code sync}. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record AckListValue(
        @JsonProperty("term") long term,
        @JsonProperty("primary") String primary,
        @JsonProperty("uuid") String uuid,
        @JsonProperty("binding") boolean binding,
        @JsonProperty("wait") int acks,
        @JsonProperty("ackers") List<String> ackers,
        @JsonProperty("floor") String floor) {

    public static AckListValue of(AckList list) {
        return new AckListValue(
                list.term().value(),
                list.primary().value(),
                list.uuid(),
                list.binding(),
                list.acks(),
                list.ackers().stream().map(NodeId::value).sorted().toList(),
                list.floor().toString());
    }

    /** @throws IllegalArgumentException if a part is malformed */
    public AckList toList() {
        return new AckList(
                new Term(term),
                new NodeId(primary),
                uuid == null ? "" : uuid,
                binding,
                acks,
                ackers.stream().map(NodeId::new).collect(Collectors.toSet()),
                GtidSet.parse(floor));
    }
}
