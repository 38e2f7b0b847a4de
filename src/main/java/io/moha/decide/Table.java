package io.moha.decide;

import static io.moha.decide.Diagnosis.*;
import static io.moha.decide.Phase.*;

import io.moha.model.AckList;
import io.moha.model.Ballot;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.Term;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * The table of states: for each phase and diagnosis the next phase, the actions and the sentence for people. The
 * diagram in {@code docs/internals/states.md} and the totality test are made from it.
 */
public final class Table {
    /** Phases in which the node has no role and is not on the ladder of the fence. */
    private static final Set<Phase> WITHOUT_ROLE = EnumSet.of(STARTING, FOLLOWING, VOTING, FENCED, DIVERGED, JOINING);

    private static final Set<Phase> HOLDING = EnumSet.of(PROMOTING, PRIMARY, READ_ONLY);
    private static final Map<Phase, Map<Diagnosis, Row>> ROWS = new EnumMap<>(Phase.class);

    /**
     * One row.
     *
     * @param to next phase; empty means: stay
     */
    record Row(Optional<Phase> to, Function<Context, List<Action>> actions, Function<Context, String> because) {}

    private Table() {}

    static Row row(Phase phase, Diagnosis diagnosis) {
        Map<Diagnosis, Row> rows = ROWS.get(phase);
        Row row = rows == null ? null : rows.get(diagnosis);
        if (row == null) {
            throw new IllegalStateException("no row for " + phase + " and " + diagnosis);
        }
        return row;
    }

    /** Whether the diagnosis can be made in the phase; asked by the totality test. */
    static boolean has(Phase phase, Diagnosis diagnosis) {
        Map<Diagnosis, Row> rows = ROWS.get(phase);
        return rows != null && rows.containsKey(diagnosis);
    }

    /** All transitions that change the phase, as {@code FROM --> TO : DIAGNOSIS}, in the order of the enums. */
    public static Map<String, List<String>> transitions() {
        Map<String, List<String>> found = new LinkedHashMap<>();
        for (Phase from : Phase.values()) {
            ROWS.getOrDefault(from, Map.of())
                    .forEach((diagnosis, row) -> row.to()
                            .filter(to -> to != from)
                            .ifPresent(to -> found.computeIfAbsent(from + " --> " + to, k -> new ArrayList<>())
                                    .add(diagnosis.name())));
        }
        return found;
    }

    private static void on(
            Set<Phase> from,
            Diagnosis diagnosis,
            Optional<Phase> to,
            Function<Context, List<Action>> actions,
            Function<Context, String> because) {
        for (Phase phase : from) {
            Row before = ROWS.computeIfAbsent(phase, p -> new EnumMap<>(Diagnosis.class))
                    .put(diagnosis, new Row(to, actions, because));
            if (before != null) {
                throw new IllegalStateException("two rows for " + phase + " and " + diagnosis);
            }
        }
    }

    private static Optional<Phase> stay() {
        return Optional.empty();
    }

    private static Optional<Phase> to(Phase phase) {
        return Optional.of(phase);
    }

    private static Function<Context, List<Action>> nothing() {
        return c -> List.of();
    }

    private static Function<Context, String> say(String text) {
        return c -> text;
    }

    /** The fence of a holder whose lease runs out: over before the lease can end. */
    private static List<Action> fenceByLease(Context c) {
        boolean leaseGone = c.seen().lease().id() == 0 || !c.seen().lease().trusted();
        long killAt =
                leaseGone ? c.seen().now() : c.policy().killAt(c.seen().lease().sentAt());
        // The others' promises end a whole budget later than what this node makes of them.
        long extended = c.seen().extendedUntil() == 0
                ? killAt
                : c.seen().extendedUntil() + c.policy().fenceBudget().toNanos() * 2 / 3;
        return List.of(new Action.Fence(Math.max(killAt, extended), false));
    }

    /** The fence of a node whose role another may already have: SQL gets a moment, then SIGKILL. */
    private static List<Action> fenceWithin(Context c, Duration patience) {
        return List.of(new Action.Fence(c.seen().now() + patience.toNanos(), false));
    }

    private static List<Action> startDatabase(Context c) {
        return c.othersElect() ? List.of() : List.of(new Action.StartDatabase());
    }

