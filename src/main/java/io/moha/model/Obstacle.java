package io.moha.model;

/**
 * A session that a planned change of primary would have to wait for, or whose work it would undo.
 *
 * @param session the server's connection id
 * @param user who it belongs to, with the host
 * @param seconds for how long already
 * @param what in words, without data: the kind of statement, how many rows
 */
public record Obstacle(Kind kind, long session, String user, long seconds, String what) {
    public enum Kind {
        /** Has changed rows and has not committed: once the server is closed it cannot. */
        TRANSACTION,
        /** Changes a definition; the server cannot be closed before it ends. */
        DDL,
        /** {@code FLUSH TABLES WITH READ LOCK}: nobody can commit; a replica executes nothing. */
        READ_LOCK,
        /** {@code LOCK INSTANCE FOR BACKUP}: a backup is being taken. */
        BACKUP_LOCK
    }

    /** One sentence for people. */
    public String text() {
        return "session " + session + " of " + user + ": " + what + ", for " + seconds + " s";
    }
}
