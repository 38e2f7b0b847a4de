package io.moha.decide;

import io.moha.decide.Observation.Cluster;
import io.moha.decide.Observation.Holder;
import io.moha.decide.Observation.Local;
import io.moha.decide.Observation.Member;
import io.moha.decide.Observation.Vote;
import io.moha.model.AckList;
import io.moha.model.Ballot;
import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import io.moha.model.Term;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** State, observation and policy of one decision, with the questions that diagnosis and table both ask. */
record Context(NodeState state, Observation seen, Policy policy) {
    /** Most elections are over by then. */
    private static final long HEAD_START_NANOS = 800_000_000L;
    /** What a new primary has time for only when its replicas follow. */
    private static final long SETTLED_NANOS = 1_000_000_000L;

    /** Without an answer of etcd for so long, an agent may be cut off. It asks at least once a second. */
    private static final long ISOLATED_NANOS = Duration.ofMillis(2500).toNanos();

    Cluster cluster() {
        return seen.cluster().orElseThrow();
    }

    Local local() {
        return seen.database().local().orElseThrow();
    }

    Holder holder() {
        return cluster().holder().orElseThrow();
    }

    Term term() {
        return cluster().term();
    }

    /** The latest term that this node, or any node that said so, has followed: etcd's own may not be earlier. */
    Term latestTerm() {
        Term latest = state.term();
        for (Term each : cluster().followed().values()) {
            latest = each.compareTo(latest) > 0 ? each : latest;
        }
        return latest;
    }

    Term coming() {
        return term().next();
    }

    boolean leaseValid() {
        return seen.lease().id() != 0
                && seen.lease().trusted()
                && seen.now() < policy.fenceAt(seen.lease().sentAt());
    }

    /** Whether a holder may go on: by its lease, by the promises of all others, or because there are no others. */
    boolean roleValid() {
        return leaseValid() || extended();
    }

    boolean extended() {
        return seen.extendedUntil() != 0 && seen.now() - seen.extendedUntil() < 0;
    }

    /** Whether the last read of etcd names this node as holder, by the lease it has now or as the only member. */
    boolean holderIsMe() {
        return seen.cluster()
                .flatMap(Cluster::holder)
                .filter(h -> h.node().equals(seen.me()))
                .filter(h -> h.lease() == seen.lease().id() || (h.lease() == 0 && singlePointIsMe()))
                .isPresent();
    }

    /**
     * etcd came back without the key, or with that of a lease which has ended, and all others still wait: nobody else has
     * the role, and nobody had it meanwhile.
     */
    boolean keyGoneUnderPromises() {
        return (cluster().holder().isEmpty() || holderIsMyPast()) && term().equals(state.term()) && extended();
    }

    /**
     * This node was open in the latest term, is fenced, and the key has gone although nobody was elected since: etcd has
     * ended the lease early (a frozen etcd leader that wakes does that), or was away. Nobody can have more than this node
     * has. It does not vote before it has tried.
     */
    boolean wasPrimaryOfThisTerm() {
        return term().value() > 0
                && term().equals(state.term())
                && announced()
                && cluster().lastPrimary().filter(seen.me()::equals).isPresent()
                && state.warm()
                && local().channel().isEmpty()
                && unfitReason().isEmpty()
                && myVote().isEmpty();
    }

    boolean silentTooLong() {
        Observation.Health health = seen.database().health();
        return (health == Observation.Health.SILENT || health == Observation.Health.HUNG)
                && seen.now() - seen.database().since() > policy.stuckAfter().toNanos();
    }

    boolean writesStuckTooLong() {
        long since = seen.database().writesStuckSince();
        return since != 0 && seen.now() - since > policy.stuckAfter().toNanos();
    }

    boolean singlePointIsMe() {
        return cluster().singlePoint().filter(seen.me()::equals).isPresent();
    }

    /**
     * Whether this node has promised to take part in no election yet. The ballot of another node that followed the holder
     * proves that the holder, who needs the promises of all, cannot rely on them any more: promises survive restarts. One
     * that has joined since was never asked, and proves nothing.
     */
    boolean promised() {
        return seen.promisedUntil() != 0
                && seen.now() - seen.promisedUntil() < 0
                && (binding().isPresent() || ballots().stream().noneMatch(this::provesThatPromisesAreOver));
    }

