package io.moha.model;

import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;

/**
 * The durability in force, as etcd has it (protocol, section 7): who must have received a write before it is acknowledged.
 *
 * <p>While a list is binding, each acknowledged write of its term is on {@code acks} of the ackers, and all that was
 * acknowledged before is in {@code floor}. So any N-acks+1 of the N ackers that stand still have every acknowledged write
 * between them, and leave the primary too few to acknowledge another one.
 *
 * @param term in which it was written; it stays in force until a later primary writes its own
 * @param primary who wrote it
 * @param uuid its {@code server_uuid}: what was acknowledged in the term, this server has made; empty if unknown
 * @param binding false while nobody waits for ackers, or not yet: an election goes by the rules of {@code async}
 * @param acks acknowledgements that a commit waits for; 0 with a binding list: it waits for none any more (degraded), and only
 *     the primary itself has everything
 * @param ackers whose acknowledgement counts
 * @param floor what the primary had executed when the list was last narrowed, raised or begun: who lacks any of it does not count
 */
public record AckList(
        Term term, NodeId primary, String uuid, boolean binding, int acks, Set<NodeId> ackers, GtidSet floor) {
    public AckList {
        if (acks < 0) {
            throw new IllegalArgumentException("wait count " + acks + " is negative");
        }
        ackers = Set.copyOf(ackers);
    }

    /** How many ackers that stand still it takes to replace the primary. More than there are: it cannot be replaced. */
    public int quorum() {
        return ackers.size() - acks + 1;
    }

    /** Whether these ballots have every acknowledged write between them, and the primary cannot acknowledge any more. */
    public boolean covers(Collection<Ballot> ballots) {
        boolean byItself = ballots.stream()
                .anyMatch(b -> b.node().equals(primary) && b.followed().compareTo(term) >= 0 && counts(b));
        long standing = ballots.stream()
                .filter(b -> ackers.contains(b.node()) && counts(b))
                .count();
        return byItself || (acks > 0 && standing >= quorum());
    }

    /** Whether a ballot says what its node has, and that has the floor. */
    public boolean counts(Ballot ballot) {
        return !ballot.isBlind() && ballot.received().contains(floor);
    }

    /** Ackers that have not voted, or whose ballot does not count. */
    public Set<NodeId> missing(Collection<Ballot> ballots) {
        Set<NodeId> missing = new TreeSet<>(ackers);
        ballots.stream().filter(this::counts).forEach(b -> missing.remove(b.node()));
        return missing;
    }

    /** Whether it says that commits of this primary wait in this term. */
    public boolean holdsBack(NodeId holder, Term present) {
        return binding && acks > 0 && term.equals(present) && primary.equals(holder);
    }
}