    /** On an etcd that was restored the others are to know at once, not when the database has recovered. */
    private static List<Action> startSayingTheTerm(Context c) {
        List<Action> actions = new ArrayList<>(startDatabase(c));
        boolean wentBack =
                c.seen().cluster().isPresent() && c.term().compareTo(c.state().term()) < 0;
        if (wentBack) {
            actions.addAll(sayFollowed(c));
        }
        return actions;
    }

    private static String startInWords(Context c) {
        return c.othersElect() ? "leaving the machine to the election for a moment" : "starting it, fenced";
    }

    private static List<Action> sayFollowed(Context c) {
        Term mine = c.state().term();
        boolean said = c.seen().cluster().isEmpty()
                || c.cluster().followed().getOrDefault(c.seen().me(), Term.NONE).compareTo(mine) >= 0;
        return said ? List.of() : List.of(new Action.SayFollowed(mine));
    }

    private static Action put(Context c, Ballot ballot) {
        return new Action.PutBallot(c.term(), ballot, c.holderRevision(), c.ballotGuardRevision());
    }

    private static Action opening(Context c) {
        return new Action.OpenForWrites(
                c.term(), Durable.of(c).waitAtLeast(), c.cluster().handedOver().orElse(GtidSet.EMPTY));
    }

    /** The receiver stands still since the ballot, and all is executed: what the record says is final. */
    private static List<Action> forgetSource(Context c) {
        List<Action> actions =
                new ArrayList<>(List.of(new Action.ForgetSource(Durable.of(c).waitCount())));
        if (!c.cluster().evidence()) {
            actions.add(evidence(c));
        }
        return actions;
    }

    private static Action evidence(Context c) {
        return new Action.WriteEvidence(c.term(), Durable.of(c).listToBegin(), c.syncRevision());
    }

    /** The record and the list in one transaction; meanwhile the server is told to wait for acknowledgements. */
    private static List<Action> beginTerm(Context c) {
        Durable durable = Durable.of(c);
        return durable.beforeOpening().filter(Diagnosis.WAIT_DIFFERS::equals).isPresent()
                ? List.of(evidence(c), new Action.AwaitAckers(durable.waitCount()))
                : List.of(evidence(c));
    }

    private static List<Action> handOver(Context c) {
        Observation.HandOverWish wish = c.seen().wishes().handOver().orElseThrow();
        return c.endpointOf(wish.to())
                .<List<Action>>map(e -> List.of(new Action.HandOver(
                        c.term(),
                        c.holder().modRevision(),
                        wish.to(),
                        e,
                        c.state().phase() == PRIMARY,
                        wish.within(),
                        wish.inTheWay())))
                .orElse(List.of());
    }

    private static String vacancy(Context c) {
        return c.cluster()
                .holder()
                .map(h -> "nothing comes from " + h.node() + ", and neither its agent nor its server answers")
                .orElse("nobody holds the role");
    }

    private static List<Action> resign(Context c, String reason) {
        return List.of(new Action.Resign(c.term(), c.holder().modRevision(), c.blindBallot(reason)));
    }

    static {
        roleLost();
        blind();
        fenced();
        holdingRole();
        servingAndHeld();
        durability();
        voting();
        following();
        repointing();
    }

