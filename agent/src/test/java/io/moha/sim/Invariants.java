package io.moha.sim;

import io.moha.agent.loop.Published;
import io.moha.decide.Diagnosis;
import io.moha.decide.Phase;
import io.moha.model.AckList;
import io.moha.model.Ballot;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.sim.Cluster.Node;
import io.moha.sim.Simulation.World;
import io.moha.store.AckListValue;
import io.moha.store.BallotValue;
import io.moha.store.Json;
import io.moha.store.Keys;
import io.moha.store.StoreSnapshot;
import io.moha.store.SwitchRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The promises of the protocol, asked after every event and at the end. */
final class Invariants {
    /** One acknowledged insert. */
    record Acknowledged(long write, Node node, GtidSet gtid, long at, boolean promised) {}

    /** Nanoseconds in which an open primary notices a restored etcd. */
    private static final long NOTICED_WITHIN = 5_000_000_000L;
    /** Nanoseconds until an open primary that reaches etcd has closed itself. */
    private static final long HEARD_WITHIN = 1_000_000_000L;

    private final Cluster cluster;
    private final List<Acknowledged> acknowledged = new ArrayList<>();
    private long term;
    private long revision;
    private Optional<String> holder = Optional.empty();
    private long restoredAt = -NOTICED_WITHIN;
    private boolean unaccepted;
    private long leasesEndedAt = -HEARD_WITHIN;
    /** Whose lease etcd has ended too early, and whether it could hear of it. */
    private @Nullable Node bereft;

    private boolean deaf;
    private long deafAt;
    /** Who served as the only member when etcd was restored, and when it did not reach etcd for the last time since. */
    private @Nullable Node aloneBefore;

    private long unheardAt;
    /** The latest term that each node has followed. */
    private final Map<Node, Long> followed = new HashMap<>();
    /** Until when all others have promised to wait. */
    private final Map<Node, Long> promisedUntil = new HashMap<>();

    private final Map<Long, String> holders = new HashMap<>();

    /** When a server was open for writes for the last time. */
    private long openAt;

    /** When the first ballot for each term was cast. */
    private final Map<Long, Long> votedAt = new HashMap<>();

    /** Under it safety rests on acknowledgements, not on clocks: who is open matters less than who acknowledges. */
    private final boolean lossless;

    /** Who acknowledged last, and the first time it did in its reign. */
    private @Nullable Node reigns;

    private long reignsSince;

    /** Since when, if ever, no list binds any more: what was acknowledged before is promised no longer. */
    private long unboundAt = -1;

    private final boolean changing;

    Invariants(Cluster cluster, World world) {
        this.cluster = cluster;
        this.lossless = world != World.ASYNC;
        this.changing = world == World.CHANGING;
        cluster.onDiscard(this::discarded);
        cluster.onDiagnosis(this::decided);
    }

    List<Acknowledged> acknowledged() {
        return acknowledged;
    }

    /** After every event. */
    void always() {
        Node open = null;
        Node claims = null;
        long now = cluster.scheduler.now();
        if (aloneBefore != null && !aloneBefore.hearsAtOnce()) {
            unheardAt = now;
        } else if (now - unheardAt >= NOTICED_WITHIN) {
            aloneBefore = null;
        }
        if (bereft != null && !bereft.hearsAtOnce()) {
            deafAt = now;
        }
        deaf |= bereft != null && now - leasesEndedAt < HEARD_WITHIN && !bereft.hearsAtOnce();
        if (lossless) {
            return;
        }
        for (Node node : cluster.nodes) {
            if (node.mysql.writable() && !node.mysql.frozen() && !excused(node)) {
                if (open != null) {
                    throw new Violation("I2", open.id + " and " + node.id + " are both open for writes");
                }
                open = node;
            }
            openAt = node.mysql.writable() ? now : openAt;
            if (node.agentRuns() && !node.agentFrozen()) {
                Published p = node.published().orElse(null);
                if (p != null && p.primaryAt(now) && !isDeaf(node) && !isForgotten(node)) {
                    if (claims != null) {
                        throw new Violation("I2", claims.id + " and " + node.id + " both say that they are primary");
                    }
                    claims = node;
                }
            }
        }
    }

