package io.moha.decide;

import io.moha.decide.Observation.Channel;
import io.moha.decide.Observation.Cluster;
import io.moha.decide.Observation.Comparison;
import io.moha.decide.Observation.Database;
import io.moha.decide.Observation.Health;
import io.moha.decide.Observation.Holder;
import io.moha.decide.Observation.Lease;
import io.moha.decide.Observation.Local;
import io.moha.decide.Observation.Member;
import io.moha.decide.Observation.Vote;
import io.moha.decide.Observation.Wishes;
import io.moha.model.AckList;
import io.moha.model.Ballot;
import io.moha.model.Durability;
import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.OnLongTransactions;
import io.moha.model.PromotionRule;
import io.moha.model.Term;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What node {@code n1} of three sees. At the start: 100 s on the clock, term 3, {@code n2} holds the role and is open,
 * {@code n1} follows it, has executed all of 1-10 and has just compared itself. Only this class and {@link ProtocolCore} call
 * the constructors of {@link Observation}.
 */
final class ObservationBuilder {
    static final NodeId ME = new NodeId("n1");
    static final long MY_LEASE = 71;
    static final long START = Duration.ofSeconds(100).toNanos();

    private long now = START;
    private Lease lease = new Lease(MY_LEASE, START, true);
    private boolean storeAnswered = true;
    private Duration storeAge = Duration.ZERO;
    private boolean current = true;
    private long term = 3;
    private @Nullable Holder holder = new Holder(new NodeId("n2"), 10, 12, 72);
    private Set<NodeId> members = nodes("n1", "n2", "n3");
    private Set<NodeId> live = nodes("n1", "n2", "n3");
    private final Map<NodeId, Vote> votes = new TreeMap<>();
    private final Map<NodeId, Term> followed = new TreeMap<>(Map.of(new NodeId("n2"), new Term(3)));
    private boolean evidence;
    private Health health = Health.ANSWERING;
    private Duration healthAge = Duration.ZERO;
    private Duration writesStuckFor = Duration.ZERO;
    private GtidSet executed = Ballots.gtids("1-10");
    private GtidSet received = Ballots.gtids("1-10");
    private boolean writable;
    private boolean fenced = true;
    private boolean offline;
    private boolean userData = true;
    private Duration comparisonAge = Duration.ZERO;
    private @Nullable Channel channel = new Channel(endpoint("n2"), false, false, true, "");
    private @Nullable GtidSet primaryExecuted = Ballots.gtids("1-10");
    private GtidSet primaryPurged = GtidSet.EMPTY;
    private long comparedIn = 3;
    private boolean comparedAhead;
    private boolean wishReadOnly;
    private @Nullable NodeId handOverTo;
    private boolean rebuild;
    private PromotionRule rule = PromotionRule.NEUTRAL;
    private boolean registered = true;
    private boolean opening;
    private long extendedUntil;
    private long promisedUntil;
    private long aloneSince;
    private @Nullable NodeId singlePoint;
    private NodeId lastPrimary = new NodeId("n2");
    private @Nullable String storeDoubt;
    static final long SYNC_REVISION = 55;
    private long syncRevision = SYNC_REVISION;
    private boolean knowsLists = true;
    private @Nullable AckList sync;
    private Observation.SemiSync semiSync = Observation.SemiSync.OFF;
    private Durability wanted = Durability.ASYNC;
    private final Map<NodeId, Long> awaySince = new TreeMap<>();
    private long waitsSince;
    private Set<NodeId> follows = Set.of();
    private long stuckSince;
    static final Duration HAND_OVER_WITHIN = Duration.ofSeconds(5);

    private long suspectedSince;
    private boolean handingOver;
    private @Nullable GtidSet handedOver;

    static Endpoint endpoint(String node) {
        return new Endpoint(node, 3306);
    }

    static Set<NodeId> nodes(String... names) {
        return Arrays.stream(names).map(NodeId::new).collect(Collectors.toCollection(TreeSet::new));
    }

    ObservationBuilder after(Duration sinceStart) {
        now = START + sinceStart.toNanos();
        return this;
    }

    ObservationBuilder at(long nanos) {
        now = nanos;
        return this;
    }

    /** The last confirmed renewal was sent at {@code sentAt}; without this it is as young as the observation at START. */
    ObservationBuilder leaseSentAt(long sentAt) {
        lease = new Lease(MY_LEASE, sentAt, true);
        return this;
    }

    ObservationBuilder leaseNotTrusted() {
        lease = new Lease(lease.id(), lease.sentAt(), false);
        return this;
    }

    ObservationBuilder noLease() {
        lease = Lease.NONE;
        return this;
    }

    ObservationBuilder storeNeverAnswered() {
        storeAnswered = false;
        return this;
    }

