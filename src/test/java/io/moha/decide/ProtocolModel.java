package io.moha.decide;

import static io.moha.decide.ProtocolState.EXECUTED;
import static io.moha.decide.ProtocolState.LACKS;
import static io.moha.decide.ProtocolState.NODES;
import static io.moha.decide.ProtocolState.RECEIVED;
import static io.moha.decide.ProtocolState.TRANSACTIONS;
import static io.moha.decide.ProtocolState.WAITING;
import static io.moha.decide.ProtocolState.bit;

import io.moha.decide.ProtocolCore.Answer;
import io.moha.decide.ProtocolCore.Clock;
import io.moha.decide.ProtocolCore.Deed;
import io.moha.decide.ProtocolState.Global;
import io.moha.decide.ProtocolState.Local;
import java.util.function.Supplier;

/** All atomic steps of the modelled cluster: etcd, servers, network, clients and faults by hand, decisions by the real core. */
@SuppressWarnings("EnumOrdinal") // phases and deeds are packed as their ordinals
final class ProtocolModel {
    /**
     * @param terms the latest term that anybody may begin
     * @param faults crashes and cuts in one run; restarts and healing are free
     * @param delays transactions on etcd and statements in one run that are done late or never
     * @param strangers whether a server that was taken off the list while it was away may acknowledge again before the primary has
     *     seen it (docs/concepts/durability.md, Limits)
     * @param kinds of faults, a mask
     */
    record Bounds(int terms, int faults, int delays, boolean strangers, int kinds) {}

    static final int CRASH = 1;
    static final int SERVER_CRASH = 2;
    static final int NO_STORE = 4;
    static final int NO_PEERS = 8;
    static final int NO_NETWORK = 16;
    static final int ALL_KINDS = 31;

    /** Takes each successor. The state is used again afterwards. */
    interface Sink {
        void take(ProtocolState next, Supplier<String> step);
    }

    private static final int OLD_LEASE = 1 << 15;

    private final ProtocolCore core;
    private final Bounds bounds;
    private final ProtocolState next = new ProtocolState();

    ProtocolModel(ProtocolCore core, Bounds bounds) {
        this.core = core;
        this.bounds = bounds;
    }

    /** n1 is the open primary of term 1; n2 and n3 follow it, are listed and acknowledge. Nothing is written yet. */
    ProtocolState first() {
        ProtocolState s = new ProtocolState();
        s.set(Global.TERM, 1);
        s.set(Global.HOLDER, 1);
        s.set(Global.BOUND, 1);
        s.set(Global.LAST, 1);
        s.set(Global.LIST_TERM, 1);
        s.set(Global.LIST_PRIMARY, 1);
        s.set(Global.LIST_BINDING, 1);
        s.set(Global.LIST_ACKS, 1);
        s.set(Global.LIST_ACKERS, bit(2) | bit(3));
        s.set(Global.FAULTS, bounds.faults());
        s.set(Global.DELAYS, bounds.delays());
        for (int node = 1; node <= NODES; node++) {
            s.set(node, Local.LIVE, 1);
            s.set(node, Local.UP, 1);
            s.set(node, Local.ALIVE, 1);
            s.set(node, Local.WARM, 1);
            s.set(node, Local.TERM, 1);
            s.set(node, Local.PHASE, (node == 1 ? Phase.PRIMARY : Phase.FOLLOWING).ordinal());
            if (node > 1) {
                s.set(node, Local.REGISTERED_AS, 1);
                s.set(node, Local.SOURCE, 1);
                s.set(node, Local.RUNNING, 1);
                s.set(node, Local.ACKS, 1);
            }
        }
        s.set(1, Local.ANNOUNCED, 1);
        s.set(1, Local.WRITABLE, 1);
        s.set(1, Local.WAIT, 1);
        return s;
    }

    void successors(ProtocolState s, Sink taker) {
        Sink sink = (state, step) -> {
            settle(state);
            taker.take(state, step);
        };
        for (int node = 1; node <= NODES; node++) {
            decisions(s, node, sink);
            servers(s, node, sink);
            leases(s, node, sink);
            faults(s, node, sink);
            healing(s, node, sink);
        }
        clients(s, sink);
        late(s, sink);
    }

