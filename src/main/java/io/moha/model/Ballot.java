package io.moha.model;

/**
 * What one node says of itself for the coming term, while its receiver stands still (protocol, section 6).
 *
 * @param term the coming term, one above the last
 * @param node who says it
 * @param followed the last term that the node has followed or led; what it has is part of that term's history
 * @param received retrieved union executed: all that the node can still execute without a source
 * @param executed what it has executed
 * @param rule the operator's preference; {@code must_not} for only-follow nodes
 * @param dataCenter empty if not configured
 * @param cold true if this agent has not seen a holder since it started: it cannot tell a failover from a cold start
 * @param eligible false if the node must not win this term
 * @param reason why it is not eligible; empty if it is
 */
public record Ballot(
        Term term,
        NodeId node,
        Term followed,
        GtidSet received,
        GtidSet executed,
        PromotionRule rule,
        String dataCenter,
        boolean cold,
        boolean eligible,
        String reason) {
    private static final String BLIND = "what it has cannot be read: ";

    public Ballot {
        if (!received.contains(executed)) {
            throw new IllegalArgumentException("ballot of " + node + ": the received set " + received
                    + " does not contain the executed set " + executed);
        }
        if (eligible && !reason.isEmpty()) {
            throw new IllegalArgumentException("ballot of " + node + " is eligible but has a reason: " + reason);
        }
    }

    /** The reason of a node whose database cannot be asked: nobody knows what it has. */
    public static String blind(String why) {
        return BLIND + why;
    }

    /** Whether the ballot says nothing about the node's data, because its database could not be asked. */
    public boolean isBlind() {
        return !eligible && reason.startsWith(BLIND);
    }

    /** Transactions that are received but not executed yet. */
    public long backlog() {
        return received.subtract(executed).count();
    }
}