    /** Called when a client's transaction commits on a server. */
    void committed(Node node, SimMysql.Transaction transaction) {
        if (lossless || excused(node) || cluster.scheduler.now() - restoredAt < NOTICED_WITHIN) {
            return;
        }
        Optional<Node> now = cluster.holder();
        // Without etcd, on the others' promises: until these end nobody else may take the role. Nor may whom a restored
        // etcd names, as long as no operator has accepted it: nobody acts on it.
        boolean promised =
                (now.isEmpty() || unaccepted) && cluster.scheduler.now() < promisedUntil.getOrDefault(node, 0L);
        boolean hearsOfIt = now.isEmpty() && cluster.scheduler.now() - leasesEndedAt < HEARD_WITHIN;
        if (now.filter(h -> h == node).isEmpty() && !promised && !hearsOfIt) {
            throw new Violation(
                    "I2",
                    node.id + " commits " + transaction.gtid() + " while the role is "
                            + now.map(h -> "held by " + h.id).orElse("nobody's"));
        }
    }

    /** @param began when the client sent it */
    void acknowledged(Node node, SimMysql.Transaction transaction, long began) {
        boolean promised = lossless && (!changing || promises(node));
        if (promised) {
            oneAtATime(node, transaction, began);
        }
        // Nobody may have been there who remembers what a restored etcd has forgotten (docs/internals/safety.md).
        boolean kept = promised && !unaccepted;
        acknowledged.add(
                new Acknowledged(transaction.write(), node, transaction.gtid(), cluster.scheduler.now(), kept));
    }

    /** Whether a list in force says that this node's acknowledgements are kept. */
    private boolean promises(Node node) {
        return list().filter(AckList::binding)
                .filter(l -> l.primary().equals(node.id) && l.term().value() == cluster.term())
                .isPresent();
    }

    private Optional<AckList> list() {
        return Optional.ofNullable(cluster.etcd.view().entries().get(Keys.SYNC))
                .map(e -> Json.read(e.value(), AckListValue.class).toList());
    }

    /** Once another node has acknowledged, nobody acknowledges what he is sent after that, unless elected anew. */
    private void oneAtATime(Node node, SimMysql.Transaction transaction, long began) {
        if (node == reigns) {
            return;
        }
        boolean late = began < reignsSince;
        boolean holds = cluster.holder().filter(h -> h == node).isPresent();
        if (reigns != null && !late && !holds) {
            throw new Violation(
                    "I2",
                    node.id + " acknowledges " + transaction.gtid() + ", which it was sent after " + reigns.id
                            + " had begun to acknowledge");
        }
        if (holds) {
            reigns = node;
            reignsSince = cluster.scheduler.now();
        }
    }

    /** Called with each decision. What is called fenced was read back. */
    void decided(Node node, Diagnosis diagnosis) {
        long follows = node.published().map(p -> p.state().term().value()).orElse(0L);
        long before = followed.getOrDefault(node, 0L);
        if (follows < before) {
            throw new Violation("term", node.id + " followed term " + before + " and now term " + follows);
        }
        followed.put(node, follows);
        node.published()
                .map(p -> p.observation().extendedUntil())
                .filter(until -> until != 0)
                .ifPresent(until -> promisedUntil.put(node, until + cluster.promisesLonger()));
        if (diagnosis == Diagnosis.OPEN_UNANNOUNCED) {
            opened(node);
        }
        if (diagnosis == Diagnosis.FENCE_CONFIRMED && node.mysql.writable()) {
            throw new Violation("I8", node.id + " calls its server fenced, and it is open");
        }
    }

    /** etcd has ended leases that had not run out: the primary learns of it a moment later. */
    void leasesEnded(Node primary) {
        leasesEndedAt = cluster.scheduler.now();
        bereft = primary;
        deaf = false;
    }

    private boolean excused(Node node) {
        return node.excused() || isDeaf(node) || isForgotten(node);
    }

