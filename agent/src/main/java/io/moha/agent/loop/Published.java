package io.moha.agent.loop;

import io.moha.decide.Decider;
import io.moha.decide.Decision;
import io.moha.decide.NodeState;
import io.moha.decide.Observation;
import io.moha.decide.Phase;
import io.moha.decide.Policy;
import io.moha.model.PromotionRule;
import io.moha.mysql.DatabaseStatus;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What the loop made known after its last decision: immutable, read by HTTP and metrics. Whether the node is primary is
 * computed from this and the clock, so that an agent that wakes after a pause cannot claim the role.
 *
 * @param fenceAt monotonic nanoseconds from which the node is no primary any more
 * @param observedAt monotonic nanoseconds of the look at the database that this rests on
 * @param answeredAt monotonic nanoseconds of the begin of the last look that was answered
 * @param closedAt when a hand-over last closed the database, also since this was made
 */
public record Published(
        Identity identity,
        NodeState state,
        Decision decision,
        Observation observation,
        @Nullable ClusterPicture picture,
        Optional<DatabaseStatus> status,
        String databaseError,
        PromotionRule rule,
        boolean onlyFollow,
        long fenceAt,
        long leaseEndsAt,
        long observedAt,
        long answeredAt,
        LongSupplier closedAt,
        Instant at,
        boolean deadManSwitch,
        Policy policy,
        List<String> problems) {

    /** Open for writes, by the lease and by what was read back. */
    public boolean primaryAt(long now) {
        return state.phase() == Phase.PRIMARY
                && now - fenceAt < 0
                && observation.database().health() != Observation.Health.DEAD
                && answeredAt - closedAt.getAsLong() > 0
                && status.filter(DatabaseStatus::writable).isPresent();
    }

    /** Why this node could not be elected now; empty if it could. */
    public String unfit() {
        return Decider.unfit(state, observation, policy);
    }

    /** Whether this node holds the lease, open or not. */
    public boolean holderAt(long now) {
        return state.phase().holding() && now - fenceAt < 0;
    }

    /** A replica that readers may use: follows the primary, both threads run, answers. */
    public boolean healthyReplica() {
        return state.phase() == Phase.FOLLOWING
                && observation.database().health() == Observation.Health.ANSWERING
                && status.flatMap(DatabaseStatus::replica)
                        .filter(r -> r.receiver() == DatabaseStatus.Receiver.RUNNING && r.applierRunning())
                        .isPresent()
                && status.filter(s -> !s.offlineMode()).isPresent();
    }

    /** Seconds behind the source; -1 if unknown, 0 on a primary. */
    public long lagSeconds() {
        return status.flatMap(DatabaseStatus::replica)
                .map(DatabaseStatus.Replica::secondsBehind)
                .orElse(state.phase().holding() ? 0L : -1L);
    }

    /** Transactions of this node that the primary does not have, as of the last comparison. */
    public String errant() {
        return observation.errant().toString();
    }

    /** Of these, what no client can have been told is committed, proven by a switch record. */
    public String neverAcknowledged() {
        return picture == null
                ? ""
                : Divergence.neverAcknowledged(picture.records(), state.term(), observation.errant())
                        .toString();
    }
}
