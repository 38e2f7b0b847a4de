package io.moha.agent.loop;

import io.moha.decide.Action;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.Obstacle;
import io.moha.model.OnLongTransactions;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseStatus;
import io.moha.store.Json;
import io.moha.store.Keys;
import io.moha.store.Registration;
import io.moha.store.StoreException;
import io.moha.store.SwitchRequest;
import io.moha.store.Txn;
import io.moha.store.Txn.Guard;
import io.moha.store.Txn.Op;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The old primary's part of a planned change. Say the intent (its revision guards the hand-over); bring the target near; close;
 * wait until the target has executed everything; hand over. Whatever goes wrong after the intent was said ends with taking the
 * intent back: either the hand-over commits or its withdrawal, never both, so that a hand-over which "timed out" cannot commit
 * after this node has opened again.
 */
final class HandingOver {
    /** How long the target may take to come near while this server is still open. */
    private static final Duration BRING_NEAR = Duration.ofSeconds(10);

    /** Near: it has executed what this server had executed so long ago. */
    private static final Duration NEAR = Duration.ofMillis(10);

    /** Near enough where, under load, it does not come nearer in so many rounds. */
    private static final Duration NEAR_ENOUGH = Duration.ofMillis(500);

    private static final int MOST_ROUNDS = 5;

    /** Between two looks at sessions that are in the way. */
    private static final Duration LOOK_AGAIN = Duration.ofMillis(50);

    private static final Logger LOG = LoggerFactory.getLogger(HandingOver.class);

    private final NodeId me;
    private final StoreActor store;
    private final Database database;
    private final Clock clock;
    private final StoreActor.Sources sources;
    /** When this server was last closed here: what was seen of it before says nothing any more. */
    private volatile long closedAt;

    /** Why the role stays where it is. Nothing was handed over. */
    private static final class Kept extends Exception {
        private static final long serialVersionUID = 1;

        Kept(String reason) {
            super(reason);
        }
    }

    HandingOver(NodeId me, StoreActor store, Database database, Clock clock, StoreActor.Sources sources) {
        this.me = me;
        this.store = store;
        this.database = database;
        this.clock = clock;
        this.sources = sources;
        this.closedAt = clock.now() - Duration.ofDays(1).toNanos();
    }

    /** Monotonic nanoseconds; until it is looked at again after that, nobody is to be told that this server is open. */
    long closedAt() {
        return closedAt;
    }

    Outcome perform(Action.HandOver order) throws StoreException {
        Optional<Long> targetLease =
                sources.picture().get().map(p -> p.live().get(order.target())).map(Registration::leaderLease);
        Optional<DatabaseStatus> status = sources.status().get();
        if (targetLease.isEmpty() || status.isEmpty()) {
            return Outcome.failed(order.target() + " is not registered");
        }
        SwitchRequest intent = new SwitchRequest(
                order.term().next().value(),
                me.value(),
                order.target().value(),
                status.get().executed().toString(),
                Map.of());
        List<Guard> guards = store.mineSince(order.term(), order.modRevision());
        OptionalLong said = store.tryCommit(guards, List.of(new Txn.Put(Keys.REQUEST, Json.write(intent), 0)));
        if (said.isEmpty()) {
            return Outcome.failed("the role has passed on");
        }
        List<Guard> saidByMe = new ArrayList<>(guards);
        saidByMe.add(new Txn.ModRevisionIs(Keys.REQUEST, said.getAsLong()));
        try {
            Map<String, Long> phases = new LinkedHashMap<>();
            if (order.closes()) {
                clearTheWay(order);
                bringNear(order);
            }
            long closedFrom = clock.now();
            GtidSet all = order.closes() ? close(order, phases) : closedBefore(status.get(), phases);
            awaitEverything(order, all, order.within().minusNanos(clock.now() - closedFrom), phases);
            goOnUnlessWithdrawn();
            SwitchRequest done = new SwitchRequest(
                    intent.term(), intent.from(), intent.to(), all.toString(), new LinkedHashMap<>(phases));
            return give(order, saidByMe, targetLease.get(), done);
        } catch (Kept | DatabaseException | StoreException e) {
            return takeBack(saidByMe, String.valueOf(e.getMessage()));
        }
    }

    private GtidSet closedBefore(DatabaseStatus status, Map<String, Long> phases) {
        phases.put("read_only", sources.readOnlyMillis().get());
        return status.executed();
    }