    ObservationBuilder storeReadAgo(Duration age) {
        storeAge = age;
        return this;
    }

    ObservationBuilder storeChangedSince() {
        current = false;
        return this;
    }

    ObservationBuilder term(long value) {
        term = value;
        followed.values().removeIf(f -> f.value() > this.term);
        return this;
    }

    ObservationBuilder nobodyHolds() {
        holder = null;
        return this;
    }

    /** Another node holds the role; whether it is open is said by {@link #announced}. */
    ObservationBuilder heldBy(String node) {
        holder = new Holder(new NodeId(node), 20, 22, 73);
        return this;
    }

    ObservationBuilder heldByMe() {
        return heldByMeUnder(MY_LEASE);
    }

    ObservationBuilder heldByMeUnder(long leaseOfTheKey) {
        holder = new Holder(ME, 20, 22, leaseOfTheKey);
        return this;
    }

    /** This node is the open primary of the term, everything is said and done. */
    ObservationBuilder iAmTheOpenPrimary() {
        return heldByMe().announced("n1", term).evidence().noChannel().open();
    }

    ObservationBuilder announced(String node, long of) {
        followed.put(new NodeId(node), new Term(of));
        return this;
    }

    ObservationBuilder evidence() {
        evidence = true;
        return this;
    }

    ObservationBuilder members(String... names) {
        members = nodes(names);
        return this;
    }

    ObservationBuilder live(String... names) {
        live = nodes(names);
        return this;
    }

    ObservationBuilder vote(Ballot ballot, long modRevision) {
        votes.put(ballot.node(), new Vote(ballot, modRevision));
        return this;
    }

    ObservationBuilder health(Health value, Duration since) {
        health = value;
        healthAge = since;
        return this;
    }

    ObservationBuilder writesStuckFor(Duration value) {
        writesStuckFor = value;
        return this;
    }

    ObservationBuilder databaseDead() {
        return health(Health.DEAD, Duration.ZERO);
    }

    /** Executed and received. */
    ObservationBuilder has(GtidSet all) {
        return received(all).executed(all);
    }

    ObservationBuilder received(GtidSet set) {
        received = set;
        return this;
    }

    ObservationBuilder executed(GtidSet set) {
        executed = set;
        return this;
    }

    ObservationBuilder open() {
        writable = true;
        fenced = false;
        return this;
    }

    /** super_read_only is off, but applications cannot write. */
    ObservationBuilder halfFenced() {
        writable = false;
        fenced = false;
        return this;
    }

    ObservationBuilder offline() {
        offline = true;
        return this;
    }

    ObservationBuilder noUserData() {
        userData = false;
        return this;
    }

    ObservationBuilder noChannel() {
        channel = null;
        return this;
    }

    ObservationBuilder channel(String source, boolean receiverStopped, boolean applierRunning) {
        channel = new Channel(
                endpoint(source), receiverStopped, false, applierRunning, applierRunning ? "" : "error 1062");
        return this;
    }

    /** The receiver has lost its source, and the last comparison with the primary is that old. */
    ObservationBuilder sourceAway(String source, Duration since) {
        channel = new Channel(endpoint(source), false, true, true, "");
        comparisonAge = since;
        return this;
    }

    ObservationBuilder receiverStopped() {
        return channel("n2", true, true);
    }

    ObservationBuilder notCompared() {
        primaryExecuted = null;
        return this;
    }

    ObservationBuilder primaryHas(GtidSet set) {
        primaryExecuted = set;
        return this;
    }

    ObservationBuilder primaryPurged(GtidSet set) {
        primaryPurged = set;
        return this;
    }

    ObservationBuilder comparedAhead() {
        comparedAhead = true;
        return this;
    }

    ObservationBuilder comparedInTerm(long of) {
        comparedIn = of;
        return this;
    }

    ObservationBuilder wishReadOnly() {
        wishReadOnly = true;
        return this;
    }

    ObservationBuilder wishHandOverTo(String node) {
        handOverTo = new NodeId(node);
        return this;
    }

    ObservationBuilder wishRebuild() {
        rebuild = true;
        return this;
    }

    ObservationBuilder rule(PromotionRule value) {
        rule = value;
        return this;
    }

    ObservationBuilder notRegistered() {
        registered = false;
        return this;
    }

    ObservationBuilder extendedFor(Duration length) {
        extendedUntil = now + length.toNanos();
        return this;
    }

    ObservationBuilder promisedFor(Duration length) {
        promisedUntil = now + length.toNanos();
        return this;
    }

    ObservationBuilder aloneFor(Duration length) {
        aloneSince = now - length.toNanos();
        return this;
    }

    ObservationBuilder lastPrimary(String node) {
        lastPrimary = new NodeId(node);
        return this;
    }

    ObservationBuilder singlePoint(String node) {
        singlePoint = new NodeId(node);
        return this;
    }

