package io.moha.agent.loop;

import io.moha.decide.Action;
import io.moha.model.AckList;
import io.moha.model.NodeId;
import io.moha.model.Term;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseStatus;
import io.moha.store.AckListValue;
import io.moha.store.BallotValue;
import io.moha.store.ClusterStore;
import io.moha.store.Json;
import io.moha.store.Keys;
import io.moha.store.Registration;
import io.moha.store.StoreException;
import io.moha.store.StoreSnapshot;
import io.moha.store.SwitchRecord;
import io.moha.store.SwitchRequest;
import io.moha.store.Txn;
import io.moha.store.Txn.Guard;
import io.moha.store.Txn.Op;
import io.moha.store.TxnResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Does the actions on etcd. Every write of the holder is guarded by the key's value, its create revision and the term; what
 * gives the key up, by its mod revision, so that writing it anew makes an end of what is still on its way. The
 * create revision alone does not tell a role that was handed away and back, since a hand-over never deletes the key.
 */
final class StoreActor {
    static final Duration CALL = Duration.ofMillis(1500);
    private static final int KEPT_RECORDS = 30;
    private static final String UNREAD = "etcd or the database has not been read yet";

    /** Takes the keys that a transaction of this node's came back with. */
    interface Learner {
        /** @return whether they count as read */
        boolean learn(StoreSnapshot after, long sentAt);
    }

    private record Sent(TxnResult result, boolean learned) {}

    /** What the loop knows and this class asks for at the moment of use. */
    record Sources(
            Supplier<Optional<ClusterPicture>> picture,
            Supplier<Registration> registration,
            Supplier<Long> leaderLease,
            Supplier<Long> registrationLease,
            Supplier<Optional<DatabaseStatus>> status,
            Function<Optional<Map<String, Long>>, Map<String, Long>> phases,
            Supplier<Long> readOnlyMillis,
            BooleanSupplier withdrawn,
            Learner learn) {}

    private final NodeId me;
    private final ClusterStore store;
    private final Clock clock;
    private final Sources sources;
    private final HandingOver handingOver;

    StoreActor(NodeId me, ClusterStore store, Database database, Clock clock, Sources sources) {
        this.me = me;
        this.store = store;
        this.clock = clock;
        this.sources = sources;
        this.handingOver = new HandingOver(me, this, database, clock, sources);
    }

    /** @see HandingOver#closedAt */
    long closedAt() {
        return handingOver.closedAt();
    }

    Outcome act(Action action) throws StoreException, DatabaseException {
        if (action instanceof Action.Register) {
            return register();
        } else if (action instanceof Action.SayFollowed say) {
            return commit(
                    List.of(), List.of(new Txn.Put(Keys.followed(me), say.term().toString(), 0)), "");
        } else if (action instanceof Action.PutBallot put) {
            return putBallot(put);
        } else if (action instanceof Action.WithdrawBallot withdraw) {
            return commit(
                    List.of(Keys.termIs(withdraw.current())),
                    List.of(ballot(withdraw.empty())),
                    "the term has changed");
        } else if (action instanceof Action.Campaign campaign) {
            return campaign(campaign);
        } else if (action instanceof Action.PutSync put) {
            List<Guard> guards = new ArrayList<>(mine(put.list().term(), put.createRevision()));
            guards.add(new Txn.ModRevisionIs(Keys.SYNC, put.syncRevision()));
            return commit(guards, List.of(putList(put.list())), "the role has passed on, or the list has changed");
        } else if (action instanceof Action.ResumeRole resume) {
            return commit(mine(resume.term(), resume.createRevision()), holdByLease(), "the role has passed on");
        } else if (action instanceof Action.RetakeRole retake) {
            return commit(
                    List.of(Keys.termIs(retake.term()), new Txn.CreateRevisionIs(Keys.HOLDER, 0)),
                    holdByLease(),
                    "another node was faster");
        } else if (action instanceof Action.EnterSinglePoint enter) {
            return enterSinglePoint(enter);
        } else if (action instanceof Action.LeaveSinglePoint leave) {
            return commit(mine(leave.term(), leave.createRevision()), holdByLease(), "the role has passed on");
        } else if (action instanceof Action.WriteEvidence write) {
            return writeEvidence(write);
        } else if (action instanceof Action.Announce announce) {
            return announce(announce.term());
        } else if (action instanceof Action.HandOver handOver) {
            return handingOver.perform(handOver);
        } else if (action instanceof Action.Resign resign) {
            return commit(
                    mineSince(resign.term(), resign.modRevision()),
                    List.of(new Txn.Delete(Keys.HOLDER), ballot(resign.ballot())),
                    "the role has passed on");
        }
        return Outcome.failed("nobody does " + action.kind());
    }