    private static void roleLost() {
        on(
                HOLDING,
                LEASE_RAN_OUT,
                to(FENCING),
                Table::fenceByLease,
                c -> (c.seen().lease().id() == 0
                        ? "the lease has ended in etcd: fencing"
                        : "the lease was last renewed "
                                + millis(c.seen().now() - c.seen().lease().sentAt())
                                + " ms ago: fencing before it can end"));
        on(
                EnumSet.of(PRIMARY),
                ISOLATED,
                to(FENCING),
                Table::fenceByLease,
                say(
                        "neither etcd nor enough ackers can be reached: nothing can be acknowledged here, and the others may have"
                                + " elected; fencing, so that clients learn of it"));
        on(
                HOLDING,
                ROLE_LOST,
                to(FENCING),
                c -> fenceWithin(c, Duration.ofSeconds(1)),
                c -> c.cluster()
                        .holder()
                        .map(h -> h.node() + " holds the role in term " + c.term() + ": fencing this node")
                        .orElse("the key of the role is gone: fencing this node"));
        on(
                HOLDING,
                KEY_GONE,
                stay(),
                c -> !c.leaseValid()
                        ? List.of()
                        : List.of(
                                c.cluster().holder().isEmpty()
                                        ? new Action.RetakeRole(c.term())
                                        : new Action.ResumeRole(
                                                c.term(), c.holder().createRevision())),
                say("etcd is back without the key of the role; all others have promised to wait: putting it again"));
        on(
                WITHOUT_ROLE,
                WRITABLE_WITHOUT_ROLE,
                to(FENCING),
                c -> fenceWithin(c, c.policy().fenceBudget()),
                say("the database is not read-only although this node has no role: fencing it"));
        on(
                WITHOUT_ROLE,
                HALF_FENCED,
                stay(),
                c -> List.of(new Action.CloseForWrites()),
                say("applications cannot write, but super_read_only is off: setting it"));
        on(
                EnumSet.of(FENCING),
                FENCE_PENDING,
                stay(),
                c -> List.of(new Action.Fence(
                        c.state().phaseSince() + c.policy().fenceBudget().toNanos() * 2 / 3, false)),
                c -> "fencing: waiting until read-only is read back or the process is confirmed dead"
                        + (c.policy().fenceOverdue(c.state(), c.seen().now())
                                ? "; this takes too long: letting the lease run out, so that another node can take over"
                                : ""));
        on(
                EnumSet.of(FENCING),
                FENCE_CONFIRMED,
                to(FENCED),
                nothing(),
                c -> c.seen().database().health() == Observation.Health.DEAD
                        ? "fenced: the database process is confirmed dead"
                        : "fenced: super_read_only was read back");
    }

    private static void blind() {
        on(HOLDING, LOOK_AGAIN, stay(), nothing(), say("looking again after the last change"));
        on(WITHOUT_ROLE, LOOK_AGAIN, stay(), nothing(), say("looking again after the last change"));
        on(
                HOLDING,
                DATABASE_DEAD,
                to(FENCED),
                c -> c.seen().cluster().isPresent() && c.holderIsMe()
                        ? resign(c, "its database process died")
                        : List.of(),
                say("the database process is confirmed dead: giving up the role at once"));
        on(
                WITHOUT_ROLE,
                DATABASE_DEAD,
                to(FENCED),
                c -> c.seen().cluster().isPresent() && c.holderIsMe()
                        ? resign(c, "its database process died")
                        : startSayingTheTerm(c),
                c -> "the database process is dead: " + startInWords(c));
        on(
                WITHOUT_ROLE,
                DATABASE_DEAD_UNSAID,
                to(FENCED),
                c -> {
                    List<Action> actions = new ArrayList<>(List.of(put(c, c.blindBallot("its database is down"))));
                    actions.addAll(startDatabase(c));
                    return actions;
                },
                c -> "the database process is dead: telling the election, and " + startInWords(c));
        on(
                HOLDING,
                DATABASE_SILENT,
                stay(),
                nothing(),
                c -> "the database has not answered for "
                        + millis(c.seen().now() - c.seen().database().since()) + " ms; slow is not dead");
        on(
                WITHOUT_ROLE,
                DATABASE_SILENT,
                stay(),
                nothing(),
                c -> "waiting for the database: no answer for "
                        + millis(c.seen().now() - c.seen().database().since()) + " ms");
        on(
                HOLDING,
                DATABASE_STUCK,
                to(FENCING),
                c -> List.of(new Action.Fence(c.seen().now(), true)),
                Table::stuck);
        on(
                EnumSet.of(STARTING),
                HUNG_WITHOUT_ROLE,
                to(FENCING),
                c -> List.of(new Action.Fence(c.seen().now(), true)),
                c -> "the database has not answered for "
                        + millis(c.seen().now() - c.seen().database().since())
                        + " ms since this agent started, so nobody knows whether it is open: killing it");
        on(
                WITHOUT_ROLE,
                STORE_SILENT,
                stay(),
                nothing(),
                say("etcd does not answer: keeping still, and read-only, until it does"));
        on(
                HOLDING,
                STORE_WENT_BACK,
                to(FENCING),
                c -> fenceWithin(c, Duration.ofSeconds(1)),
                c -> c.seen().storeDoubt().orElse("") + ": fencing this node");
        on(
                WITHOUT_ROLE,
                STORE_WENT_BACK,
                stay(),
                Table::sayFollowed,
                c -> c.seen().storeDoubt().orElse("")
                        + ": refusing to act until an operator has put the latest term into etcd and restarted the agents (this node"
                        + " has followed term " + c.state().term() + ")");
        on(
                HOLDING,
                TERM_WENT_BACK,
                to(FENCING),
                c -> fenceWithin(c, Duration.ofSeconds(1)),
                c -> "etcd says term " + c.term() + " but term " + c.latestTerm()
                        + " has been followed already: etcd was restored from an older state; fencing this node");
        on(
                WITHOUT_ROLE,
                TERM_WENT_BACK,
                stay(),
                Table::sayFollowed,
                c -> "etcd says term " + c.term() + " but term " + c.latestTerm()
                        + " has been followed already: etcd was restored from an older state; refusing to act until an"
                        + " operator has put the latest term into it");
        on(
                WITHOUT_ROLE,
                UNREGISTERED,
                stay(),
                c -> List.of(new Action.Register()),
                say("registering this node in etcd"));
        on(
                EnumSet.of(PRIMARY),
                UNREGISTERED,
                stay(),
                c -> List.of(new Action.Register()),
                say("correcting the registration in etcd"));
    }

