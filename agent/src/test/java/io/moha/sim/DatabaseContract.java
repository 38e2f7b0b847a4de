package io.moha.sim;

import static io.moha.sim.DatabaseWorld.Server.P;
import static io.moha.sim.DatabaseWorld.Server.Q;
import static io.moha.sim.DatabaseWorld.Server.R;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.moha.model.GtidSet;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseException.Kind;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.DatabaseStatus.Receiver;
import io.moha.mysql.DatabaseStatus.Replica;
import io.moha.mysql.DatabaseStatus.SemiSync;
import io.moha.sim.DatabaseWorld.Server;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/**
 * What the decisions rest on: the same calls against simulated and against real MySQL servers, the same answers.
 *
 * <p>Where the simulator is known to differ, and is left so:
 * <ul>
 *   <li>The first statement that a frozen server lets pass its deadline is {@code late()} in the simulator; the real
 *       access says so from the second on, and calls these UNREACHABLE, because it has to connect again.
 *   <li>A change that is sent within 300 ms of the death of a server is UNKNOWN in reality, UNREACHABLE in the simulator.
 *   <li>Applications' transactions are ended by offline_mode in reality; the simulator's long one is one that is not. New
 *       writes wait while super_read_only waits for it; in the simulator they go on, which is worse.
 *   <li>The simulator's clients connect for each write: a session that is open, idle and dropped does not occur.
 *   <li>Whether there is user data, whether the switch is armed, and the position in the binary log may be five seconds
 *       old in reality, unless this agent changed something. The simulator's position counts transactions, not bytes.
 *   <li>Seconds behind and the receiver's error are always 0 and empty in the simulator.
 *   <li>Not compared: a clone that breaks, torn relay logs, an applier with an error, clocks that are set, lost packets.
 * </ul>
 */
public abstract class DatabaseContract {
    private static final Duration SOON = Duration.ofSeconds(5);
    private static final Duration LONG = Duration.ofSeconds(30);
    private static final Duration BRIEF = Duration.ofMillis(400);
    private static final Duration ALLOWANCE = Duration.ofSeconds(60);
    /** The event runs once a second; the rest is for a loaded machine. */
    private static final Duration EVENT = Duration.ofSeconds(2);

    /** Servers of this test's own. */
    protected abstract DatabaseWorld world();

    protected final Database db(Server server) {
        return world().database(server);
    }

    protected final DatabaseStatus status(Server server) throws DatabaseException {
        return db(server).probe(SOON);
    }

    private Replica channel(Server server) throws DatabaseException {
        return status(server).replica().orElseThrow();
    }

    protected final void makePrimary(Server server) throws Exception {
        db(server).openForWrites(ALLOWANCE, () -> true, LONG);
        world().createSchema(server);
    }

    protected final void insert(Server server) throws Exception {
        assertThat(world().insert(server)).as("an insert on " + server).isTrue();
    }

    /** Waits until a server has executed all that another one has. */
    private void awaitCaughtUp(Server behind, Server ahead) throws Exception {
        GtidSet all = status(ahead).executed();
        assertThat(db(ahead).awaitExecutedOn(world().endpoint(behind), all, LONG))
                .as(behind + " catches up with " + ahead)
                .isTrue();
    }

    /** P is the primary, R follows it and has everything. */
    private void primaryAndReplica() throws Exception {
        makePrimary(P);
        db(R).follow(world().endpoint(P), LONG);
        insert(P);
        awaitCaughtUp(R, P);
    }

    /** R has received transactions of P that it has not executed. @return what it has executed */
    private GtidSet undrained() throws Exception {
        primaryAndReplica();
        world().stopApplier(R);
        GtidSet executed = status(R).executed();
        insert(P);
        insert(P);
        GtidSet all = status(P).executed();
        world().await(R, "all is received", s -> s.received().contains(all));
        assertThat(status(R).executed()).isEqualTo(executed);
        return executed;
    }

    private static DatabaseException failure(ThrowingCallable call) {
        DatabaseException e = catchThrowableOfType(DatabaseException.class, call);
        assertThat(e).as("the call failed").isNotNull();
        return e;
    }

    // --- gates

    @Test
    void aNewServerIsFencedAndEmpty() throws Exception {
        for (Server each : Server.values()) {
            DatabaseStatus status = status(each);
            assertThat(status.readOnly()).isTrue();
            assertThat(status.superReadOnly()).isTrue();
            assertThat(status.offlineMode()).isFalse();
            assertThat(status.executed()).isEqualTo(GtidSet.EMPTY);
            assertThat(status.purged()).isEqualTo(GtidSet.EMPTY);
            assertThat(status.received()).isEqualTo(GtidSet.EMPTY);
            assertThat(status.replica()).isEmpty();
            assertThat(status.hasUserData()).isFalse();
            assertThat(status.deadManArmed()).isFalse();
            assertThat(status.binlogFormat()).isEqualTo("ROW");
            assertThat(status.binlogFile()).contains("binlog.0");
            assertThat(status.version()).isNotEmpty();
            assertThat(status.serverUuid()).hasSize(36);
            assertThat(world().insert(each)).isFalse();
        }
        assertThat(status(P).serverUuid()).isNotEqualTo(status(R).serverUuid());
    }

    @Test
    void openingMakesItWritableAndEachWriteOneTransactionOfItsOwn() throws Exception {
        makePrimary(P);
        DatabaseStatus open = status(P);
        assertThat(open.writable()).isTrue();
        assertThat(open.hasUserData()).isTrue();
        assertThat(open.deadManArmed()).isTrue();

        insert(P);
        insert(P);
        GtidSet two = status(P).executed().subtract(open.executed());
        assertThat(two.countOf(open.serverUuid())).isEqualTo(2);
        assertThat(status(P).executed().countOf(open.serverUuid()))
                .as("nothing else wrote")
                .isEqualTo(status(P).executed().count());
    }