    /** What nobody else can see is done at once, and what says nothing any more is forgotten: there are fewer states so. */
    private void settle(ProtocolState s) {
        for (int node = 1; node <= NODES; node++) {
            if (s.is(node, Local.ALIVE) && s.get(node, Local.WAIT) == 0) {
                execute(s, node);
            }
        }
        forget(s);
        for (int node = 1; node <= NODES; node++) {
            for (int i = 0; i < 5 && quiet(s, node); i++) {
                forget(s);
            }
        }
    }

    private static void forget(ProtocolState s) {
        int term = s.get(Global.TERM);
        for (int node = 1; node <= NODES; node++) {
            if (s.is(node, Local.UP) && !s.is(node, Local.NO_STORE)) {
                s.set(node, Local.LIVE, 1);
                s.set(node, Local.REGISTERED_AS, ProtocolCore.registration(s, node));
            }
            if (s.get(node, Local.ANNOUNCED) < term) {
                s.set(node, Local.ANNOUNCED, 0);
            }
            if (s.get(node, Local.BALLOT) > 1 && s.get(node, Local.BALLOT_TERM) < term) {
                putFields(s, node, 1);
            }
            if (s.get(Global.HOLDER) != node) {
                s.set(node, Local.GIVEN_UP, 0);
            }
        }
    }

    /** A decision that does nothing, whatever the clock says. */
    private boolean quiet(ProtocolState s, int node) {
        if (!mayDecide(s, node)) {
            return false;
        }
        boolean maySuspect = mayBeSuspected(s, node);
        int away = s.get(Global.HOLDER) == node ? mayBeAway(s, node) : 0;
        boolean store = !s.is(node, Local.NO_STORE);
        Answer answer = core.ask(s, node, new Clock(store, false, false, 0));
        if (!answer.deeds().isEmpty() || !changes(s, node, answer)) {
            return false;
        }
        boolean same = core.ask(s, node, new Clock(store, false, true, 0)).does(answer)
                && core.ask(s, node, new Clock(store, maySuspect, false, away)).does(answer)
                && core.ask(s, node, new Clock(store, maySuspect, true, away)).does(answer);
        if (same) {
            remember(s, node, answer);
        }
        return same;
    }

    private static boolean changes(ProtocolState s, int node, Answer answer) {
        return s.get(node, Local.PHASE) != answer.phase()
                || s.get(node, Local.TERM) != answer.term()
                || s.get(node, Local.WARM) != answer.warm()
                || s.get(node, Local.GUARD) != answer.guard()
                || s.get(node, Local.GIVEN_UP) != answer.givenUp();
    }

    private static boolean mayDecide(ProtocolState s, int node) {
        boolean busy = s.get(Global.LATE_NODE) == node && !Deed.values()[s.get(Global.LATE_KIND)].onStore();
        return s.is(node, Local.UP) && !busy;
    }

    // Agents.

    private void decisions(ProtocolState s, int node, Sink sink) {
        if (!mayDecide(s, node)) {
            return;
        }
        boolean cut = s.is(node, Local.NO_STORE);
        boolean maySuspect = mayBeSuspected(s, node);
        int away = s.get(Global.HOLDER) == node ? mayBeAway(s, node) : 0;
        Answer[] seen = new Answer[16];
        int count = 0;
        for (int choice = 0; choice < 4; choice++) {
            boolean suspects = (choice & 1) != 0;
            boolean patienceOver = (choice & 2) != 0;
            if (suspects && !maySuspect) {
                continue;
            }
            for (int gone = away; ; gone = (gone - 1) & away) {
                Answer answer = core.ask(s, node, new Clock(!cut, suspects, patienceOver, gone));
                boolean again = false;
                for (int i = 0; i < count; i++) {
                    again |= seen[i].does(answer);
                }
                if (!again) {
                    seen[count++] = answer;
                    perform(s, node, answer, sink);
                }
                if (gone == 0) {
                    break;
                }
            }
        }
    }

