package io.moha.moctl.client;

/**
 * How a request that changes something ended.
 *
 * @param outcome what is known of its effect
 * @param text what the agent said, or why there is no answer; one line
 */
public record Reply(Outcome outcome, String text) {
    /** What is known of the effect. A timeout is never a refusal: the agent may still act. */
    public enum Outcome {
        /** Answered 200 with the word {@code success}. */
        DONE,
        /** Answered that it did nothing, or the request certainly never reached it. */
        REFUSED,
        /** No answer, a broken connection or a 5xx: read again before doing anything. */
        UNKNOWN
    }

    public boolean done() {
        return outcome == Outcome.DONE;
    }

    public boolean refused() {
        return outcome == Outcome.REFUSED;
    }
}
