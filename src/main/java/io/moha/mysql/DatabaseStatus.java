package io.moha.mysql;

import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import java.util.Optional;
import java.util.Set;

/**
 * What a server said of itself in one probe.
 *
 * @param version e.g. {@code 9.7.4-2}
 * @param serverUuid {@code @@server_uuid}
 * @param executed {@code @@gtid_executed}
 * @param purged {@code @@gtid_purged}
 * @param readOnly {@code @@read_only}
 * @param superReadOnly {@code @@super_read_only}
 * @param offlineMode {@code @@offline_mode}
 * @param binlogFormat {@code @@binlog_format}, e.g. ROW
 * @param binlogFile current binary log, empty if unknown
 * @param binlogPosition position in it
 * @param hasUserData whether any schema exists besides the server's own and {@code moha}
 * @param replica the default replication channel; empty if the server has no source
 * @param deadManArmed whether the dead-man's event is installed, enabled and armed for this server
 * @param commits what can be seen of commits under way
 * @param semiSync semi-synchronous replication as the server has it
 */
public record DatabaseStatus(
        String version,
        String serverUuid,
        GtidSet executed,
        GtidSet purged,
        boolean readOnly,
        boolean superReadOnly,
        boolean offlineMode,
        String binlogFormat,
        String binlogFile,
        long binlogPosition,
        boolean hasUserData,
        Optional<Replica> replica,
        boolean deadManArmed,
        Commits commits,
        SemiSync semiSync) {

    /**
     * Semi-synchronous replication. Where a plugin is not installed its side is off.
     *
     * @param waitFor acknowledgements that a commit waits for; 0 if the source side is off
     * @param ackers {@code server_uuid} of each connected replica whose connection was opened to acknowledge
     * @param caughtUp {@code server_uuid} of each connected replica, acknowledging or not, that has been sent everything
     * @param waiting sessions whose commit waits for acknowledgements right now
     * @param acknowledges the replica side is switched on: what the next connection to a source is opened with
     * @param acknowledging the present connection to the source acknowledges
     */
    public record SemiSync(
            int waitFor,
            Set<String> ackers,
            Set<String> caughtUp,
            int waiting,
            boolean acknowledges,
            boolean acknowledging) {
        public static final SemiSync OFF = new SemiSync(0, Set.of(), Set.of(), 0, false, false);

        public SemiSync {
            ackers = Set.copyOf(ackers);
            caughtUp = Set.copyOf(caughtUp);
        }
    }

    /**
     * What tells a slow server from a stuck one.
     *
     * @param waiting sessions that are committing, or wait for room on the disk, right now
     * @param binlogBytes bytes written to the binary logs since the server started; 0 where performance_schema is off
     */
    public record Commits(int waiting, long binlogBytes) {
        public static final Commits NONE = new Commits(0, 0);
    }

    /**
     * The replication channel.
     *
     * @param source where the receiver connects to
     * @param receiver state of the receiver (IO thread)
     * @param applierRunning whether the applier (SQL thread) runs
     * @param retrieved Retrieved_Gtid_Set
     * @param heard changes whenever anything comes from the source, a heartbeat too
     * @param secondsBehind Seconds_Behind_Source; -1 if unknown (NULL)
     * @param receiverError last error of the receiver, empty if none
     * @param applierError last error of the applier, empty if none
     */
    public record Replica(
            Endpoint source,
            Receiver receiver,
            boolean applierRunning,
            GtidSet retrieved,
            String heard,
            long secondsBehind,
            String receiverError,
            String applierError) {}

    /** State of the receiver thread. */
    public enum Receiver {
        STOPPED,
        CONNECTING,
        RUNNING
    }

    /** Writable for applications: neither read-only nor offline. */
    public boolean writable() {
        return !readOnly && !superReadOnly && !offlineMode;
    }

    /**
     * Closed for all writes. super_read_only alone does not say so: while the statement that sets it waits for
     * transactions under way, it reads ON already, and read_only still OFF.
     */
    public boolean fenced() {
        return readOnly && superReadOnly;
    }

    /** All that this server can still execute without a source: retrieved union executed. */
    public GtidSet received() {
        return replica.map(r -> executed.union(r.retrieved())).orElse(executed);
    }
}
