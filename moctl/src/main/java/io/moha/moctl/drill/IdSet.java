package io.moha.moctl.drill;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Numbers as intervals: each writer counts its rows upwards, so that millions of them take a few intervals. Not safe for
 * several threads.
 */
final class IdSet {
    /** First to last, both included; disjoint, and never touching. */
    private final TreeMap<Long, Long> intervals = new TreeMap<>();

    private long size;

    /** @return false if it was there already */
    boolean add(long id) {
        Map.Entry<Long, Long> before = intervals.floorEntry(id);
        if (before != null && before.getValue() >= id) {
            return false;
        }
        size++;
        long first = before != null && before.getValue() == id - 1 ? before.getKey() : id;
        Long behind = intervals.remove(id + 1);
        intervals.put(first, behind == null ? id : behind);
        return true;
    }

    boolean contains(long id) {
        Map.Entry<Long, Long> before = intervals.floorEntry(id);
        return before != null && before.getValue() >= id;
    }

    long size() {
        return size;
    }

    /** How many intervals it takes. */
    int intervals() {
        return intervals.size();
    }

    /** What is in one of the two. */
    IdSet union(IdSet other) {
        IdSet both = new IdSet();
        for (IdSet each : List.of(this, other)) {
            each.intervals.forEach(both::addAll);
        }
        return both;
    }

    private void addAll(long first, long last) {
        size += last - first + 1 - covered(first, last);
        long from = first;
        long to = last;
        Map.Entry<Long, Long> before = intervals.floorEntry(first);
        if (before != null && before.getValue() >= first - 1) {
            from = before.getKey();
            to = Math.max(to, before.getValue());
        }
        Map.Entry<Long, Long> behind = intervals.floorEntry(to + 1);
        if (behind != null) {
            to = Math.max(to, behind.getValue());
        }
        intervals.subMap(from, true, to, true).clear();
        intervals.put(from, to);
    }

    /** How many of these are not in {@code other}. */
    long countMissingIn(IdSet other) {
        long missing = 0;
        for (Map.Entry<Long, Long> own : intervals.entrySet()) {
            missing += own.getValue() - own.getKey() + 1 - other.covered(own.getKey(), own.getValue());
        }
        return missing;
    }

    private long covered(long first, long last) {
        Long start = intervals.floorKey(first);
        long covered = 0;
        for (Map.Entry<Long, Long> each : intervals
                .subMap(start == null ? first : start, true, last, true)
                .entrySet()) {
            covered += Math.max(0, Math.min(last, each.getValue()) - Math.max(first, each.getKey()) + 1);
        }
        return covered;
    }

    /** The first of these that are not in {@code other}, at most {@code limit}. */
    List<Long> missingIn(IdSet other, int limit) {
        List<Long> missing = new ArrayList<>();
        for (Map.Entry<Long, Long> own : intervals.entrySet()) {
            for (long id = own.getKey(); id <= own.getValue(); id++) {
                if (missing.size() >= limit) {
                    return missing;
                }
                Map.Entry<Long, Long> there = other.intervals.floorEntry(id);
                if (there != null && there.getValue() >= id) {
                    id = there.getValue();
                } else {
                    missing.add(id);
                }
            }
        }
        return missing;
    }
}
