package io.moha.agent.loop;

import io.moha.agent.loop.Wish.Answer;
import io.moha.agent.loop.Wish.Answer.Kind;
import io.moha.decide.NodeState;
import io.moha.decide.Observation;
import io.moha.decide.Observation.HandOverWish;
import io.moha.decide.Phase;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import io.moha.store.Registration;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The operators' wishes in force on this node, and who waits for them. Loop thread only. At most one wish for a change
 * of role is under way.
 */
final class Wishes {
    private static final Logger LOG = LoggerFactory.getLogger(Wishes.class);
    private static final long CLOSE_WITHIN = Duration.ofSeconds(6).toNanos();
    /** Beside the time for which the primary may be closed: to bring the target near, and to come back. */
    private static final Duration CHANGE_MARGIN = Duration.ofSeconds(15);

    private final NodeId me;
    private final LocalState local;
    private final PromotionRule configured;
    private boolean onlyFollow;
    private long promisedUntil;
    private boolean readOnly;
    private boolean rebuild;
    private long readOnlySince;
    private long readOnlyUntil;
    private boolean openAfterwards;
    private Optional<HandOverWish> handOver = Optional.empty();
    private volatile boolean withdrawn;
    private Optional<Wish> waiting = Optional.empty();
    /** Who wants the primary writable again while a change is under way: answered after it. */
    private Optional<Wish> next = Optional.empty();

    private long waitingUntil;
    private final List<Runnable> answers = new ArrayList<>();

    /** @param now what was promised before a restart is counted anew from here: it cannot have been promised later */
    Wishes(NodeId me, LocalState local, PromotionRule configured, boolean onlyFollow, long now) {
        this.me = me;
        this.local = local;
        this.configured = configured;
        this.onlyFollow = onlyFollow || local.onlyFollow();
        this.promisedUntil =
                local.promise().isZero() ? 0 : now + local.promise().toNanos();
    }

    Observation.Wishes inForce() {
        return new Observation.Wishes(readOnly, handOver, rebuild, rule());
    }

    PromotionRule rule() {
        return onlyFollow ? PromotionRule.MUST_NOT : configured;
    }

    boolean onlyFollow() {
        return onlyFollow;
    }

    /** Milliseconds since the primary was asked to be read-only. */
    long readOnlyMillis(long now) {
        return readOnly ? (now - readOnlySince) / 1_000_000 : 0;
    }

    long promisedUntil() {
        return promisedUntil;
    }

    /**
     * Promised only by a node that follows the one who asks, has not begun to vote, and does not reach etcd either: whoever
     * reaches it lets the lease decide. Only if no member is left out, who would be bound by nothing. The promise is on the
     * disk before it is given.
     *
     * @param reachesStore whether the last read of etcd was answered a moment ago
     * @param voting whether something is on its way to etcd that concerns an election
     */
    void promise(
            Wish.Promise asked,
            NodeState state,
            Optional<ClusterPicture> picture,
            boolean reachesStore,
            boolean voting,
            long now) {
        boolean follows = state.phase() == Phase.FOLLOWING
                && state.term().equals(asked.term())
                && picture.flatMap(ClusterPicture::holder)
                        .filter(h -> h.node().equals(asked.primary()))
                        .isPresent();
        boolean voted = voting
                || picture.map(p -> p.votes().get(me))
                        .filter(v -> v.ballot().term().compareTo(asked.term()) > 0)
                        .isPresent();
        Set<NodeId> unasked =
                new TreeSet<>(picture.map(p -> p.members().keySet()).orElse(Set.of()));
        unasked.removeAll(asked.asked());
        unasked.remove(asked.primary());
        // Where ackers are listed their promises alone decide.
        boolean byAckers = picture.flatMap(ClusterPicture::sync)
                .filter(s -> s.list().binding())
                .isPresent();
        if (reachesStore) {
            refuse(asked, "fail: this node reaches etcd: the lease decides");
        } else if (!follows || voted) {
            refuse(asked, "fail: this node does not follow " + asked.primary() + " in term " + asked.term());
        } else if (!unasked.isEmpty() && !byAckers) {
            refuse(asked, "fail: " + unasked + " are members, too, and were not asked");
        } else {
            promise(asked, now);
        }
    }

    private void promise(Wish.Promise asked, long now) {
        try {
            local.keepPromise(Duration.ofNanos(asked.nanos()));
        } catch (IOException e) {
            refuse(asked, "fail: cannot write the state file: " + e.getMessage());
            return;
        }
        promisedUntil = Math.max(promisedUntil, now + asked.nanos());
        answers.add(() -> asked.answer().complete(new Answer(Kind.DONE, "promised")));
    }