    /** Nothing comes from the holder, and neither its agent nor its server answers. */
    private static boolean mayBeSuspected(ProtocolState s, int node) {
        int holder = s.get(Global.HOLDER);
        return holder != 0
                && holder != node
                && (!s.linked(node, holder) || (!s.is(holder, Local.UP) && !s.is(holder, Local.ALIVE)));
    }

    private static int mayBeAway(ProtocolState s, int holder) {
        int away = 0;
        int connected = s.ackersOf(holder);
        for (int node = 1; node <= NODES; node++) {
            if (node != holder && (connected & bit(node)) == 0 && !allows(s, node)) {
                away |= bit(node);
            }
        }
        return away;
    }

    /** Whether a commit is due to which a node's acknowledgement counts: it is over before that node can be away for long. */
    private static boolean allows(ProtocolState s, int node) {
        for (int i = 0; i < TRANSACTIONS; i++) {
            if ((s.sent(i) & bit(node)) != 0 && due(s, i)) {
                return true;
            }
        }
        return false;
    }

    private static boolean due(ProtocolState s, int transaction) {
        int node = s.origin(transaction);
        return node != 0
                && s.has(node, transaction) == WAITING
                && Integer.bitCount(s.sent(transaction)) >= s.get(node, Local.WAIT);
    }

    private void perform(ProtocolState s, int node, Answer answer, Sink sink) {
        boolean lateFree = s.get(Global.LATE_KIND) == 0 && s.get(Global.DELAYS) > 0;
        boolean cut = s.is(node, Local.NO_STORE);
        next.copyFrom(s);
        remember(next, node, answer);
        for (int i = 0; i < answer.deeds().size(); i++) {
            Deed deed = answer.deeds().get(i);
            if (!(deed.onStore() && cut)) {
                act(next, node, deed, s.get(Global.TERM), answer.what().get(i));
            }
        }
        sink.take(next, () -> "n" + node + ": " + answer.diagnosis() + " " + answer.deeds());
        for (int i = 0; i < answer.deeds().size(); i++) {
            Deed deed = answer.deeds().get(i);
            if (lateFree && mayBeLate(deed) && !(deed.onStore() && cut)) {
                next.copyFrom(s);
                remember(next, node, answer);
                next.set(Global.DELAYS, s.get(Global.DELAYS) - 1);
                next.set(Global.LATE_KIND, deed.ordinal());
                next.set(Global.LATE_NODE, node);
                next.set(Global.LATE_TERM, s.get(Global.TERM));
                next.set(Global.LATE_WHAT, answer.what().get(i));
                sink.take(next, () -> "n" + node + ": " + answer.diagnosis() + " " + deed + ", not done yet");
            }
        }
    }

    private static boolean mayBeLate(Deed deed) {
        return switch (deed) {
            case BALLOT,
                    WITHDRAW,
                    CAMPAIGN,
                    SYNC,
                    RESUME,
                    RETAKE,
                    ANNOUNCE,
                    RESIGN,
                    START_REPLICATION,
                    FOLLOW,
                    OPEN,
                    AWAIT,
                    ACKNOWLEDGE -> true;
            default -> false;
        };
    }

    private static void remember(ProtocolState s, int node, Answer answer) {
        s.set(node, Local.PHASE, answer.phase());
        s.set(node, Local.TERM, answer.term());
        s.set(node, Local.WARM, answer.warm());
        s.set(node, Local.GUARD, answer.guard());
        s.set(node, Local.GIVEN_UP, answer.givenUp());
    }

    /** What was on its way arrives, or never does. */
    private void late(ProtocolState s, Sink sink) {
        Deed deed = Deed.values()[s.get(Global.LATE_KIND)];
        if (deed == Deed.NOTHING) {
            return;
        }
        int node = s.get(Global.LATE_NODE);
        next.copyFrom(s);
        forgetLate(next);
        act(next, node, deed, s.get(Global.LATE_TERM), s.get(Global.LATE_WHAT));
        sink.take(next, () -> "late: " + deed + " of n" + node);
        if (!deed.onStore()) {
            next.copyFrom(s);
            forgetLate(next);
            sink.take(next, () -> "never: " + deed + " of n" + node);
        }
    }

