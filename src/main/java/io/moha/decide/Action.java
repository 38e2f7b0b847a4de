package io.moha.decide;

import io.moha.model.AckList;
import io.moha.model.Ballot;
import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.OnLongTransactions;
import io.moha.model.Term;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** Something to be done at the edge. Every action is safe to repeat, or guarded so that a repetition does nothing. */
public sealed interface Action {

    /** Name for logs, metrics and back-off. */
    default String kind() {
        return getClass().getSimpleName();
    }

    /** Climb the ladder of the fence; SIGKILL at {@code killAt} at the latest. */
    record Fence(long killAt, boolean killAtOnce) implements Action {}

    record StartDatabase() implements Action {}

    /** Put or correct {@code slave/<me>} and {@code members/<me>}. */
    record Register() implements Action {}

    record StopReceiver() implements Action {}

    record StartApplier() implements Action {}

    record StartReplication() implements Action {}

    record OpenToApplications() implements Action {}

    /**
     * Ask the primary what it has executed.
     *
     * @param ahead whether it may still be executing what it had received
     * @param waits its {@code server_uuid} if its commits wait for ackers, else empty
     */
    record Compare(NodeId primary, Endpoint endpoint, Term term, GtidSet mine, boolean ahead, String waits)
            implements Action {}

    /** Point replication at the holder. Everything received is executed. */
    record Follow(NodeId primary, Endpoint endpoint, Term term) implements Action {}

    /** Forget the GTIDs of the server's own initialisation. */
    record ForgetHistory() implements Action {}

    record CloneFrom(NodeId donor, Endpoint endpoint) implements Action {}

    /** Say which term this node has followed: an etcd that was restored from an older state has forgotten it. */
    record SayFollowed(Term term) implements Action {}

    /**
     * Guarded by {@code current} being the term and by the key of the role being as it was seen.
     *
     * @param holderRevision mod revision of the key of the role; 0 if nobody holds it
     * @param ownRevision mod revision of this node's last ballot, which guards too, so that a ballot which was withdrawn
     *     cannot come late; -1 for no such guard
     */
    record PutBallot(Term current, Ballot ballot, long holderRevision, long ownRevision) implements Action {}

    /** Guarded by {@code current} being the term. Puts a ballot that says nothing: one that is still on its way cannot follow it. */
    record WithdrawBallot(Term current, Ballot empty) implements Action {}

    /**
     * Take the role: guarded by the term, the holder's key and the list of ackers as they were seen (0: there is none), the revision of every counted ballot, and the absence of
     * the ballots that live members have not cast.
     *
     * @param drained whether all that was received is executed: then the evidence, and with it the list, is put at once
     * @param list with which the term begins, if one is needed
     */
    record Campaign(
            Term current,
            Map<NodeId, Long> counted,
            GtidSet received,
            long holderRevision,
            long syncRevision,
            boolean drained,
            Optional<AckList> list)
            implements Action {
        public Campaign {
            counted = Map.copyOf(counted);
        }
    }

    /** Bind the key of an earlier life of this agent to its new lease. */
    record ResumeRole(Term term, long createRevision) implements Action {}

    /**
     * Put the key again that went with the lease while etcd was away: guarded by the term and by the absence of a holder.
     * Nobody can have held the role meanwhile, or the term would be another one.
     */
    record RetakeRole(Term term) implements Action {}

    /** @param waitFor acknowledgements that commits are to wait for from then on; 0: as it is */
    record ForgetSource(int waitFor) implements Action {}

    /** Put the list of ackers: guarded by being the holder, and by the list being as it was seen. */
    record PutSync(long createRevision, AckList list, long syncRevision) implements Action {}

    /**
     * Let commits wait for so many replicas.
     *
     * @param commitsGoOn they begin to wait while applications write: what was sent to the replicas before is acknowledged by none
     *     of them, so that one more transaction is to follow at once
     */
    record AwaitAckers(int replicas, boolean commitsGoOn) implements Action {
        /** On a server that nobody can write to. */
        public AwaitAckers(int replicas) {
            this(replicas, false);
        }
    }

    /** As a replica, acknowledge what was received, or do not. */
    record Acknowledge(boolean on) implements Action {}

    /** Make replicas acknowledge once more what they have received. */
    record Nudge() implements Action {}

    /** End the connection of a replica that acknowledges and is not listed. */
    record DropReplica(String serverUuid) implements Action {}

    /**
     * Write the record of this change, guarded by being the holder.
     *
     * @param list the list of ackers with which the term begins, written in the same transaction; empty if there is to be none
     * @param syncRevision of the list that is replaced; 0 if there is none
     */
    record WriteEvidence(Term term, Optional<AckList> list, long syncRevision) implements Action {}

    /** Hold the role without a lease: guarded by being the holder and by the absence of every other registration. */
    record EnterSinglePoint(Term term, long createRevision) implements Action {}

    /** Hold the role by the lease again. */
    record LeaveSinglePoint(Term term, long createRevision) implements Action {}

    /**
     * Asked of the server right before; if it is not so, nothing is opened.
     *
     * @param waitFor the server must wait for so many acknowledgements by now
     * @param executed the server must have executed this
     */
    record OpenForWrites(Term term, int waitFor, GtidSet executed) implements Action {
        public OpenForWrites(Term term, int waitFor) {
            this(term, waitFor, GtidSet.EMPTY);
        }
    }

    /** Tell the others that the primary of this term is open; adds the phases to the evidence. */
    record Announce(Term term) implements Action {}

    record CloseForWrites() implements Action {}

    /**
     * Wait until the target has executed everything, then give it the key in one transaction.
     *
     * @param modRevision of the key as it is now: once it is written anew nothing of this can be applied any more
     * @param closes whether this server is still open: then the target is brought near first, and this server closed by the way,
     *     so that writes stand still for as little as possible
     * @param within how long this server may be closed before it goes back
     * @param inTheWay what to do about sessions that closing would have to wait for, or whose work it would undo
     */
    record HandOver(
            Term term,
            long modRevision,
            NodeId target,
            Endpoint endpoint,
            boolean closes,
            Duration within,
            OnLongTransactions inTheWay)
            implements Action {}

    /** Delete the key as it stands at {@code modRevision}; the ballot says why this node does not want the coming term. */
    record Resign(Term term, long modRevision, Ballot ballot) implements Action {}
}
