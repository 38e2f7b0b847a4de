package io.moha.decide;

import io.moha.model.AckList;
import java.util.Optional;

/** A breakage of the protocol: falsifies what the decision core sees or what it has decided. The product is as it is. */
interface ProtocolFlaw {
    ProtocolFlaw NONE = new ProtocolFlaw() {};

    /** The list as the node {@code me} is to see it. */
    default AckList list(AckList list, Observation seen) {
        return list;
    }

    /** Whether a node takes its receiver for stopped that runs. */
    default boolean receiverTakenForStopped() {
        return false;
    }

    /** What is done instead of the decision; empty: the decision. */
    default Optional<Action> instead(Decision decision, Observation seen) {
        return Optional.empty();
    }
}