    private static String stuck(Context c) {
        return c.silentTooLong()
                ? "the database has not answered for "
                        + millis(c.seen().now() - c.seen().database().since()) + " ms: it is stuck, killing it"
                : "the database has not written anything for "
                        + millis(c.seen().now() - c.seen().database().writesStuckSince())
                        + " ms although it was to: its disk is full or stuck, killing it";
    }

    /** A node that finds the key in its own name. */
    private static void fenced() {
        on(
                WITHOUT_ROLE,
                RESUMABLE,
                stay(),
                c -> List.of(new Action.ResumeRole(c.term(), c.holder().createRevision())),
                c -> "this agent held the role of term " + c.term() + " before: resuming it");
        on(
                WITHOUT_ROLE,
                CHOSEN,
                to(PROMOTING),
                nothing(),
                c -> "this node holds the role of term " + c.term() + ": promoting it");
    }

    private static void holdingRole() {
        Set<Phase> promoting = EnumSet.of(PROMOTING);
        on(
                promoting,
                BALLOT_SHRUNK,
                to(FENCED),
                c -> resign(c, lostReason(c)),
                c -> "resigning, so that a new election sees what is there: " + lostReason(c));
        on(
                promoting,
                UNDRAINED,
                stay(),
                c -> c.local().channel().filter(ch -> !ch.applierRunning()).isPresent()
                        ? List.of(new Action.StartApplier())
                        : List.of(),
                c -> "executing what was received: "
                        + c.local().received().subtract(c.local().executed()).count() + " transactions left");
        on(promoting, DRAIN_OVERDUE, to(FENCED), c -> resign(c, drainReason(c)), c -> "resigning: " + drainReason(c));
        Set<Phase> promotingOrOpenFirst = EnumSet.of(PROMOTING, PRIMARY);
        on(
                promotingOrOpenFirst,
                SOURCE_REMAINS,
                stay(),
                Table::forgetSource,
                c -> c.local().writable()
                        ? "open for writes; forgetting the old source"
                        : "everything received is executed: forgetting the old source");
        on(
                promotingOrOpenFirst,
                NO_EVIDENCE,
                stay(),
                Table::beginTerm,
                say("writing the evidence of this change of primary"));
        on(promoting, CLOSED, stay(), c -> List.of(opening(c)), say("opening for writes"));
        on(
                promoting,
                WISH_READ_ONLY,
                to(READ_ONLY),
                nothing(),
                say("an operator wants this primary read-only: not opening"));
        on(
                promoting,
                OPENED_FIRST,
                to(PRIMARY),
                nothing(),
                c -> "open for writes, read back: primary of term " + c.term() + ", tidying up");
        on(
                promoting,
                OPEN_UNANNOUNCED,
                to(PRIMARY),
                c -> List.of(new Action.Announce(c.term())),
                c -> "open for writes, read back: primary of term " + c.term());
        on(promoting, SERVING, to(PRIMARY), nothing(), c -> "open for writes: primary of term " + c.term());
        on(
                promoting,
                UNREGISTERED,
                to(PRIMARY),
                c -> List.of(new Action.Register()),
                c -> "open for writes: primary of term " + c.term());
    }