    /** Nobody but itself knows of an only member's term, and it needs no lease: it learns of the restore when it reaches etcd. */
    private boolean isForgotten(Node node) {
        return node == aloneBefore && cluster.scheduler.now() - unheardAt < NOTICED_WITHIN;
    }

    /**
     * A primary that could not hear at that very moment goes on until its own end of the lease: etcd's promise is broken, and
     * ours with it (docs/internals/limits.md).
     */
    private boolean isDeaf(Node node) {
        return deaf
                && node == bereft
                && cluster.scheduler.now() - deafAt < HEARD_WITHIN
                && cluster.scheduler.now() - leasesEndedAt < cluster.ttl().toNanos();
    }

    /**
     * etcd has forgotten: what follows is compared with what it says now.
     *
     * @param alone who held the role without a lease, being the only member
     */
    void restored(Optional<Node> alone) {
        aloneBefore = alone.orElse(null);
        unheardAt = cluster.scheduler.now();
        term = 0;
        holders.clear();
        holder = Optional.empty();
        restoredAt = cluster.scheduler.now();
        unaccepted = true;
    }

    /** An operator lets the agents go by the restored etcd. */
    void accepted() {
        unaccepted = false;
    }

    /** After each change in etcd, at least each time somebody looks. */
    void store() {
        StoreSnapshot view = cluster.etcd.view();
        if (view.revision() == revision) {
            return;
        }
        revision = view.revision();
        if (changing && list().filter(AckList::binding).isEmpty()) {
            unboundAt = cluster.scheduler.now();
        }
        long seen = cluster.term();
        if (seen < term) {
            throw new Violation("term", "fell from " + term + " to " + seen);
        }
        Optional<String> holds =
                Optional.ofNullable(view.entries().get("master")).map(StoreSnapshot.Entry::value);
        if (seen > term) {
            handedOver(view, seen);
            cluster.trace(() -> "etcd: term " + seen + ", holder " + holds.orElse("nobody"));
            if (holder.isEmpty()
                    && seen > 1
                    && !lossless
                    && restoredAt < 0) { // before term 1 there are only the servers' own initialisations
                elected(view, seen);
            }
        }
        if (!votedAt.containsKey(seen + 1)
                && cluster.nodes.stream()
                        .anyMatch(n -> ballot(view, n, seen + 1).isPresent())) {
            votedAt.put(seen + 1, cluster.scheduler.now());
        }
        holds.ifPresent(who -> {
            String first = holders.computeIfAbsent(seen, t -> who);
            if (!first.equals(who)) {
                throw new Violation("I2", "in term " + seen + " both " + first + " and " + who + " held the role");
            }
        });
        term = seen;
        holder = holds;
    }

    /** A planned change loses nothing, whatever the durability: at the hand-over the new primary has executed all. */
    private void handedOver(StoreSnapshot view, long now) {
        Optional<SwitchRequest> done = Optional.ofNullable(view.entries().get(Keys.REQUEST))
                .map(e -> Json.read(e.value(), SwitchRequest.class))
                .filter(r -> r.term() == now && holder.filter(r.from()::equals).isPresent());
        if (done.isEmpty()) {
            return;
        }
        GtidSet lacks = executed(done.get().from()).subtract(executed(done.get().to()));
        if (acknowledged.stream().anyMatch(a -> lacks.contains(a.gtid()))) {
            throw new Violation(
                    "I1",
                    done.get().to() + " got the role of term " + now + " handed over and has not executed " + lacks);
        }
    }

    private GtidSet executed(String node) {
        return cluster.nodes.stream()
                .filter(n -> n.id.value().equals(node))
                .findFirst()
                .map(n -> n.mysql.executed())
                .orElse(GtidSet.EMPTY);
    }

