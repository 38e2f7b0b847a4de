package io.moha.decide;

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
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Everything a decision may look at. All times are monotonic nanoseconds of this node.
 *
 * @param now read once for the tick
 * @param me this node
 * @param lease this node's own leader lease
 * @param cluster the last read of etcd; empty until the first one
 * @param extendedUntil until when the holder may serve although its lease is not renewed: every member has promised to
 *     wait, or it is the only one; 0 if nothing allows that
 * @param promisedUntil until when this node has promised to take part in no election; 0 if it has not
 * @param aloneSince since when this node has been the only one that is registered; 0 if it is not
 * @param storeDoubt why nothing that etcd says may be acted on, although it answers; empty if it may
 * @param database the local server
 * @param comparison the last comparison with the primary
 * @param wishes what operators asked this node for
 * @param registered whether the registration in etcd says what it should
 * @param acks what loss-less durability needs
 * @param opening whether a statement that opens for writes, or a clone (which lifts super_read_only), may still be on its way
 * @param handingOver whether a hand-over is under way: it closes the database by itself, and nothing else may open it meanwhile
 */
public record Observation(
        long now,
        NodeId me,
        Lease lease,
        long extendedUntil,
        long promisedUntil,
        long aloneSince,
        Optional<Cluster> cluster,
        Optional<String> storeDoubt,
        Database database,
        Optional<Comparison> comparison,
        Wishes wishes,
        boolean registered,
        boolean opening,
        boolean handingOver,
        Acks acks) {

    /**
     * What is needed for loss-less durability.
     *
     * @param wanted what operators want
     * @param awaySince for each listed acker that is not connected to this primary: since when
     * @param strangers how many servers have acknowledged lately without being listed
     * @param changing whether the wait count is being set right now
     * @param waitsSince since when the server has waited for as many acknowledgements as now; 0 if it waits for none
     * @param stuckSince since when commits wait for acknowledgements and none has ended; 0 if none waits
     * @param suspectedSince since when nothing has come from the primary, and neither its agent nor its server has answered; 0 if
     *     it is not suspected
     */
    public record Acks(
            Durability wanted,
            Map<NodeId, Long> awaySince,
            int strangers,
            boolean changing,
            long waitsSince,
            long stuckSince,
            long suspectedSince) {
        public static final Acks NONE = new Acks(Durability.ASYNC, Map.of(), 0, false, 0, 0, 0);

        public Acks {
            awaySince = Map.copyOf(awaySince);
        }
    }

    /** Transactions of this node that the primary does not have, as of the last comparison. The primary itself has all. */
    public GtidSet errant() {
        boolean mine = cluster.flatMap(Cluster::holder)
                .filter(h -> h.node().equals(me))
                .isPresent();
        return comparison.filter(k -> !mine).map(Comparison::errant).orElse(GtidSet.EMPTY);
    }

    /**
     * @param id 0 if there is none
     * @param sentAt when the last confirmed renewal was sent
     * @param trusted false after the machine was suspended, until a renewal was sent after it
     */
    public record Lease(long id, long sentAt, boolean trusted) {
        public static final Lease NONE = new Lease(0, 0, false);
    }

    /**
     * @param readAt when the read was sent
     * @param current false if this node has changed etcd since: look again first
     * @param evidence whether the switch record of {@code term} is written
     * @param followed the term each node says it follows or, for the primary, is open under
     * @param singlePoint the node that holds the role without a lease, being the only one
     * @param sync the durability in force; empty if none was ever set
     * @param handedOver what the old primary had executed, closed and read back, when it handed this term's role over; empty if the
     *     term began otherwise
     */
    public record Cluster(
            long readAt,
            boolean current,
            Term term,
            Optional<Holder> holder,
            Map<NodeId, Member> members,
            Set<NodeId> live,
            Map<NodeId, Vote> votes,
            Map<NodeId, Term> followed,
            Optional<NodeId> lastPrimary,
            Optional<NodeId> singlePoint,
            Optional<Sync> sync,
            boolean evidence,
            Optional<GtidSet> handedOver) {
        public Cluster {
            members = Map.copyOf(members);
            live = Set.copyOf(live);
            votes = Map.copyOf(votes);
            followed = Map.copyOf(followed);
        }
    }

    /**
     * The key {@code master}.
     *
     * @param lease that the key is bound to
     */
    public record Holder(NodeId node, long createRevision, long modRevision, long lease) {}

    /**
     * What is known of a member, live or not.
     *
     * @param serverUuid empty if unknown
     * @param acker whether its acknowledgement may count
     * @param knowsLists whether its agent obeys lists of ackers; those of earlier versions do not
     * @param follows the term whose primary it says to follow well; 0 if none, or where nobody needs to know
     */
    public record Member(
            NodeId node,
            Endpoint internal,
            String dataCenter,
            String serverUuid,
            boolean acker,
            boolean knowsLists,
            Term follows) {}

    /** The list of ackers and the revision at which it was put. */
    public record Sync(AckList list, long modRevision) {}

    /** A ballot and the revision at which it was put. */
    public record Vote(Ballot ballot, long modRevision) {}

    /** How the local server does. */
    public enum Health {
        /** The last probe succeeded and is younger than the last change by this node. */
        ANSWERING,
        /** A probe younger than the last change is on its way. */
        LOOKING,
        /** It refuses or breaks connections: it is coming up, or going down. The process is not known to be dead. */
        SILENT,
        /** It lets deadlines pass: frozen, stuck or overloaded. The process is not known to be dead. */
        HUNG,
        /** The process is confirmed dead. */
        DEAD
    }

    /**
     * The local server.
     *
     * @param since when the health became what it is
     * @param writesStuckSince since when nothing has been written although something was to be; 0 if writes succeed
     * @param local the last answer, present while ANSWERING
     */
    public record Database(Health health, long since, long writesStuckSince, Optional<Local> local) {}

    /**
     * One answer of the local server.
     *
     * @param writable neither read_only nor super_read_only nor offline_mode
     * @param fenced super_read_only is on
     * @param hasUserData any schema that is not the server's own
     */
    public record Local(
            GtidSet executed,
            GtidSet received,
            boolean writable,
            boolean fenced,
            boolean offline,
            boolean hasUserData,
            Optional<Channel> channel,
            SemiSync semiSync) {}

    /**
     * Semi-synchronous replication of the local server.
     *
     * @param waitFor acknowledgements that a commit waits for; 0 if it waits for none
     * @param ackers {@code server_uuid} of each replica that is connected and acknowledges
     * @param caughtUp {@code server_uuid} of each connected replica, acknowledging or not, that has been sent everything
     * @param waiting sessions that wait for acknowledgements
     * @param acknowledges whether this server acknowledges as a replica
     */
    public record SemiSync(int waitFor, Set<String> ackers, Set<String> caughtUp, int waiting, boolean acknowledges) {
        public static final SemiSync OFF = new SemiSync(0, Set.of(), Set.of(), 0, false);

        public SemiSync {
            ackers = Set.copyOf(ackers);
            caughtUp = Set.copyOf(caughtUp);
        }
    }

    /**
     * The replication channel.
     *
     * @param connecting whether the receiver runs but has no connection to its source
     */
    public record Channel(
            Endpoint source,
            boolean receiverStopped,
            boolean connecting,
            boolean applierRunning,
            String applierError) {}

    /**
     * What the primary had executed, read after {@code mine} was known.
     *
     * @param mine this node's received set when the primary was asked
     * @param ahead whether the primary was still executing what it had received: what it had by then it keeps, so that a
     *     good answer stands; a bad one says nothing
     * @param waits {@code server_uuid} of a primary whose commits wait for ackers: it executes its own transactions when it has
     *     enough; empty if they do not wait
     */
    public record Comparison(
            NodeId primary,
            Term term,
            GtidSet mine,
            GtidSet executed,
            GtidSet purged,
            boolean ahead,
            String waits,
            long at) {
        /** Transactions of this node that the primary does not have. */
        public GtidSet errant() {
            GtidSet lacking = mine.subtract(executed);
            return ahead ? GtidSet.EMPTY : waits.isEmpty() ? lacking : lacking.subtract(lacking.madeBy(waits));
        }

        /** Whether it can be gone by. */
        public boolean stands() {
            return !ahead || executed.contains(mine);
        }
    }

    /**
     * What operators asked this node for.
     *
     * @param readOnly the operator wants the primary closed
     * @param handOver the operator wants another node to become primary
     * @param rebuild the operator gives this node's data up: it is replaced by a copy of the primary's
     * @param rule the promotion rule in force here ({@code must_not} while only-follow)
     */
    public record Wishes(boolean readOnly, Optional<HandOverWish> handOver, boolean rebuild, PromotionRule rule) {
        public Optional<NodeId> handOverTo() {
            return handOver.map(HandOverWish::to);
        }
    }

    /**
     * @param within how long the primary may be closed before it goes back
     * @param inTheWay what to do about sessions that it would have to wait for
     */
    public record HandOverWish(NodeId to, Duration within, OnLongTransactions inTheWay) {}
}
