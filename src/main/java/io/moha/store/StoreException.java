package io.moha.store;

import org.jspecify.annotations.Nullable;

/** The store did not do what was asked, or it is not known whether it did. */
public final class StoreException extends Exception {
    private final boolean unknown;

    private StoreException(String message, boolean unknown, @Nullable Throwable cause) {
        super(message, cause);
        this.unknown = unknown;
    }

    /** The request was certainly not applied (refused, authentication, no space, malformed). */
    public static StoreException refused(String message, @Nullable Throwable cause) {
        return new StoreException(message, false, cause);
    }

    /** No answer in time, or the connection broke: it may have been applied or may still be. */
    public static StoreException unknown(String message, @Nullable Throwable cause) {
        return new StoreException(message, true, cause);
    }

    public boolean unknown() {
        return unknown;
    }
}
