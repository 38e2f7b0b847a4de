package io.moha.decide;

import io.moha.model.Ballot;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.Term;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;

/**
 * Who should become primary, first choice first. Every node computes the same ranking from the same ballots: the result
 * depends on nothing else.
 */
public final class Ranking {
    private Ranking() {}

    /**
     * Order: (a) eligible nodes only, (b) the received set that contains the others', (c) promotion rule, (d) data
     * centre of the old primary, (e) smallest backlog, (f) node id. Whole GTID sets are compared. Where two sets are
     * both maximal and differ, each has something that the other lacks: the node comes first that has followed the later
     * term (the other one has what was left behind by a change of primary), then the larger set; what somebody wrote on a replica by hand does not count there.
     *
     * @param oldDataCenter empty if unknown
     * @param byHand what a node has that only it has made, without ever having been the last primary
     * @param maxBacklog a node with a larger backlog comes after all that have a smaller one and the same received set
     */
    public static List<NodeId> of(
            Collection<Ballot> ballots, String oldDataCenter, long maxBacklog, Function<Ballot, GtidSet> byHand) {
        List<Ballot> left = new ArrayList<>();
        for (Ballot ballot : ballots) {
            if (ballot.eligible()) {
                left.add(ballot);
            }
        }
        Comparator<Ballot> tieBreak = Comparator.<Ballot, Term>comparing(
                        b -> lastTermOf(b.received(), left), Comparator.reverseOrder())
                .thenComparingLong(b -> byHand.apply(b).count() - b.received().count())
                .thenComparingLong(b -> -b.received().count())
                .thenComparing(b -> b.backlog() > maxBacklog)
                .thenComparing(Ballot::rule)
                .thenComparing(b -> !oldDataCenter.isEmpty() && !b.dataCenter().equals(oldDataCenter))
                .thenComparingLong(Ballot::backlog)
                .thenComparing(Ballot::node);
        List<NodeId> ranking = new ArrayList<>();
        while (!left.isEmpty()) {
            List<Ballot> maximal = new ArrayList<>();
            for (Ballot candidate : left) {
                if (left.stream().noneMatch(other -> strictlyContains(other, candidate))) {
                    maximal.add(candidate);
                }
            }
            Ballot best = maximal.stream().min(tieBreak).orElseThrow();
            ranking.add(best.node());
            left.remove(best);
        }
        return List.copyOf(ranking);
    }

    /** The term in which a set was last followed: equal sets are equal here, whoever holds them. */
    private static Term lastTermOf(GtidSet set, List<Ballot> ballots) {
        return ballots.stream()
                .filter(b -> b.received().equals(set))
                .map(Ballot::followed)
                .max(Comparator.naturalOrder())
                .orElse(Term.NONE);
    }

    private static boolean strictlyContains(Ballot larger, Ballot smaller) {
        return larger.received().contains(smaller.received())
                && !smaller.received().contains(larger.received());
    }
}
