package io.moha.moctl.command;

/** Exit codes that scripts may rely on. */
public final class ExitCode {
    public static final int OK = 0;
    public static final int FAILED = 1;
    /** The command line or the configuration cannot be used. */
    public static final int USAGE = 2;
    /** {@code status}: no open primary, or a member that is not healthy. */
    public static final int DEGRADED = 3;
    /** Refused before anything was changed. */
    public static final int REFUSED = 4;
    /** It may or may not have happened. */
    public static final int UNKNOWN = 5;

    private ExitCode() {}
}