    private static void servingAndHeld() {
        Set<Phase> primary = EnumSet.of(PRIMARY);
        on(
                EnumSet.of(PROMOTING, PRIMARY),
                ALONE,
                to(PRIMARY),
                c -> List.of(new Action.EnterSinglePoint(c.term(), c.holder().createRevision())),
                say("no other member is left: going on as the single point primary, without a lease"));
        on(
                EnumSet.of(PROMOTING, PRIMARY),
                NOT_ALONE,
                to(PRIMARY),
                c -> List.of(new Action.LeaveSinglePoint(c.term(), c.holder().createRevision())),
                c -> "another member is back: holding the role by the lease again");
        on(
                primary,
                CLOSED,
                stay(),
                c -> List.of(opening(c)),
                say("the primary is closed for writes although the lease is valid: opening it again"));
        on(
                primary,
                OPEN_UNANNOUNCED,
                stay(),
                c -> List.of(new Action.Announce(c.term())),
                c -> "telling the others that the primary of term " + c.term() + " is open");
        on(
                primary,
                SERVING,
                stay(),
                nothing(),
                c -> "holds the lease of term " + c.term() + " and serves writes"
                        + (Durable.of(c).lacksReceivers()
                                ? "; loss-less durability begins when enough replicas have received everything"
                                : ""));
        on(
                primary,
                WISH_READ_ONLY,
                to(READ_ONLY),
                c -> List.of(new Action.CloseForWrites()),
                say("an operator wants the primary read-only"));
        Set<Phase> held = EnumSet.of(READ_ONLY);
        on(
                EnumSet.of(PROMOTING, PRIMARY, READ_ONLY),
                HAND_OVER_IN_DOUBT,
                stay(),
                c -> List.of(new Action.ResumeRole(c.term(), c.holder().createRevision())),
                say("a hand-over that was tried may still be applied: writing the key anew before opening"));
        on(
                held,
                WISH_READ_WRITE,
                to(PRIMARY),
                c -> List.of(opening(c)),
                say("the wish for read-only has ended: opening for writes"));
        on(
                held,
                WRITABLE_AGAINST_WISH,
                stay(),
                c -> List.of(new Action.CloseForWrites()),
                say("closing for writes, as an operator wishes"));
        on(
                EnumSet.of(PRIMARY, READ_ONLY),
                HAND_OVER_WANTED,
                stay(),
                Table::handOver,
                c -> "handing the role over to "
                        + c.seen().wishes().handOverTo().orElseThrow());
        on(
                EnumSet.of(PROMOTING, PRIMARY),
                HANDING_OVER,
                stay(),
                nothing(),
                c -> "handing the role over"
                        + c.seen().wishes().handOverTo().map(n -> " to " + n).orElse(""));
        on(held, HELD, stay(), nothing(), say("holds the lease; read-only by an operator's wish"));
    }

