package io.moha.agent.loop;

import io.moha.model.NodeId;
import io.moha.model.OnLongTransactions;
import io.moha.model.Term;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** What an operator asks of this node, handed to the loop's thread. The future ends with a sentence for people. */
public sealed interface Wish {
    CompletableFuture<Answer> answer();

    /** How a wish ended, with a sentence for people. */
    record Answer(Kind kind, String text) {
        public enum Kind {
            DONE,
            /** Not possible now; nothing was changed, or it was changed back. */
            REFUSED,
            UNKNOWN
        }
    }

    /** @param forNanos after which the primary opens again by itself; 0 for never */
    record ReadOnly(long forNanos, CompletableFuture<Answer> answer) implements Wish {}

    record ReadWrite(CompletableFuture<Answer> answer) implements Wish {}

    /**
     * The primary asks this node to take part in no election for a while, since etcd does not answer it.
     *
     * @param nanos for how long
     */
    record Promise(NodeId primary, Term term, Set<NodeId> asked, long nanos, CompletableFuture<Answer> answer)
            implements Wish {}

    /**
     * @param to empty: the agent chooses
     * @param within how long this primary may be closed before it goes back
     * @param inTheWay what to do about sessions that it would have to wait for
     */
    record ChangePrimary(
            Optional<NodeId> to, Duration within, OnLongTransactions inTheWay, CompletableFuture<Answer> answer)
            implements Wish {
        public static final Duration USUALLY_WITHIN = Duration.ofSeconds(5);

        /** How long this agent waits for sessions that are in the way; who wants to wait longer does so before asking. */
        public static final Duration PATIENCE = Duration.ofSeconds(5);

        /** How long it may take, beside bringing the target near, until it is done or the primary is open as before. */
        public Duration longest() {
            return within.plus(PATIENCE);
        }
    }

    record OnlyFollow(boolean onlyFollow, CompletableFuture<Answer> answer) implements Wish {}

    /** Replace this node's data by a copy of the primary's. */
    record Rebuild(CompletableFuture<Answer> answer) implements Wish {}
}
