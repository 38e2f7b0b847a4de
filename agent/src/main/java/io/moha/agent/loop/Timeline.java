package io.moha.agent.loop;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** When the steps of the present change of primary were reached on this node; monotonic nanoseconds. Loop thread only. */
final class Timeline {
    private long noticed;
    private long chosen;
    private long drained;
    private long opening;
    private long opened;

    void noticed(long at) {
        noticed = at;
        chosen = drained = opening = opened = 0;
    }

    void chosen(long at) {
        chosen = at;
        drained = opening = opened = 0;
    }

    void drained(long at) {
        drained = drained == 0 && opening == 0 ? at : drained; // where it opened first, the tidying is no part of it
    }

    void opening(long at) {
        opening = opening == 0 ? at : opening;
    }

    void opened(long at) {
        opened = opened == 0 ? at : opened;
    }

    /**
     * Milliseconds of each phase.
     *
     * @param before phases of the old primary in a planned hand-over; then no election is counted
     */
    Map<String, Long> phases(Optional<Map<String, Long>> before) {
        Map<String, Long> phases = new LinkedHashMap<>();
        long total = 0;
        if (before.isPresent()) {
            phases.putAll(before.get());
            total = before.get().values().stream().mapToLong(Long::longValue).sum();
        } else if (noticed != 0 && chosen != 0) {
            total = put(phases, "elect", noticed, chosen);
        }
        long afterDrain = drained == 0 ? chosen : drained;
        long afterPromote = opening == 0 ? afterDrain : opening;
        total += put(phases, "drain", chosen, afterDrain);
        total += put(phases, "promote", afterDrain, afterPromote);
        total += put(phases, "open", afterPromote, opened);
        phases.put("total", total);
        return phases;
    }

    private static long put(Map<String, Long> phases, String name, long from, long to) {
        long millis = Math.max(0, Math.round((to - from) / 1e6));
        phases.put(name, millis);
        return millis;
    }
}