    /**
     * The winner has received what every eligible voter has who was well, could have won instead, and did not come from an
     * earlier term with what a change of primary had left behind. After a cold start it has all that any member has: no agent
     * that runs was there when the last primary was open.
     */
    private void elected(StoreSnapshot view, long now) {
        Node winner = cluster.holder().orElseThrow();
        long followed = ballot(view, winner, now).map(b -> b.followed().value()).orElse(0L);
        boolean cold = cold(view, now);
        for (Node voter : cluster.nodes) {
            boolean well = voter.agentRuns()
                    && !voter.agentFrozen()
                    && voter.mysql.alive()
                    && !voter.mysql.frozen()
                    && voter.link.well(cluster.scheduler.now());
            // Away for longer than its registration, and back this very moment: nobody can know of it yet.
            boolean known = view.entries().containsKey(Keys.registration(voter.id)) || voter.worksFor(HEARD_WITHIN);
            Optional<Ballot> vote = well && known ? ballot(view, voter, now) : Optional.empty();
            boolean counts = cold
                    ? this.followed.getOrDefault(voter, 0L) >= followed
                    : vote.filter(b -> b.eligible() && b.followed().value() >= followed)
                            .isPresent();
            if (counts) {
                GtidSet lost = voter.mysql.received().subtract(winner.mysql.received());
                if (acknowledged.stream().anyMatch(a -> lost.contains(a.gtid()))) {
                    throw new Violation(
                            "I1", "the winner " + winner.id + " of term " + now + " lacks " + lost + " of " + voter.id);
                }
            }
        }
    }

    /**
     * No agent that runs was there when the last primary was open. An election that began before everything stopped may go
     * on with what was said in it; and nobody can know yet that a voter has just died.
     */
    private boolean cold(StoreSnapshot view, long coming) {
        long voted = votedAt.getOrDefault(coming, Long.MAX_VALUE);
        List<Node> running = cluster.nodes.stream().filter(Node::agentRuns).toList();
        boolean aVoterWasThere = cluster.nodes.stream()
                .filter(n -> n.startedAt() <= openAt)
                .filter(n -> view.entries().containsKey(Keys.registration(n.id)))
                .anyMatch(n -> ballot(view, n, coming).filter(b -> !b.isBlind()).isPresent());
        return !aVoterWasThere
                && running.stream().allMatch(n -> n.startedAt() > openAt)
                && running.stream().anyMatch(n -> n.startedAt() <= voted);
    }

    /** Whoever opens has all that it was chosen for, whatever has happened to it since. */
    private void opened(Node node) {
        ballot(cluster.etcd.view(), node, cluster.term())
                .filter(b -> !b.isBlind())
                .map(b -> b.received().subtract(node.mysql.executed()))
                .filter(lost -> !lost.isEmpty())
                .ifPresent(lost -> {
                    throw new Violation("I1", node.id + " opens without " + lost + ", which it was chosen for");
                });
    }

    private static Optional<Ballot> ballot(StoreSnapshot view, Node node, long term) {
        return Optional.ofNullable(view.entries().get(Keys.ballot(node.id)))
                .map(e -> Json.read(e.value(), BallotValue.class).toBallot(node.id))
                .filter(b -> b.term().value() == term);
    }

    /** Received transactions may go only if the primary has them, and a node that changes its source executes them first. */
    private void discarded(SimMysql server, List<SimMysql.Transaction> lost, String how) {
        lost.stream()
                .filter(t -> how.equals(SimMysql.REPOINTED)
                        && acknowledged.stream().anyMatch(a -> a.gtid().equals(t.gtid())))
                .findFirst()
                .ifPresent(t -> {
                    throw new Violation("I1", "n" + server.node + " is repointed and had not executed " + t.gtid());
                });
        Optional<Node> primary = cluster.holder();
        for (SimMysql.Transaction transaction : lost) {
            boolean kept = cluster.nodes.stream()
                            .anyMatch(
                                    n -> n.mysql != server && n.mysql.received().contains(transaction.gtid()))
                    && primary.filter(p -> p.mysql.received().contains(transaction.gtid()))
                            .isPresent();
            // What somebody wrote by hand on a fenced server is kept, and named, by that server.
            if (!kept && transaction.write() < Faults.BY_HAND) {
                throw new Violation(
                        "I1", "n" + server.node + " discards " + transaction.gtid() + ", received but not executed");
            }
        }
    }