    private boolean provesThatPromisesAreOver(Ballot vote) {
        return !vote.node().equals(seen.me())
                && cluster().lastPrimary().filter(vote.node()::equals).isEmpty()
                && vote.followed().equals(term());
    }

    /**
     * Whether the key stands with this node's name but must be written anew before the node may rely on it: it is bound
     * to the lease of an earlier life of this agent, or this node has tried to give it up and may yet succeed.
     */
    boolean holderIsMyPast() {
        return seen.cluster()
                .flatMap(Cluster::holder)
                .filter(h -> h.node().equals(seen.me()))
                .filter(h -> h.lease() != seen.lease().id() || givenUp())
                .isPresent();
    }

    /** Whether this node has tried to delete the key as it stands, or to hand it over. */
    boolean givenUp() {
        return seen.cluster()
                .flatMap(Cluster::holder)
                .filter(h -> h.modRevision() == state.givenUpAt())
                .isPresent();
    }

    // Durability.

    /**
     * Neither etcd nor enough ackers can be reached: this primary can acknowledge nothing, and may have been replaced. It does
     * not call itself primary then, and closes, though its lease has not run out: clients that wait learn of it.
     */
    boolean isolated() {
        Optional<AckList> list = seen.cluster()
                .flatMap(Cluster::sync)
                .map(Observation.Sync::list)
                .filter(l -> l.binding() && l.acks() > 0 && l.primary().equals(seen.me()));
        if (list.isEmpty() || seen.now() - cluster().readAt() < ISOLATED_NANOS) {
            return false;
        }
        long away = seen.acks().awaySince().values().stream()
                .filter(since -> seen.now() - since > policy.suspectAfter().toNanos())
                .count();
        return list.get().ackers().size() - away < list.get().acks();
    }

    /** Whether lists of ackers play a part: loss-less durability is wanted, or was. */
    boolean lossless() {
        return seen.acks().wanted().lossless() || cluster().sync().isPresent();
    }

    /** The list of ackers that an election goes by; empty under async. */
    Optional<AckList> binding() {
        return cluster().sync().map(Observation.Sync::list).filter(AckList::binding);
    }

    /** Whether this node's acknowledgement counts in the present term, or is about to. */
    boolean listed() {
        return cluster()
                .sync()
                .map(Observation.Sync::list)
                .filter(l -> l.term().equals(term()) && l.ackers().contains(seen.me()))
                .isPresent();
    }

    /** Whether this server acknowledges without being listed, or is listed and does not. */
    boolean acknowledgesWrongly() {
        return local().semiSync().acknowledges() != listed();
    }

    /**
     * Whether this acker is to help replace a primary that nothing comes from and that does not answer. One that has
     * promised to wait does not.
     */
    boolean revokes() {
        return listed() && binding().filter(l -> l.acks() > 0).isPresent() && suspicion() > 0 && !promised();
    }

    /** Whether this is an acker to which nothing comes from the primary, and which neither its agent nor its server answers. */
    boolean suspects() {
        return seen.acks().suspectedSince() != 0;
    }

    /** Nanoseconds since the primary has been suspected for long enough; 0 if it is not. */
    private long suspicion() {
        long since = seen.acks().suspectedSince();
        return since == 0
                ? 0
                : Math.max(0, seen.now() - since - policy.suspectAfter().toNanos());
    }

    /** A ballot that this agent, or an earlier life of it, has sent may still arrive in etcd. */
    boolean ballotUnsure() {
        return cluster().sync().isPresent() && state.ballotGuard() == ownBallotRevision();
    }

    long ownBallotRevision() {
        Vote own = cluster().votes().get(seen.me());
        return own == null ? 0 : own.modRevision();
    }

    /** What must not come late may say so: under async nothing depends on it. */
    long ballotGuardRevision() {
        return cluster().sync().isPresent() ? ownBallotRevision() : -1;
    }

    long holderRevision() {
        return cluster().holder().map(Holder::modRevision).orElse(0L);
    }

    long syncRevision() {
        return cluster().sync().map(Observation.Sync::modRevision).orElse(0L);
    }

    /** A list that this node, or an earlier life of its agent, has sent may still arrive in etcd. */
    boolean listUnsure() {
        return cluster().sync().isPresent() && state.syncGuard() == syncRevision();
    }

    /** Whether the ballots that are there have every acknowledged write between them. */
    boolean covered() {
        return binding().filter(l -> !l.covers(ballots())).isEmpty();
    }