    @Test
    void openingLiftsTheGatesOneByOneAndAsksBeforeEach() throws Exception {
        makePrimary(P);
        db(P).closeForWrites(SOON);
        db(P).closeToApplications(SOON);
        List<String> seen = new ArrayList<>();
        db(P).openForWrites(
                        ALLOWANCE,
                        () -> {
                            seen.add(gates(P));
                            return true;
                        },
                        LONG);
        assertThat(seen.stream().distinct().toList())
                .containsExactly("super read-only, offline", "read-only, offline", "offline");
        assertThat(gates(P)).isEmpty();
    }

    /** The gates that are closed; super_read_only counts only together with read_only. */
    private String gates(Server server) {
        try {
            DatabaseStatus status = status(server);
            String writes = !status.readOnly() ? "" : status.superReadOnly() ? "super read-only" : "read-only";
            String offline = status.offlineMode() ? "offline" : "";
            return writes + (writes.isEmpty() || offline.isEmpty() ? "" : ", ") + offline;
        } catch (DatabaseException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aGateThatSaysNoLeavesItFenced() throws Exception {
        makePrimary(P);
        db(P).closeForWrites(SOON);
        db(P).closeToApplications(SOON);
        int refusals = 0;
        while (true) {
            int last = ++refusals;
            AtomicInteger asked = new AtomicInteger();
            DatabaseException e = catchThrowableOfType(
                    DatabaseException.class,
                    () -> db(P).openForWrites(ALLOWANCE, () -> asked.incrementAndGet() < last, LONG));
            if (e == null) {
                break;
            }
            assertThat(e.kind()).isEqualTo(Kind.REFUSED);
            assertThat(gates(P)).as("refused at " + last).isEqualTo("super read-only, offline");
        }
        assertThat(refusals).as("it asks several times").isGreaterThan(4);
        insert(P);
    }

    @Test
    void aFenceThatFallsBetweenTheStatementsOfOpeningWins() throws Exception {
        makePrimary(P);
        db(P).closeForWrites(SOON);
        AtomicInteger asked = new AtomicInteger();
        DatabaseException e = failure(() -> db(P).openForWrites(
                        ALLOWANCE,
                        () -> {
                            if (asked.incrementAndGet() == 2) {
                                close(P);
                            }
                            return true;
                        },
                        LONG));
        assertThat(e.kind()).isEqualTo(Kind.REFUSED);
        assertThat(gates(P)).isEqualTo("super read-only");
    }

    private void close(Server server) {
        try {
            db(server).closeForWrites(SOON);
        } catch (DatabaseException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void closingToApplicationsDropsThemAndRefusesThemButIsNoFenceForWrites() throws Exception {
        makePrimary(P);
        DatabaseWorld.Write write = world().begin(P);
        db(P).closeToApplications(SOON);

        assertThat(write.acknowledged()).as("its session was dropped").isFalse();
        assertThat(world().insert(P)).isFalse();
        assertThat(gates(P)).isEqualTo("offline");
        db(P).closeToApplications(SOON); // once more is harmless
        db(P).openToApplications(SOON);
        assertThat(gates(P)).isEmpty();
        insert(P);
    }

    @Test
    void closingForWritesRefusesThemAndOpeningToApplicationsDoesNotChangeThat() throws Exception {
        makePrimary(P);
        GtidSet before = status(P).executed();
        db(P).closeForWrites(SOON);
        assertThat(gates(P)).isEqualTo("super read-only");
        assertThat(status(P).fenced()).isTrue();
        assertThat(world().insert(P)).isFalse();
        db(P).closeToApplications(SOON);
        db(P).openToApplications(SOON);
        assertThat(gates(P)).isEqualTo("super read-only");
        assertThat(world().insert(P)).isFalse();
        assertThat(status(P).executed()).isEqualTo(before);
    }

    @Test
    void closingForWritesHangsBehindALongTransactionAndIsThenNotDone() throws Exception {
        makePrimary(P);
        try (AutoCloseable transaction = world().longTransaction(P)) {
            long from = world().now();
            DatabaseException cut = failure(() -> db(P).closeForWrites(Duration.ofMillis(500)));
            assertThat(cut.kind()).isEqualTo(Kind.UNKNOWN);
            assertThat(world().now() - from).isBetween(400_000_000L, 3_000_000_000L);
            // While the statement waits, the server calls itself super_read_only. It is not: read_only tells.
            // Two that wait undo each other's sign, so that the one before must have given up.
            world().await("it is seen waiting", () -> {
                world().pass(Duration.ofMillis(1500));
                failure(() -> db(P).closeForWrites(Duration.ofMillis(500)));
                DatabaseStatus status = status(P);
                assertThat(status.fenced()).isFalse();
                return status.superReadOnly();
            });
            world().await(P, "the statement has given up", s -> !s.superReadOnly());

            DatabaseException gaveUp = failure(() -> db(P).closeForWrites(Duration.ofMillis(1800)));
            assertThat(gaveUp.kind()).as("the server itself gave up waiting").isEqualTo(Kind.REFUSED);
            assertThat(gaveUp.late()).isFalse();
            db(P).closeToApplications(SOON);
            assertThat(gates(P)).isEqualTo("offline");
        }
        db(P).closeForWrites(SOON);
        assertThat(gates(P)).isEqualTo("super read-only, offline");
    }

    @Test
    void aHalfOpenServerDoesNotCallItselfFencedWhileTheFenceHangsEither() throws Exception {
        makePrimary(P);
        db(P).closeForWrites(SOON);
        AtomicInteger asked = new AtomicInteger();
        List<String> seen = new ArrayList<>();
        DatabaseException e = failure(() -> db(P).openForWrites(
                        ALLOWANCE,
                        () -> {
                            if (asked.incrementAndGet() < 2) {
                                return true;
                            }
                            seen.add(gates(P));
                            seen.add(gatesWhileTheFenceHangs(P));
                            return false;
                        },
                        LONG));
        assertThat(e.kind()).isEqualTo(Kind.REFUSED);
        assertThat(seen).containsExactly("read-only", "read-only");
        assertThat(gates(P)).isEqualTo("super read-only");
    }

    private String gatesWhileTheFenceHangs(Server server) {
        try (AutoCloseable transaction = world().longTransaction(server)) {
            failure(() -> db(server).closeForWrites(Duration.ofMillis(500)));
            String gates = gates(server);
            world().pass(Duration.ofMillis(1500)); // until the server has given up too
            return gates;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    // --- semi-synchronous replication

    /** R acknowledges what it receives; P waits for that. */
    private void semiSynchronous() throws Exception {
        makePrimary(P);
        db(R).acknowledge(true, SOON);
        db(R).follow(world().endpoint(P), LONG);
        insert(P);
        awaitCaughtUp(R, P);
        db(P).awaitAckers(1, SOON);
        Set<String> replica = Set.of(status(R).serverUuid());
        world().await(P, "the replica acknowledges", s -> s.semiSync().ackers().equals(replica));
    }

    /** What P has written and R has not received. */
    private DatabaseWorld.Sent waiting() throws Exception {
        db(R).stopReceiver(SOON);
        DatabaseWorld.Sent write = world().send(P);
        world().pass(Duration.ofSeconds(1));
        assertThat(write.acknowledged()).isFalse();
        return write;
    }

    @Test
    void aCommitWaitsUntilAReplicaHasItAndIsNotExecutedBefore() throws Exception {
        semiSynchronous();
        insert(P);
        GtidSet before = status(P).executed();
        DatabaseWorld.Sent write = waiting();
        assertThat(status(P).executed()).isEqualTo(before);
        db(R).startReplication(SOON);
        world().await("acknowledged", write::acknowledged);
        assertThat(status(P).executed().subtract(before).count()).isEqualTo(1);
        assertThat(status(R).received()).isEqualTo(status(P).executed());
    }

    @Test
    void oneThatWaitsIsNotInTheWayOfTheFirstGateButOfTheSecondAndIsNeverAcknowledgedAfterwards() throws Exception {
        semiSynchronous();
        GtidSet before = status(P).executed();
        DatabaseWorld.Sent write = waiting();
        db(P).closeToApplications(SOON);
        assertThat(failure(() -> db(P).closeForWrites(Duration.ofMillis(1500))).kind())
                .isIn(Kind.REFUSED, Kind.UNKNOWN);
        assertThat(status(P).fenced()).isFalse();
        db(R).startReplication(SOON);
        world().await(P, "committed", s -> s.executed().subtract(before).count() == 1);
        world().pass(Duration.ofMillis(500));
        assertThat(write.acknowledged()).isFalse();
        db(P).closeForWrites(SOON);
        assertThat(gates(P)).isEqualTo("super read-only, offline");
    }

    @Test
    void oneThatWaitsIsCommittedByTheRestartOfItsServer() throws Exception {
        semiSynchronous();
        GtidSet before = status(P).executed();
        DatabaseWorld.Sent write = waiting();
        world().kill(P);
        world().await("it is dead", () -> world().dead(P));
        world().start(P);
        world().await(P, "it answers", s -> true);
        assertThat(status(P).executed().subtract(before).count()).isEqualTo(1);
        assertThat(write.acknowledged()).isFalse();
        assertThat(status(R).received()).isEqualTo(before);
    }

    @Test
    void whereTheSourceSideIsSwitchedOffEverybodyWhoWaitsIsToldThatItIsDone() throws Exception {
        semiSynchronous();
        DatabaseWorld.Sent write = waiting();
        db(P).awaitAckers(0, SOON);
        world().await("acknowledged", write::acknowledged);
        assertThat(status(P).semiSync().waitFor()).isZero();
        insert(P);
    }

    /** Whether a write on P ends without help. */
    private boolean isAcknowledged(DatabaseWorld.Sent write) throws Exception {
        world().pass(Duration.ofSeconds(1));
        return write.acknowledged();
    }

    private Set<String> ackersOf(Server source) throws DatabaseException {
        return status(source).semiSync().ackers();
    }

    @Test
    void aNewServerNeitherWaitsNorAcknowledges() throws Exception {
        for (Server each : Server.values()) {
            assertThat(status(each).semiSync()).isEqualTo(SemiSync.OFF);
        }
        db(P).awaitAckers(0, SOON);
        db(R).acknowledge(false, SOON);
        assertThat(status(P).semiSync()).isEqualTo(SemiSync.OFF);
        assertThat(status(R).semiSync()).isEqualTo(SemiSync.OFF);
    }

    /** Without what changes with every transaction. */
    private static SemiSync lasting(DatabaseStatus status) {
        SemiSync s = status.semiSync();
        return new SemiSync(s.waitFor(), s.ackers(), Set.of(), s.waiting(), s.acknowledges(), s.acknowledging());
    }

    @Test
    void whoHasBeenSentEverythingIsSaidAcknowledgingOrNot() throws Exception {
        primaryAndReplica();
        String replica = status(R).serverUuid();
        insert(P);
        world().await(P, "it is sent", s -> s.semiSync().caughtUp().equals(Set.of(replica)));
        awaitCaughtUp(R, P);
        db(R).stopReceiver(SOON);
        insert(P);
        world().await(P, "it is gone", s -> s.semiSync().caughtUp().isEmpty());
    }

    @Test
    void bothSidesSayHowTheyAre() throws Exception {
        semiSynchronous();
        String replica = status(R).serverUuid();
        assertThat(lasting(status(P))).isEqualTo(new SemiSync(1, Set.of(replica), Set.of(), 0, false, false));
        assertThat(lasting(status(R))).isEqualTo(new SemiSync(0, Set.of(), Set.of(), 0, true, true));

        DatabaseWorld.Sent write = waiting();
        assertThat(lasting(status(R))).isEqualTo(new SemiSync(0, Set.of(), Set.of(), 0, true, false));
        DatabaseStatus waits = world().await(
                        P, "the replica is gone", s -> s.semiSync().ackers().isEmpty());
        assertThat(lasting(waits)).isEqualTo(new SemiSync(1, Set.of(), Set.of(), 1, false, false));
        assertThat(waits.commits().waiting()).as("it is not stuck").isZero();

        db(R).startReplication(SOON);
        world().await("acknowledged", write::acknowledged);
        world().await(
                        P,
                        "nobody waits",
                        s -> lasting(s).equals(new SemiSync(1, Set.of(replica), Set.of(), 0, false, false)));
    }

    @Test
    void whoeverStandsInTheQueueBehindACommitThatWaitsDoesSoToo() throws Exception {
        semiSynchronous();
        DatabaseWorld.Sent first = waiting();
        DatabaseWorld.Sent second = world().send(P);
        DatabaseWorld.Sent third = world().send(P);
        DatabaseStatus status = world().await(P, "three wait", s -> s.semiSync().waiting() == 3);
        assertThat(status.commits().waiting()).as("none is stuck").isZero();
        db(R).startReplication(SOON);
        world().await(
                        "all are acknowledged",
                        () -> first.acknowledged() && second.acknowledged() && third.acknowledged());
    }

    @Test
    void twoAckersAreTwoServers() throws Exception {
        semiSynchronous();
        db(P).awaitAckers(2, SOON);
        assertThat(status(P).semiSync().waitFor()).isEqualTo(2);
        DatabaseWorld.Sent write = world().send(P);
        assertThat(isAcknowledged(write)).as("one of two").isFalse();
        db(Q).acknowledge(true, SOON);
        db(Q).follow(world().endpoint(P), LONG);
        world().await("acknowledged", write::acknowledged);
        assertThat(ackersOf(P))
                .containsExactlyInAnyOrder(status(R).serverUuid(), status(Q).serverUuid());
        db(Q).stopReceiver(SOON);
        DatabaseWorld.Sent next = world().send(P);
        assertThat(isAcknowledged(next)).isFalse();
        db(P).awaitAckers(1, SOON);
        world().await("one is enough now", next::acknowledged);
    }

    @Test
    void aReplicaThatBeginsToAcknowledgeSpeaksOfWhatItReceivesFromThenOn() throws Exception {
        primaryAndReplica();
        db(P).awaitAckers(1, SOON);
        DatabaseWorld.Sent write = world().send(P);
        assertThat(isAcknowledged(write)).isFalse();
        assertThat(ackersOf(P)).isEmpty();

        GtidSet executed = status(P).executed();
        world().await(
                        R,
                        "it has it all the same",
                        s -> s.received().subtract(executed).count() == 1);
        db(R).acknowledge(true, SOON);
        world().await(R, "it acknowledges", s -> s.semiSync().acknowledging());
        world().await(P, "it is an acker", s -> s.semiSync().ackers().size() == 1);
        assertThat(ackersOf(P)).containsExactly(status(R).serverUuid());
        assertThat(isAcknowledged(write))
                .as("what it had already is not sent again, so it says nothing")
                .isFalse();
        DatabaseWorld.Sent later = world().send(P);
        world().await("the next one speaks for both", () -> write.acknowledged() && later.acknowledged());
        db(R).acknowledge(true, SOON); // once more is harmless
        insert(P);

        db(R).acknowledge(false, SOON);
        world().await(R, "connected again", DatabaseContract::runs);
        assertThat(status(R).semiSync()).isEqualTo(SemiSync.OFF);
        DatabaseWorld.Sent next = world().send(P);
        assertThat(isAcknowledged(next)).isFalse();
        world().await(P, "it is no acker any more", s -> s.semiSync().ackers().isEmpty());
        db(P).awaitAckers(0, SOON);
        world().await("acknowledged", next::acknowledged);
    }

    @Test
    void whereTheReceiverIsStoppedItStaysSo() throws Exception {
        primaryAndReplica();
        db(R).stopReceiver(SOON);
        db(R).acknowledge(true, SOON);
        assertThat(channel(R).receiver()).isEqualTo(Receiver.STOPPED);
        assertThat(status(R).semiSync()).isEqualTo(new SemiSync(0, Set.of(), Set.of(), 0, true, false));
        db(R).startReplication(SOON);
        world().await(R, "it acknowledges", s -> s.semiSync().acknowledging());
    }

    @Test
    void aDroppedReplicaComesBackByItself() throws Exception {
        semiSynchronous();
        db(P).dropReplica(status(Q).serverUuid(), SOON); // is none: harmless
        insert(P);
        String heard = channel(R).heard();
        db(P).dropReplica(status(R).serverUuid(), SOON);
        DatabaseWorld.Sent write = world().send(P);
        world().await("acknowledged", write::acknowledged);
        awaitCaughtUp(R, P);
        DatabaseStatus back = world().await(R, "connected again", DatabaseContract::runs);
        assertThat(back.replica().orElseThrow().heard()).isNotEqualTo(heard);
        assertThat(ackersOf(P)).containsExactly(status(R).serverUuid());
    }

    @Test
    void aFrozenReplicaIsDroppedAtOnce() throws Exception {
        semiSynchronous();
        world().freeze(R); // it cannot close its connection itself
        db(P).dropReplica(ackersOf(P).iterator().next(), SOON);
        assertThat(ackersOf(P)).isEmpty();
        world().thaw(R);
        world().await(R, "connected again", DatabaseContract::runs);
        insert(P);
    }

    @Test
    void semiSynchronousReplicationMakesNoTransactionsOfItsOwnAndLeavesTheFence() throws Exception {
        GtidSet before = status(R).executed();
        db(R).acknowledge(true, SOON);
        db(R).awaitAckers(1, SOON);
        assertThat(gates(R)).isEqualTo("super read-only");
        db(R).awaitAckers(0, SOON);
        db(R).acknowledge(false, SOON);
        db(R).dropReplica(status(R).serverUuid(), SOON);
        assertThat(gates(R)).isEqualTo("super read-only");
        assertThat(status(R).executed()).isEqualTo(before);
    }

    @Test
    void aServerThatWasRestartedNeitherWaitsNorAcknowledges() throws Exception {
        semiSynchronous();
        db(R).awaitAckers(1, SOON);
        for (Server each : List.of(P, R)) {
            world().kill(each);
            world().await("it is dead", () -> world().dead(each));
        }
        for (Server each : List.of(P, R)) {
            world().start(each);
            DatabaseStatus restarted = world().await(each, "it answers", s -> true);
            assertThat(restarted.semiSync()).isEqualTo(SemiSync.OFF);
        }
    }

    @Test
    void anIdleSourceIsHeardAndASilentOneIsNot() throws Exception {
        primaryAndReplica();
        world().await(R, "connected", DatabaseContract::runs);
        for (int i = 0; i < 2; i++) {
            String heard = channel(R).heard();
            long from = world().now();
            world().await(
                            R,
                            "a heartbeat",
                            s -> !s.replica().orElseThrow().heard().equals(heard));
            assertThat(world().now() - from).isLessThan(Duration.ofSeconds(5).toNanos());
        }
        world().freeze(P);
        world().pass(Duration.ofMillis(300));
        String last = channel(R).heard();
        world().pass(Duration.ofSeconds(1));
        assertThat(channel(R).heard()).isEqualTo(last);
        world().thaw(P);
    }

    // --- the dead-man's switch

    @Test
    void aBeatIsRefusedWhereNothingWasArmed() {
        assertThat(failure(() -> db(P).beat(ALLOWANCE, SOON)).kind()).isEqualTo(Kind.REFUSED);
    }

    @Test
    void aFencedServerTakesNoBeat() throws Exception {
        makePrimary(P);
        db(P).beat(ALLOWANCE, SOON);
        db(P).closeToApplications(SOON);
        db(P).beat(ALLOWANCE, SOON);
        db(P).closeForWrites(SOON);
        assertThat(failure(() -> db(P).beat(ALLOWANCE, SOON)).kind()).isEqualTo(Kind.REFUSED);
        assertThat(status(P).deadManArmed()).isTrue();
    }

    @Test
    void aBeatenServerStaysOpenAndClosesWhenTheLastBeatRunsOut() throws Exception {
        Duration allowance = Duration.ofSeconds(4);
        makePrimary(P);
        db(P).beat(allowance, SOON);
        long last = world().now();
        for (int i = 0; i < 10; i++) {
            world().pass(Duration.ofMillis(500));
            last = world().now();
            db(P).beat(allowance, SOON);
        }
        insert(P);
        world().await(P, "closed by itself", DatabaseStatus::offlineMode);
        assertThat(Duration.ofNanos(world().now() - last)).isBetween(allowance.minusMillis(100), allowance.plus(EVENT));
        world().await(P, "fenced too", DatabaseStatus::superReadOnly);
        assertThat(world().insert(P)).isFalse();
        assertThat(failure(() -> db(P).beat(allowance, SOON)).kind())
                .as("a beat does not revive it")
                .isEqualTo(Kind.REFUSED);
        db(P).openForWrites(ALLOWANCE, () -> true, LONG);
        insert(P);
    }

    @Test
    void theSwitchClosesToApplicationsEvenIfALongTransactionHoldsUpTheRest() throws Exception {
        makePrimary(P);
        try (AutoCloseable transaction = world().longTransaction(P)) {
            db(P).beat(Duration.ofSeconds(1), SOON);
            world().await(P, "closed by itself", DatabaseStatus::offlineMode);
            world().pass(Duration.ofSeconds(2));
            assertThat(gates(P)).isEqualTo("offline");
        }
        world().await(P, "fenced at last", DatabaseStatus::superReadOnly);
    }

    @Test
    void aBeatThatWasHeldUpByAFrozenServerDoesNotReviveIt() throws Exception {
        makePrimary(P);
        db(P).beat(Duration.ofSeconds(1), SOON);
        world().freeze(P);
        assertThat(failure(() -> db(P).beat(ALLOWANCE, BRIEF)).kind()).isEqualTo(Kind.UNKNOWN);
        world().pass(Duration.ofSeconds(1));
        world().thaw(P);
        world().await(P, "fenced by itself", s -> s.offlineMode() && s.superReadOnly());
    }

    @Test
    void aReplicaWithARunOutSwitchIsLeftAlone() throws Exception {
        makePrimary(P);
        db(P).beat(Duration.ofSeconds(3), SOON);
        db(P).closeForWrites(SOON);
        world().pass(Duration.ofMillis(4500));
        assertThat(gates(P)).isEqualTo("super read-only");
    }

    // --- the process

    @Test
    void whatWasSentToAFrozenServerTakesEffectWhenItGoesOn() throws Exception {
        makePrimary(P);
        world().freeze(P);
        long from = world().now();
        DatabaseException late = failure(() -> db(P).closeToApplications(BRIEF));
        assertThat(late.kind()).isEqualTo(Kind.UNKNOWN);
        assertThat(world().now() - from).isBetween(300_000_000L, 3_000_000_000L);
        assertThat(failure(() -> db(P).closeForWrites(BRIEF)).kind()).isEqualTo(Kind.UNKNOWN);
        world().thaw(P);
        world().await(P, "both took effect", s -> s.offlineMode() && s.superReadOnly());
    }

    @Test
    void aFrozenServerIsLateAgainAndAgain() throws Exception {
        makePrimary(P);
        world().freeze(P);
        failure(() -> db(P).probe(BRIEF));
        for (int i = 0; i < 2; i++) {
            assertThat(failure(() -> db(P).probe(BRIEF)).late()).isTrue();
        }
        world().thaw(P);
        world().await(P, "it answers again", DatabaseStatus::writable);
    }

    @Test
    void aDeadServerIsUnreachableForEveryStatementAndNotLate() throws Exception {
        primaryAndReplica();
        assertThat(db(R).executedOn(world().endpoint(P), SOON))
                .isEqualTo(status(P).executed());
        DatabaseWorld.Write write = world().begin(P);
        world().kill(P);
        assertThat(write.acknowledged()).isFalse();
        world().await("it is dead", () -> world().dead(P));
        world().pass(Duration.ofMillis(500));
        List<ThrowingCallable> calls = List.of(
                () -> db(P).probe(SOON),
                () -> db(P).closeToApplications(SOON),
                () -> db(P).closeForWrites(SOON),
                () -> db(P).openToApplications(SOON),
                () -> db(P).openForWrites(ALLOWANCE, () -> true, SOON),
                () -> db(P).beat(ALLOWANCE, SOON),
                () -> db(P).stopReceiver(SOON),
                () -> db(P).startReplication(SOON),
                () -> db(P).startApplier(SOON),
                () -> db(P).follow(world().endpoint(R), SOON),
                () -> db(P).forgetSource(SOON),
                () -> db(P).forgetHistory(SOON),
                () -> db(R).executedOn(world().endpoint(P), SOON),
                () -> db(R).purgedOn(world().endpoint(P), SOON),
                () -> db(R).awaitExecutedOn(world().endpoint(P), GtidSet.EMPTY, SOON),
                () -> db(R).cloneFrom(world().endpoint(P), SOON),
                () -> db(P).tripwire(() -> {}, SOON));
        for (int i = 0; i < calls.size(); i++) {
            DatabaseException e = failure(calls.get(i));
            assertThat(e.kind()).as("call " + i).isEqualTo(Kind.UNREACHABLE);
            assertThat(e.late()).as("call " + i).isFalse();
        }
        assertThat(gates(R)).as("the clone had not begun").isEqualTo("super read-only");
        assertThat(status(R).hasUserData()).isTrue();
    }

    @Test
    void aPrimaryComesBackFencedWithAllItHad() throws Exception {
        makePrimary(P);
        insert(P);
        db(P).closeToApplications(SOON);
        DatabaseStatus before = status(P);
        world().kill(P);
        world().start(P);
        DatabaseStatus after = world().await(P, "it answers", s -> true);
        assertThat(after.serverUuid()).isEqualTo(before.serverUuid());
        assertThat(after.executed()).isEqualTo(before.executed());
        assertThat(gates(P)).isEqualTo("super read-only");
        assertThat(after.replica()).isEmpty();
        assertThat(after.deadManArmed()).isTrue();
        assertThat(after.hasUserData()).isTrue();
    }

    @Test
    void aReplicaComesBackFencedWithItsSourceAndAllItReceivedButStandsStill() throws Exception {
        GtidSet executed = undrained();
        GtidSet received = status(R).received();
        world().kill(R);
        insert(P);
        world().start(R);
        DatabaseStatus after = world().await(R, "it answers", s -> true);
        assertThat(gates(R)).isEqualTo("super read-only");
        Replica channel = after.replica().orElseThrow();
        assertThat(channel.source()).isEqualTo(world().endpoint(P));
        assertThat(channel.receiver()).isEqualTo(Receiver.STOPPED);
        assertThat(channel.applierRunning()).isFalse();
        assertThat(after.executed()).isEqualTo(executed);
        assertThat(after.received()).isEqualTo(received);

        db(R).startApplier(SOON);
        world().await(R, "what was received is executed", s -> s.executed().contains(received));
        assertThat(status(R).executed()).isEqualTo(received);
        assertThat(channel(R).receiver()).isEqualTo(Receiver.STOPPED);
        db(R).startReplication(SOON);
        awaitCaughtUp(R, P);
    }

    @Test
    void aTripwireTellsOfTheDeathOnceUnlessItWasTakenAway() throws Exception {
        AtomicInteger broken = new AtomicInteger();
        AtomicBoolean takenAway = new AtomicBoolean();
        AutoCloseable wire = db(P).tripwire(broken::incrementAndGet, SOON);
        db(P).tripwire(() -> takenAway.set(true), SOON).close();
        status(P);
        assertThat(broken).hasValue(0);
        world().kill(P);
        world().await("it broke", () -> broken.get() > 0);
        world().pass(Duration.ofMillis(300));
        assertThat(broken).hasValue(1);
        assertThat(takenAway).isFalse();
        wire.close();
    }

    // --- replication

    @Test
    void aFencedReplicaReceivesAndExecutes() throws Exception {
        primaryAndReplica();
        DatabaseStatus status = world().await(R, "connected", s -> runs(s));
        assertThat(gates(R)).isEqualTo("super read-only");
        assertThat(status.hasUserData()).isTrue();
        assertThat(status.executed()).isEqualTo(status(P).executed());
        assertThat(status.received()).isEqualTo(status.executed());
        assertThat(status.replica().orElseThrow().source()).isEqualTo(world().endpoint(P));
        assertThat(status.replica().orElseThrow().applierRunning()).isTrue();
        assertThat(status(P).replica()).as("the source knows nothing of it").isEmpty();
        db(R).closeToApplications(SOON);
        insert(P);
        awaitCaughtUp(R, P);
        assertThat(gates(R)).isEqualTo("super read-only, offline");
        assertThat(status(R).executed().countOf(status(R).serverUuid()))
                .as("a replica makes no transactions of its own")
                .isEqualTo(0);
    }

    private static boolean runs(DatabaseStatus status) {
        return status.replica().filter(r -> r.receiver() == Receiver.RUNNING).isPresent();
    }

    private static boolean connects(DatabaseStatus status) {
        return status.replica().filter(r -> r.receiver() == Receiver.CONNECTING).isPresent();
    }

    @Test
    void aClosedSourceStillSendsItsLastTransactions() throws Exception {
        primaryAndReplica();
        db(R).stopReceiver(SOON);
        insert(P);
        db(P).closeToApplications(SOON);
        db(P).closeForWrites(SOON);
        db(R).startReplication(SOON);
        awaitCaughtUp(R, P);
    }

    @Test
    void withTheReceiverStoppedNothingIsReceivedButTheApplierGoesOn() throws Exception {
        GtidSet executed = undrained();
        db(R).stopReceiver(SOON);
        GtidSet received = status(R).received();
        assertThat(channel(R).receiver()).isEqualTo(Receiver.STOPPED);
        insert(P);
        world().pass(Duration.ofMillis(500));
        assertThat(status(R).received()).isEqualTo(received);
        assertThat(status(R).executed()).isEqualTo(executed);

        db(R).startApplier(SOON);
        assertThat(db(P).awaitExecutedOn(world().endpoint(R), received, LONG)).isTrue();
        assertThat(status(R).executed()).isEqualTo(received);
        assertThat(status(R).received()).isEqualTo(received);
        assertThat(channel(R).receiver()).isEqualTo(Receiver.STOPPED);
        assertThat(channel(R).applierRunning()).isTrue();
        db(R).stopReceiver(SOON); // once more is harmless
    }

    @Test
    void followingAnotherSourceDiscardsWhatWasNotExecuted() throws Exception {
        GtidSet executed = undrained();
        db(R).follow(world().endpoint(Q), LONG);
        world().await(R, "it follows the other one", DatabaseContract::runs);
        assertThat(channel(R).source()).isEqualTo(world().endpoint(Q));
        assertThat(status(R).executed()).isEqualTo(executed);
        assertThat(status(R).received()).as("it has forgotten them").isEqualTo(executed);

        db(R).follow(world().endpoint(P), LONG);
        awaitCaughtUp(R, P);
    }

    @Test
    void followingTheSameSourceAgainDiscardsToo() throws Exception {
        GtidSet executed = undrained();
        db(P).closeToApplications(SOON);
        world().freeze(P); // nothing can be sent again
        db(R).follow(world().endpoint(P), LONG);
        assertThat(status(R).received()).isEqualTo(executed);
        world().thaw(P);
        awaitCaughtUp(R, P);
    }

    @Test
    void forgettingTheSourceKeepsWhatWasExecutedAndDropsTheRest() throws Exception {
        GtidSet executed = undrained();
        db(R).forgetSource(LONG);
        assertThat(status(R).replica()).isEmpty();
        assertThat(status(R).executed()).isEqualTo(executed);
        assertThat(status(R).received()).isEqualTo(executed);
        db(R).forgetSource(SOON); // once more is harmless
        db(R).stopReceiver(SOON);
        assertThat(failure(() -> db(R).startReplication(SOON)).kind()).isEqualTo(Kind.REFUSED);
        db(R).startApplier(SOON); // of no effect
        assertThat(status(R).replica()).isEmpty();
    }

    @Test
    void theReceiverTellsWhetherItsSourceIsThere() throws Exception {
        primaryAndReplica();
        world().await(R, "connected", DatabaseContract::runs);
        world().freeze(P);
        world().await(R, "it hears nothing any more", DatabaseContract::connects);
        world().thaw(P);
        world().await(R, "connected again", DatabaseContract::runs);
        world().kill(P);
        world().await(R, "it finds nobody", DatabaseContract::connects);
        assertThat(channel(R).applierRunning()).isTrue();
        db(R).stopReceiver(SOON);
        assertThat(channel(R).receiver()).isEqualTo(Receiver.STOPPED);
        db(R).follow(world().endpoint(P), LONG);
        world().await(R, "it looks for the dead one", DatabaseContract::connects);
        world().start(P);
        world().await(R, "it has found it", DatabaseContract::runs);
    }

    @Test
    void setsOfOtherServersAreReadFromThemAndAwaited() throws Exception {
        primaryAndReplica();
        db(R).stopReceiver(SOON);
        GtidSet here = status(R).executed();
        insert(P);
        GtidSet all = status(P).executed();
        assertThat(db(P).executedOn(world().endpoint(R), SOON)).isEqualTo(here);
        assertThat(db(R).executedOn(world().endpoint(P), SOON)).isEqualTo(all);
        assertThat(db(R).purgedOn(world().endpoint(P), SOON)).isEqualTo(GtidSet.EMPTY);
        assertThat(db(P).awaitExecutedOn(world().endpoint(R), here, SOON)).isTrue();
        assertThat(saysNo(R, all)).isTrue();
        world().freeze(R);
        assertThat(failure(() -> db(P).executedOn(world().endpoint(R), BRIEF)).kind())
                .isEqualTo(Kind.UNKNOWN);
        world().thaw(R);
    }

    /** The server has 50 ms to say so before it is given up; on a loaded machine that may be missed. */
    private boolean saysNo(Server server, GtidSet set) throws DatabaseException {
        for (int tries = 1; ; tries++) {
            long from = world().now();
            try {
                boolean executed = db(P).awaitExecutedOn(world().endpoint(server), set, BRIEF);
                assertThat(world().now() - from).isBetween(300_000_000L, 3_000_000_000L);
                return !executed;
            } catch (DatabaseException e) {
                if (tries == 5) {
                    throw e;
                }
            }
        }
    }

    @Test
    void aTransactionThatOnlyTheReplicaHasIsSeenInWhatItExecuted() throws Exception {
        primaryAndReplica();
        world().errant(R);
        DatabaseStatus replica = status(R);
        GtidSet errant = replica.executed().subtract(status(P).executed());
        assertThat(errant.count()).isEqualTo(1);
        assertThat(errant.countOf(replica.serverUuid())).isEqualTo(1);
        assertThat(gates(R)).isEqualTo("super read-only");
        insert(P);
        awaitCaughtUp(R, P);
        assertThat(runs(status(R))).as("replication goes on").isTrue();
    }

    // --- new starts

    @Test
    void aForgottenHistoryLeavesTheFenceAndTheNextTransactionIsTheFirst() throws Exception {
        world().errant(P);
        assertThat(status(P).executed().count()).isPositive();
        db(P).forgetHistory(SOON);
        assertThat(status(P).executed()).isEqualTo(GtidSet.EMPTY);
        assertThat(status(P).purged()).isEqualTo(GtidSet.EMPTY);
        assertThat(gates(P)).isEqualTo("super read-only");
        world().errant(P);
        assertThat(status(P).executed()).isEqualTo(GtidSet.parse(status(P).serverUuid() + ":1"));
    }

    @Test
    void aReplicaThatHasMoreOfItsSourceThanTheSourceItselfIsSentNothing() throws Exception {
        primaryAndReplica();
        db(R).stopReceiver(SOON);
        db(P).forgetHistory(SOON);
        db(R).startReplication(SOON);
        world().await(R, "the receiver gives up", s -> s.replica().orElseThrow().receiver() == Receiver.STOPPED);
        assertThat(channel(R).applierRunning()).isTrue();
    }

    @Test
    void aCloneHasTheDonorsDataAndItsOwnIdentityAndIsDeadAtFirst() throws Exception {
        makePrimary(P);
        insert(P);
        world().errant(R);
        String uuid = status(R).serverUuid();
        db(R).cloneFrom(world().endpoint(P), Duration.ofSeconds(60));
        world().await("nothing restarts it", () -> world().dead(R));
        GtidSet donors = status(P).executed();
        world().start(R);
        DatabaseStatus clone = world().await(R, "the clone answers", s -> true);
        assertThat(gates(R)).isEqualTo("super read-only");
        assertThat(clone.serverUuid()).isEqualTo(uuid);
        assertThat(clone.executed()).as("its own transactions are gone").isEqualTo(donors);
        assertThat(clone.purged()).as("it cannot send any of it to others").isEqualTo(donors);
        assertThat(clone.hasUserData()).isTrue();
        assertThat(clone.deadManArmed()).as("armed for the donor only").isFalse();
        assertThat(clone.replica()).isEmpty();
        assertThat(status(P).executed()).as("the donor got nothing from it").isEqualTo(donors);
        assertThat(gates(P)).as("the donor serves on").isEmpty();
        db(R).follow(world().endpoint(P), LONG);
        insert(P);
        awaitCaughtUp(R, P);

        // An empty server cannot follow the clone: its binary logs do not reach back.
        db(Q).follow(world().endpoint(R), LONG);
        world().await(Q, "the receiver gives up", s -> s.replica().orElseThrow().receiver() == Receiver.STOPPED);
        assertThat(status(Q).received()).isEqualTo(GtidSet.EMPTY);
        assertThat(db(Q).purgedOn(world().endpoint(R), SOON)).isEqualTo(donors);

        // The number of the transaction that it lost is given again.
        world().errant(R);
        assertThat(status(R).executed().subtract(status(P).executed())).isEqualTo(GtidSet.parse(uuid + ":1"));
    }
}
