package io.moha.mysql;

import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import io.moha.model.Obstacle;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * The one MySQL server beside this agent. Every call has its deadline inside the call. Each group of calls uses a
 * connection of its own (probe; fence connections; fence writes; replication), so that a statement that hangs never
 * stands in the way of the fence. Statements are chosen by the server's version. Implementations are thread-safe.
 */
public interface Database extends AutoCloseable {

    /** Reads the state of the server: at most two statements, on the probe's own connection. */
    DatabaseStatus probe(Duration deadline) throws DatabaseException;

    /** {@code SET GLOBAL offline_mode=ON}: drops application sessions, admits no new ones (fence, rung 2). */
    void closeToApplications(Duration deadline) throws DatabaseException;

    /** {@code SET GLOBAL super_read_only=ON}, on a connection of its own, with a short lock_wait_timeout (rung 3). */
    void closeForWrites(Duration deadline) throws DatabaseException;

    /** Sessions that closing for writes would have to wait for, or whose work it would undo. */
    List<Obstacle> obstacles(Duration deadline) throws DatabaseException;

    /** Ends these sessions. What they have not committed is rolled back, which may take as long as it took. */
    void endSessions(List<Obstacle> obstacles, Duration deadline) throws DatabaseException;

    /** What this server has executed, read in one statement with super_read_only; REFUSED if that is not on. */
    GtidSet executedWhenClosed(Duration deadline) throws DatabaseException;

    /** {@code SET GLOBAL offline_mode=OFF}: applications may connect (reads) again. */
    void openToApplications(Duration deadline) throws DatabaseException;

    /**
     * Makes a promoted server writable: super_read_only=OFF while read_only stays ON, arms the dead-man's switch with
     * {@code allowance}, then read_only=OFF and offline_mode=OFF. Does not read back: {@link #probe} does.
     *
     * @param conditions REFUSED if the server does not meet them, because it has restarted since, or was looked at too long ago
     * @param mayWrite asked right before each statement; once it says no, the rest is left undone and REFUSED is thrown
     */
    void openForWrites(Duration allowance, BooleanSupplier mayWrite, Conditions conditions, Duration deadline)
            throws DatabaseException;

    /**
     * What must be true of a server that is opened, asked of itself right before.
     *
     * @param waitFor acknowledgements that commits must wait for already
     * @param executed what it must have executed
     */
    record Conditions(int waitFor, GtidSet executed) {
        public static final Conditions NONE = new Conditions(0, GtidSet.EMPTY);
    }

    /** Opens a server whose commits wait for nobody. */
    default void openForWrites(Duration allowance, BooleanSupplier mayWrite, Duration deadline)
            throws DatabaseException {
        openForWrites(allowance, mayWrite, Conditions.NONE, deadline);
    }

    /** Moves the dead-man's switch on: the server fences itself {@code allowance} from now unless beaten again. */
    void beat(Duration allowance, Duration deadline) throws DatabaseException;

    /** Stops the receiver; the applier goes on. Returns when the receiver is confirmed stopped. */
    void stopReceiver(Duration deadline) throws DatabaseException;

    /** Starts receiver and applier with the present source. */
    void startReplication(Duration deadline) throws DatabaseException;

    /** Starts the applier only, so that received transactions are executed; the receiver stays as it is. */
    void startApplier(Duration deadline) throws DatabaseException;

    /**
     * Points replication at {@code source} with GTID auto-positioning and starts it. The caller has seen to it that
     * everything received is executed: this discards undrained relay logs.
     */
    void follow(Endpoint source, Duration deadline) throws DatabaseException;

    /** Stops replication and forgets the source ({@code RESET REPLICA ALL}). The caller has drained the relay log. */
    void forgetSource(Duration deadline) throws DatabaseException;

    /**
     * Source side of semi-synchronous replication: a commit returns when so many replicas have received it, however long
     * that takes (AFTER_SYNC). Installs the plugin if it is not there, without binlog events.
     *
     * @param replicas 0 switches the source side off and lets everybody go who waits
     */
    void awaitAckers(int replicas, Duration deadline) throws DatabaseException;

    /**
     * Replica side of semi-synchronous replication: whether this server acknowledges what it has received and what is on
     * its disk. Takes effect at once: a receiver that runs is restarted. Installs the plugin if it is not there.
     */
    void acknowledge(boolean on, Duration deadline) throws DatabaseException;

    /**
     * Makes a transaction that changes nothing, so that replicas acknowledge once more: what they had received without saying
     * so, commits may wait for, for ever.
     */
    void nudge(Duration deadline) throws DatabaseException;

    /** Ends the connection of a replica to this source, if there is one; its receiver may connect anew. */
    void dropReplica(String serverUuid, Duration deadline) throws DatabaseException;

    /** Executed set of another member, read from that server itself with the agent's account. */
    GtidSet executedOn(Endpoint other, Duration deadline) throws DatabaseException;

    /** Executed and purged set of another member: what an empty joiner can still replay is executed minus purged. */
    GtidSet purgedOn(Endpoint other, Duration deadline) throws DatabaseException;

    /** Waits on another member until it has executed {@code set}. @return false if the deadline passed first */
    boolean awaitExecutedOn(Endpoint other, GtidSet set, Duration deadline) throws DatabaseException;

    /** Replaces all local data by a copy of {@code donor} (clone plugin). The server restarts or stops at the end. */
    void cloneFrom(Endpoint donor, Duration deadline) throws DatabaseException;

    /**
     * Discards the local GTID history of a server that holds nothing but its own initialisation, so that it can be the
     * empty start of a cluster ({@code RESET BINARY LOGS AND GTIDS}).
     */
    void forgetHistory(Duration deadline) throws DatabaseException;

    /**
     * Calls {@code onBroken} once, within milliseconds of the server's process dying: a connection that only waits.
     *
     * @throws DatabaseException if the connection cannot be made
     */
    AutoCloseable tripwire(Runnable onBroken, Duration deadline) throws DatabaseException;

    @Override
    void close();
}