    private Outcome register() throws StoreException {
        Registration registration = sources.registration().get();
        long lease = sources.registrationLease().get();
        if (lease == 0) {
            return Outcome.failed("there is no lease to register with yet");
        }
        return commit(
                List.of(),
                List.of(
                        new Txn.Put(Keys.registration(me), Json.write(registration), lease),
                        new Txn.Put(Keys.member(me), Json.write(registration.asMember()), 0)),
                "");
    }

    private Outcome putBallot(Action.PutBallot put) throws StoreException {
        List<Guard> guards = new ArrayList<>();
        guards.add(Keys.termIs(put.current()));
        guards.add(new Txn.ModRevisionIs(Keys.HOLDER, put.holderRevision()));
        if (put.ownRevision() >= 0) {
            guards.add(new Txn.ModRevisionIs(Keys.ballot(me), put.ownRevision()));
        }
        return commit(guards, List.of(ballot(put.ballot())), "the election has moved on");
    }

    private Outcome campaign(Action.Campaign campaign) throws StoreException {
        List<Guard> guards = new ArrayList<>();
        guards.add(Keys.termIs(campaign.current()));
        guards.add(new Txn.ModRevisionIs(Keys.HOLDER, campaign.holderRevision()));
        guards.add(new Txn.ModRevisionIs(Keys.SYNC, campaign.syncRevision()));
        campaign.counted().forEach((node, revision) -> guards.add(new Txn.ModRevisionIs(Keys.ballot(node), revision)));
        Term next = campaign.current().next();
        String uuid = sources.status().get().map(DatabaseStatus::serverUuid).orElse("");
        List<Op> operations = new ArrayList<>(List.of(
                new Txn.Put(Keys.HOLDER, me.value(), sources.leaderLease().get()),
                new Txn.Delete(Keys.SINGLE_POINT),
                new Txn.Delete(Keys.REQUEST), // a hand-over that was begun is over: this term begins otherwise
                new Txn.Put(Keys.TERM, next.toString(), 0),
                new Txn.Put(Keys.LAST_ID, me.value(), 0),
                new Txn.Put(Keys.LAST_UUID, uuid, 0),
                new Txn.Put(Keys.LAST_GTID, campaign.received().toString(), 0),
                new Txn.Put(Keys.LAST_TXNID, Long.toString(campaign.received().countOf(uuid)), 0)));
        if (campaign.drained()) {
            Optional<SwitchRecord> evidence = evidence(next);
            if (evidence.isEmpty()) {
                return Outcome.failed(UNREAD);
            }
            putEvidence(evidence.get(), guards, operations);
            campaign.list().ifPresent(list -> operations.add(putList(list)));
        }
        return commit(guards, operations, "another node was faster, or a ballot has changed");
    }

    private List<Op> holdByLease() {
        return List.of(
                new Txn.Put(Keys.HOLDER, me.value(), sources.leaderLease().get()), new Txn.Delete(Keys.SINGLE_POINT));
    }

    /** Nobody else is registered at this very moment. */
    private Outcome enterSinglePoint(Action.EnterSinglePoint enter) throws StoreException {
        Optional<ClusterPicture> picture = sources.picture().get();
        List<Guard> guards = new ArrayList<>(mine(enter.term(), enter.createRevision()));
        picture.ifPresent(p -> p.members().keySet().stream()
                .filter(n -> !n.equals(me))
                .forEach(n -> guards.add(new Txn.CreateRevisionIs(Keys.registration(n), 0))));
        return picture.isEmpty()
                ? Outcome.failed("etcd has not been read yet")
                : commit(
                        guards,
                        List.of(new Txn.Put(Keys.HOLDER, me.value(), 0), new Txn.Put(Keys.SINGLE_POINT, me.value(), 0)),
                        "the role has passed on, or another member is back");
    }

