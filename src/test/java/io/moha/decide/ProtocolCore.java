package io.moha.decide;

import static io.moha.decide.ProtocolState.NODES;

import io.moha.decide.Observation.Channel;
import io.moha.decide.Observation.Cluster;
import io.moha.decide.Observation.Comparison;
import io.moha.decide.Observation.Database;
import io.moha.decide.Observation.Health;
import io.moha.decide.Observation.Holder;
import io.moha.decide.Observation.Lease;
import io.moha.decide.Observation.Member;
import io.moha.decide.Observation.SemiSync;
import io.moha.decide.Observation.Sync;
import io.moha.decide.Observation.Vote;
import io.moha.decide.Observation.Wishes;
import io.moha.decide.ProtocolState.Global;
import io.moha.decide.ProtocolState.Local;
import io.moha.model.AckList;
import io.moha.model.Ballot;
import io.moha.model.Durability;
import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import io.moha.model.Term;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Asks the real {@link Decider} what a node of the model does. Equal observations have equal answers, so each is asked
 * once. Revisions are constants: what was guarded by an older one is dropped by the model when the key is written.
 */
@SuppressWarnings("EnumOrdinal") // phases and deeds are packed as their ordinals
final class ProtocolCore {
    /** What a node can do. Up to {@link #RESIGN} it is a transaction on etcd. */
    enum Deed {
        NOTHING,
        SAY,
        BALLOT,
        WITHDRAW,
        CAMPAIGN,
        SYNC,
        RESUME,
        RETAKE,
        ANNOUNCE,
        RESIGN,
        FENCE,
        START_DATABASE,
        STOP_RECEIVER,
        START_REPLICATION,
        FOLLOW,
        FORGET_SOURCE,
        OPEN,
        AWAIT,
        ACKNOWLEDGE;

        boolean onStore() {
            return compareTo(RESIGN) <= 0;
        }
    }

    /** What the clock says, where the model lets it say both. */
    record Clock(boolean leaseValid, boolean suspects, boolean patienceOver, int awayForLong) {}

    /** What is done, and what the agent remembers. */
    record Answer(
            Diagnosis diagnosis,
            int phase,
            int term,
            int warm,
            int guard,
            int givenUp,
            List<Deed> deeds,
            List<Integer> what) {
        /** Whether another answer comes to the same. */
        boolean does(Answer other) {
            return phase == other.phase
                    && term == other.term
                    && warm == other.warm
                    && guard == other.guard
                    && givenUp == other.givenUp
                    && deeds.equals(other.deeds)
                    && what.equals(other.what);
        }
    }

    private record Key(long a, long b, long c) {}

    static final int ABSENT = 1 << 14;
    /** Where in a campaign the list stands. */
    static final int LIST_AT = 4;

    private static final long NOW = Duration.ofHours(10).toNanos();
    private static final long LONG_AGO = NOW - Duration.ofHours(1).toNanos();
    private static final long LEASE = 71;
    private static final long HOLDER_REVISION = 22;
    private static final long SYNC_REVISION = 55;
    private static final Durability LOSSLESS = new Durability(true, 1, false);

    private static final Map<Integer, GtidSet> SETS = new ConcurrentHashMap<>();
    private static final Map<Integer, GtidSet> ONES = new ConcurrentHashMap<>();

    private final ProtocolFlaw flaw;
    private final Map<Key, Answer> known = new HashMap<>();
    private final long[] bits = new long[3];

    ProtocolCore(ProtocolFlaw flaw) {
        this.flaw = flaw;
    }

    int asked() {
        return known.size();
    }

    Answer ask(ProtocolState s, int me, Clock clock) {
        Key key = key(s, me, clock);
        Answer answer = known.get(key);
        if (answer == null) {
            answer = answer(s, me, clock);
            known.put(key, answer);
        }
        return answer;
    }

