package io.moha.decide;

import static io.moha.decide.Diagnosis.COMMITS_STUCK;
import static io.moha.decide.Diagnosis.LIST_DUE;
import static io.moha.decide.Diagnosis.LOOK_AGAIN;
import static io.moha.decide.Diagnosis.STRANGER;
import static io.moha.decide.Diagnosis.WAIT_DIFFERS;

import io.moha.decide.Observation.Member;
import io.moha.decide.Observation.Sync;
import io.moha.model.AckList;
import io.moha.model.Durability;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.Term;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What the holder does for durability: keeps the list of ackers in etcd and the server's wait count, each in its turn. The
 * list is never weaker than what the server does: list before you ack, unlist after; raise the server before the list
 * promises it, lower it after the list has ceased to.
 */
final class Durable {
    private static final long WAITED_NANOS = 2_000_000_000L;
    /** What had its acknowledgements before the server waited for more is executed by then. */
    private static final long SETTLED_NANOS = 300_000_000L;

    private static final long STUCK_NANOS = 300_000_000L;

    private final Context c;
    /** Whose list it is: the present one, or the one that this node would begin. */
    private final Term term;

    private final Durability wanted;
    private final Optional<AckList> mine;
    private final int waitsFor;
    /** Nobody can write yet: a list may bind at once. */
    private final boolean closed;

    private Durable(Context c, Term term) {
        this.c = c;
        this.term = term;
        boolean mayBe = everybodyKnowsLists(c) || c.binding().isPresent();
        this.wanted = mayBe ? c.seen().acks().wanted() : Durability.ASYNC;
        this.mine = c.cluster()
                .sync()
                .map(Sync::list)
                .filter(l ->
                        l.term().equals(term) && l.primary().equals(c.seen().me()));
        this.waitsFor = c.local().semiSync().waitFor();
        this.closed = !c.local().writable();
    }

    /** Agents of an earlier version would elect without asking the list: while one is registered nothing new is promised. */
    private static boolean everybodyKnowsLists(Context c) {
        return c.cluster().live().stream().map(c.cluster().members()::get).allMatch(m -> m == null || m.knowsLists());
    }

    static Durable of(Context c) {
        return new Durable(c, c.term());
    }

    /** The list that is put with the role, where all that was received is executed already. */
    static Optional<AckList> listToCampaign(Context c) {
        return new Durable(c, c.coming()).listToBegin();
    }

    /** What must be done before this server may be open. */
    Optional<Diagnosis> beforeOpening() {
        if (c.seen().acks().changing()) {
            return Optional.of(LOOK_AGAIN);
        }
        if (mine.isPresent() || !closed) {
            return waitsFor < waitAtLeast() ? Optional.of(WAIT_DIFFERS) : Optional.empty();
        }
        if (wanted.lossless()) {
            return Optional.of(waitsFor == wanted.acks() ? LIST_DUE : WAIT_DIFFERS);
        }
        if (c.cluster().sync().isPresent()) {
            return Optional.of(LIST_DUE);
        }
        return waitsFor > 0 ? Optional.of(WAIT_DIFFERS) : Optional.empty();
    }

    /** What is to be done while it is open. */
    Optional<Diagnosis> whileServing() {
        if (c.seen().acks().changing()) {
            return Optional.empty(); // what the server does is not known just now
        }
        if (list().isPresent()) {
            return Optional.of(LIST_DUE);
        }
        if (waitsFor != waitCount()) {
            return Optional.of(WAIT_DIFFERS);
        }
        if (!strangers().isEmpty()) {
            return Optional.of(STRANGER);
        }
        return stuck() ? Optional.of(COMMITS_STUCK) : Optional.empty();
    }

    /** Enough ackers are there, and nothing goes on: an acknowledgement was lost, and none is given twice. */
    private boolean stuck() {
        long since = c.seen().acks().stuckSince();
        return since != 0
                && c.seen().now() - since > STUCK_NANOS
                && connected(mine.map(AckList::ackers).orElse(Set.of())).size() >= waitsFor;
    }

