package io.moha.mysql.jdbc;

import io.moha.mysql.DatabaseStatus.SemiSync;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the probe says of semi-synchronous replication. The plugins' variables cannot be named where the plugins are not
 * installed, and asking performance_schema for them costs 2 to 4 ms (all variables are gathered each time; named they
 * cost nothing). So the probe remembers which plugins there are.
 */
final class SemiSyncProbe {
    /** For plugins that somebody installs by hand. */
    private static final Duration REMEMBER = Duration.ofSeconds(5);

    private static final int UNKNOWN_VARIABLE = 1193;

    /** What was installed when it was looked up on a connection. */
    private record Installed(Connection on, int change, long atNanos, boolean source, boolean replica) {}

    /**
     * The part that comes with the probe's first statement.
     *
     * @param acknowledges the replica side is switched on
     */
    record Settings(int waitFor, Set<String> ackers, Set<String> caughtUp, boolean acknowledges) {
        SemiSync with(int waiting, boolean acknowledging) {
            return new SemiSync(waitFor, ackers, caughtUp, waiting, acknowledges, acknowledging);
        }
    }

    private volatile @Nullable Installed installed;
    private boolean mayAcknowledge = true;

    /**
     * Four columns for the probe's first statement.
     *
     * @param change counts what this agent has changed
     */
    String columns(Link link, int change) throws SQLException {
        Installed there = installed(link, change);
        String source = there.source()
                ? "IF(" + SemiSyncReplication.LOSSLESS + ", @@GLOBAL.rpl_semi_sync_source_wait_for_replica_count, 0), ("
                        + SemiSyncReplication.ACKERS + "), (" + SemiSyncReplication.CAUGHT_UP + ")"
                : "0, NULL, NULL";
        return source + (there.replica() ? ", @@GLOBAL.rpl_semi_sync_replica_enabled" : ", 0");
    }

    private Installed installed(Link link, int change) throws SQLException {
        Installed last = installed;
        boolean same = last != null && last.on() == link.connection();
        if (last != null
                && same
                && last.change() == change
                && System.nanoTime() - last.atNanos() < REMEMBER.toNanos()) {
            return last;
        }
        Installed found = new Installed(
                link.connection(),
                change,
                System.nanoTime(),
                Plugins.active(link, SemiSyncReplication.SOURCE),
                Plugins.active(link, SemiSyncReplication.REPLICA));
        mayAcknowledge |= !same;
        installed = found;
        return found;
    }

    /** Whether both sides are known to be there, so that nothing that this agent does can add one. */
    boolean complete() {
        Installed known = installed;
        return known != null && known.source() && known.replica();
    }

    /** Whether a statement failed because somebody took a plugin away; asked again, it is known. */
    boolean forgets(SQLException e) {
        boolean forgotten = installed != null && e.getErrorCode() == UNKNOWN_VARIABLE;
        if (forgotten) {
            installed = null;
        }
        return forgotten;
    }

    static Settings settings(ResultSet row, int firstColumn) throws SQLException {
        return new Settings(
                row.getInt(firstColumn),
                uuids(row.getString(firstColumn + 1)),
                uuids(row.getString(firstColumn + 2)),
                row.getBoolean(firstColumn + 3));
    }

    /** A replica that has just connected anew is there twice, until the server notices the end of its old connection. */
    static Set<String> uuids(@Nullable String byCommas) {
        return byCommas == null ? Set.of() : Set.copyOf(List.of(byCommas.split(",")));
    }

    /**
     * Whether the running receiver's connection acknowledges. One statement of 0.5 ms, which is spared where the replica
     * side is off and the connection did not acknowledge before.
     */
    boolean acknowledging(Link link, Settings settings) throws SQLException {
        Installed there = installed;
        if (there == null || !there.replica() || !(settings.acknowledges() || mayAcknowledge)) {
            return false;
        }
        mayAcknowledge = SemiSyncReplication.acknowledging(link);
        return mayAcknowledge;
    }
}
