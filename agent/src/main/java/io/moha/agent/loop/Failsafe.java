package io.moha.agent.loop;

import io.moha.decide.Observation;
import io.moha.decide.Observation.Holder;
import io.moha.decide.Phase;
import io.moha.decide.Policy;
import io.moha.model.AckList;
import io.moha.model.NodeId;
import io.moha.store.Registration;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a primary serving while etcd is away from everybody: asks every member to take part in no election for the length
 * of a lease. Only if each of them promises, which none does that reaches etcd itself, may the primary go on, and for less
 * than they promised, counted from before they were asked.
 */
final class Failsafe implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Failsafe.class);
    private static final Duration PAUSE = Duration.ofMillis(300);
    private static final Duration ROUND = Duration.ofMillis(700);

    private final NodeId me;
    private final Policy policy;
    private final Clock clock;
    private final Peers peers;
    private final LeaseKeeper roleLease;
    private final StoreReader reader;
    private final Supplier<@Nullable Published> published;
    private final Runnable onExtended;
    private volatile long until;
    private boolean said;

    /** @param onExtended called on this thread after each round in which all have promised; must not block */
    Failsafe(
            NodeId me,
            Policy policy,
            Clock clock,
            Peers peers,
            LeaseKeeper roleLease,
            StoreReader reader,
            Supplier<@Nullable Published> published,
            Runnable onExtended) {
        this.me = me;
        this.policy = policy;
        this.clock = clock;
        this.peers = peers;
        this.roleLease = roleLease;
        this.reader = reader;
        this.published = published;
        this.onExtended = onExtended;
    }

    /** Until when all others wait, in monotonic nanoseconds; 0 if they do not. Any thread. */
    long until() {
        return until;
    }

    /** What was promised before does not count any more: the machine was suspended. */
    void forget() {
        until = 0;
    }

    @Override
    public void run() {
        Bell pause = clock.bell();
        while (!Thread.currentThread().isInterrupted()) {
            if (needed()) {
                round();
            } else if (said) {
                said = false;
                LOG.info("the lease is renewed again, or the role is gone: no promises are asked for any more");
            }
            if (!pause.await(PAUSE)) {
                return;
            }
        }
    }

    /** Half of a lease's use is over without a renewal: asking in vain costs nothing. */
    private boolean needed() {
        Published p = published.get();
        boolean holding = p != null
                && (p.state().phase() == Phase.PRIMARY || p.state().phase() == Phase.READ_ONLY)
                && p.holderAt(clock.now());
        if (!holding || reader.doubt().isPresent()) {
            return false;
        }
        Observation.Lease lease = roleLease.lease();
        if (reader.picture().filter(read -> read.bound(me, lease.id())).isEmpty()) {
            return true; // a new lease, and the key is not bound to it yet
        }
        long sentAt = lease.sentAt();
        return clock.now() - sentAt > (policy.fenceAt(sentAt) - sentAt) / 2;
    }

    private void round() {
        Optional<ClusterPicture> picture = reader.picture();
        Optional<Holder> holder =
                picture.flatMap(ClusterPicture::holder).filter(h -> h.node().equals(me));
        Map<NodeId, String> others = new TreeMap<>();
        picture.ifPresent(p -> p.members().forEach((node, r) -> {
            if (!node.equals(me)) {
                others.put(node, address(r));
            }
        }));
        if (holder.isEmpty() || others.isEmpty()) {
            return;
        }
        long askedAt = clock.now();
        Bell answered = clock.bell();
        Map<NodeId, CompletableFuture<Boolean>> answers = new TreeMap<>();
        others.forEach((node, api) -> {
            CompletableFuture<Boolean> answer =
                    peers.promise(api, me, picture.orElseThrow().term(), others.keySet(), policy.leaseTtl(), ROUND);
            answers.put(node, answer);
            var unused = answer.whenComplete((yes, no) -> answered.ring());
        });
        while (answers.values().stream().anyMatch(a -> !a.isDone()) && !enough(picture.orElseThrow(), answers)) {
            Duration left = ROUND.minusNanos(clock.now() - askedAt);
            if (left.isNegative() || left.isZero()) {
                break;
            }
            if (!answered.await(left)) {
                return;
            }
        }
        if (enough(picture.orElseThrow(), answers)) {
            until = policy.fenceAt(askedAt);
            if (!said) {
                said = true;
                LOG.warn("etcd does not answer; enough of {} have promised to wait: serving on", others.keySet());
            }
            onExtended.run();
        }
    }

    /**
     * All others. Where ackers are listed, as many of them as a commit waits for: without these there is no quorum that could
     * elect another one.
     */
    private boolean enough(ClusterPicture picture, Map<NodeId, CompletableFuture<Boolean>> answers) {
        Optional<AckList> list = picture.sync()
                .map(Observation.Sync::list)
                .filter(l -> l.binding() && l.acks() > 0)
                .filter(l -> l.term().equals(picture.term()) && l.primary().equals(me));
        if (list.isEmpty()) {
            return answers.values().stream().allMatch(a -> a.getNow(false));
        }
        long promised = answers.entrySet().stream()
                .filter(e ->
                        list.get().ackers().contains(e.getKey()) && e.getValue().getNow(false))
                .count();
        return promised >= list.get().acks();
    }

    private static String address(Registration registration) {
        String api = registration.internalApi();
        return api == null ? "" : api;
    }
}