    /** A promise that is over needs not survive a restart. */
    private void forgetPromise(long now) {
        if (promisedUntil != 0 && now - promisedUntil >= 0) {
            try {
                local.keepPromise(Duration.ZERO);
                promisedUntil = 0;
            } catch (IOException e) {
                LOG.warn(
                        "cannot write the state file: {}; a restart of this agent would wait for a promise that is over",
                        e.getMessage());
            }
        }
    }

    void take(Wish wish, NodeState state, Optional<ClusterPicture> picture, long now) {
        if (wish instanceof Wish.OnlyFollow follow) {
            takeOnlyFollow(follow);
            return;
        }
        if (wish instanceof Wish.Rebuild) {
            takeRebuild(wish, state, picture);
            return;
        }
        if (!state.phase().holding()) {
            refuse(
                    wish,
                    "fail: this node is not the primary (" + state.phase() + "); ask "
                            + picture.flatMap(ClusterPicture::holder)
                                    .map(h -> h.node().value())
                                    .orElse("the primary, once there is one"));
            return;
        }
        if (wish instanceof Wish.ReadWrite && next.isEmpty() && changing()) {
            withdrawn = true;
            next = Optional.of(wish);
            return;
        }
        if (waiting.isPresent()) {
            refuse(wish, "fail: another request is under way on this node");
            return;
        }
        if (state.phase() == Phase.PROMOTING) {
            refuse(wish, "fail: this node is being promoted; ask again in a moment");
            return;
        }
        if (wish instanceof Wish.ReadOnly close) {
            close(now, close.forNanos());
            await(wish, now + CLOSE_WITHIN);
        } else if (wish instanceof Wish.ReadWrite) {
            readOnly = false;
            handOver = Optional.empty();
            await(wish, now + CLOSE_WITHIN);
        } else if (wish instanceof Wish.ChangePrimary change) {
            takeChange(change, state, picture, now);
        }
    }

    private void takeChange(Wish.ChangePrimary change, NodeState state, Optional<ClusterPicture> picture, long now) {
        Map<NodeId, Registration> live = picture.map(ClusterPicture::live).orElse(Map.of());
        Optional<NodeId> target = change.to().isPresent() ? change.to() : choose(live);
        if (target.isEmpty()) {
            refuse(change, "fail: no registered replica may become primary");
            return;
        }
        Registration registration = live.get(target.get());
        if (target.get().equals(me)) {
            refuse(change, "fail: " + me + " is the primary already");
        } else if (registration == null) {
            refuse(change, "fail: " + target.get() + " is not registered: its agent does not run or cannot reach etcd");
        } else if (PromotionRule.MUST_NOT.text().equals(registration.promotionRule())) {
            refuse(change, "fail: " + target.get() + " only follows (promotion rule must_not)");
        } else {
            // Whoever closed the primary before asking opens it again himself, as MoHA's tools do.
            openAfterwards = state.phase() == Phase.PRIMARY;
            withdrawn = false;
            handOver = Optional.of(new HandOverWish(target.get(), change.within(), change.inTheWay()));
            await(change, now + change.longest().plus(CHANGE_MARGIN).toNanos());
        }
    }

    private Optional<NodeId> choose(Map<NodeId, Registration> live) {
        return live.entrySet().stream()
                .filter(e -> !e.getKey().equals(me))
                .filter(e -> !PromotionRule.MUST_NOT.text().equals(e.getValue().promotionRule()))
                .min(Comparator.<Map.Entry<NodeId, Registration>, PromotionRule>comparing(e -> rule(e.getValue()))
                        .thenComparing(Map.Entry::getKey))
                .map(Map.Entry::getKey);
    }

    private static PromotionRule rule(Registration registration) {
        String rule = registration.promotionRule();
        return rule == null ? PromotionRule.NEUTRAL : PromotionRule.parse(rule);
    }

    /** Accepted only where another node is primary; what this node alone has was named and is given up by name. */
    private void takeRebuild(Wish wish, NodeState state, Optional<ClusterPicture> picture) {
        boolean other = picture.flatMap(ClusterPicture::holder)
                .filter(h -> !h.node().equals(me))
                .isPresent();
        if (state.phase().holding() || !other) {
            refuse(wish, "fail: there is no other primary to copy from");
            return;
        }
        rebuild = true;
        LOG.warn("an operator gave this node's data up: it will be replaced by a copy of the primary's");
        wish.answer().complete(new Answer(Kind.DONE, "reinit accepted, success is shown by /status"));
    }

    /** The copy was taken, or may have been: what is there now decides. A copy that was refused is tried again. */
    void rebuilt() {
        rebuild = false;
    }

