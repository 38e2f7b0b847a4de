package io.moha.decide;

import static org.assertj.core.api.Assertions.assertThat;

import io.moha.model.AckList;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Loss-less durability with three nodes, one acknowledgement and two transactions: every interleaving within the bounds.
 *
 * <p>Real: {@link Decider} with its diagnoses, table and ranking, and {@link AckList}. Modelled by hand: etcd with the guards
 * of {@code StoreActor}, servers, replication, semi-synchronous acknowledgements, leases, network and clients. Time is not modelled:
 * suspicion, patience, being away for long and the end of a lease may come, or not, whenever their cause holds.
 *
 * <p>Coarser than the product: a decision reads etcd and its server at one moment (but what it leads to may be done late or
 * never, so often as the bounds allow); what is received is executed at once; a registration is right at once; a decision that does
 * nothing is made at once; a holder that is cut off from etcd only fences, whenever it likes. Not modelled: failsafe promises, single point
 * mode, hand-overs, degrading, changing durability, rebuilding, purged logs, a relay log that loses its tail.
 *
 * <p>Larger bounds: {@code -Dmoha.protocol.terms=3 -Dmoha.protocol.faults=2 -Dmoha.protocol.delays=1 -Dmoha.protocol.states=30000000}.
 */
class ProtocolTest {
    private static final int MOST = Integer.getInteger("moha.protocol.states", 10_000_000);
    private static final ProtocolModel.Bounds BOUNDS = new ProtocolModel.Bounds(
            Integer.getInteger("moha.protocol.terms", 2),
            Integer.getInteger("moha.protocol.faults", 1),
            Integer.getInteger("moha.protocol.delays", 1),
            false,
            Integer.getInteger("moha.protocol.kinds", ProtocolModel.ALL_KINDS));
    private static final int CRASH_OR_CUT = ProtocolModel.CRASH | ProtocolModel.NO_PEERS;

    private static ProtocolSearch.Result search(ProtocolFlaw flaw, ProtocolModel.Bounds bounds) {
        long began = System.nanoTime();
        ProtocolSearch.Result found = new ProtocolSearch(flaw, bounds, MOST).run();
        System.out.println(bounds + ": " + found.states() + " states, " + found.transitions() + " transitions, "
                + found.depth() + " deep, " + (found.complete() ? "all of them" : "not all of them") + ", "
                + found.asked() + " different decisions, " + found.laterOpen()
                + " states of a later primary with all acknowledged, "
                + (System.nanoTime() - began) / 1_000_000 + " ms"
                + found.violation()
                        .map(v -> "\n  " + v.what() + "\n    " + String.join("\n    ", v.steps()))
                        .orElse(""));
        return found;
    }

    private static void finds(String expected, ProtocolFlaw flaw, int terms, int faults, int kinds) {
        ProtocolSearch.Result found = search(flaw, new ProtocolModel.Bounds(terms, faults, 0, false, kinds));
        assertThat(found.violation()).as("the flaw is found").isPresent();
        assertThat(found.violation().orElseThrow().what()).contains(expected);
    }

    @Test
    void nothingAcknowledgedIsLostInAnyInterleavingWithinTheBounds() {
        ProtocolSearch.Result found = search(ProtocolFlaw.NONE, BOUNDS);
        assertThat(found.violation()).isEmpty();
        assertThat(found.complete()).as("every state was looked at").isTrue();
        assertThat(found.laterOpen()).as("states that could have gone wrong").isGreaterThan(1000);
    }

    /** docs/concepts/durability.md, Limits: it is dropped only when the primary's agent has seen it. */
    @Test
    void aServerThatReturnsAfterItWasTakenOffTheListAndAcknowledgesUnseenIsTheKnownLimit() {
        ProtocolSearch.Result found = search(ProtocolFlaw.NONE, new ProtocolModel.Bounds(2, 2, 0, true, CRASH_OR_CUT));
        assertThat(found.violation().orElseThrow().what()).contains("lacks what was acknowledged");
    }

    // Mutants: each must be found.

    @Test
    void aQuorumThatIsOneTooSmallIsFound() {
        finds(
                "lacks what was acknowledged",
                new SeenBy() {
                    @Override
                    AckList falsify(AckList list, Observation seen) {
                        return with(list, list.acks() + 1, list.ackers(), list.floor());
                    }
                },
                2,
                1,
                CRASH_OR_CUT);
    }

    @Test
    void countingTheBallotsOfNodesThatAreNotListedIsFound() {
        finds(
                "lacks what was acknowledged",
                new SeenBy() {
                    @Override
                    AckList falsify(AckList list, Observation seen) {
                        Set<NodeId> voters = seen.cluster().orElseThrow().votes().values().stream()
                                .map(v -> v.ballot().node())
                                .filter(n -> !n.equals(list.primary()))
                                .collect(Collectors.toCollection(TreeSet::new));
                        boolean enough = voters.size() >= list.ackers().size();
                        return enough ? with(list, voters.size(), voters, list.floor()) : list;
                    }
                },
                2,
                2,
                CRASH_OR_CUT);
    }

    @Test
    void ignoringTheFloorIsFound() {
        finds(
                "lacks what was acknowledged",
                new SeenBy() {
                    @Override
                    AckList falsify(AckList list, Observation seen) {
                        return with(list, list.acks(), list.ackers(), GtidSet.EMPTY);
                    }
                },
                2,
                2,
                CRASH_OR_CUT);
    }

    @Test
    void aBallotWithARunningReceiverIsFound() {
        finds(
                "lacks what was acknowledged",
                new ProtocolFlaw() {
                    @Override
                    public boolean receiverTakenForStopped() {
                        return true;
                    }
                },
                2,
                2,
                CRASH_OR_CUT);
    }

    @Test
    void openingBeforeTheListIsWrittenIsFound() {
        finds(
                "lacks what was acknowledged",
                new ProtocolFlaw() {
                    @Override
                    public Optional<Action> instead(Decision decision, Observation seen) {
                        boolean early = decision.next().phase() == Phase.PROMOTING
                                && decision.diagnosis() == Diagnosis.LIST_DUE;
                        return early
                                ? Optional.of(
                                        new Action.OpenForWrites(decision.next().term(), 0))
                                : Optional.empty();
                    }
                },
                3,
                2,
                ProtocolModel.CRASH);
    }

    /** Falsifies the list as all but its primary see it. */
    private abstract static class SeenBy implements ProtocolFlaw {
        abstract AckList falsify(AckList list, Observation seen);

        @Override
        public AckList list(AckList list, Observation seen) {
            return list.primary().equals(seen.me()) ? list : falsify(list, seen);
        }

        static AckList with(AckList list, int acks, Set<NodeId> ackers, GtidSet floor) {
            return new AckList(list.term(), list.primary(), list.uuid(), list.binding(), acks, ackers, floor);
        }
    }
}
