package io.moha.agent.loop;

/**
 * How an action ended.
 *
 * @param detail one sentence; empty if done
 * @param learned whether what the action did in etcd is in the picture of it already
 */
record Outcome(Result result, String detail, boolean learned) {
    enum Result {
        DONE,
        FAILED,
        /** No answer: it may have happened, or may happen yet. */
        UNKNOWN
    }

    static final Outcome DONE = new Outcome(Result.DONE, "", false);

    static Outcome failed(String detail) {
        return new Outcome(Result.FAILED, detail, false);
    }

    static Outcome unknown(String detail) {
        return new Outcome(Result.UNKNOWN, detail, false);
    }

    /** The same, and whether there is nothing to read again. */
    Outcome learned(boolean isLearned) {
        return new Outcome(result, detail, isLearned);
    }

    boolean done() {
        return result == Result.DONE;
    }
}
