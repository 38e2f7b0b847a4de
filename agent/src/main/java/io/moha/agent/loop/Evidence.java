package io.moha.agent.loop;

import io.moha.model.NodeId;
import io.moha.model.Term;
import io.moha.mysql.DatabaseStatus;
import io.moha.store.SwitchRecord;
import io.moha.store.SwitchRequest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Makes the record of one change of primary. */
final class Evidence {
    private static final DateTimeFormatter TS =
            DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss.SSS'Z'").withZone(ZoneOffset.UTC);

    private Evidence() {}

    static SwitchRecord of(
            NodeId me, Term term, ClusterPicture picture, DatabaseStatus status, String oldPrimary, Instant wall) {
        Optional<SwitchRequest> request = picture.request().filter(r -> r.term() == term.value());
        Map<String, SwitchRecord.BallotSummary> ballots = new TreeMap<>();
        picture.votes().forEach((node, vote) -> {
            if (vote.ballot().term().equals(term)) {
                ballots.put(
                        node.value(),
                        new SwitchRecord.BallotSummary(
                                vote.ballot().received().toString(),
                                vote.ballot().executed().toString(),
                                vote.ballot().backlog(),
                                vote.ballot().eligible(),
                                vote.ballot().reason()));
            }
        });
        List<String> without = new ArrayList<>();
        for (NodeId member : picture.members().keySet()) {
            if (!ballots.containsKey(member.value()) && request.isEmpty()) {
                without.add(member.value());
            }
        }
        without.sort(null);
        String kind = request.isPresent() ? "switchover" : term.value() == 1 ? "bootstrap" : "failover";
        return new SwitchRecord(
                laterThan(picture, wall),
                term.value(),
                kind,
                reason(kind, oldPrimary, ballots, without),
                oldPrimary.isEmpty() ? null : oldPrimary,
                me.value(),
                status.binlogFile(),
                status.binlogPosition(),
                status.executed().toString(),
                status.serverUuid(),
                ballots,
                without,
                picture.sync().filter(s -> s.list().binding()).isPresent() ? "lossless" : "async",
                null,
                picture.records().isEmpty() ? null : picture.records().get(0).ts());
    }

    /** The time stamp, but never before the last record's: records sort by it even when a wall clock was set back. */
    private static String laterThan(ClusterPicture picture, Instant wall) {
        String now = TS.format(wall);
        if (picture.records().isEmpty()
                || now.compareTo(picture.records().get(0).ts()) > 0) {
            return now;
        }
        Instant last = Instant.from(TS.parse(picture.records().get(0).ts()));
        return TS.format(last.plusMillis(1));
    }

    private static String reason(
            String kind, String oldPrimary, Map<String, SwitchRecord.BallotSummary> ballots, List<String> without) {
        if (kind.equals("switchover")) {
            return "an operator asked for it";
        }
        if (kind.equals("bootstrap")) {
            return "the first primary of the cluster";
        }
        SwitchRecord.BallotSummary old = ballots.get(oldPrimary);
        if (old != null) {
            return old.eligible()
                    ? "the old primary " + oldPrimary + " lost its lease"
                    : "the old primary " + oldPrimary + ": " + old.reason();
        }
        return without.contains(oldPrimary)
                ? "the old primary " + oldPrimary + " is gone: its lease ran out"
                : "nobody held the role";
    }
}
