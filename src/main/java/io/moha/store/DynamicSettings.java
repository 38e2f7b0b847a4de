package io.moha.store;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.moha.model.Durability;

/** Value of {@code config}: settings of the whole cluster that operators change while it runs. */
@JsonIgnoreProperties(ignoreUnknown = true)
public record DynamicSettings(
        @JsonProperty("durability") String durability,
        @JsonProperty("wait") int acks,
        @JsonProperty("on_ack_loss") String onAckLoss) {

    public static DynamicSettings of(Durability d) {
        return new DynamicSettings(d.text(), d.acks(), d.degrade() ? "degrade" : "wait");
    }

    /** @throws IllegalArgumentException naming what is not understood and what would be */
    public Durability toDurability() {
        return durability(durability, acks, onAckLoss);
    }

    /** @throws IllegalArgumentException naming what is not understood and what would be */
    public static Durability durability(String durability, int acks, String onAckLoss) {
        boolean lossless = either("durability", durability, "lossless", "async");
        boolean degrade = either("on-ack-loss", onAckLoss, "degrade", "wait");
        return new Durability(lossless, acks, degrade);
    }

    private static boolean either(String key, String value, String yes, String no) {
        if (!value.equals(yes) && !value.equals(no)) {
            throw new IllegalArgumentException(
                    key + ": '" + value + "' is not known; write '" + no + "' or '" + yes + "'");
        }
        return value.equals(yes);
    }
}