    private static void durability() {
        on(
                HOLDING,
                WAIT_DIFFERS,
                stay(),
                c -> List.of(new Action.AwaitAckers(
                        Durable.of(c).waitCount(),
                        c.local().writable() && c.local().semiSync().waitFor() == 0)),
                c -> "commits are to wait for " + Durable.of(c).waitCount() + " acknowledgements, not "
                        + c.local().semiSync().waitFor());
        on(
                HOLDING,
                LIST_DUE,
                stay(),
                c -> Durable.of(c)
                        .list()
                        .<List<Action>>map(
                                l -> List.of(new Action.PutSync(c.holder().createRevision(), l, c.syncRevision())))
                        .orElse(List.of()),
                c -> Durable.of(c).list().map(Table::inWords).orElse(""));
        on(
                EnumSet.of(PROMOTING, PRIMARY),
                STRANGER,
                to(PRIMARY),
                c -> List.of(new Action.DropReplica(
                        Durable.of(c).strangers().iterator().next())),
                c -> "servers acknowledge that are not listed: " + Durable.of(c).strangers());
        on(
                EnumSet.of(PROMOTING, PRIMARY),
                COMMITS_STUCK,
                to(PRIMARY),
                c -> List.of(new Action.Nudge()),
                c -> c.local().semiSync().waiting()
                        + " commits wait for an acknowledgement that was lost: making the ackers give another one");
        on(
                WITHOUT_ROLE,
                ACK_DIFFERS,
                stay(),
                c -> List.of(new Action.Acknowledge(c.listed())),
                c -> c.listed()
                        ? "listed as an acker of term " + c.term() + ": acknowledging"
                        : "not listed as an acker of term " + c.term() + ": acknowledging no more");
        on(
                WITHOUT_ROLE,
                SOURCE_SIDE_ON,
                stay(),
                c -> List.of(new Action.AwaitAckers(0)),
                say("a replica waits for nobody's acknowledgement: it could execute nothing"));
        on(
                WITHOUT_ROLE,
                QUORUM_MISSING,
                to(VOTING),
                nothing(),
                c -> "the ballots that are there may lack acknowledged writes: waiting for "
                        + c.binding().map(l -> needed(l) + c.ackersMissing()).orElse(""));
        on(
                WITHOUT_ROLE,
                NOT_EVERYTHING,
                to(VOTING),
                nothing(),
                c -> "this node lacks " + c.everything().subtract(c.local().received())
                        + ", which may have been acknowledged; whoever has it must win");
    }

    private static String needed(AckList list) {
        return list.acks() == 0
                ? list.primary() + ", which wrote without ackers; not "
                : list.primary() + ", or enough of its ackers (" + list.quorum() + " of "
                        + list.ackers().size() + "), of these ";
    }

    private static String inWords(AckList list) {
        if (!list.binding()) {
            return list.ackers().isEmpty()
                    ? "durability is async: nobody's acknowledgement is waited for"
                    : "preparing loss-less durability with " + sorted(list);
        }
        return list.acks() == 0
                ? "too few ackers are left: going on without them, as on-ack-loss says; only this node has everything"
                : "durability is lossless: " + list.acks() + " of " + sorted(list) + " must have each write";
    }

    private static String sorted(AckList list) {
        return new TreeSet<>(list.ackers()).toString();
    }

    private static void voting() {
        on(
                WITHOUT_ROLE,
                PROMISED,
                stay(),
                nothing(),
                c -> "this node has promised the primary to take part in no election for "
                        + millis(c.seen().promisedUntil() - c.seen().now()) + " ms more");
        on(WITHOUT_ROLE, SINGLE_POINT_WAITS, stay(), nothing(), c -> {
            NodeId last = c.cluster().singlePoint().orElseThrow();
            return last + " was the only member and has what nobody else has: waiting for it ('moctl forget " + last
                    + "' gives its data up)";
        });
        on(
                WITHOUT_ROLE,
                RETAKABLE,
                stay(),
                c -> c.leaseValid() ? List.of(new Action.RetakeRole(c.term())) : List.of(),
                c -> "the key of the role is gone, and nobody was elected since this node was primary of term "
                        + c.term() + ": taking it again");
        on(
                WITHOUT_ROLE,
                BOOTSTRAP_WAITS,
                to(VOTING),
                nothing(),
                c -> "a new cluster: " + c.cluster().live().size() + " of "
                        + c.policy().bootstrapExpect() + " expected members are here");
        on(
                WITHOUT_ROLE,
                RECEIVER_RUNS,
                to(VOTING),
                c -> List.of(new Action.StopReceiver()),
                c -> vacancy(c) + ": stopping the receiver to vote for term " + c.coming());
        on(
                WITHOUT_ROLE,
                NO_BALLOT,
                to(VOTING),
                c -> List.of(put(c, c.myBallot())),
                c -> "casting the ballot for term " + c.coming());
        on(
                WITHOUT_ROLE,
                COLD_START_WAITS,
                to(VOTING),
                nothing(),
                c -> "cold start: nobody here has seen the last primary alive, so the most advanced of all members must"
                        + " win; waiting for " + c.membersUnknown()
                        + " (bring them back, or 'moctl forget NODE' if their data is lost)");
        on(WITHOUT_ROLE, BALLOTS_MISSING, to(VOTING), nothing(), c -> "waiting for the ballots of " + c.awaited());
        on(WITHOUT_ROLE, NOBODY_ELIGIBLE, to(VOTING), nothing(), c -> "no node may become primary: " + reasons(c));
        on(
                WITHOUT_ROLE,
                OUTRANKED,
                to(VOTING),
                nothing(),
                c -> "the ranking for term " + c.coming() + " is " + c.ranking()
                        + (c.leaseValid()
                                ? ": waiting for the first of it"
                                : ": this node has no fresh lease to take the role with"));
        on(
                WITHOUT_ROLE,
                MY_TURN,
                to(VOTING),
                Table::campaign,
                c -> "the ranking for term " + c.coming() + " is " + c.ranking() + ": taking the role");
    }

