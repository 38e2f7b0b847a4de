package io.moha.agent.loop;

/**
 * How an action ended.
 *
 * @param detail one sentence; empty if done
 * @param revision of etcd after it: who has read that has seen all that the action did there; 0 if not known
 */
record Outcome(Result result, String detail, long revision) {
    enum Result {
        DONE,
        FAILED,
        /** No answer: it may have happened, or may happen yet. */
        UNKNOWN
    }

    static final Outcome DONE = new Outcome(Result.DONE, "", 0);

    static Outcome failed(String detail) {
        return new Outcome(Result.FAILED, detail, 0);
    }

    static Outcome unknown(String detail) {
        return new Outcome(Result.UNKNOWN, detail, 0);
    }

    /** The same, known to be seen by whoever has read this revision of etcd. */
    Outcome seenAt(long revisionOfStore) {
        return new Outcome(result, detail, revisionOfStore);
    }

    boolean done() {
        return result == Result.DONE;
    }
}