    /** How many acknowledgements an open server must wait for, by the list in force. */
    int waitAtLeast() {
        int promised = mine.filter(AckList::binding).map(AckList::acks).orElse(0);
        return promised == 0 ? 0 : promised + strangerCount();
    }

    /** One that is not listed must not stand in for one that is. */
    private int strangerCount() {
        return Math.max(strangers().size(), c.seen().acks().strangers());
    }

    /** How many acknowledgements the server is to wait for now. */
    int waitCount() {
        if (mine.isEmpty()) {
            return wanted.lossless() && closed ? wanted.acks() : 0;
        }
        AckList list = mine.get();
        int raised = wanted.lossless() && connected(list.ackers()).size() >= wanted.acks() ? wanted.acks() : 0;
        boolean promised = list.binding() && list.acks() > 0;
        int count = promised
                ? Math.max(list.acks(), raised)
                        + strangerCount()
                        + leaving(list).size()
                : raised;
        // What was promised by a list that may still arrive is kept until that is known.
        return c.listUnsure() ? Math.max(count, waitsFor) : count;
    }

    /** Who is to be taken off, as soon as the server waits for one more for each: none of them can stand in for another then. */
    private Set<NodeId> leaving(AckList list) {
        Set<NodeId> gone = new TreeSet<>(list.ackers());
        gone.removeIf(n -> !awayForLong(n) && !acksNoMore(n));
        Set<NodeId> left = new TreeSet<>(list.ackers());
        left.removeAll(gone);
        return connected(left).size() >= list.acks() ? gone : Set.of();
    }

    private boolean acksNoMore(NodeId node) {
        Member member = c.cluster().members().get(node);
        return c.cluster().live().contains(node) && member != null && !member.acker();
    }

    /** The list that is to be written now; empty if the one in force is right, and no other one is on its way. */
    Optional<AckList> list() {
        return due().or(() -> c.listUnsure() ? mine : Optional.empty());
    }

    private Optional<AckList> due() {
        if (mine.isEmpty()) {
            return first();
        }
        AckList list = mine.get();
        if (!wanted.lossless()) {
            return list.binding() || !list.ackers().isEmpty() ? Optional.of(async()) : Optional.empty();
        }
        if (lacksReceivers()) {
            return Optional.empty();
        }
        Set<NodeId> all = new TreeSet<>(list.ackers());
        all.addAll(candidates());
        if (!all.equals(list.ackers())) {
            return Optional.of(with(list, list.binding(), list.acks(), all, list.floor()));
        }
        return list.binding() && list.acks() > 0 ? inForce(list) : raised(list);
    }

    /** The list that is written with the evidence, before anybody can write; empty where none is needed. */
    Optional<AckList> listToBegin() {
        boolean needed = wanted.lossless() || c.cluster().sync().isPresent();
        return mine.isEmpty() && closed && needed ? first() : Optional.empty();
    }

    private Optional<AckList> first() {
        if (closed) {
            return Optional.of(wanted.lossless() ? begun(true) : async());
        }
        if (wanted.lossless()) {
            return lacksReceivers() ? Optional.empty() : Optional.of(begun(false));
        }
        return c.cluster().sync().filter(s -> s.list().binding()).map(s -> async());
    }

    /**
     * Whether nobody on an open server is to be listed yet: of those who may be, too few have received everything. Every
     * commit would wait until they have, a gap that nobody has asked for.
     */
    boolean lacksReceivers() {
        boolean begun = mine.filter(l -> l.binding() || !l.ackers().isEmpty()).isPresent();
        return wanted.lossless()
                && !begun
                && !closed
                && connected(candidates(), c.local().semiSync().caughtUp()).size() < wanted.acks();
    }

    /** Before anybody writes a list may bind at once; on an open server first the ackers come, then the waiting. */
    private AckList begun(boolean binding) {
        return new AckList(
                term,
                c.seen().me(),
                uuid(),
                binding,
                wanted.acks(),
                candidates(),
                c.local().executed());
    }

    private String uuid() {
        Member self = c.cluster().members().get(c.seen().me());
        return self == null ? "" : self.serverUuid();
    }

    private AckList async() {
        return new AckList(term, c.seen().me(), uuid(), false, 0, Set.of(), GtidSet.EMPTY);
    }

