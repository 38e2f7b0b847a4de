package io.moha.mysql;

/** The server did not do what was asked, or it is not known whether it did. */
public final class DatabaseException extends Exception {
    /** How sure the caller may be. */
    public enum Kind {
        /** No connection could be made at all; nothing was executed. */
        UNREACHABLE,
        /** The server refused the account or its password. */
        ACCESS_DENIED,
        /** The server answered with an error; nothing was changed by the failed statement. */
        REFUSED,
        /** The connection broke or the deadline passed while a statement ran: it may take effect yet. */
        UNKNOWN
    }

    private final Kind kind;
    private final int errorCode;
    private final boolean late;

    /** @param late whether the deadline passed without a word from the server, as from one that is frozen */
    public DatabaseException(Kind kind, boolean late, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
        this.errorCode = 0;
        this.late = late;
    }

    public DatabaseException(Kind kind, int errorCode, String message, Throwable cause) {
        super(message, cause);
        this.kind = kind;
        this.errorCode = errorCode;
        this.late = false;
    }

    /** Whether the server let the deadline pass; false if it refused, answered, or the connection broke. */
    public boolean late() {
        return late;
    }

    public Kind kind() {
        return kind;
    }

    /** MySQL's error number, 0 if none. */
    public int errorCode() {
        return errorCode;
    }
}