    private void takeOnlyFollow(Wish.OnlyFollow follow) {
        try {
            local.keepOnlyFollow(follow.onlyFollow());
            onlyFollow = follow.onlyFollow();
            follow.answer().complete(new Answer(Kind.DONE, "set onlyFollow to " + onlyFollow + " success"));
        } catch (IOException e) {
            follow.answer().complete(new Answer(Kind.REFUSED, "fail: cannot write the state file: " + e.getMessage()));
        }
    }

    /**
     * After each observation: ends what is done, overdue or pointless.
     *
     * @return whether other wishes are in force now
     */
    boolean settle(NodeState state, Observation seen, boolean handOverUnderWay, long now) {
        forgetPromise(now);
        if (state.phase().holding()) {
            holds(state, seen, handOverUnderWay, now);
        } else {
            lostRole(state, seen);
        }
        return !inForce().equals(seen.wishes());
    }

    private void holds(NodeState state, Observation seen, boolean handOverUnderWay, long now) {
        boolean mayEnd = !handOverUnderWay;
        if (readOnly && readOnlyUntil != 0 && now - readOnlyUntil >= 0 && mayEnd && waiting.isEmpty()) {
            LOG.info("the time for read-only is over");
            reopen();
        }
        if (waiting.isEmpty() && next.isPresent()) {
            readOnly = false;
            await(next.get(), now + CLOSE_WITHIN);
            next = Optional.empty();
        }
        if (waiting.isEmpty()) {
            return;
        }
        Wish wish = waiting.get();
        boolean fresh = seen.database().health() == Observation.Health.ANSWERING;
        if (wish instanceof Wish.ReadOnly
                && state.phase() == Phase.READ_ONLY
                && fresh
                && seen.database().local().orElseThrow().fenced()) {
            end(Kind.DONE, "set current node readonly success");
        } else if (wish instanceof Wish.ReadWrite
                && state.phase() == Phase.PRIMARY
                && fresh
                && seen.database().local().orElseThrow().writable()) {
            end(Kind.DONE, "set current node readwrite success");
        } else if (now - waitingUntil >= 0 && mayEnd) {
            end(
                    Kind.REFUSED,
                    "fail: not done in time; " + (wish instanceof Wish.ReadWrite ? "still trying" : "rolled back"));
            if (!(wish instanceof Wish.ReadWrite)) {
                reopen();
            }
        }
    }

    private boolean changing() {
        return waiting.filter(w -> w instanceof Wish.ChangePrimary).isPresent();
    }

    /** Whether the change that is under way is to go back as long as it can. Any thread. */
    boolean withdrawn() {
        return withdrawn;
    }

    /** A hand-over that certainly did not happen. */
    void handOverFailed(String reason) {
        handOver = Optional.empty();
        if (openAfterwards) {
            reopen();
        }
        if (changing()) {
            end(Kind.REFUSED, "fail: " + reason + (openAfterwards ? "; open for writes again" : "; still read-only"));
        }
    }

    private void lostRole(NodeState state, Observation seen) {
        if (readOnly || handOver.isPresent()) {
            readOnly = false;
            readOnlyUntil = 0;
        }
        if (waiting.isPresent()) {
            boolean handedOver = waiting.get() instanceof Wish.ChangePrimary
                    && seen.cluster()
                            .flatMap(Observation.Cluster::holder)
                            .map(Observation.Holder::node)
                            .equals(handOver.map(HandOverWish::to));
            if (handedOver) {
                end(
                        Kind.DONE,
                        "current node has handed the role over to "
                                + handOver.orElseThrow().to() + " successfully");
            } else {
                end(Kind.UNKNOWN, "fail: this node lost the role meanwhile (" + state.phase() + ")");
            }
        }
        handOver = Optional.empty();
        next.ifPresent(w -> answers.add(() -> refuse(w, "fail: this node lost the role meanwhile")));
        next = Optional.empty();
    }

    private void close(long now, long forNanos) {
        readOnly = true;
        readOnlySince = now;
        readOnlyUntil = forNanos == 0 ? 0 : now + forNanos;
    }

    private void reopen() {
        readOnly = false;
        readOnlyUntil = 0;
        handOver = Optional.empty();
    }

    private void await(Wish wish, long until) {
        waiting = Optional.of(wish);
        waitingUntil = until;
    }

    /** After publishing: whoever was answered and asks again at once must find what he was told. */
    void answer() {
        answers.forEach(Runnable::run);
        answers.clear();
    }

    private void end(Kind kind, String text) {
        waiting.ifPresent(w -> answers.add(() -> w.answer().complete(new Answer(kind, text))));
        waiting = Optional.empty();
        LOG.info("operator's request: {}", text);
    }

    private static void refuse(Wish wish, String text) {
        CompletableFuture<Answer> answer = wish.answer();
        answer.complete(new Answer(Kind.REFUSED, text));
    }
}