    private static void forgetLate(ProtocolState s) {
        s.set(Global.LATE_KIND, 0);
        s.set(Global.LATE_NODE, 0);
        s.set(Global.LATE_TERM, 0);
        s.set(Global.LATE_WHAT, 0);
    }

    private void act(ProtocolState s, int node, Deed deed, int term, int what) {
        if (deed.onStore()) {
            commit(s, node, deed, term, what);
        } else if (s.is(node, Local.ALIVE) || deed == Deed.START_DATABASE) {
            statement(s, node, deed, what);
        }
    }

    // etcd. The guards are those of StoreActor.

    private void commit(ProtocolState s, int node, Deed deed, int term, int what) {
        boolean sameTerm = s.get(Global.TERM) == term;
        boolean mine = sameTerm && s.get(Global.HOLDER) == node;
        boolean vacancyAsSeen = (what & ProtocolCore.ABSENT) == 0 || s.get(Global.HOLDER) == 0;
        switch (deed) {
            case SAY -> s.set(node, Local.ANNOUNCED, what);
            case BALLOT -> {
                if (sameTerm && vacancyAsSeen) {
                    putBallot(s, node, what);
                }
            }
            case WITHDRAW -> {
                if (sameTerm) {
                    putBallot(s, node, what);
                }
            }
            case CAMPAIGN -> {
                if (sameTerm && vacancyAsSeen && term < bounds.terms()) {
                    s.set(Global.TERM, term + 1);
                    s.set(Global.LAST, node);
                    drop(s, Deed.SYNC, Deed.WITHDRAW, Deed.RETAKE, Deed.RESUME, Deed.ANNOUNCE);
                    drop(s, Deed.BALLOT, Deed.CAMPAIGN, Deed.RESIGN);
                    putHolder(s, node, (what & OLD_LEASE) == 0);
                    // What is received is executed here: the list comes with the role.
                    putList(s, node, term + 1, what >> ProtocolCore.LIST_AT);
                }
            }
            case SYNC -> {
                if (mine) {
                    putList(s, node, term, what);
                    drop(s, Deed.SYNC, Deed.CAMPAIGN);
                }
            }
            case RESUME -> {
                if (mine) {
                    putHolder(s, node, (what & OLD_LEASE) == 0);
                }
            }
            case RETAKE -> {
                if (sameTerm && s.get(Global.HOLDER) == 0) {
                    putHolder(s, node, (what & OLD_LEASE) == 0);
                }
            }
            case ANNOUNCE -> {
                if (mine) {
                    s.set(node, Local.ANNOUNCED, term);
                }
            }
            case RESIGN -> {
                if (mine) {
                    deleteHolder(s);
                    putBallot(s, node, what);
                }
            }
            default -> {}
        }
    }

    private static void putBallot(ProtocolState s, int node, int what) {
        putFields(s, node, what);
        if (s.get(node, Local.GUARD) == 1) {
            s.set(node, Local.GUARD, 0);
        }
        boolean own = s.get(Global.LATE_KIND) == Deed.BALLOT.ordinal() && s.get(Global.LATE_NODE) == node;
        boolean counted =
                s.get(Global.LATE_KIND) == Deed.CAMPAIGN.ordinal() && (s.get(Global.LATE_WHAT) & bit(node)) != 0;
        if (own || counted) {
            forgetLate(s);
        }
    }

    private static void putFields(ProtocolState s, int node, int what) {
        s.set(node, Local.BALLOT, what & 3);
        s.set(node, Local.BALLOT_TERM, what >> 2 & 7);
        s.set(node, Local.BALLOT_FOLLOWED, what >> 5 & 7);
        s.set(node, Local.BALLOT_RECEIVED, what >> 8 & 3);
        s.set(node, Local.BALLOT_EXECUTED, what >> 10 & 3);
        s.set(node, Local.BALLOT_ELIGIBLE, what >> 13 & 1);
    }

