package io.moha.config;

/** The configuration cannot be used. The message names file, key, value and fix. */
public final class ConfigException extends Exception {
    /** The file cannot be read (sysexits' EX_NOINPUT). */
    public static final int UNREADABLE = 66;

    /** The content is wrong (sysexits' EX_CONFIG). */
    public static final int BAD = 78;

    private final int exitCode;

    public ConfigException(int exitCode, String message, Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    public ConfigException(int exitCode, String message) {
        super(message);
        this.exitCode = exitCode;
    }

    public int exitCode() {
        return exitCode;
    }
}
