package io.moha.agent.loop;

import io.moha.decide.Action;
import io.moha.decide.Observation.Comparison;
import io.moha.model.GtidSet;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseProcess;
import io.moha.mysql.DatabaseProcess.ProcessException;
import io.moha.store.StoreException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Does the actions on the local database; those on etcd are {@link StoreActor}'s. Called on the hands' threads. */
final class Actor {
    private static final Logger LOG = LoggerFactory.getLogger(Actor.class);
    private static final Duration SQL = Duration.ofSeconds(5);
    /** Short: the primary's host may be gone, and an election may be waiting for this hand. */
    private static final Duration PEER = Duration.ofMillis(700);

    private static final Duration CLONE = Duration.ofHours(6);
    private static final Duration START = Duration.ofSeconds(30);

    private final Database database;
    private final DatabaseProcess process;
    private final StoreActor storeActor;
    private final Clock clock;
    private final BooleanSupplier mayWrite;
    private final BooleanSupplier fencing;
    private final Supplier<Duration> beatAllowance;
    private volatile Optional<Comparison> comparison = Optional.empty();

    /**
     * @param mayWrite whether the role is still safe at this very moment; asked before every statement that opens
     * @param fencing whether a fence that has begun is still to be confirmed
     * @param beatAllowance life of the dead-man's beat from now
     */
    Actor(
            Database database,
            DatabaseProcess process,
            StoreActor storeActor,
            Clock clock,
            BooleanSupplier mayWrite,
            BooleanSupplier fencing,
            Supplier<Duration> beatAllowance) {
        this.database = database;
        this.process = process;
        this.storeActor = storeActor;
        this.clock = clock;
        this.mayWrite = mayWrite;
        this.fencing = fencing;
        this.beatAllowance = beatAllowance;
    }

    Optional<Comparison> comparison() {
        return comparison;
    }

    /** @see HandingOver#closedAt */
    long closedAt() {
        return storeActor.closedAt();
    }

    /** Whether the action changes the database, so that older looks at it do not count any more. */
    static boolean touchesDatabase(Action action) {
        boolean closes = action instanceof Action.HandOver order && order.closes();
        return closes || (!touchesStore(action) && !(action instanceof Action.Compare));
    }

    /** Whether the action changes etcd, so that older reads of it do not count any more. */
    static boolean touchesStore(Action action) {
        return action instanceof Action.Register
                || action instanceof Action.SayFollowed
                || action instanceof Action.PutBallot
                || action instanceof Action.WithdrawBallot
                || action instanceof Action.Campaign
                || action instanceof Action.PutSync
                || action instanceof Action.ResumeRole
                || action instanceof Action.RetakeRole
                || action instanceof Action.EnterSinglePoint
                || action instanceof Action.LeaveSinglePoint
                || action instanceof Action.WriteEvidence
                || action instanceof Action.Announce
                || action instanceof Action.HandOver
                || action instanceof Action.Resign;
    }

    Outcome act(Action action) {
        try {
            return touchesStore(action) ? storeActor.act(action) : onDatabase(action);
        } catch (StoreException e) {
            return e.unknown() ? Outcome.unknown("etcd: " + e.getMessage()) : Outcome.failed("etcd: " + e.getMessage());
        } catch (DatabaseException e) {
            return e.kind() == DatabaseException.Kind.UNKNOWN
                    ? Outcome.unknown("MySQL: " + e.getMessage())
                    : Outcome.failed("MySQL: " + e.getMessage());
        } catch (ProcessException e) {
            return Outcome.unknown(String.valueOf(e.getMessage()));
        }
    }