    Set<NodeId> ackersMissing() {
        return binding().map(l -> l.missing(ballots())).orElse(Set.of());
    }

    /** What the winner must have: all that may have been acknowledged. Empty under async. */
    GtidSet everything() {
        if (binding().isEmpty()) {
            return GtidSet.EMPTY;
        }
        AckList list = binding().get();
        List<Ballot> ackers = ballots().stream()
                .filter(b -> list.ackers().contains(b.node()) && list.counts(b))
                .toList();
        boolean quorum = list.acks() > 0 && ackers.size() >= list.quorum();
        // What is not in the floor was acknowledged by this primary, so its server has made it.
        boolean known = !list.uuid().isEmpty();
        GtidSet all = list.floor();
        List<Ballot> itsOwn = ballots().stream()
                .filter(b -> b.node().equals(list.primary()) && list.counts(b))
                .toList();
        for (Ballot each : quorum ? ackers : itsOwn) {
            all = all.union(known ? each.received().madeBy(list.uuid()) : each.received());
        }
        return all;
    }

    private List<Ballot> ballots() {
        return votes().values().stream().map(Vote::ballot).toList();
    }

    /** What takes a ballot back: one that says nothing, of no term. */
    Ballot withdrawnBallot() {
        return new Ballot(
                Term.NONE,
                seen.me(),
                state.term(),
                GtidSet.EMPTY,
                GtidSet.EMPTY,
                seen.wishes().rule(),
                "",
                !state.warm(),
                false,
                Ballot.blind("withdrawn"));
    }

    Optional<Endpoint> endpointOf(NodeId node) {
        return Optional.ofNullable(cluster().members().get(node)).map(Member::internal);
    }

    boolean drained() {
        return local().executed().contains(local().received());
    }

    boolean receiverStopped() {
        return local().channel().map(Observation.Channel::receiverStopped).orElse(true);
    }

    /**
     * The key alone proves nothing: it outlives its holder by a lease. Whoever has seen no more than that may have come back
     * from long ago, and is cold.
     */
    boolean seesThePrimaryAlive() {
        if (seen.cluster().isEmpty() || seen.database().local().isEmpty()) {
            return false;
        }
        boolean connected = local().channel()
                .filter(ch -> !ch.receiverStopped() && !ch.connecting())
                .filter(ch -> cluster()
                        .holder()
                        .flatMap(h -> endpointOf(h.node()))
                        .filter(ch.source()::equals)
                        .isPresent())
                .isPresent();
        return state.phase() == Phase.PRIMARY || (connected && primaryReady());
    }

    /**
     * Whether the others are just putting a primary in this node's place, or beginning to follow it. Where servers share a
     * machine, the recovery of the dead one takes the processors that they need for it (docs/benchmarks.md).
     */
    boolean othersElect() {
        if (seen.cluster().isEmpty() || seen.now() - state.phaseSince() >= HEAD_START_NANOS) {
            return false;
        }
        boolean chosen =
                cluster().lastPrimary().filter(n -> !n.equals(seen.me())).isPresent();
        return cluster().live().stream()
                .filter(n -> !n.equals(seen.me()))
                .anyMatch(n -> !chosen || !term().equals(cluster().followed().get(n)));
    }

    /** The last comparison with the present holder. */
    Optional<Observation.Comparison> comparison() {
        return seen.comparison()
                .filter(k -> k.term().equals(term()) && k.primary().equals(holder().node()));
    }

    /** The {@code server_uuid} of a primary whose commits wait for ackers; empty if they do not. */
    String waitingServer() {
        return binding()
                .filter(l -> l.holdsBack(holder().node(), term()))
                .map(AckList::uuid)
                .orElse("");
    }

    /** Once, while the new primary is still getting ready: so much less is left to do when it is. */
    boolean mayCompareAhead() {
        return receiverStopped() && comparison().isEmpty() && !winnerHadAllOfMine();
    }

    /**
     * The holder won this term with a ballot that had all that this server has, and has executed it since. Nothing here can be
     * foreign to it, so that the first following need not wait for a comparison; the next one comes right after.
     */
    boolean winnerHadAllOfMine() {
        boolean first = !state.term().equals(term());
        return first
                && cluster().evidence()
                && Optional.ofNullable(cluster().votes().get(holder().node()))
                        .map(Vote::ballot)
                        .filter(b -> b.term().equals(term()) && !b.isBlind())
                        .filter(b -> b.received().contains(local().received()))
                        .isPresent();
    }

