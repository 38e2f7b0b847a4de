package io.moha.agent.loop;

import io.moha.decide.Action;
import io.moha.decide.Decider;
import io.moha.decide.Decision;
import io.moha.decide.Diagnosis;
import io.moha.decide.NodeState;
import io.moha.decide.Observation;
import io.moha.decide.Observation.Health;
import io.moha.decide.Phase;
import io.moha.decide.Policy;
import io.moha.model.AckList;
import io.moha.model.Durability;
import io.moha.model.GtidSet;
import io.moha.model.Term;
import io.moha.mysql.DatabaseStatus;
import io.moha.store.Registration;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one thread that owns the node's state: observe, decide, act, publish. */
public final class AgentLoop implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(AgentLoop.class);
    private static final Duration TICK = Duration.ofMillis(200);
    /** Without a turn for so long, this loop takes care of nothing any more. It waits for nothing: turns take microseconds. */
    private static final Duration STANDSTILL = Duration.ofSeconds(5);

    /** A write that takes longer is a problem to be shown. */
    private static final Duration WORTH_TELLING = Duration.ofSeconds(1);

    /** A failover is over by then, and etcd has heard nothing of a receiver that was away in between. */
    private static final Duration FOLLOWS_STILL = Duration.ofSeconds(1);

    private static final int MOST_WISHES = 64;
    /** What changes from turn to turn while nothing new happens. */
    private static final Pattern COUNTS = Pattern.compile("[0-9]+ (ms|transactions)");

    private final Parts parts;
    private final Identity identity;
    private final Policy policy;
    private final Policy patient;
    private final Clock clock;
    private final boolean deadManSwitch;
    private final Durability durability;
    private final AckWatch ackWatch = new AckWatch();
    private final Consumer<Published> onPublish;
    private final Bell bell;
    private final Queue<Wish> wishes = new ArrayBlockingQueue<>(MOST_WISHES);
    private final Timeline timeline = new Timeline();
    private NodeState state;
    private final Memo<DatabaseStatus, Observation.Local> understoodStatus = new Memo<>(AgentLoop::local);
    private final Memo<Reading, Observation.Cluster> understoodReading =
            new Memo<>(r -> r.picture().observed(r.current(), r.recovering()));
    private String lastLogged = "";
    private String lastReason = "";
    private Optional<Term> lastFollowed = Optional.empty();
    private long followedAt;
    private volatile long lastTick;
    private long lastWall;
    private long databaseDirtyAt;
    private long storeDirtyAt;
    private long answeredAt;
    private volatile @Nullable Published published;
    private volatile boolean roleSafe;
    private volatile long singlePointUntil;
    private long aloneSince;

    AgentLoop(
            Parts parts,
            Identity identity,
            Policy policy,
            Clock clock,
            boolean deadManSwitch,
            Durability durability,
            Consumer<Published> onPublish) {
        this.parts = parts;
        this.identity = identity;
        this.policy = policy;
        this.patient = policy.patient();
        this.clock = clock;
        this.bell = clock.bell();
        this.deadManSwitch = deadManSwitch;
        this.durability = durability;
        this.onPublish = onPublish;
        this.state = NodeState.starting(clock.now(), parts.local().term());
        this.lastTick = clock.now();
        this.lastWall = clock.wall().toEpochMilli();
        this.databaseDirtyAt = clock.now();
        this.storeDirtyAt = clock.now();
        this.answeredAt = clock.now();
    }

    /** What the loop was last found to be; null only before the first turn. */
    public @Nullable Published published() {
        return published;
    }

    /** Something has changed: turn soon. Any thread. */
    public void wake() {
        bell.ring();
    }

    /** Asks for a fresh look at the database and at etcd. Any thread. */
    public void look() {
        parts.prober().ask();
        parts.reader().ask();
    }

    /** Hands an operator's wish to the loop. Any thread. */
    public CompletableFuture<Wish.Answer> ask(Wish wish) {
        if (!wishes.offer(wish)) {
            wish.answer().complete(new Wish.Answer(Wish.Answer.Kind.REFUSED, "fail: too many requests are waiting"));
        }
        bell.ring();
        return wish.answer();
    }

    /** Asked by the hands right before a statement that opens: the lease and the loop's last word. Any thread. */
    boolean mayWrite() {
        return roleSafe && parts.reader().doubt().isEmpty() && clock.now() - roleUntil() < 0;
    }

    /** Whether the fence is still to be confirmed. Any thread; before the first decision as good as yes. */
    boolean fencing() {
        Published now = published;
        return now == null || now.state().phase() == Phase.FENCING;
    }

    /** Until when a holder may serve: by its lease, or by what stands in for it. Now if nothing allows it. */
    long roleUntil() {
        Observation.Lease lease = parts.roleLease().lease();
        long now = clock.now();
        long byLease = carriesTheRole(lease) ? policy.fenceAt(lease.sentAt()) : now;
        long extended = extendedUntil();
        return extended != 0 && extended - byLease > 0 ? extended : byLease;
    }

    /**
     * Whether the key was last seen bound to this lease, or to none: the only member. A new lease says nothing before the
     * key is put again.
     */
    private boolean carriesTheRole(Observation.Lease lease) {
        return lease.id() != 0
                && lease.trusted()
                && parts.reader()
                        .picture()
                        .filter(p -> p.bound(identity.id(), lease.id()))
                        .isPresent();
    }

    /**
     * Whether the role's lease is to be renewed. Not while a fence cannot be confirmed, nor while this loop stands still:
     * a database that only looks taken care of must not block the cluster. Any thread.
     */
    boolean wantsLease() {
        // Without the dead-man's switch nobody but this loop would close the database.
        long now = clock.now();
        boolean standsStill = deadManSwitch && now - lastTick > STANDSTILL.toNanos();
        Published last = published;
        return !standsStill && (last == null || !policy.fenceOverdue(last.state(), now));
    }

    private long extendedUntil() {
        long promised = parts.failsafe().until();
        long single = singlePointUntil;
        return single != 0 && single - promised > 0 ? single : promised;
    }

    /** The only member needs no lease; what it shows and the beat of its database still end with the agent. */
    private void extend(Optional<ClusterPicture> picture, long now) {
        boolean single = parts.reader().doubt().isEmpty()
                && state.phase().holding()
                && picture.filter(p ->
                                p.singlePoint().filter(identity.id()::equals).isPresent())
                        .flatMap(ClusterPicture::holder)
                        .filter(h -> h.node().equals(identity.id()) && h.lease() == 0)
                        .isPresent();
        singlePointUntil = single ? policy.fenceAt(now) : 0;
        boolean alone = picture.filter(
                        p -> Set.of(identity.id()).containsAll(p.live().keySet()))
                .isPresent();
        aloneSince = !alone ? 0 : aloneSince == 0 ? now : aloneSince;
    }

    /** How long the dead-man's beat may last from now: a third into the fence budget, its one second included before the end. */
    Duration beatAllowance() {
        long until = roleUntil() + policy.fenceBudget().toNanos() / 3;
        return Duration.ofNanos(Math.max(0, until - clock.now()));
    }

    @Override
    public void run() {
        while (!Thread.currentThread().isInterrupted()) {
            try {
                turn();
            } catch (RuntimeException e) {
                // A defect must not leave an open database behind an agent that does not look any more.
                LOG.error("the loop failed inside; trying again", e);
            }
            if (!bell.await(untilNext())) {
                return;
            }
        }
    }

    /** Never sleeps past the moment at which the fence is due. */
    private Duration untilNext() {
        long due = roleUntil() - clock.now();
        boolean soon = state.phase().holding() && due > 0 && due < TICK.toNanos();
        return soon ? Duration.ofNanos(due + 1) : TICK;
    }

    /** One turn. Visible to tests. */
    void turn() {
        long now = clock.now();
        noticeSuspension(now);
        takeFinished(parts.databaseHand());
        takeFinished(parts.storeHand());
        takeFinished(parts.fenceHand());
        Optional<ClusterPicture> picture = parts.reader().picture();
        extend(picture, now);
        for (Wish wish = wishes.poll(); wish != null; wish = wishes.poll()) {
            take(wish, picture, now);
        }
        Observation seen = observe(now, picture);
        boolean handingOver = parts.storeHand()
                .running()
                .filter(a -> a instanceof Action.HandOver)
                .isPresent();
        if (parts.wishes().settle(state, seen, handingOver, now)) {
            seen = observe(now, picture);
        }
        Decision decision = Decider.decide(state, seen, recovering() ? patient : policy);
        mark(decision, now);
        Phase phase = state.phase();
        keep(decision);
        roleSafe = decision.next().phase().holding();
        if (!roleSafe) {
            parts.writes().forget();
        }
        publish(decision, seen, picture);
        parts.wishes().answer();
        decision.actions().forEach(this::start);
        if (decision.diagnosis() == Diagnosis.LOOK_AGAIN) {
            parts.prober().askSince(databaseDirtyAt);
            parts.reader().askSince(storeDirtyAt);
        }
        if (phase != state.phase() && state.phase().holding()) {
            bell.ring(); // on the way to an open primary no step waits for the next tick
        }
        if (decision.diagnosis() == Diagnosis.ROLE_LOST || decision.diagnosis() == Diagnosis.RETAKABLE) {
            parts.roleLease().hurry();
        }
    }

    private void take(Wish wish, Optional<ClusterPicture> picture, long now) {
        if (wish instanceof Wish.Promise asked) {
            boolean voting = parts.storeHand().running().isPresent();
            parts.wishes().promise(asked, state, picture, parts.reader().reaches(), voting, now);
        } else {
            parts.wishes().take(wish, state, picture, now);
        }
    }

    private void noticeSuspension(long now) {
        long wall = clock.wall().toEpochMilli();
        long jump = (wall - lastWall) - (now - lastTick) / 1_000_000;
        if (jump > policy.leaseTtl().toMillis()) {
            LOG.warn(
                    "the wall clock ran {} ms ahead of the monotonic clock: the machine was suspended or its clock"
                            + " was set; treating the lease as expired",
                    jump);
            parts.roleLease().distrustBefore(now);
            parts.failsafe().forget();
        }
        lastTick = now;
        lastWall = wall;
    }

    private void takeFinished(Hand hand) {
        Optional<Hand.Finished> finished = hand.takeFinished();
        if (finished.isEmpty()) {
            return;
        }
        Action action = finished.get().action();
        Outcome outcome = finished.get().outcome();
        if (outcome.done()) {
            LOG.debug("{} done in {} ms", action.kind(), finished.get().tookNanos() / 1_000_000);
        } else {
            LOG.warn(
                    "{} {}: {}",
                    action.kind(),
                    outcome.result() == Outcome.Result.FAILED ? "failed" : "has an unknown outcome",
                    outcome.detail());
        }
        if (action instanceof Action.Register && !outcome.done()) {
            parts.nodeLease().hurry();
        }
        if (Actor.touchesStore(action)) {
            // The answer of a transaction comes with all keys: then there is nothing to read again.
            if (!outcome.learned()) {
                storeDirtyAt = clock.now();
                parts.reader().ask();
            }
        }
        if (action instanceof Action.OpenForWrites) {
            long sentAt = clock.now() - finished.get().tookNanos();
            parts.writes().wrote(outcome.result() != Outcome.Result.UNKNOWN, sentAt);
        }
        if (Actor.touchesDatabase(action)) {
            databaseDirtyAt = clock.now();
            parts.prober().ask();
        }
        if (action instanceof Action.CloneFrom && outcome.result() != Outcome.Result.FAILED) {
            parts.wishes().rebuilt();
        }
        if (action instanceof Action.HandOver && outcome.result() == Outcome.Result.FAILED) {
            parts.wishes().handOverFailed(outcome.detail());
        }
    }

    private Observation observe(long now, Optional<ClusterPicture> picture) {
        DatabaseProber.Look look = parts.prober().look();
        boolean stale = look.sentAt() - databaseDirtyAt < 0;
        Health health = look.health() == Health.ANSWERING && stale ? Health.LOOKING : look.health();
        Optional<Observation.Local> local =
                health == Health.ANSWERING ? look.status().map(understoodStatus::of) : Optional.empty();
        boolean opening = parts.databaseHand()
                .running()
                .filter(a -> a instanceof Action.OpenForWrites || a instanceof Action.CloneFrom)
                .isPresent();
        Optional<Observation.Cluster> cluster = picture.map(
                        p -> new Reading(p, p.sentAt() - storeDirtyAt >= 0, recovering()))
                .map(understoodReading::of);
        return new Observation(
                now,
                identity.id(),
                parts.roleLease().lease(),
                extendedUntil(),
                parts.wishes().promisedUntil(),
                aloneSince,
                cluster,
                parts.reader().doubt(),
                new Observation.Database(health, look.since(), parts.writes().stuckSince(), local),
                parts.actor().comparison(),
                parts.wishes().inForce(),
                picture.map(this::registered).orElse(false),
                opening,
                parts.storeHand()
                        .running()
                        .filter(a -> a instanceof Action.HandOver order && order.closes())
                        .isPresent(),
                acks(picture, cluster, local, look.sentAt(), now));
    }

    private Observation.Acks acks(
            Optional<ClusterPicture> picture,
            Optional<Observation.Cluster> cluster,
            Optional<Observation.Local> local,
            long lookedAt,
            long now) {
        Optional<AckList> mine = picture.filter(p -> state.phase().holding())
                .flatMap(ClusterPicture::sync)
                .map(Observation.Sync::list)
                .filter(l -> l.primary().equals(identity.id()) && l.term().equals(state.term()));
        ackWatch.saw(mine, cluster, local, lookedAt, now);
        if (ackWatch.progress().doubtful(now)) {
            parts.prober().ask();
        }
        return new Observation.Acks(
                wanted(picture),
                ackWatch.awaySince(),
                ackWatch.strangers(),
                parts.databaseHand()
                        .running()
                        .filter(a -> a instanceof Action.AwaitAckers || a instanceof Action.ForgetSource)
                        .isPresent(),
                ackWatch.waitsSince(),
                ackWatch.progress().stuckSince(),
                picture.map(p -> parts.suspicion().since(p.term())).orElse(0L));
    }

    /** What operators want: as etcd says, else as this agent's settings say. */
    private Durability wanted(Optional<ClusterPicture> picture) {
        return picture.flatMap(ClusterPicture::wanted).orElse(durability);
    }

    /** A picture, and what it takes to make an observation of it. */
    private record Reading(ClusterPicture picture, boolean current, boolean recovering) {}

    private boolean recovering() {
        return parts.reader().recovering(patient.electionTimeout());
    }

    private static Observation.Local local(DatabaseStatus s) {
        return new Observation.Local(
                s.executed(),
                s.received(),
                s.writable(),
                s.fenced(),
                s.offlineMode(),
                s.hasUserData(),
                s.replica()
                        .map(r -> new Observation.Channel(
                                r.source(),
                                r.receiver() == DatabaseStatus.Receiver.STOPPED,
                                r.receiver() == DatabaseStatus.Receiver.CONNECTING,
                                r.applierRunning(),
                                r.applierError())),
                new Observation.SemiSync(
                        s.semiSync().waitFor(),
                        s.semiSync().ackers(),
                        s.semiSync().caughtUp(),
                        s.semiSync().waiting(),
                        s.semiSync().acknowledges()));
    }

    /** What this node's registration should say now. */
    Registration registration() {
        String version =
                parts.prober().look().status().map(DatabaseStatus::version).orElse("");
        return identity.registration(
                state.phase() == Phase.PRIMARY || state.phase() == Phase.READ_ONLY,
                version,
                parts.wishes().rule(),
                parts.wishes().onlyFollow(),
                parts.roleLease().lease().id(),
                parts.prober().look().status().map(DatabaseStatus::serverUuid).orElse(""),
                followed());
    }

    /**
     * Whoever follows well may be listed as an acker. Under async nobody needs to know, and nothing is written. It stays while
     * the node votes, and for a moment after its source was lost: an election is not to wait for a registration.
     */
    private Optional<Term> followed() {
        Optional<ClusterPicture> picture = parts.reader().picture();
        boolean matters = wanted(picture).lossless()
                || picture.flatMap(ClusterPicture::sync).isPresent();
        if (!matters || (state.phase() != Phase.FOLLOWING && state.phase() != Phase.VOTING)) {
            lastFollowed = Optional.empty();
        } else if (state.phase() == Phase.FOLLOWING) {
            long now = clock.now();
            if (followsWell(picture)) {
                lastFollowed = Optional.of(state.term());
                followedAt = now;
            } else if (now - followedAt > FOLLOWS_STILL.toNanos()) {
                lastFollowed = Optional.empty();
            }
        }
        return lastFollowed;
    }

    /** Its receiver runs, and it has what an acker must have in order to count. */
    private boolean followsWell(Optional<ClusterPicture> picture) {
        GtidSet floor =
                picture.flatMap(ClusterPicture::sync).map(s -> s.list().floor()).orElse(GtidSet.EMPTY);
        return parts.prober()
                .look()
                .status()
                .filter(s -> s.replica()
                        .filter(r -> r.receiver() == DatabaseStatus.Receiver.RUNNING)
                        .isPresent())
                .filter(s -> s.received().contains(floor))
                .isPresent();
    }

    private boolean registered(ClusterPicture picture) {
        Registration wanted = registration();
        return wanted.equals(picture.live().get(identity.id()))
                && wanted.asMember().equals(picture.members().get(identity.id()));
    }

    private void mark(Decision decision, long now) {
        if (state.electionSince() == 0 && decision.next().electionSince() != 0) {
            timeline.noticed(decision.next().electionSince());
        }
        switch (decision.diagnosis()) {
            case CHOSEN -> timeline.chosen(now);
            case SOURCE_REMAINS, NO_EVIDENCE -> timeline.drained(now);
            case CLOSED -> timeline.opening(now);
            case OPENED_FIRST, OPEN_UNANNOUNCED -> timeline.opened(now);
            default -> {
                // Not a step of a change of primary.
            }
        }
    }

    /** The term is on the disk before anything is pointed or opened under it. */
    private void keep(Decision decision) {
        try {
            parts.local().keep(decision.next().term());
        } catch (IOException e) {
            throw new IllegalStateException(
                    "cannot keep term " + decision.next().term() + " on the disk", e);
        }
        state = decision.next();
        String reason = state.phase() + "|" + decision.diagnosis() + "|" + decision.because();
        if (!reason.equals(lastReason)) {
            lastReason = reason;
            log(decision);
        }
    }

    private void log(Decision decision) {
        String line = COUNTS.matcher(decision.because()).replaceAll("# $1");
        String logged = state.phase() + "|" + decision.diagnosis() + "|" + line;
        if (!logged.equals(lastLogged)
                && decision.diagnosis() != Diagnosis.LOOK_AGAIN
                && decision.diagnosis() != Diagnosis.COMPARISON_DUE) {
            lastLogged = logged;
            LOG.info("{} {} term={} | {}", identity.id(), state.phase(), state.term(), decision.because());
        }
    }

    private void publish(Decision decision, Observation seen, Optional<ClusterPicture> picture) {
        Observation.Lease lease = seen.lease();
        boolean sound = lease.id() != 0 && lease.trusted();
        long now = seen.now();
        DatabaseProber.Look look = parts.prober().look();
        answeredAt = look.health() == Health.ANSWERING ? look.sentAt() : answeredAt;
        Published next = new Published(
                identity,
                state,
                decision,
                seen,
                picture.orElse(null),
                look.status(),
                look.error(),
                parts.wishes().rule(),
                parts.wishes().onlyFollow(),
                seen.storeDoubt().isPresent() || Decider.isolated(state, seen, policy)
                        ? now
                        : Math.max(now, roleUntil()),
                sound ? lease.sentAt() + policy.leaseTtl().toNanos() : now,
                look.sentAt(),
                answeredAt,
                parts.actor()::closedAt,
                clock.wall(),
                deadManSwitch,
                policy,
                problems(picture, look));
        published = next;
        onPublish.accept(next);
    }

    private List<String> problems(Optional<ClusterPicture> picture, DatabaseProber.Look look) {
        List<String> problems = new ArrayList<>();
        if (wanted(picture).lossless()) {
            picture.ifPresent(p -> p.live().forEach((node, registration) -> {
                if (registration.acker() == null) {
                    problems.add(
                            "durability: the agent of " + node
                                    + " is of a version that knows no list of ackers; upgrade it: it may elect itself without what was acknowledged");
                }
            }));
        }
        if (!look.error().isEmpty()) {
            problems.add("database: " + look.error());
        }
        long stuckSince = parts.writes().stuckSince();
        if (stuckSince != 0 && look.error().isEmpty() && clock.now() - stuckSince > WORTH_TELLING.toNanos()) {
            problems.add("database: it answers, and has written nothing for "
                    + Duration.ofNanos(clock.now() - stuckSince).toSeconds()
                    + " s although there is something to write; after "
                    + policy.stuckAfter().toSeconds() + " s it is taken for stuck");
        }
        if (!parts.reader().lastError().isEmpty()) {
            problems.add("etcd: " + parts.reader().lastError());
        }
        if (!parts.roleLease().lastError().isEmpty()) {
            problems.add("lease: " + parts.roleLease().lastError());
        }
        parts.reader().doubt().ifPresent(problems::add);
        if (clock.now() - parts.failsafe().until() < 0 && parts.failsafe().until() != 0) {
            problems.add("etcd is away: serving on the promises of all other members");
        }
        look.status().flatMap(DatabaseStatus::replica).ifPresent(r -> {
            if (!r.receiverError().isEmpty()) {
                problems.add("receiver: " + r.receiverError());
            }
            if (!r.applierError().isEmpty()) {
                problems.add("applier: " + r.applierError());
            }
        });
        picture.ifPresent(p -> problems.addAll(p.problems()));
        return problems;
    }

    private void start(Action action) {
        // A ballot says that the receiver stands still: nothing that starts it may be on its way.
        boolean early = action instanceof Action.PutBallot
                && parts.databaseHand().running().isPresent();
        Hand hand = handFor(action);
        if (!early && hand.free(action)) {
            hand.start(action);
        }
    }

    private Hand handFor(Action action) {
        if (action instanceof Action.Fence) {
            return parts.fenceHand();
        }
        return Actor.touchesStore(action) ? parts.storeHand() : parts.databaseHand();
    }

    Timeline timeline() {
        return timeline;
    }
}