    ObservationBuilder storeDoubt(String why) {
        storeDoubt = why;
        return this;
    }

    ObservationBuilder openingUnderWay() {
        opening = true;
        return this;
    }

    ObservationBuilder sync(AckList list) {
        sync = list;
        return this;
    }

    ObservationBuilder followedBy(String... names) {
        follows = nodes(names);
        return this;
    }

    ObservationBuilder syncRevision(long revision) {
        syncRevision = revision;
        return this;
    }

    ObservationBuilder oldAgents() {
        knowsLists = false;
        return this;
    }

    ObservationBuilder wants(Durability value) {
        wanted = value;
        return this;
    }

    /** The server waits for so many, and has for long; these nodes are connected and acknowledge. */
    ObservationBuilder waitsFor(int number, String... connected) {
        Set<String> servers = Arrays.stream(connected).map(n -> "uuid-" + n).collect(Collectors.toSet());
        semiSync = new Observation.SemiSync(number, servers, servers, 0, false);
        waitsSince = number == 0 ? 0 : 1;
        return this;
    }

    ObservationBuilder hasSentEverythingTo(String node) {
        semiSync = new Observation.SemiSync(
                semiSync.waitFor(), semiSync.ackers(), Set.of("uuid-" + node), semiSync.waiting(), false);
        return this;
    }

    ObservationBuilder acknowledges() {
        semiSync = new Observation.SemiSync(0, Set.of(), Set.of(), 0, true);
        return this;
    }

    ObservationBuilder awayFor(String node, Duration length) {
        awaySince.put(new NodeId(node), now - length.toNanos());
        return this;
    }

    ObservationBuilder commitsStuckFor(Duration length) {
        stuckSince = now - length.toNanos();
        return this;
    }

    ObservationBuilder suspectedFor(Duration length) {
        suspectedSince = now - length.toNanos();
        return this;
    }

    ObservationBuilder handingOver() {
        handingOver = true;
        return this;
    }

    /** This term's role was handed over by the primary before, which had executed so much. */
    ObservationBuilder handedOver(GtidSet executed) {
        handedOver = executed;
        return this;
    }

    ObservationBuilder notSuspected() {
        suspectedSince = 0;
        return this;
    }

    Observation build() {
        return new Observation(
                now,
                ME,
                lease,
                extendedUntil,
                promisedUntil,
                aloneSince,
                storeAnswered ? Optional.of(cluster()) : Optional.empty(),
                Optional.ofNullable(storeDoubt),
                new Database(
                        health,
                        now - healthAge.toNanos(),
                        writesStuckFor.isZero() ? 0 : now - writesStuckFor.toNanos(),
                        local()),
                Optional.ofNullable(comparison()),
                new Wishes(
                        wishReadOnly,
                        Optional.ofNullable(handOverTo)
                                .map(to -> new Observation.HandOverWish(to, HAND_OVER_WITHIN, OnLongTransactions.WAIT)),
                        rebuild,
                        rule),
                registered,
                opening,
                handingOver,
                new Observation.Acks(wanted, awaySince, 0, false, waitsSince, stuckSince, suspectedSince));
    }

    private Cluster cluster() {
        Map<NodeId, Member> known = new TreeMap<>();
        members.forEach(node -> known.put(
                node,
                new Member(
                        node,
                        endpoint(node.value()),
                        "",
                        "uuid-" + node,
                        true,
                        knowsLists,
                        follows.contains(node) ? new Term(term) : Term.NONE)));
        return new Cluster(
                now - storeAge.toNanos(),
                current,
                new Term(term),
                Optional.ofNullable(holder),
                known,
                live,
                votes,
                followed,
                Optional.of(lastPrimary),
                Optional.ofNullable(singlePoint),
                Optional.ofNullable(sync).map(l -> new Observation.Sync(l, syncRevision)),
                evidence,
                Optional.ofNullable(handedOver));
    }

    private Optional<Local> local() {
        return health == Health.ANSWERING
                ? Optional.of(new Local(
                        executed,
                        received,
                        writable,
                        fenced,
                        offline,
                        userData,
                        Optional.ofNullable(channel),
                        semiSync))
                : Optional.empty();
    }

    private String waitsAsTheListSays(NodeId primary) {
        return Optional.ofNullable(sync)
                .filter(l -> l.holdsBack(primary, new Term(comparedIn)))
                .map(AckList::uuid)
                .orElse("");
    }

    private @Nullable Comparison comparison() {
        if (primaryExecuted == null || holder == null) {
            return null;
        }
        return new Comparison(
                holder.node(),
                new Term(comparedIn),
                received,
                primaryExecuted,
                primaryPurged,
                comparedAhead,
                waitsAsTheListSays(holder.node()),
                now - comparisonAge.toNanos());
    }
}