    private static void putList(ProtocolState s, int node, int term, int what) {
        s.set(Global.LIST_TERM, term);
        s.set(Global.LIST_PRIMARY, node);
        s.set(Global.LIST_BINDING, what & 1);
        s.set(Global.LIST_ACKS, what >> 1 & 3);
        s.set(Global.LIST_ACKERS, what >> 3 & 7);
        s.set(Global.LIST_FLOOR, what >> 6 & 3);
    }

    private static void putHolder(ProtocolState s, int node, boolean bound) {
        boolean same = s.get(Global.HOLDER) == node;
        s.set(Global.HOLDER, node);
        s.set(Global.BOUND, bound ? 1 : 0);
        holderChanged(s);
        if (!same) {
            drop(s, Deed.SYNC, Deed.RESUME, Deed.ANNOUNCE);
        }
    }

    private static void deleteHolder(ProtocolState s) {
        s.set(Global.HOLDER, 0);
        s.set(Global.BOUND, 0);
        holderChanged(s);
        drop(s, Deed.SYNC, Deed.RESUME, Deed.ANNOUNCE);
    }

    /** What was guarded by the revision of the key can never commit; what was guarded by its absence may. */
    private static void holderChanged(ProtocolState s) {
        drop(s, Deed.RESIGN);
        if ((s.get(Global.LATE_WHAT) & ProtocolCore.ABSENT) == 0) {
            drop(s, Deed.BALLOT, Deed.CAMPAIGN);
        }
        for (int node = 1; node <= NODES; node++) {
            s.set(node, Local.GIVEN_UP, 0);
        }
    }

    private static void drop(ProtocolState s, Deed... deeds) {
        for (Deed deed : deeds) {
            if (s.get(Global.LATE_KIND) == deed.ordinal()) {
                forgetLate(s);
            }
        }
    }

    private void leases(ProtocolState s, int node, Sink sink) {
        boolean holds = s.get(Global.HOLDER) == node;
        if (s.is(node, Local.LIVE) && (!s.is(node, Local.UP) || s.is(node, Local.NO_STORE))) {
            next.copyFrom(s);
            next.set(node, Local.LIVE, 0);
            if (holds) {
                deleteHolder(next);
            }
            withLease(next, node);
            sink.take(next, () -> "the leases of n" + node + " end");
        } else if (holds && s.get(Global.BOUND) == 0) {
            next.copyFrom(s);
            deleteHolder(next);
            sink.take(next, () -> "the old lease of n" + node + " ends");
        }
    }

    /** A put that is bound to a lease which has ended fails. */
    private static void withLease(ProtocolState s, int node) {
        if (s.get(Global.LATE_NODE) == node) {
            drop(s, Deed.CAMPAIGN, Deed.RESUME, Deed.RETAKE);
        }
    }

    // Servers and replication.

    private void statement(ProtocolState s, int node, Deed deed, int what) {
        switch (deed) {
            case FENCE -> {
                s.set(node, Local.WRITABLE, 0);
                endWaiting(s, node);
            }
            case START_DATABASE -> s.set(node, Local.ALIVE, 1);
            case STOP_RECEIVER -> s.set(node, Local.RUNNING, 0);
            case START_REPLICATION -> s.set(node, Local.RUNNING, 1);
            case FOLLOW -> {
                forgetReceived(s, node);
                s.set(node, Local.SOURCE, what);
                s.set(node, Local.RUNNING, 1);
            }
            case FORGET_SOURCE -> {
                forgetReceived(s, node);
                s.set(node, Local.SOURCE, 0);
                s.set(node, Local.RUNNING, 0);
                if (what > 0) {
                    s.set(node, Local.WAIT, what);
                }
            }
            case OPEN -> {
                if (s.get(node, Local.WAIT) >= what) {
                    s.set(node, Local.WRITABLE, 1);
                }
            }
            case AWAIT -> s.set(node, Local.WAIT, what);
            case ACKNOWLEDGE -> s.set(node, Local.ACKS, what);
            default -> {}
        }
    }

    private static void execute(ProtocolState s, int node) {
        for (int i = 0; i < TRANSACTIONS; i++) {
            if (s.has(node, i) == RECEIVED) {
                s.setHas(node, i, EXECUTED);
            }
        }
    }

