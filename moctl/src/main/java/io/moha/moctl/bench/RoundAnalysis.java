package io.moha.moctl.bench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;

/** What the acknowledgements of one round prove. Pure. */
public final class RoundAnalysis {
    private final List<Ack> acks;
    private final long faultAt;

    /**
     * @param acks of one round, each with the node that took it (empty where that is not known)
     * @param faultAt {@code System.nanoTime} just before the fault
     */
    public RoundAnalysis(List<Ack> acks, long faultAt) {
        this.acks = acks.stream().sorted(Comparator.comparingLong(Ack::ackedAt)).toList();
        this.faultAt = faultAt;
    }

    /**
     * Nanoseconds from the last acknowledgement at the old primary to the first one at any other node, among the
     * writers that write to nodes directly. If nobody else took writes (the old primary came back first): the longest
     * silence that ended after the fault. Negative means that both took writes at once. Empty: no write after it.
     */
    public OptionalLong nodeGap(String oldPrimary) {
        List<Ack> direct = acks.stream().filter(a -> !a.proxied()).toList();
        OptionalLong firstElsewhere = firstElsewhere(direct, oldPrimary);
        if (firstElsewhere.isEmpty()) {
            return longestSilence(direct);
        }
        long first = firstElsewhere.getAsLong();
        OptionalLong last = lastAt(direct, oldPrimary, first);
        return last.isEmpty() ? OptionalLong.empty() : OptionalLong.of(first - last.getAsLong());
    }

    /** Nanoseconds from the fault to the last acknowledgement at the old primary; empty if nobody else took writes. */
    OptionalLong closedAfter(String oldPrimary) {
        List<Ack> direct = acks.stream().filter(a -> !a.proxied()).toList();
        OptionalLong firstElsewhere = firstElsewhere(direct, oldPrimary);
        OptionalLong last = firstElsewhere.isEmpty()
                ? OptionalLong.empty()
                : lastAt(direct, oldPrimary, firstElsewhere.getAsLong());
        return last.isEmpty() ? OptionalLong.empty() : OptionalLong.of(Math.max(0, last.getAsLong() - faultAt));
    }

    private OptionalLong firstElsewhere(List<Ack> direct, String oldPrimary) {
        return direct.stream()
                .filter(a -> a.ackedAt() > faultAt && !a.node().equals(oldPrimary))
                .mapToLong(Ack::ackedAt)
                .findFirst();
    }

    /**
     * An old primary may come back as primary much later in the round; its later acknowledgements are no overlap of this
     * change but are judged by {@link #violations}.
     */
    private static OptionalLong lastAt(List<Ack> direct, String oldPrimary, long firstElsewhere) {
        return direct.stream()
                .filter(a -> a.node().equals(oldPrimary) && a.sentAt() < firstElsewhere)
                .mapToLong(Ack::ackedAt)
                .max();
    }

    /** Nanoseconds of the longest silence that ended after the fault, among the writers that use the proxy. */
    public OptionalLong proxyGap() {
        return longestSilence(acks.stream().filter(Ack::proxied).toList());
    }

    private OptionalLong longestSilence(List<Ack> sorted) {
        OptionalLong longest = OptionalLong.empty();
        for (int i = 1; i < sorted.size(); i++) {
            if (sorted.get(i).ackedAt() > faultAt) {
                long silence = sorted.get(i).ackedAt() - sorted.get(i - 1).ackedAt();
                longest = OptionalLong.of(Math.max(silence, longest.orElse(Long.MIN_VALUE)));
            }
        }
        return longest;
    }

    /**
     * Writes that more than one primary took at a time. The nodes that took writes, in order, must be found in the same
     * order among the primaries that the switch records name. A write belongs to a new primary's time only if it was
     * SENT after that one's first acknowledgement: one that an earlier primary had under way meanwhile proves nothing.
     *
     * @param primaries the primary at the start of the round, then the new primary of every record, oldest first
     * @return one sentence each; empty if there is none
     */
    public List<String> violations(List<String> primaries) {
        List<String> found = new ArrayList<>();
        int position = -1;
        String current = "";
        long since = Long.MIN_VALUE;
        for (Ack ack : acks) {
            if (ack.node().isEmpty() || ack.node().equals(current)) {
                continue;
            }
            if (ack.sentAt() <= since && primaries.subList(0, position + 1).contains(ack.node())) {
                continue;
            }
            int next = indexOf(primaries, ack.node(), position + 1);
            if (next < 0) {
                String when = current.isEmpty()
                        ? " before any primary did"
                        : ", sent " + (ack.sentAt() - since) / 1_000_000 + " ms after " + current
                                + " had begun to take writes";
                found.add(
                        ack.node() + " took write " + ack.id() + when + ", and no switch record makes it primary then");
                if (found.size() >= 10) {
                    return found;
                }
                continue;
            }
            position = next;
            current = ack.node();
            since = ack.ackedAt();
        }
        return found;
    }

    private static int indexOf(List<String> primaries, String node, int from) {
        for (int i = from; i < primaries.size(); i++) {
            if (primaries.get(i).equals(node)) {
                return i;
            }
        }
        return -1;
    }
}