    private Key key(ProtocolState s, int me, Clock clock) {
        Arrays.fill(bits, 0);
        int at = ProtocolState.put(bits, 0, me, 2);
        for (Global field : Global.values()) {
            if (field.compareTo(Global.LIST_FLOOR) <= 0 || field == Global.ORIGIN_0 || field == Global.ORIGIN_1) {
                at = ProtocolState.put(bits, at, s.get(field), field.bits);
            }
        }
        for (int node = 1; node <= NODES; node++) {
            for (Local field : Local.values()) {
                boolean inStore = field.compareTo(Local.LIVE) <= 0;
                boolean mine = node == me && (field == Local.NO_STORE || field.compareTo(Local.PHASE) >= 0);
                if (inStore || mine) {
                    at = ProtocolState.put(bits, at, s.get(node, field), field.bits);
                }
            }
        }
        at = ProtocolState.put(bits, at, s.ackersOf(me), 3);
        at = ProtocolState.put(bits, at, s.connected(me) ? 1 : 0, 1);
        at = ProtocolState.put(
                bits, at, compared(s, me) ? 1 + s.mask(s.get(Global.HOLDER), ProtocolState.EXECUTED) : 0, 3);
        at = ProtocolState.put(bits, at, clock.leaseValid() ? 1 : 0, 1);
        at = ProtocolState.put(bits, at, clock.suspects() ? 1 : 0, 1);
        at = ProtocolState.put(bits, at, clock.patienceOver() ? 1 : 0, 1);
        ProtocolState.put(bits, at, clock.awayForLong(), 3);
        return new Key(bits[0], bits[1], bits[2]);
    }

    private static boolean compared(ProtocolState s, int me) {
        int holder = s.get(Global.HOLDER);
        return holder != 0 && holder != me && s.is(holder, Local.ALIVE) && s.linked(me, holder);
    }

    private Answer answer(ProtocolState s, int me, Clock clock) {
        Observation seen = observe(s, me, clock);
        Decision decision = Decider.decide(remembered(s, me, clock), seen, DeciderTest.POLICY);
        List<Action> actions = flaw.instead(decision, seen).map(List::of).orElse(decision.actions());
        List<Deed> deeds = new ArrayList<>();
        List<Integer> what = new ArrayList<>();
        for (Action action : actions) {
            what.add(what(s, action));
            deeds.add(deed(action));
        }
        NodeState next = decision.next();
        int guard = next.ballotGuard() == ballotRevision(s, me)
                ? 1
                : next.ballotGuard() == NodeState.starting(0, Term.NONE).ballotGuard() ? 2 : 0;
        return new Answer(
                decision.diagnosis(),
                next.phase().ordinal(),
                (int) next.term().value(),
                next.warm() ? 1 : 0,
                guard,
                s.get(Global.HOLDER) != 0 && next.givenUpAt() == HOLDER_REVISION ? 1 : 0,
                List.copyOf(deeds),
                List.copyOf(what));
    }

    private static NodeState remembered(ProtocolState s, int me, Clock clock) {
        long unknown = NodeState.starting(0, Term.NONE).ballotGuard();
        int guard = s.get(me, Local.GUARD);
        return new NodeState(
                Phase.values()[s.get(me, Local.PHASE)],
                LONG_AGO
                        + Duration.ofMinutes(59).toNanos()
                        + Duration.ofSeconds(45).toNanos(),
                new Term(s.get(me, Local.TERM)),
                s.is(me, Local.WARM),
                Optional.empty(),
                "",
                s.is(me, Local.GIVEN_UP) ? HOLDER_REVISION : 0,
                s.get(Global.HOLDER) != 0 ? 0 : clock.patienceOver() ? LONG_AGO : NOW,
                guard == 0 ? -1 : guard == 1 ? ballotRevision(s, me) : unknown,
                -1);
    }

    private static long ballotRevision(ProtocolState s, int node) {
        return s.get(node, Local.BALLOT) == 0 ? 0 : 30 + node;
    }

    // From the model to what the core sees.