    private static void forgetReceived(ProtocolState s, int node) {
        for (int i = 0; i < TRANSACTIONS; i++) {
            if (s.has(node, i) == RECEIVED) {
                s.setHas(node, i, LACKS);
            }
        }
    }

    /** The sessions that wait have ended: nobody is told, but what they wrote is in the binary log. */
    private static void endWaiting(ProtocolState s, int node) {
        for (int i = 0; i < TRANSACTIONS; i++) {
            if (s.has(node, i) == WAITING) {
                s.setHas(node, i, EXECUTED);
                s.setSent(i, 0);
            }
        }
    }

    private void servers(ProtocolState s, int node, Sink sink) {
        if (!s.is(node, Local.ALIVE)) {
            return;
        }
        if (!s.connected(node)) {
            return;
        }
        int source = s.get(node, Local.SOURCE);
        for (int i = 0; i < TRANSACTIONS; i++) {
            boolean there = s.has(source, i) >= EXECUTED;
            boolean here = s.has(node, i) != LACKS;
            boolean tells = s.is(node, Local.ACKS) && s.has(source, i) == WAITING && (s.sent(i) & bit(node)) == 0;
            if (there && (!here || tells)) {
                next.copyFrom(s);
                if (!here) {
                    next.setHas(node, i, RECEIVED);
                }
                if (s.is(node, Local.ACKS)) {
                    acknowledge(next, node, source, i);
                }
                int transaction = i;
                sink.take(
                        next,
                        () -> "n" + node + " receives " + transaction + " from n" + source
                                + (s.is(node, Local.ACKS) ? " and acknowledges" : ""));
                return;
            }
        }
    }

    /** MySQL acknowledges a position: all that comes before it, too. */
    private static void acknowledge(ProtocolState s, int node, int source, int transaction) {
        for (int i = 0; i <= transaction; i++) {
            if (s.has(source, i) == WAITING) {
                s.setSent(i, s.sent(i) | bit(node));
            }
        }
    }

    // Clients.

    private void clients(ProtocolState s, Sink sink) {
        int begun = s.get(Global.BEGUN);
        for (int node = 1; begun < TRANSACTIONS && node <= NODES; node++) {
            if (s.is(node, Local.ALIVE) && s.is(node, Local.WRITABLE)) {
                next.copyFrom(s);
                next.set(Global.BEGUN, begun + 1);
                next.setOrigin(begun, node);
                next.setHas(node, begun, WAITING);
                if (s.get(node, Local.TERM) < s.get(Global.ACK_TERM)) {
                    next.set(Global.STALE, s.get(Global.STALE) | 1 << begun);
                }
                int at = node;
                sink.take(next, () -> "a client begins " + begun + " on n" + at);
            }
        }
        for (int i = 0; i < begun; i++) {
            int node = s.origin(i);
            if (due(s, i)) {
                next.copyFrom(s);
                next.setHas(node, i, EXECUTED);
                next.setSent(i, 0);
                next.set(Global.ACKNOWLEDGED, s.get(Global.ACKNOWLEDGED) | 1 << i);
                next.set(Global.ACK_TERM, Math.max(s.get(Global.ACK_TERM), s.get(node, Local.TERM)));
                int transaction = i;
                sink.take(next, () -> "n" + node + " tells the client that " + transaction + " is committed");
            }
        }
    }

    // Faults.

    private void faults(ProtocolState s, int node, Sink sink) {
        if (s.get(Global.FAULTS) == 0) {
            return;
        }
        if (may(CRASH) && s.is(node, Local.UP)) {
            fault(s);
            serverDies(next, node);
            next.set(node, Local.UP, 0);
            next.set(node, Local.PHASE, Phase.STARTING.ordinal());
            next.set(node, Local.WARM, 0);
            next.set(node, Local.GUARD, 2);
            next.set(node, Local.GIVEN_UP, 0);
            sink.take(next, () -> "n" + node + " crashes");
        }
        if (may(SERVER_CRASH) && s.is(node, Local.UP) && s.is(node, Local.ALIVE)) {
            fault(s);
            serverDies(next, node);
            sink.take(next, () -> "the server of n" + node + " crashes");
        }
        if (!s.is(node, Local.NO_STORE) && !s.is(node, Local.NO_PEERS)) {
            for (int cut = 1; cut <= 3; cut++) {
                if (!may(NO_STORE << (cut - 1))) {
                    continue;
                }
                fault(s);
                next.set(node, Local.NO_STORE, cut & 1);
                next.set(node, Local.NO_PEERS, cut >> 1);
                String from = cut == 1 ? "etcd" : cut == 2 ? "the others" : "everything";
                sink.take(next, () -> "n" + node + " is cut off from " + from);
            }
        }
    }

