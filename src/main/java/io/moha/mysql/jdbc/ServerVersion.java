package io.moha.mysql.jdbc;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The version of a server, and the statements that go by other names from one version to the next.
 *
 * @param major e.g. 9
 * @param minor e.g. 7
 * @param patch e.g. 4
 */
record ServerVersion(int major, int minor, int patch) {
    private static final Pattern FORM = Pattern.compile("(\\d+)\\.(\\d+)\\.(\\d+).*");

    /** The oldest with CHANGE REPLICATION SOURCE TO. */
    static final ServerVersion OLDEST = new ServerVersion(8, 0, 23);

    /**
     * Reads the text of {@code @@version}.
     *
     * @throws IllegalArgumentException naming the text
     */
    static ServerVersion parse(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("'" + text + "' is not a MySQL version");
        }
        return new ServerVersion(
                Integer.parseInt(matcher.group(1)),
                Integer.parseInt(matcher.group(2)),
                Integer.parseInt(matcher.group(3)));
    }

    boolean atLeast(int otherMajor, int otherMinor, int otherPatch) {
        if (major != otherMajor) {
            return major > otherMajor;
        }
        return minor != otherMinor ? minor > otherMinor : patch >= otherPatch;
    }

    boolean supported() {
        return atLeast(OLDEST.major, OLDEST.minor, OLDEST.patch);
    }

    /** The old names are gone in 8.4, the new ones exist from 8.2. */
    String showBinaryLogStatus() {
        return atLeast(8, 2, 0) ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";
    }

    String resetBinaryLogs() {
        return atLeast(8, 2, 0) ? "RESET BINARY LOGS AND GTIDS" : "RESET MASTER";
    }

    /** Semi-synchronous replication by its present names; the plugins of before are other ones. */
    boolean hasSemiSync() {
        return atLeast(8, 0, 26);
    }

    @Override
    public String toString() {
        return major + "." + minor + "." + patch;
    }
}
