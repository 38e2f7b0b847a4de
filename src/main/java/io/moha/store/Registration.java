package io.moha.store;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Value of {@code slave/<node>} (with {@code master} and {@code LeaderLease}) and of {@code members/<node>} (without).
 * The first four names are MoHA's.
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Registration(
        @JsonProperty("NodeID") String nodeId,
        @JsonProperty("InternalHost") String internalHost,
        @JsonProperty("ExternalHost") String externalHost,
        @JsonProperty("master") @Nullable Boolean master,
        @JsonProperty("Api") @Nullable String api,
        @JsonProperty("InternalApi") @Nullable String internalApi,
        @JsonProperty("Version") @Nullable String version,
        @JsonProperty("DataCenter") @Nullable String dataCenter,
        @JsonProperty("PromotionRule") @Nullable String promotionRule,
        @JsonProperty("OnlyFollow") @Nullable Boolean onlyFollow,
        @JsonProperty("Tags") @Nullable Map<String, String> tags,
        @JsonProperty("LeaderLease") @Nullable Long leaderLease,
        @JsonProperty("ServerUuid") @Nullable String serverUuid,
        @JsonProperty("Acker") @Nullable Boolean acker,
        @JsonProperty("Follows") @Nullable Long follows) {

    /** The part that stays when the node has gone. */
    public Registration asMember() {
        return new Registration(
                nodeId,
                internalHost,
                externalHost,
                null,
                api,
                internalApi,
                version,
                dataCenter,
                promotionRule,
                onlyFollow,
                tags,
                null,
                serverUuid,
                acker,
                null);
    }
}