    private boolean may(int kind) {
        return (bounds.kinds() & kind) != 0;
    }

    private void fault(ProtocolState s) {
        next.copyFrom(s);
        next.set(Global.FAULTS, s.get(Global.FAULTS) - 1);
    }

    private static void serverDies(ProtocolState s, int node) {
        endWaiting(s, node);
        s.set(node, Local.ALIVE, 0);
        s.set(node, Local.WRITABLE, 0);
        s.set(node, Local.WAIT, 0);
        s.set(node, Local.ACKS, 0);
        s.set(node, Local.RUNNING, 0);
        if (s.get(Global.LATE_NODE) == node && !Deed.values()[s.get(Global.LATE_KIND)].onStore()) {
            forgetLate(s);
        }
    }

    private void healing(ProtocolState s, int node, Sink sink) {
        if (!s.is(node, Local.UP)) {
            next.copyFrom(s);
            next.set(node, Local.UP, 1);
            next.set(node, Local.ALIVE, 1);
            next.set(node, Local.LIVE, 0);
            if (s.get(Global.HOLDER) == node) {
                next.set(Global.BOUND, 0);
            }
            if (s.get(Global.LATE_NODE) == node) {
                boolean leased = s.get(Global.LATE_KIND) == Deed.CAMPAIGN.ordinal()
                        || s.get(Global.LATE_KIND) == Deed.RESUME.ordinal()
                        || s.get(Global.LATE_KIND) == Deed.RETAKE.ordinal();
                next.set(Global.LATE_WHAT, s.get(Global.LATE_WHAT) | (leased ? OLD_LEASE : 0));
            }
            sink.take(next, () -> "n" + node + " starts again");
        }
        if (s.is(node, Local.NO_STORE) || s.is(node, Local.NO_PEERS)) {
            next.copyFrom(s);
            next.set(node, Local.NO_STORE, 0);
            next.set(node, Local.NO_PEERS, 0);
            boolean listed = (s.get(Global.LIST_ACKERS) & bit(node)) != 0;
            if (!bounds.strangers() && s.is(node, Local.NO_PEERS) && !listed) {
                next.set(node, Local.ACKS, 0);
            }
            sink.take(next, () -> "the network of n" + node + " heals");
        }
    }

    // Invariants.

    /** @return what is wrong with a state; empty if nothing is */
    static String violation(ProtocolState s) {
        int holder = s.get(Global.HOLDER);
        if ((s.get(Global.STALE) & s.get(Global.ACKNOWLEDGED)) != 0) {
            return "acknowledged under an old term, after an acknowledgement under a later one";
        }
        if (holder != 0 && holder != s.get(Global.LAST)) {
            return "two holders of term " + s.get(Global.TERM);
        }
        for (int node = 1; node <= NODES; node++) {
            for (int other = node + 1; other <= NODES; other++) {
                if (s.is(node, Local.WRITABLE)
                        && s.is(other, Local.WRITABLE)
                        && s.get(node, Local.TERM) == s.get(other, Local.TERM)) {
                    return "two open servers of term " + s.get(node, Local.TERM);
                }
            }
        }
        boolean opened =
                holder != 0 && (s.is(holder, Local.WRITABLE) || s.get(holder, Local.ANNOUNCED) == s.get(Global.TERM));
        int lost = opened ? s.get(Global.ACKNOWLEDGED) & ~s.received(holder) : 0;
        return lost == 0
                ? ""
                : "n" + holder + ", opened in term " + s.get(Global.TERM) + ", lacks what was acknowledged: " + lost;
    }
}
