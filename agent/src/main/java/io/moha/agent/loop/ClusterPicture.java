package io.moha.agent.loop;

import io.moha.decide.Observation;
import io.moha.model.AckList;
import io.moha.model.Ballot;
import io.moha.model.Durability;
import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.Term;
import io.moha.store.AckListValue;
import io.moha.store.BallotValue;
import io.moha.store.DynamicSettings;
import io.moha.store.Json;
import io.moha.store.Keys;
import io.moha.store.Registration;
import io.moha.store.StoreSnapshot;
import io.moha.store.StoreSnapshot.Entry;
import io.moha.store.SwitchRecord;
import io.moha.store.SwitchRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * One read of etcd, understood. A value that cannot be understood is left out and named in {@code problems}: one bad key
 * must not stop the cluster. Only the term, the holder and a request for a switch are never guessed.
 *
 * @param sentAt monotonic nanoseconds when the read was sent
 * @param members what each member said of itself last, live or not
 * @param sync the durability in force
 * @param wanted what operators want it to be; empty if nobody has said so in etcd
 * @param known members and live ones; what a live one says now counts
 */
public record ClusterPicture(
        long sentAt,
        Instant readAt,
        long revision,
        Term term,
        Optional<Observation.Holder> holder,
        Map<NodeId, Registration> members,
        Map<NodeId, Registration> live,
        Map<NodeId, Observation.Member> known,
        Map<NodeId, Observation.Vote> votes,
        Map<NodeId, Term> followed,
        Optional<NodeId> lastPrimary,
        Optional<NodeId> singlePoint,
        Optional<Observation.Sync> sync,
        Optional<Durability> wanted,
        List<SwitchRecord> records,
        Map<String, Long> recordRevisions,
        Optional<SwitchRequest> request,
        List<String> problems) {

    static ClusterPicture of(StoreSnapshot snapshot, long sentAt, Instant readAt) {
        List<String> problems = new ArrayList<>();
        Map<NodeId, Registration> members = new TreeMap<>();
        Map<NodeId, Registration> live = new TreeMap<>();
        Map<NodeId, Observation.Member> known = new HashMap<>();
        Map<NodeId, Observation.Vote> votes = new TreeMap<>();
        Map<NodeId, Term> followed = new TreeMap<>();
        Map<String, SwitchRecord> records = new TreeMap<>(Comparator.reverseOrder());
        Map<String, Long> recordRevisions = new HashMap<>();
        Reader in = new Reader(snapshot, problems);
        in.each(Keys.MEMBERS, registration(members, known));
        in.each(Keys.REGISTRATIONS, registration(live, known));
        in.each(Keys.BALLOTS, (id, e) -> {
            Ballot ballot = Json.read(e.value(), BallotValue.class).toBallot(new NodeId(id));
            votes.put(new NodeId(id), new Observation.Vote(ballot, e.modRevision()));
        });
        in.each(Keys.FOLLOWED, (id, e) -> followed.put(new NodeId(id), new Term(Long.parseLong(e.value()))));
        in.each(Keys.RECORDS, (ts, e) -> {
            records.put(ts, Json.read(e.value(), SwitchRecord.class));
            recordRevisions.put(ts, e.modRevision());
        });
        Map<String, Durability> wanted = new HashMap<>();
        in.each(
                Keys.CONFIG,
                (rest, e) -> wanted.put(
                        Keys.CONFIG, Json.read(e.value(), DynamicSettings.class).toDurability()));
        Optional<Observation.Sync> sync = in.must(
                Keys.SYNC,
                e -> new Observation.Sync(
                        Json.read(e.value(), AckListValue.class).toList(), e.modRevision()));
        if (wanted.isEmpty() && snapshot.entries().containsKey(Keys.CONFIG)) {
            wanted.put(Keys.CONFIG, asInForce(sync.map(Observation.Sync::list)));
        }
        Term term = in.must(Keys.TERM, e -> new Term(Long.parseLong(e.value()))).orElse(Term.NONE);
        Optional<Observation.Holder> holder = in.must(
                Keys.HOLDER,
                e -> new Observation.Holder(new NodeId(e.value()), e.createRevision(), e.modRevision(), e.lease()));
        Optional<SwitchRequest> request = in.must(Keys.REQUEST, e -> Json.read(e.value(), SwitchRequest.class));
        return new ClusterPicture(
                sentAt,
                readAt,
                snapshot.revision(),
                term,
                holder,
                Map.copyOf(members),
                Map.copyOf(live),
                Map.copyOf(known),
                Map.copyOf(votes),
                Map.copyOf(followed),
                in.must(Keys.LAST_ID, e -> new NodeId(e.value())),
                in.must(Keys.SINGLE_POINT, e -> new NodeId(e.value())),
                sync,
                Optional.ofNullable(wanted.get(Keys.CONFIG)),
                List.copyOf(records.values()),
                Map.copyOf(recordRevisions),
                request,
                List.copyOf(problems));
    }

    /** What is wanted is not understood: what is in force stays. */
    private static Durability asInForce(Optional<AckList> list) {
        return list.filter(AckList::binding)
                .map(l -> new Durability(true, Math.max(1, l.acks()), false))
                .orElse(Durability.ASYNC);
    }

    /** The same keys with the same values, read once more. */
    ClusterPicture again(StoreSnapshot read, long sentThen, Instant readThen) {
        return new ClusterPicture(
                sentThen,
                readThen,
                read.revision(),
                term,
                holder,
                members,
                live,
                known,
                votes,
                followed,
                lastPrimary,
                singlePoint,
                sync,
                wanted,
                records,
                recordRevisions,
                request,
                problems);
    }

    /** Whether the key names this node and is bound to this lease, or to none: the only member. */
    boolean bound(NodeId node, long lease) {
        return holder.filter(h -> h.node().equals(node) && (h.lease() == lease || h.lease() == 0))
                .isPresent();
    }

    /**
     * The part that decisions look at.
     *
     * @param current false if this node has changed etcd since the read was sent
     * @param recovering etcd was away until just now: registrations ended without anybody's fault, so that an election
     *     waits for every member as if it were registered
     */
    Observation.Cluster observed(boolean current, boolean recovering) {
        boolean evidence = records.stream().anyMatch(r -> r.term() == term.value());
        Optional<GtidSet> handedOver = request.filter(r -> r.term() == term.value()
                        && holder.filter(h -> h.node().value().equals(r.to())).isPresent())
                .map(r -> GtidSet.parse(r.gtidExecuted()));
        boolean everybody = recovering && term.value() > 0;
        return new Observation.Cluster(
                sentAt,
                current,
                term,
                holder,
                known,
                everybody ? known.keySet() : live.keySet(),
                votes,
                followed,
                lastPrimary,
                singlePoint,
                sync,
                evidence,
                handedOver);
    }

    /** One that cannot be understood is in neither map. */
    private static BiConsumer<String, Entry> registration(
            Map<NodeId, Registration> all, Map<NodeId, Observation.Member> known) {
        return (name, entry) -> {
            NodeId id = new NodeId(name);
            Registration read = Json.read(entry.value(), Registration.class);
            known.put(id, member(id, read));
            all.put(id, read);
        };
    }

    private static Observation.Member member(NodeId node, Registration r) {
        String dataCenter = r.dataCenter() == null ? "" : r.dataCenter();
        return new Observation.Member(
                node,
                Endpoint.parse(r.internalHost()),
                dataCenter,
                r.serverUuid() == null ? "" : r.serverUuid(),
                Boolean.TRUE.equals(r.acker()),
                r.acker() != null,
                r.follows() == null ? Term.NONE : new Term(r.follows()));
    }

    /** Reads entries one by one; what fails is a problem, not an end. */
    private record Reader(StoreSnapshot snapshot, List<String> problems) {
        void each(String prefix, BiConsumer<String, Entry> take) {
            snapshot.entries().forEach((key, entry) -> {
                if (key.startsWith(prefix)) {
                    try {
                        take.accept(key.substring(prefix.length()), entry);
                    } catch (IllegalArgumentException e) {
                        problems.add("etcd key " + key + " is not understood: " + e.getMessage());
                    }
                }
            });
        }

        /**
         * A key on which safety rests: not to be left out.
         *
         * @throws IllegalArgumentException naming the key
         */
        <T> Optional<T> must(String key, Function<Entry, T> parse) {
            Entry entry = snapshot.entries().get(key);
            try {
                return Optional.ofNullable(entry).map(parse);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("etcd key " + key + ": " + e.getMessage(), e);
            }
        }
    }
}