    /** The server waits already, and has for a while: what was on its way past the waiting is executed by now. */
    private Optional<AckList> raised(AckList list) {
        boolean waits = waitsFor == wanted.acks()
                && connected(list.ackers()).size() >= wanted.acks()
                && waitedFor(WAITED_NANOS);
        return waits
                ? Optional.of(
                        with(list, true, wanted.acks(), list.ackers(), c.local().executed()))
                : Optional.empty();
    }

    private boolean waitedFor(long nanos) {
        long since = c.seen().acks().waitsSince();
        return since != 0 && c.seen().now() - since > nanos;
    }

    private Optional<AckList> inForce(AckList list) {
        if (list.acks() > wanted.acks()) {
            return Optional.of(with(list, true, wanted.acks(), list.ackers(), list.floor()));
        }
        if (list.acks() < wanted.acks() && raised(list).isPresent()) {
            return raised(list);
        }
        GtidSet executed = c.local().executed();
        Set<NodeId> leaving = leaving(list);
        if (!leaving.isEmpty()) {
            boolean waits = waitsFor >= list.acks() + leaving.size() && waitedFor(SETTLED_NANOS);
            Set<NodeId> stay = new TreeSet<>(list.ackers());
            stay.removeAll(leaving);
            return waits ? Optional.of(with(list, true, list.acks(), stay, executed)) : Optional.empty();
        }
        Set<NodeId> left = new TreeSet<>(list.ackers());
        left.removeIf(this::awayForLong);
        boolean primaryForLong = c.seen().now() - c.state().phaseSince()
                > c.policy().ackerAwayAfter().toNanos();
        return wanted.degrade() && primaryForLong && left.size() < list.acks()
                ? Optional.of(with(list, true, 0, list.ackers(), executed))
                : Optional.empty();
    }

    private AckList with(AckList list, boolean binding, int wait, Set<NodeId> ackers, GtidSet floor) {
        return new AckList(list.term(), list.primary(), list.uuid(), binding, wait, ackers, floor);
    }

    /** Who may be listed: at the beginning of a term who has voted in it, later who follows. */
    private Set<NodeId> candidates() {
        boolean promoting = mine.isEmpty() && closed;
        Set<NodeId> found = new TreeSet<>();
        for (Member member : c.cluster().members().values()) {
            NodeId node = member.node();
            boolean here = c.cluster().live().contains(node)
                    && member.acker()
                    && !node.equals(c.seen().me());
            if (here && (promoting ? voted(node) : follows(node)) && !awayForLong(node)) {
                found.add(node);
            }
        }
        return found;
    }

    private boolean voted(NodeId node) {
        return (c.cluster().handedOver().isPresent() && term.equals(c.term()))
                || Optional.ofNullable(c.cluster().votes().get(node))
                        .filter(v ->
                                v.ballot().term().equals(term) && !v.ballot().isBlind())
                        .isPresent();
    }

    private boolean follows(NodeId node) {
        Member member = c.cluster().members().get(node);
        return member != null && member.follows().equals(c.term());
    }

    private boolean awayForLong(NodeId node) {
        Long since = c.seen().acks().awaySince().get(node);
        return since != null
                && c.seen().now() - since > c.policy().ackerAwayAfter().toNanos();
    }

    private Set<NodeId> connected(Set<NodeId> listed) {
        return connected(listed, c.local().semiSync().ackers());
    }

    private Set<NodeId> connected(Set<NodeId> listed, Set<String> servers) {
        Set<NodeId> connected = new TreeSet<>();
        for (NodeId node : listed) {
            Member member = c.cluster().members().get(node);
            if (member != null && servers.contains(member.serverUuid())) {
                connected.add(node);
            }
        }
        return connected;
    }

    /** Servers that acknowledge although no listed node has them. */
    Set<String> strangers() {
        Set<String> strangers = new TreeSet<>(c.local().semiSync().ackers());
        Map<NodeId, Member> members = c.cluster().members();
        mine.map(AckList::ackers).orElse(Set.of()).forEach(node -> {
            Member member = members.get(node);
            if (member != null) {
                strangers.remove(member.serverUuid());
            }
        });
        return strangers;
    }
}