    /** @return all that this server has executed, read after it was closed */
    private GtidSet close(Action.HandOver order, Map<String, Long> phases) throws Kept, DatabaseException {
        long since = clock.now();
        closedAt = since;
        try {
            // super_read_only waits for the statements of others.
            database.closeForWrites(order.within());
        } finally {
            closedAt = clock.now();
        }
        GtidSet executed = database.executedWhenClosed(StoreActor.CALL);
        phases.put("read_only", millisSince(since));
        return executed;
    }

    /** While this server is still open: sessions that closing would have to wait for, or whose work it would undo. */
    private void clearTheWay(Action.HandOver order) throws Kept, DatabaseException {
        long since = clock.now();
        Bell pause = clock.bell();
        List<Obstacle> there = database.obstacles(StoreActor.CALL);
        while (!there.isEmpty()) {
            String first = there.get(0).text() + (there.size() == 1 ? "" : ", and " + (there.size() - 1) + " more");
            boolean late = clock.now() - since > Wish.ChangePrimary.PATIENCE.toNanos();
            if (order.inTheWay() == OnLongTransactions.ABORT || late) {
                throw new Kept((late
                                ? "still in the way after " + Wish.ChangePrimary.PATIENCE.toSeconds() + " s: "
                                : "in the way: ")
                        + first + "; nothing was closed");
            }
            if (order.inTheWay() == OnLongTransactions.KILL) {
                LOG.warn("ending sessions that are in the way of the hand-over: {}", first);
                database.endSessions(there, StoreActor.CALL);
            }
            goOnUnlessWithdrawn();
            if (!pause.await(LOOK_AGAIN)) {
                throw new Kept("the agent is ending");
            }
            there = database.obstacles(StoreActor.CALL);
        }
    }

    /** While this server is still open: until the target has what this server had milliseconds ago. */
    private void bringNear(Action.HandOver order) throws Kept, DatabaseException {
        long since = clock.now();
        Duration took = BRING_NEAR;
        for (int round = 1; took.compareTo(round <= MOST_ROUNDS ? NEAR : NEAR_ENOUGH) > 0; round++) {
            Duration left = BRING_NEAR.minusNanos(clock.now() - since);
            GtidSet executed = database.probe(StoreActor.CALL).executed();
            long asked = clock.now();
            goOnUnlessWithdrawn();
            if (left.isNegative() || !database.awaitExecutedOn(order.endpoint(), executed, left)) {
                throw new Kept(order.target() + " is too far behind: it has not come near within "
                        + BRING_NEAR.toSeconds() + " s; nothing was closed");
            }
            took = Duration.ofNanos(clock.now() - asked);
        }
    }

    private void awaitEverything(Action.HandOver order, GtidSet all, Duration left, Map<String, Long> phases)
            throws Kept, DatabaseException {
        long since = clock.now();
        if (left.isNegative() || !database.awaitExecutedOn(order.endpoint(), all, left)) {
            throw new Kept(order.target() + " has not executed everything within "
                    + order.within().toMillis() + " ms of closing");
        }
        phases.put("catch_up", millisSince(since));
    }

    private Outcome give(Action.HandOver order, List<Guard> saidByMe, long targetLease, SwitchRequest done)
            throws StoreException {
        List<Op> operations = List.of(
                new Txn.Put(Keys.HOLDER, order.target().value(), targetLease),
                new Txn.Delete(Keys.SINGLE_POINT),
                new Txn.Put(Keys.TERM, order.term().next().toString(), 0),
                new Txn.Put(Keys.LAST_ID, order.target().value(), 0),
                new Txn.Put(Keys.LAST_GTID, done.gtidExecuted(), 0),
                new Txn.Put(Keys.REQUEST, Json.write(done), 0));
        return store.tryCommit(saidByMe, operations).isPresent()
                ? Outcome.DONE
                : Outcome.failed("the role has passed on");
    }

    private Outcome takeBack(List<Guard> saidByMe, String trouble) {
        try {
            boolean back = store.tryCommit(saidByMe, List.of(new Txn.Delete(Keys.REQUEST)))
                    .isPresent();
            return back ? Outcome.failed(trouble) : Outcome.unknown(trouble + "; the hand-over may have happened");
        } catch (StoreException e) {
            // Whatever became of this call: the one before it may still be applied.
            return Outcome.unknown(trouble + "; it could not be taken back: " + e.getMessage());
        }
    }

    private void goOnUnlessWithdrawn() throws Kept {
        if (sources.withdrawn().getAsBoolean()) {
            throw new Kept("an operator asked to go back");
        }
    }

    private long millisSince(long nanos) {
        return (clock.now() - nanos) / 1_000_000;
    }
}