    /** Whether the cluster is whole; else what is missing. */
    Optional<String> unsettled() {
        Optional<Node> primary = cluster.holder();
        if (primary.isEmpty()) {
            return Optional.of("nobody holds the role");
        }
        Node first = primary.get();
        if (!first.mysql.writable()
                || first.published()
                        .filter(p -> p.primaryAt(cluster.scheduler.now()))
                        .isEmpty()) {
            return Optional.of(first.id + " holds the role and is not open: " + said(first));
        }
        GtidSet all = first.mysql.executed();
        Set<NodeId> followers = new HashSet<>();
        for (Node node : cluster.nodes) {
            if (node == first) {
                continue;
            }
            Optional<Published> p = node.published();
            Phase phase = p.map(x -> x.state().phase()).orElse(Phase.STARTING);
            boolean follows = phase == Phase.FOLLOWING
                    && p.orElseThrow().healthyReplica()
                    && node.mysql.executed().equals(all)
                    && !node.mysql.writable();
            boolean named = phase == Phase.DIVERGED
                    && GtidSet.parse(p.orElseThrow().errant())
                            // What waits for acknowledgements there was sent before it is executed.
                            .contains(node.mysql.received().subtract(first.mysql.logged()))
                    && !p.orElseThrow().errant().isEmpty();
            boolean mustBeRebuilt = p.filter(x -> x.decision().diagnosis() == Diagnosis.DATA_MISSING)
                    .isPresent();
            if (!follows && !named && !mustBeRebuilt) {
                return Optional.of(node.id + " does not follow " + first.id + ": " + said(node));
            }
            if (follows) {
                followers.add(node.id);
            }
        }
        if (changing && !cluster.durability().lossless()) {
            return list().filter(AckList::binding).map(l -> "not async: the list is " + l);
        }
        // With too few replicas it cannot begin on an open primary.
        boolean begun = !changing
                || list().filter(AckList::binding).isPresent()
                || followers.size() >= cluster.durability().acks();
        return lossless && begun ? notInForce(first, followers) : Optional.empty();
    }

    /** Whether everybody who follows is an acker, and the server waits for as many as it should, if there are so many. */
    private Optional<String> notInForce(Node primary, Set<NodeId> followers) {
        AckList list = list().orElse(null);
        int wanted = cluster.durability().acks();
        boolean listed = list != null && list.binding() && list.ackers().containsAll(followers);
        boolean waits = followers.size() < wanted || (list != null && list.acks() == wanted);
        boolean serverWaits = list != null && primary.mysql.waitsFor() >= list.acks();
        return listed && waits && serverWaits
                ? Optional.empty()
                : Optional.of("not lossless: the list is " + list + ", " + followers
                        + " follow, and the server waits for " + primary.mysql.waitsFor());
    }

    static String said(Node node) {
        return node.published()
                .map(p -> p.state().phase() + ", " + p.decision().because())
                .orElse("its agent does not run");
    }

    /** At the end: every acknowledged write is on the primary, or named by a node that stands aside with it. */
    void end() {
        Node primary = cluster.holder().orElseThrow();
        GtidSet kept = primary.mysql.executed();
        GtidSet named = kept;
        boolean allPromised = lossless && !changing && restoredAt < 0;
        for (Node node : allPromised ? List.<Node>of() : cluster.nodes) {
            if (node.published()
                    .filter(p -> p.state().phase() == Phase.DIVERGED)
                    .isPresent()) {
                named = named.union(GtidSet.parse(node.published().orElseThrow().errant()));
            }
        }
        for (Acknowledged a : acknowledged) {
            boolean promised = a.promised() && a.at() > unboundAt;
            if (!(promised ? kept : named).contains(a.gtid())) {
                throw new Violation(
                        "I1",
                        "write " + a.write() + " (" + a.gtid() + ", acknowledged by " + a.node().id + " at "
                                + a.at() / 1e9 + " s) is nowhere, and nobody names it");
            }
        }
    }
}