    private Outcome writeEvidence(Action.WriteEvidence write) throws StoreException {
        Term term = write.term();
        Optional<SwitchRecord> evidence = evidence(term);
        Optional<ClusterPicture> picture = sources.picture().get();
        if (evidence.isEmpty() || picture.isEmpty() || picture.get().holder().isEmpty()) {
            return Outcome.failed(UNREAD);
        }
        List<Guard> guards =
                new ArrayList<>(mine(term, picture.get().holder().get().createRevision()));
        List<Op> operations = new ArrayList<>();
        putEvidence(evidence.get(), guards, operations);
        write.list().ifPresent(list -> {
            guards.add(new Txn.ModRevisionIs(Keys.SYNC, write.syncRevision()));
            operations.add(putList(list));
        });
        return commit(guards, operations, "the role has passed on, or the list has changed");
    }

    /** Empty if etcd or the database has not been read yet. */
    private Optional<SwitchRecord> evidence(Term term) {
        Optional<ClusterPicture> picture = sources.picture().get();
        Optional<DatabaseStatus> status = sources.status().get();
        if (picture.isEmpty() || status.isEmpty()) {
            return Optional.empty();
        }
        String old = picture.get().records().stream()
                .filter(r -> r.term() < term.value())
                .findFirst()
                .map(SwitchRecord::newPrimary)
                .orElse("");
        return Optional.of(Evidence.of(me, term, picture.get(), status.get(), old, clock.wall()));
    }

    private static void putEvidence(SwitchRecord record, List<Guard> guards, List<Op> operations) {
        guards.add(new Txn.CreateRevisionIs(Keys.record(record.ts()), 0));
        operations.add(new Txn.Put(Keys.record(record.ts()), Json.write(record), 0));
    }

    private static Op putList(AckList list) {
        return new Txn.Put(Keys.SYNC, Json.write(AckListValue.of(list)), 0);
    }

    private Outcome announce(Term term) throws StoreException {
        Optional<ClusterPicture> read = sources.picture().get();
        if (read.isEmpty() || read.get().holder().isEmpty()) {
            return Outcome.failed("etcd has not been read yet");
        }
        ClusterPicture picture = read.get();
        List<Op> operations = new ArrayList<>();
        operations.add(new Txn.Put(Keys.followed(me), term.toString(), 0));
        Optional<Map<String, Long>> before =
                picture.request().filter(r -> r.term() == term.value()).map(SwitchRequest::phasesMs);
        picture.records().stream()
                .filter(r -> r.term() == term.value() && r.phasesMs() == null)
                .findFirst()
                .ifPresent(r -> operations.add(new Txn.Put(
                        Keys.record(r.ts()),
                        Json.write(r.withPhases(sources.phases().apply(before))),
                        0)));
        if (picture.request().isPresent()) {
            operations.add(new Txn.Delete(Keys.REQUEST));
        }
        for (int i = KEPT_RECORDS; i < picture.records().size(); i++) {
            operations.add(new Txn.Delete(Keys.record(picture.records().get(i).ts())));
        }
        return commit(mine(term, picture.holder().get().createRevision()), operations, "the role has passed on");
    }

    /** Nor has this node written the key anew. */
    List<Guard> mineSince(Term term, long modRevision) {
        return List.of(
                new Txn.ValueIs(Keys.HOLDER, me.value()),
                new Txn.ModRevisionIs(Keys.HOLDER, modRevision),
                Keys.termIs(term));
    }

    private List<Guard> mine(Term term, long createRevision) {
        return List.of(
                new Txn.ValueIs(Keys.HOLDER, me.value()),
                new Txn.CreateRevisionIs(Keys.HOLDER, createRevision),
                Keys.termIs(term));
    }

    private Op ballot(io.moha.model.Ballot ballot) {
        return new Txn.Put(Keys.ballot(me), Json.write(BallotValue.of(ballot)), 0);
    }

    private Outcome commit(List<Guard> guards, List<Op> operations, String otherwise) throws StoreException {
        Sent sent = send(guards, operations);
        return (sent.result().committed() ? Outcome.DONE : Outcome.failed(otherwise)).learned(sent.learned());
    }

    /** @return the revision of the commit, empty if a guard did not hold */
    OptionalLong tryCommit(List<Guard> guards, List<Op> operations) throws StoreException {
        TxnResult result = send(guards, operations).result();
        return result.committed() ? OptionalLong.of(result.revision()) : OptionalLong.empty();
    }

    private Sent send(List<Guard> guards, List<Op> operations) throws StoreException {
        long sentAt = clock.now();
        TxnResult result = store.commit(new Txn(guards, operations), CALL);
        return new Sent(result, sources.learn().learn(result.after(), sentAt));
    }
}
