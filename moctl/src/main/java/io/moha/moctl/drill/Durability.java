package io.moha.moctl.drill;

import java.util.Arrays;
import java.util.Locale;

/** What is promised of an acknowledged write, and so what the drill forgives. */
public enum Durability {
    /** A failover may lose some, but the product must name them. */
    ASYNC,
    /** None is ever missing. */
    LOSSLESS;

    /** The form on the command line. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException naming the words */
    public static Durability parse(String text) {
        return Arrays.stream(values())
                .filter(d -> d.text().equals(text))
                .findFirst()
                .orElseThrow(
                        () -> new IllegalArgumentException("'" + text + "' is no durability: use async or lossless"));
    }
}
