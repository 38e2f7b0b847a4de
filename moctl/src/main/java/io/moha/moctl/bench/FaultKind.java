package io.moha.moctl.bench;

import java.util.Locale;

/** What is done to the primary. */
public enum FaultKind {
    /** SIGKILL to mysqld; its agent lives and starts it again. */
    MYSQLD_KILL,
    /** SIGKILL to mysqld and agent at once; the bench starts both again after the failover. */
    HOST_KILL,
    /** SIGKILL to the agent, which stays away until another node has taken over: the database must close itself. */
    AGENT_KILL,
    /** A planned switch to the best replica. */
    SWITCH;

    /** The form on the command line. */
    public String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** @throws IllegalArgumentException naming the words */
    public static FaultKind parse(String text) {
        for (FaultKind kind : values()) {
            if (kind.text().equals(text)) {
                return kind;
            }
        }
        throw new IllegalArgumentException(
                "'" + text + "' is no fault: use mysqld-kill, host-kill, agent-kill or switch");
    }
}
