package io.moha.model;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a planned change of primary does about sessions that it would have to wait for, or whose work it would undo. */
public enum OnLongTransactions {
    /** Waits until they have ended, while the primary is open, and gives up after a while. */
    WAIT,
    /** Does not begin. */
    ABORT,
    /** Ends their sessions; what they have not committed is rolled back. */
    KILL;

    /** As operators write it. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException naming the text and what is possible */
    public static OnLongTransactions of(String text) {
        return Arrays.stream(values())
                .filter(v -> v.text().equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("on-long-transactions='" + text + "' is not one of "
                        + Arrays.stream(values()).map(OnLongTransactions::text).collect(Collectors.joining(", "))));
    }
}