    private static void following() {
        on(
                WITHOUT_ROLE,
                BALLOT_OUTSTANDING,
                to(FOLLOWING),
                c -> List.of(new Action.WithdrawBallot(c.term(), c.withdrawnBallot())),
                say("withdrawing the ballot before following again"));
        on(
                WITHOUT_ROLE,
                PRIMARY_NOT_OPEN,
                to(FOLLOWING),
                c -> c.mayCompareAhead() ? compare(c, true) : List.of(),
                c -> "waiting until " + c.holder().node() + " is open as primary of term " + c.term());
        on(
                WITHOUT_ROLE,
                WRONG_SOURCE,
                to(FOLLOWING),
                c -> List.of(new Action.StopReceiver()),
                c -> "the receiver does not follow " + c.holder().node() + " in term " + c.term() + ": stopping it");
        on(
                WITHOUT_ROLE,
                COMPARISON_DUE,
                stay(),
                c -> compare(c, false),
                c -> "comparing GTID sets with " + c.holder().node());
        on(
                WITHOUT_ROLE,
                DIVERGENCE,
                to(DIVERGED),
                nothing(),
                c -> "diverged: this node has transactions that the primary "
                        + c.holder().node() + " does not have: " + errant(c) + "; staying fenced");
        // A receiver that tries to connect to a lost host cannot be stopped before its try has failed (seconds).
        // Stopped now, it costs the election nothing; it is started again as soon as the primary's server is reached.
        on(
                WITHOUT_ROLE,
                SOURCE_AWAY,
                to(FOLLOWING),
                c -> c.receiverStopped() ? List.of() : List.of(new Action.StopReceiver()),
                c -> "the server of " + c.holder().node()
                        + " cannot be reached: letting the receiver rest until it can");
        on(
                WITHOUT_ROLE,
                APPLIER_STOPPED,
                to(FOLLOWING),
                c -> List.of(new Action.StartReplication()),
                c -> "the applier does not run: starting it ("
                        + c.local()
                                .channel()
                                .map(Observation.Channel::applierError)
                                .orElse("") + ")");
        on(
                WITHOUT_ROLE,
                OFFLINE,
                to(FOLLOWING),
                c -> List.of(new Action.OpenToApplications()),
                say("a healthy replica: admitting readers again"));
        on(
                WITHOUT_ROLE,
                FOLLOWING_WELL,
                to(FOLLOWING),
                nothing(),
                c -> "follows " + c.holder().node() + " in term " + c.term());
    }

    private static List<Action> compare(Context c, boolean ahead) {
        return c.endpointOf(c.holder().node())
                .<List<Action>>map(e -> List.of(new Action.Compare(
                        c.holder().node(), e, c.term(), c.local().received(), ahead, c.waitingServer())))
                .orElse(List.of());
    }

