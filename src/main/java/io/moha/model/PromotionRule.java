package io.moha.model;

import java.util.Locale;

/** How much the operator wants a node to become primary. The order of the constants is the order of preference. */
public enum PromotionRule {
    PREFER,
    NEUTRAL,
    PREFER_NOT,
    MUST_NOT;

    /** The form used in configuration, etcd and JSON: {@code prefer}, {@code neutral}, {@code prefer_not}, {@code must_not}. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException naming the text and the four allowed values */
    public static PromotionRule parse(String text) {
        for (PromotionRule rule : values()) {
            if (rule.text().equals(text)) {
                return rule;
            }
        }
        throw new IllegalArgumentException(
                "promotion rule '" + text + "' is unknown: use prefer, neutral, prefer_not or must_not");
    }
}
