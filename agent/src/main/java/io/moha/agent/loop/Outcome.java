package io.moha.agent.loop;

/**
 * How an action ended.
 *
 * @param detail one sentence; empty if done
 */
record Outcome(Result result, String detail) {
    enum Result {
        DONE,
        FAILED,
        /** No answer: it may have happened, or may happen yet. */
        UNKNOWN
    }

    static final Outcome DONE = new Outcome(Result.DONE, "");

    static Outcome failed(String detail) {
        return new Outcome(Result.FAILED, detail);
    }

    static Outcome unknown(String detail) {
        return new Outcome(Result.UNKNOWN, detail);
    }

    boolean done() {
        return result == Result.DONE;
    }
}