    private static void repointing() {
        on(
                WITHOUT_ROLE,
                HISTORY_WITHOUT_DATA,
                stay(),
                c -> List.of(new Action.ForgetHistory()),
                say("a new, empty server: forgetting the GTIDs of its own initialisation"));
        on(
                WITHOUT_ROLE,
                BACKLOG,
                to(FOLLOWING),
                c -> c.local().channel().filter(ch -> !ch.applierRunning()).isPresent()
                        ? List.of(new Action.StartApplier())
                        : List.of(),
                c -> "executing what was received before following "
                        + c.holder().node() + ": "
                        + c.local().received().subtract(c.local().executed()).count() + " transactions left");
        on(
                WITHOUT_ROLE,
                DATA_MISSING,
                to(FENCED),
                nothing(),
                c -> "cannot follow " + c.holder().node()
                        + ": it has purged binary logs that this node still needs; the node must be rebuilt");
        on(
                WITHOUT_ROLE,
                EMPTY,
                to(JOINING),
                c -> c.endpointOf(c.holder().node())
                        .<List<Action>>map(
                                e -> List.of(new Action.CloneFrom(c.holder().node(), e)))
                        .orElse(List.of()),
                c -> "an empty node, and " + c.holder().node()
                        + " has purged its first binary logs: copying all data from it");
        on(
                WITHOUT_ROLE,
                REBUILD_WANTED,
                to(JOINING),
                c -> c.endpointOf(c.holder().node())
                        .<List<Action>>map(
                                e -> List.of(new Action.CloneFrom(c.holder().node(), e)))
                        .orElse(List.of()),
                c -> "an operator gave this node's data up: copying all data from "
                        + c.holder().node());
        on(
                WITHOUT_ROLE,
                NOT_REPOINTED,
                to(FOLLOWING),
                c -> c.endpointOf(c.holder().node())
                        .<List<Action>>map(
                                e -> List.of(new Action.Follow(c.holder().node(), e, c.term())))
                        .orElse(List.of()),
                c -> "following " + c.holder().node() + " in term " + c.term());
        on(
                WITHOUT_ROLE,
                NOT_STARTED,
                to(FOLLOWING),
                c -> List.of(new Action.StartReplication()),
                c -> "starting replication from " + c.holder().node() + " in term " + c.term());
    }

    /** The ballots that were counted, and those of members that were not there: one that arrives meanwhile counts. */
    private static Map<NodeId, Long> counted(Context c) {
        Map<NodeId, Long> counted = new LinkedHashMap<>();
        c.votes().forEach((node, vote) -> counted.put(node, vote.modRevision()));
        // Also of those that are not registered just now: one may be back, and have voted, since this was read.
        Set<NodeId> others = new TreeSet<>(c.cluster().members().keySet());
        others.addAll(c.cluster().live());
        others.removeAll(counted.keySet());
        others.forEach(node -> {
            Observation.Vote old = c.cluster().votes().get(node);
            counted.put(node, old == null ? 0 : old.modRevision());
        });
        return counted;
    }

    /** Where the list comes with the role, the server learns at the same time how many acknowledgements it will wait for. */
    private static List<Action> campaign(Context c) {
        Optional<AckList> list = c.drained() ? Durable.listToCampaign(c) : Optional.empty();
        List<Action> actions = new ArrayList<>(List.of(new Action.Campaign(
                c.term(), counted(c), c.local().received(), c.holderRevision(), c.syncRevision(), c.drained(), list)));
        list.map(AckList::acks)
                .filter(acks -> acks > c.local().semiSync().waitFor())
                .ifPresent(acks -> actions.add(new Action.AwaitAckers(acks)));
        return actions;
    }

    private static String reasons(Context c) {
        List<String> reasons = new ArrayList<>();
        c.votes()
                .forEach((node, vote) -> reasons.add(node + ": " + vote.ballot().reason()));
        return reasons.toString();
    }

    private static String errant(Context c) {
        return c.seen().errant().toString();
    }

    private static String lostReason(Context c) {
        return "it was chosen with " + c.lostOfItsBallot() + ", and has lost that since in a crash";
    }

    private static String drainReason(Context c) {
        return "it did not execute what it had received within "
                + c.policy().drainTimeout().toSeconds() + " s"
                + c.local()
                        .channel()
                        .map(Observation.Channel::applierError)
                        .filter(e -> !e.isEmpty())
                        .map(e -> ": " + e)
                        .orElse("");
    }

    private static long millis(long nanos) {
        return nanos / 1_000_000;
    }

    /** The term that the node is bound to after this diagnosis: set before anything is pointed or opened under it. */
    static Term boundTo(Context c, Diagnosis diagnosis) {
        return switch (diagnosis) {
            case NOT_REPOINTED, NOT_STARTED, CHOSEN, RESUMABLE, EMPTY, REBUILD_WANTED -> c.term();
            default -> c.state().term();
        };
    }
}