    /** Forgetting a source takes the disk that the replicas need to follow. */
    boolean timeToTidyUp() {
        return sourceIsLeftOver() && seen.now() - state.phaseSince() > SETTLED_NANOS;
    }

    /** The source of a replica that was made primary: a member, and nothing is received from it any more. */
    boolean sourceIsLeftOver() {
        return receiverStopped()
                && local().channel()
                        .filter(ch -> cluster().members().keySet().stream()
                                .anyMatch(n -> endpointOf(n)
                                        .filter(ch.source()::equals)
                                        .isPresent()))
                        .isPresent();
    }

    /** The role was handed over by a primary that had executed more, when it was closed, than this server was last seen to have. */
    boolean lacksWhatWasHandedOver() {
        return cluster()
                .handedOver()
                .filter(all -> !local().executed().contains(all))
                .isPresent();
    }

    /**
     * The old primary was closed, read back, and has seen that this server has executed all that it had: nothing can come from the
     * source any more, and it may be forgotten after the opening. The server is asked once more, right before. Not under loss-less
     * durability, where the list of ackers is to be written first.
     */
    boolean mayOpenFirst() {
        return !lossless()
                && cluster()
                        .handedOver()
                        .filter(all -> local().executed().union(all).contains(local().received()))
                        .isPresent();
    }

    boolean announced() {
        return term().equals(cluster().followed().get(seen.me()));
    }

    /**
     * Whether the holder can be followed: it has said that it is open; or, under loss-less durability, it has executed all
     * that it had received, forgotten its source and written this term's list. Its set stands still from then until it
     * opens, and it can acknowledge nothing before somebody follows.
     */
    boolean primaryReady() {
        boolean open = term().equals(cluster().followed().get(holder().node()));
        return open
                || (cluster().evidence()
                        && binding()
                                .filter(l ->
                                        l.term().equals(term()) && l.primary().equals(holder().node()))
                                .isPresent());
    }

    /** Ballots for the coming term, by node. */
    Map<NodeId, Vote> votes() {
        Map<NodeId, Vote> counted = new TreeMap<>();
        cluster().votes().forEach((node, vote) -> {
            if (vote.ballot().term().equals(coming())) {
                counted.put(node, vote);
            }
        });
        return counted;
    }

    Optional<Vote> myVote() {
        return Optional.ofNullable(votes().get(seen.me()));
    }

    /** What this node was chosen for and does not have any more: its relay log lost its tail in a crash. */
    GtidSet lostOfItsBallot() {
        return Optional.ofNullable(cluster().votes().get(seen.me()))
                .map(Vote::ballot)
                .filter(b -> b.term().equals(term()) && !b.isBlind())
                .map(b -> b.received().subtract(local().received()))
                .orElse(GtidSet.EMPTY);
    }

    Set<NodeId> liveWithoutVote() {
        Set<NodeId> missing = new TreeSet<>(cluster().live());
        missing.removeAll(votes().keySet());
        return missing;
    }

    /**
     * Live nodes that have not said what they have: no ballot, or one of a replica whose database is down and will be back.
     * The last primary's is not waited for: its death is what the election is about.
     */
    Set<NodeId> awaited() {
        Set<NodeId> missing = liveWithoutVote();
        votes().forEach((node, vote) -> {
            boolean replica = cluster().lastPrimary().filter(node::equals).isEmpty();
            if (replica && vote.ballot().isBlind() && cluster().live().contains(node)) {
                missing.add(node);
            }
        });
        return missing;
    }

    /** Members whose data nobody knows: no ballot, or one of a node whose database is down. */
    Set<NodeId> membersUnknown() {
        Set<NodeId> unknown = new TreeSet<>(cluster().members().keySet());
        votes().forEach((node, vote) -> {
            if (!vote.ballot().isBlind()) {
                unknown.remove(node);
            }
        });
        return unknown;
    }

    /** No live voter has seen the last primary alive: what a node said that has gone since says nothing of now. */
    boolean everybodyCold() {
        return votes().entrySet().stream()
                .filter(e -> e.getKey().equals(seen.me()) || cluster().live().contains(e.getKey()))
                .allMatch(e -> e.getValue().ballot().cold());
    }

