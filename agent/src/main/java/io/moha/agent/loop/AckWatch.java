package io.moha.agent.loop;

import io.moha.decide.Observation;
import io.moha.model.AckList;
import io.moha.model.NodeId;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Remembers since when a primary's server and its ackers are as they are. Loop thread only. */
final class AckWatch {
    private static final Duration REMEMBERED = Duration.ofSeconds(5);

    private final Map<NodeId, Long> awaySince = new HashMap<>();
    private int strangers;
    private long strangersAt;
    private int waitsFor;
    private long waitsSince;
    private final Progress progress = new Progress();

    /**
     * One look.
     *
     * @param list of this node as primary; empty if it is none, or has not written one
     * @param server what it said; empty if it did not answer: nothing is known then
     * @param lookedAt when it was asked
     */
    void saw(
            Optional<AckList> list,
            Optional<Observation.Cluster> cluster,
            Optional<Observation.Local> server,
            long lookedAt,
            long now) {
        if (list.isEmpty() || cluster.isEmpty()) {
            awaySince.clear();
            waitsFor = 0;
            waitsSince = 0;
            progress.forget();
            strangers = 0;
            return;
        }
        if (server.isEmpty()) {
            return;
        }
        Observation.SemiSync semiSync = server.get().semiSync();
        if (semiSync.waitFor() != waitsFor) {
            waitsFor = semiSync.waitFor();
            waitsSince = waitsFor == 0 ? 0 : now;
        }
        progress.looked(semiSync.waiting(), server.get().executed(), lookedAt);
        lookForStrangers(list.get(), cluster.get(), semiSync, now);
        awaySince.keySet().retainAll(list.get().ackers());
        for (NodeId node : list.get().ackers()) {
            Observation.Member member = cluster.get().members().get(node);
            if (member != null && semiSync.ackers().contains(member.serverUuid())) {
                awaySince.remove(node);
            } else {
                awaySince.putIfAbsent(node, now);
            }
        }
    }

    /** One that was dropped connects anew within a second or so: it counts for a while. */
    private void lookForStrangers(AckList list, Observation.Cluster cluster, Observation.SemiSync semiSync, long now) {
        Set<String> unknown = new HashSet<>(semiSync.ackers());
        list.ackers().forEach(node -> {
            Observation.Member member = cluster.members().get(node);
            if (member != null) {
                unknown.remove(member.serverUuid());
            }
        });
        if (unknown.size() >= strangers || now - strangersAt > REMEMBERED.toNanos()) {
            strangers = unknown.size();
            strangersAt = now;
        }
    }

    /** How many servers have acknowledged lately without being listed. */
    int strangers() {
        return strangers;
    }

    Map<NodeId, Long> awaySince() {
        return awaySince;
    }

    Progress progress() {
        return progress;
    }

    /** Since when the server waits for as many as now; 0 if it waits for none. */
    long waitsSince() {
        return waitsSince;
    }
}