    private Observation observe(ProtocolState s, int me, Clock clock) {
        boolean alive = s.is(me, Local.ALIVE);
        Cluster cluster = cluster(s, me);
        boolean fresh = !s.is(me, Local.NO_STORE);
        if (!fresh) {
            cluster = old(cluster);
        }
        Map<NodeId, Long> away = new HashMap<>();
        for (int node = 1; node <= NODES; node++) {
            if ((clock.awayForLong() & ProtocolState.bit(node)) != 0) {
                away.put(id(node), LONG_AGO);
            }
        }
        long suspected = !clock.suspects()
                ? 0
                : clock.patienceOver()
                        ? LONG_AGO
                        : NOW - Duration.ofMillis(1001).toNanos();
        Observation seen = new Observation(
                NOW,
                id(me),
                new Lease(LEASE, clock.leaseValid() ? NOW : LONG_AGO, true),
                0,
                0,
                0,
                Optional.of(cluster),
                Optional.empty(),
                new Database(
                        alive ? Health.ANSWERING : Health.DEAD,
                        NOW,
                        0,
                        alive ? Optional.of(local(s, me)) : Optional.empty()),
                compared(s, me) ? Optional.of(comparison(s, me)) : Optional.empty(),
                new Wishes(false, Optional.empty(), false, PromotionRule.NEUTRAL),
                registered(s, me),
                false,
                false,
                new Observation.Acks(LOSSLESS, away, 0, false, LONG_AGO, 0, suspected));
        return falsified(seen);
    }

    private Observation falsified(Observation o) {
        Cluster c = o.cluster().orElseThrow();
        Optional<Sync> sync = c.sync().map(known -> new Sync(flaw.list(known.list(), o), known.modRevision()));
        Cluster cluster = new Cluster(
                c.readAt(),
                c.current(),
                c.term(),
                c.holder(),
                c.members(),
                c.live(),
                c.votes(),
                c.followed(),
                c.lastPrimary(),
                c.singlePoint(),
                sync,
                c.evidence(),
                c.handedOver());
        return new Observation(
                o.now(),
                o.me(),
                o.lease(),
                o.extendedUntil(),
                o.promisedUntil(),
                o.aloneSince(),
                Optional.of(cluster),
                o.storeDoubt(),
                o.database(),
                o.comparison(),
                o.wishes(),
                o.registered(),
                o.opening(),
                o.handingOver(),
                o.acks());
    }

    static boolean registered(ProtocolState s, int me) {
        return s.is(me, Local.LIVE) && s.get(me, Local.REGISTERED_AS) == registration(s, me);
    }

    /** The term that a node's registration says it follows. */
    static int registration(ProtocolState s, int me) {
        boolean follows =
                s.get(me, Local.PHASE) == Phase.FOLLOWING.ordinal() && s.get(me, Local.TERM) == s.get(Global.TERM);
        return follows ? s.get(me, Local.TERM) : 0;
    }

    /** Whoever is cut off from etcd knows only that what it has read is old. */
    private static Cluster old(Cluster c) {
        return new Cluster(
                LONG_AGO,
                false,
                c.term(),
                c.holder(),
                c.members(),
                c.live(),
                c.votes(),
                c.followed(),
                c.lastPrimary(),
                c.singlePoint(),
                c.sync(),
                c.evidence(),
                c.handedOver());
    }

    private static Cluster cluster(ProtocolState s, int me) {
        Map<NodeId, Member> members = new HashMap<>();
        Set<NodeId> live = new HashSet<>();
        Map<NodeId, Vote> votes = new HashMap<>();
        Map<NodeId, Term> followed = new HashMap<>();
        for (int node = 1; node <= NODES; node++) {
            Term follows = new Term(s.get(node, Local.REGISTERED_AS));
            members.put(id(node), new Member(id(node), endpoint(node), "", uuid(node), true, true, follows));
            if (s.is(node, Local.LIVE)) {
                live.add(id(node));
            }
            if (s.get(node, Local.BALLOT) != 0) {
                votes.put(id(node), new Vote(ballot(s, node), ballotRevision(s, node)));
            }
            followed.put(id(node), new Term(s.get(node, Local.ANNOUNCED)));
        }
        int holder = s.get(Global.HOLDER);
        long lease = holder == me && s.get(Global.BOUND) == 1 ? LEASE : 99;
        return new Cluster(
                NOW,
                true,
                new Term(s.get(Global.TERM)),
                holder == 0 ? Optional.empty() : Optional.of(new Holder(id(holder), 20, HOLDER_REVISION, lease)),
                members,
                live,
                votes,
                followed,
                Optional.of(id(s.get(Global.LAST))),
                Optional.empty(),
                Optional.of(new Sync(list(s), SYNC_REVISION)),
                // One transaction writes the evidence and the list with which a term begins.
                s.get(Global.LIST_TERM) == s.get(Global.TERM),
                Optional.empty());
    }

