package io.moha.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * A set of global transaction identifiers as MySQL writes it: {@code uuid:1-5:7,uuid:tag:1-3}. Whole sets are compared,
 * with gaps and tags; there is no "last number". Immutable.
 *
 * <p>Source of the format: MySQL Reference Manual, "GTID Sets" (tags since 8.3).
 */
public final class GtidSet {
    public static final GtidSet EMPTY = new GtidSet(new TreeMap<>());

    private static final Pattern UUID = Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    private static final Pattern TAG = Pattern.compile("[a-z_][a-z0-9_]{0,31}");
    private static final Pattern AROUND_SIGNS = Pattern.compile("\\s+(?=[:-])|(?<=[:-])\\s+");
    private static final Pattern INTERVAL = Pattern.compile("[0-9]+(-[0-9]+)?");

    /** Numbers from {@code first} to {@code last}, both included. */
    private record Interval(long first, long last) {}

    /** A source: the server's uuid and a tag, empty for untagged transactions. */
    private record Source(String uuid, String tag) implements Comparable<Source> {
        @Override
        public int compareTo(Source other) {
            int byUuid = uuid.compareTo(other.uuid);
            return byUuid != 0 ? byUuid : tag.compareTo(other.tag);
        }
    }

    /** Per source: sorted, disjoint intervals that do not touch; never an empty list. */
    private final Map<Source, List<Interval>> intervals;

    private GtidSet(Map<Source, List<Interval>> intervals) {
        this.intervals = intervals;
    }

    /**
     * Reads MySQL's text; white space and line breaks do not matter, upper case is folded.
     *
     * @throws IllegalArgumentException naming the part that is malformed
     */
    public static GtidSet parse(String text) {
        TreeMap<Source, List<Interval>> found = new TreeMap<>();
        for (String part : text.split(",", -1)) {
            String trimmed = withoutSpaces(part.strip()).toLowerCase(Locale.ROOT);
            if (!trimmed.isEmpty()) {
                parsePart(trimmed, found);
            }
        }
        found.replaceAll((source, list) -> normalised(list));
        return found.isEmpty() ? EMPTY : new GtidSet(found);
    }

    /** White space separates: "1 2" is not 12. */
    private static String withoutSpaces(String part) {
        for (int i = 0; i < part.length(); i++) {
            if (Character.isWhitespace(part.charAt(i))) {
                return AROUND_SIGNS.matcher(part).replaceAll("");
            }
        }
        return part;
    }

    private static void parsePart(String part, Map<Source, List<Interval>> found) {
        String[] fields = part.split(":", -1);
        if (!UUID.matcher(fields[0]).matches()) {
            throw new IllegalArgumentException(
                    "GTID set part '" + part + "': '" + fields[0] + "' is not a server uuid");
        }
        if (fields.length < 2) {
            throw new IllegalArgumentException("GTID set part '" + part + "' has no numbers");
        }
        String tag = "";
        boolean numbers = false;
        for (int i = 1; i < fields.length; i++) {
            if (TAG.matcher(fields[i]).matches()) {
                tag = fields[i];
                numbers = false;
            } else {
                found.computeIfAbsent(new Source(fields[0], tag), s -> new ArrayList<>())
                        .add(interval(fields[i], part));
                numbers = true;
            }
        }
        if (!numbers) {
            throw new IllegalArgumentException("GTID set part '" + part + "' ends without numbers");
        }
    }