    List<NodeId> ranking() {
        Collection<Ballot> ballots = votes().values().stream().map(Vote::ballot).toList();
        String dataCenter = cluster()
                .lastPrimary()
                .map(p -> cluster().members().get(p))
                .map(Member::dataCenter)
                .orElse("");
        return Ranking.of(ballots, dataCenter, policy.maxBacklog(), this::byHand);
    }

    /**
     * What only this voter has and its own server has made although it is not the last primary: somebody wrote it by hand, or a
     * change of primary left it behind. No primary that could have acknowledged it is at stake.
     */
    private GtidSet byHand(Ballot ballot) {
        Member voter = cluster().members().get(ballot.node());
        boolean mayBeItsRight = cluster()
                        .lastPrimary()
                        .filter(last -> !last.equals(ballot.node()))
                        .isEmpty()
                || cluster()
                        .sync()
                        .filter(s -> s.list().primary().equals(ballot.node()))
                        .isPresent();
        if (voter == null || voter.serverUuid().isEmpty() || mayBeItsRight) {
            return GtidSet.EMPTY;
        }
        GtidSet own = ballot.received().madeBy(voter.serverUuid());
        if (binding().isPresent()) {
            own = own.subtract(binding().get().floor());
        }
        for (Ballot other : ballots()) {
            own = other.node().equals(ballot.node()) ? own : own.subtract(other.received());
        }
        return own;
    }

    long electionAge() {
        return state.electionSince() == 0 ? suspicion() : seen.now() - state.electionSince();
    }

    /**
     * Nanoseconds after the election's patience until this node may campaign although it is not the first: a handicap for
     * each place, so that a winner who dies does not stop the election. A node that lacks what a live voter has received
     * would lose it by winning: it waits as long as that voter may need, or until its registration is gone.
     */
    long myHandicap() {
        int place = ranking().indexOf(seen.me());
        if (place < 0) {
            return Long.MAX_VALUE;
        }
        long patience = lacksWhatALiveVoterHas() ? policy.drainTimeout().toNanos() : 0;
        return place * policy.handicap().toNanos() + patience;
    }

    private boolean lacksWhatALiveVoterHas() {
        return lacksWhatOneHasOf(cluster().live());
    }

    /** Whether somebody who has voted has more, gone or not; who was forgotten does not count. */
    boolean lacksWhatAMemberHas() {
        return lacksWhatOneHasOf(cluster().members().keySet());
    }

    private boolean lacksWhatOneHasOf(Set<NodeId> nodes) {
        return votes().entrySet().stream()
                .filter(e -> nodes.contains(e.getKey()))
                .map(e -> e.getValue().ballot())
                .anyMatch(b -> b.eligible() && !local().received().contains(b.received()));
    }

    /** What this node says of itself for the coming term. */
    Ballot myBallot() {
        String reason = unfitReason();
        return new Ballot(
                coming(),
                seen.me(),
                state.term(),
                local().received(),
                local().executed(),
                seen.wishes().rule(),
                Optional.ofNullable(cluster().members().get(seen.me()))
                        .map(Member::dataCenter)
                        .orElse(""),
                !state.warm(),
                reason.isEmpty(),
                reason);
    }

    /** The ballot of a node whose database is dead. */
    Ballot blindBallot(String reason) {
        return new Ballot(
                coming(),
                seen.me(),
                state.term(),
                GtidSet.EMPTY,
                GtidSet.EMPTY,
                seen.wishes().rule(),
                "",
                !state.warm(),
                false,
                Ballot.blind(reason));
    }

    String unfitReason() {
        if (seen.wishes().rule() == PromotionRule.MUST_NOT) {
            return "only follows (promotion rule must_not)";
        }
        // Where nobody else is elected, a node that may fail again is better than none.
        boolean othersHadTheirChance = electionAge() > policy.electionTimeout().toNanos() * 3;
        if (state.unfit().filter(coming()::equals).isPresent() && !othersHadTheirChance) {
            return state.unfitReason();
        }
        Optional<Observation.Comparison> comparison =
                seen.comparison().filter(c -> c.term().equals(term()));
        if (comparison.isPresent() && !seen.errant().isEmpty()) {
            return "has transactions that the primary of term " + term() + " did not have: " + seen.errant();
        }
        String applierError = local().channel()
                .filter(c -> !c.applierRunning())
                .map(Observation.Channel::applierError)
                .orElse("");
        return applierError.isEmpty() || drained() ? "" : "the applier stopped: " + applierError;
    }
}