    static AckList list(ProtocolState s) {
        return new AckList(
                new Term(s.get(Global.LIST_TERM)),
                id(s.get(Global.LIST_PRIMARY)),
                uuid(s.get(Global.LIST_PRIMARY)),
                s.get(Global.LIST_BINDING) == 1,
                s.get(Global.LIST_ACKS),
                ids(s.get(Global.LIST_ACKERS)),
                gtids(s, s.get(Global.LIST_FLOOR)));
    }

    private static Ballot ballot(ProtocolState s, int node) {
        boolean eligible = s.is(node, Local.BALLOT_ELIGIBLE);
        boolean blind = s.get(node, Local.BALLOT) != 3;
        return new Ballot(
                new Term(s.get(node, Local.BALLOT_TERM)),
                id(node),
                new Term(s.get(node, Local.BALLOT_FOLLOWED)),
                gtids(s, s.get(node, Local.BALLOT_RECEIVED)),
                gtids(s, s.get(node, Local.BALLOT_EXECUTED)),
                PromotionRule.NEUTRAL,
                "",
                false,
                eligible,
                blind ? Ballot.blind("it says nothing") : eligible ? "" : "unfit");
    }

    private Observation.Local local(ProtocolState s, int me) {
        int source = s.get(me, Local.SOURCE);
        int waiting = Integer.bitCount(s.mask(me, ProtocolState.WAITING));
        boolean stopped = !s.is(me, Local.RUNNING);
        boolean believed = stopped || (flaw.receiverTakenForStopped() && s.get(Global.HOLDER) != 0 && !s.connected(me));
        Set<String> ackers = new HashSet<>();
        for (NodeId acker : ids(s.ackersOf(me))) {
            ackers.add(uuid(number(acker)));
        }
        return new Observation.Local(
                gtids(s, s.mask(me, ProtocolState.EXECUTED)),
                gtids(s, s.received(me)),
                s.is(me, Local.WRITABLE),
                !s.is(me, Local.WRITABLE),
                false,
                true,
                source == 0
                        ? Optional.empty()
                        : Optional.of(new Channel(endpoint(source), believed, !stopped && !s.connected(me), true, "")),
                new SemiSync(s.get(me, Local.WAIT), ackers, ackers, waiting, s.is(me, Local.ACKS)));
    }

    private static Comparison comparison(ProtocolState s, int me) {
        int holder = s.get(Global.HOLDER);
        Term term = new Term(s.get(Global.TERM));
        AckList list = list(s);
        return new Comparison(
                id(holder),
                term,
                gtids(s, s.received(me)),
                gtids(s, s.mask(holder, ProtocolState.EXECUTED)),
                GtidSet.EMPTY,
                false,
                list.holdsBack(id(holder), term) ? list.uuid() : "",
                NOW);
    }

    // From what the core has decided to the model.

    private static Deed deed(Action action) {
        return switch (action.kind()) {
            case "SayFollowed" -> Deed.SAY;
            case "PutBallot" -> Deed.BALLOT;
            case "WithdrawBallot" -> Deed.WITHDRAW;
            case "Campaign" -> Deed.CAMPAIGN;
            case "PutSync", "WriteEvidence" -> Deed.SYNC;
            case "ResumeRole" -> Deed.RESUME;
            case "RetakeRole" -> Deed.RETAKE;
            case "Announce" -> Deed.ANNOUNCE;
            case "Resign" -> Deed.RESIGN;
            case "Fence", "CloseForWrites" -> Deed.FENCE;
            case "StartDatabase" -> Deed.START_DATABASE;
            case "StopReceiver" -> Deed.STOP_RECEIVER;
            case "StartReplication" -> Deed.START_REPLICATION;
            case "Follow" -> Deed.FOLLOW;
            case "ForgetSource" -> Deed.FORGET_SOURCE;
            case "OpenForWrites" -> Deed.OPEN;
            case "AwaitAckers" -> Deed.AWAIT;
            case "Acknowledge" -> Deed.ACKNOWLEDGE;
            case "Compare", "DropReplica" -> Deed.NOTHING;
            default -> throw new IllegalStateException("not modelled: " + action);
        };
    }