    private static Interval interval(String text, String part) {
        int dash = text.indexOf('-');
        if (!INTERVAL.matcher(text).matches()) {
            throw new IllegalArgumentException("GTID set part '" + part + "': '" + text + "' is not an interval");
        }
        try {
            long first = Long.parseLong(dash < 0 ? text : text.substring(0, dash));
            long last = dash < 0 ? first : Long.parseLong(text.substring(dash + 1));
            if (first >= 1 && last >= first) {
                return new Interval(first, last);
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("GTID set part '" + part + "': '" + text + "' is not an interval", e);
        }
        throw new IllegalArgumentException("GTID set part '" + part + "': '" + text + "' is not an interval");
    }

    private static List<Interval> normalised(List<Interval> list) {
        List<Interval> sorted = new ArrayList<>(list);
        sorted.sort((a, b) -> Long.compare(a.first(), b.first()));
        List<Interval> merged = new ArrayList<>();
        for (Interval next : sorted) {
            Interval last = merged.isEmpty() ? null : merged.get(merged.size() - 1);
            // last.last() + 1 cannot overflow here: it is below next.first() or compared before the addition.
            if (last != null && (next.first() <= last.last() || next.first() - 1 == last.last())) {
                merged.set(merged.size() - 1, new Interval(last.first(), Math.max(last.last(), next.last())));
            } else {
                merged.add(next);
            }
        }
        return List.copyOf(merged);
    }

    public boolean isEmpty() {
        return intervals.isEmpty();
    }

    /** Whether every transaction of {@code other} is in this set. */
    public boolean contains(GtidSet other) {
        for (Map.Entry<Source, List<Interval>> entry : other.intervals.entrySet()) {
            if (!covers(intervals.getOrDefault(entry.getKey(), List.of()), entry.getValue())) {
                return false;
            }
        }
        return true;
    }

    /** One walk over both lists: a server that applies out of order can have thousands of gaps. */
    private static boolean covers(List<Interval> list, List<Interval> wanted) {
        int i = 0;
        for (Interval each : wanted) {
            while (i < list.size() && list.get(i).last() < each.last()) {
                i++;
            }
            if (i == list.size() || list.get(i).first() > each.first()) {
                return false;
            }
        }
        return true;
    }

    public GtidSet union(GtidSet other) {
        TreeMap<Source, List<Interval>> all = new TreeMap<>(intervals);
        other.intervals.forEach((source, list) -> all.merge(source, list, (a, b) -> {
            List<Interval> both = new ArrayList<>(a);
            both.addAll(b);
            return normalised(both);
        }));
        return new GtidSet(all);
    }

    /** This set without the transactions of {@code other}. */
    public GtidSet subtract(GtidSet other) {
        TreeMap<Source, List<Interval>> left = new TreeMap<>();
        intervals.forEach((source, list) -> {
            List<Interval> rest = without(list, other.intervals.getOrDefault(source, List.of()));
            if (!rest.isEmpty()) {
                left.put(source, rest);
            }
        });
        return left.isEmpty() ? EMPTY : new GtidSet(left);
    }

    /** One walk over both lists, as in {@link #covers}. */
    private static List<Interval> without(List<Interval> list, List<Interval> cuts) {
        List<Interval> rest = new ArrayList<>();
        int next = 0;
        for (Interval each : list) {
            while (next < cuts.size() && cuts.get(next).last() < each.first()) {
                next++;
            }
            long first = each.first();
            boolean left = true;
            for (int i = next; left && i < cuts.size() && cuts.get(i).first() <= each.last(); i++) {
                Interval cut = cuts.get(i);
                if (first < cut.first()) {
                    rest.add(new Interval(first, cut.first() - 1));
                }
                // No addition where it could overflow: a cut up to the end leaves nothing.
                left = cut.last() < each.last();
                first = left ? cut.last() + 1 : first;
                next = i;
            }
            if (left) {
                rest.add(new Interval(first, each.last()));
            }
        }
        return List.copyOf(rest);
    }

    public GtidSet intersect(GtidSet other) {
        return subtract(subtract(other));
    }

    /** Number of transactions; {@code Long.MAX_VALUE} if there are more. */
    public long count() {
        return intervals.values().stream().mapToLong(GtidSet::size).reduce(0, GtidSet::saturated);
    }

    /** Number of transactions of one server, all tags. */
    public long countOf(String uuid) {
        return intervals.entrySet().stream()
                .filter(e -> e.getKey().uuid().equalsIgnoreCase(uuid))
                .mapToLong(e -> size(e.getValue()))
                .reduce(0, GtidSet::saturated);
    }

    /** The part that one server made, whatever the tags. */
    public GtidSet madeBy(String uuid) {
        TreeMap<Source, List<Interval>> part = new TreeMap<>();
        intervals.forEach((source, list) -> {
            if (source.uuid().equalsIgnoreCase(uuid)) {
                part.put(source, list);
            }
        });
        return new GtidSet(part);
    }

    private static long size(List<Interval> list) {
        return list.stream().mapToLong(i -> i.last() - i.first() + 1).reduce(0, GtidSet::saturated);
    }

    private static long saturated(long a, long b) {
        long sum = a + b;
        return sum < 0 || sum < a ? Long.MAX_VALUE : sum;
    }

    /** The servers whose transactions are in the set, lower case. */
    public Set<String> uuids() {
        Set<String> uuids = new TreeSet<>();
        intervals.keySet().forEach(s -> uuids.add(s.uuid()));
        return uuids;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof GtidSet set && set.intervals.equals(intervals);
    }

    @Override
    public int hashCode() {
        return intervals.hashCode();
    }

    /** MySQL's own text: lower case, sorted, merged; tags behind the untagged numbers of the same server. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        String uuid = "";
        for (Map.Entry<Source, List<Interval>> entry : intervals.entrySet()) {
            if (!entry.getKey().uuid().equals(uuid)) {
                text.append(uuid.isEmpty() ? "" : ",").append(entry.getKey().uuid());
                uuid = entry.getKey().uuid();
            }
            if (!entry.getKey().tag().isEmpty()) {
                text.append(':').append(entry.getKey().tag());
            }
            for (Interval i : entry.getValue()) {
                text.append(':').append(i.first());
                if (i.last() > i.first()) {
                    text.append('-').append(i.last());
                }
            }
        }
        return text.toString();
    }
}