    private Outcome onDatabase(Action action) throws DatabaseException, ProcessException {
        if (action instanceof Action.Fence fence) {
            return fence(fence);
        } else if (action instanceof Action.StartDatabase) {
            process.start(START);
        } else if (action instanceof Action.StopReceiver) {
            database.stopReceiver(SQL);
        } else if (action instanceof Action.StartApplier) {
            database.startApplier(SQL);
        } else if (action instanceof Action.StartReplication) {
            database.startReplication(SQL);
        } else if (action instanceof Action.OpenToApplications) {
            database.openToApplications(SQL);
        } else if (action instanceof Action.Compare compare) {
            compare(compare);
        } else if (action instanceof Action.Follow follow) {
            database.follow(follow.endpoint(), SQL);
        } else if (action instanceof Action.ForgetHistory) {
            database.forgetHistory(SQL);
        } else if (action instanceof Action.CloneFrom from) {
            database.cloneFrom(from.endpoint(), CLONE);
        } else if (action instanceof Action.ForgetSource forget) {
            database.forgetSource(SQL);
            if (forget.waitFor() > 0) {
                database.awaitAckers(forget.waitFor(), SQL);
            }
        } else if (action instanceof Action.OpenForWrites open) {
            return open(new Database.Conditions(open.waitFor(), open.executed()));
        } else if (action instanceof Action.AwaitAckers await) {
            database.awaitAckers(await.replicas(), SQL);
            if (await.commitsGoOn() && await.replicas() > 0) {
                nudge();
            }
        } else if (action instanceof Action.Acknowledge acknowledge) {
            database.acknowledge(acknowledge.on(), SQL);
        } else if (action instanceof Action.DropReplica drop) {
            database.dropReplica(drop.serverUuid(), SQL);
        } else if (action instanceof Action.Nudge) {
            database.nudge(SQL);
        } else if (action instanceof Action.CloseForWrites) {
            database.closeForWrites(SQL);
        } else {
            return Outcome.failed("nobody does " + action.kind());
        }
        return Outcome.DONE;
    }

    /** What was sent before the server began to wait gets no acknowledgement of its own: the next transaction's counts for it. */
    private void nudge() {
        try {
            database.nudge(PEER);
        } catch (DatabaseException e) {
            LOG.debug("left to those who see that commits wait: {}", e.getMessage());
        }
    }

    private Outcome open(Database.Conditions conditions) throws DatabaseException {
        if (!mayWrite.getAsBoolean()) {
            return Outcome.failed("the lease is too old to open for writes");
        }
        database.openForWrites(beatAllowance.get(), mayWrite, conditions, SQL);
        return Outcome.DONE;
    }

    private void compare(Action.Compare compare) throws DatabaseException {
        GtidSet executed = database.executedOn(compare.endpoint(), PEER);
        GtidSet purged = database.purgedOn(compare.endpoint(), PEER);
        comparison = Optional.of(new Comparison(
                compare.primary(),
                compare.term(),
                compare.mine(),
                executed,
                purged,
                compare.ahead(),
                compare.waits(),
                clock.now()));
    }

    /**
     * The ladder. Rung 2 drops the applications' sessions, rung 3 makes read-only, rung 4 kills. Whether it worked is
     * not concluded from here: the loop reads it back.
     */
    private Outcome fence(Action.Fence fence) throws ProcessException {
        String trouble = fence.killAtOnce() ? "the database is stuck" : bySql(fence);
        // A slow server may be fenced, read back, and even be primary again by the time its statements end.
        if (trouble.isEmpty() || (!fence.killAtOnce() && !fencing.getAsBoolean())) {
            return Outcome.DONE;
        }
        if (!process.controllable()) {
            return Outcome.unknown(
                    trouble + "; and this agent has no means to kill the database ([process] kind is none)");
        }
        try {
            process.kill(Duration.ofSeconds(2));
        } catch (ProcessException e) {
            if (!fence.killAtOnce()) {
                throw e;
            }
            // A server that does not die in time, frozen or waiting for its disk, finds these first when it goes on.
            String also = bySql(fence);
            throw new ProcessException(e.getMessage() + "; and by SQL: " + (also.isEmpty() ? "closed" : also), e);
        }
        return Outcome.DONE;
    }

    /** @return empty if both rungs succeeded in time, else what stood in the way */
    private String bySql(Action.Fence fence) {
        StringBuilder trouble = new StringBuilder();
        try {
            database.closeToApplications(rung(fence, Duration.ofSeconds(1)));
        } catch (DatabaseException e) {
            trouble.append("offline_mode: ").append(e.getMessage());
        }
        try {
            database.closeForWrites(rung(fence, Duration.ofSeconds(5)));
            return "";
        } catch (DatabaseException e) {
            return trouble.append(" super_read_only: ").append(e.getMessage()).toString();
        }
    }

    private Duration rung(Action.Fence fence, Duration longest) {
        long left = fence.killAt() - clock.now();
        return Duration.ofNanos(Math.max(200_000_000L, Math.min(longest.toNanos(), left)));
    }
}