    private static int what(ProtocolState s, Action action) {
        if (action instanceof Action.PutBallot put) {
            return encoded(s, put.ballot()) | (put.holderRevision() == 0 ? ABSENT : 0);
        } else if (action instanceof Action.Resign resign) {
            return encoded(s, resign.ballot());
        } else if (action instanceof Action.WithdrawBallot withdraw) {
            return encoded(s, withdraw.empty());
        } else if (action instanceof Action.Campaign campaign) {
            int counted = 0;
            for (NodeId node : campaign.counted().keySet()) {
                counted |= ProtocolState.bit(number(node));
            }
            int list = campaign.list().map(l -> encoded(s, l) << LIST_AT).orElse(0);
            return counted | list | (campaign.holderRevision() == 0 ? ABSENT : 0);
        } else if (action instanceof Action.PutSync put) {
            return encoded(s, put.list());
        } else if (action instanceof Action.WriteEvidence begun) {
            return encoded(s, begun.list().orElseThrow());
        } else if (action instanceof Action.OpenForWrites open) {
            return open.waitFor();
        } else if (action instanceof Action.ForgetSource forget) {
            return forget.waitFor();
        } else if (action instanceof Action.AwaitAckers await) {
            return await.replicas();
        } else if (action instanceof Action.Acknowledge acknowledge) {
            return acknowledge.on() ? 1 : 0;
        } else if (action instanceof Action.Follow follow) {
            return number(follow.primary());
        } else if (action instanceof Action.SayFollowed say) {
            return (int) say.term().value();
        }
        return 0;
    }

    private static int encoded(ProtocolState s, AckList list) {
        int ackers = 0;
        for (NodeId node : list.ackers()) {
            ackers |= ProtocolState.bit(number(node));
        }
        return (list.binding() ? 1 : 0) | list.acks() << 1 | ackers << 3 | mask(s, list.floor()) << 6;
    }

    private static int encoded(ProtocolState s, Ballot b) {
        int kind = !b.isBlind() ? 3 : b.term().value() == 0 ? 1 : 2;
        return kind
                | (int) b.term().value() << 2
                | (int) b.followed().value() << 5
                | mask(s, b.received()) << 8
                | mask(s, b.executed()) << 10
                | (b.eligible() ? 1 << 13 : 0);
    }

    // Names.

    static NodeId id(int node) {
        return new NodeId("n" + node);
    }

    private static int number(NodeId node) {
        return node.value().charAt(1) - '0';
    }

    private static Set<NodeId> ids(int mask) {
        Set<NodeId> found = new HashSet<>();
        for (int node = 1; node <= NODES; node++) {
            if ((mask & ProtocolState.bit(node)) != 0) {
                found.add(id(node));
            }
        }
        return found;
    }

    private static Endpoint endpoint(int node) {
        return new Endpoint("n" + node, 3306);
    }

    private static String uuid(int node) {
        return "0000000" + node + "-0000-4000-8000-000000000000";
    }

    /** Transaction {@code i} has the number {@code i + 1} of the server that has made it. */
    private static GtidSet gtids(ProtocolState s, int mask) {
        int origins = s.origin(0) << 2 | s.origin(1);
        return SETS.computeIfAbsent(origins << 2 | mask, k -> made(s, mask));
    }

    private static GtidSet made(ProtocolState s, int mask) {
        GtidSet set = GtidSet.EMPTY;
        for (int i = 0; i < ProtocolState.TRANSACTIONS; i++) {
            if ((mask & 1 << i) != 0) {
                set = set.union(gtid(s, i));
            }
        }
        return set;
    }

    private static GtidSet gtid(ProtocolState s, int transaction) {
        return ONES.computeIfAbsent(
                s.origin(transaction) << 2 | transaction,
                k -> GtidSet.parse(uuid(s.origin(transaction)) + ":" + (transaction + 1)));
    }

    private static int mask(ProtocolState s, GtidSet set) {
        int mask = 0;
        for (int i = 0; i < ProtocolState.TRANSACTIONS; i++) {
            if (s.origin(i) != 0 && set.contains(gtid(s, i))) {
                mask |= 1 << i;
            }
        }
        return mask;
    }
}
