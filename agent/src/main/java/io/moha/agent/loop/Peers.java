package io.moha.agent.loop;

import io.moha.model.NodeId;
import io.moha.model.Term;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** The agents of the other members. */
public interface Peers {
    /**
     * Asks one agent to take part in no election for a while. Never blocks.
     *
     * @param api its address as it registered it, such as {@code http://10.0.0.2:13306}
     * @param primary who asks
     * @param term of the primary
     * @param asked all who are asked
     * @param length for how long, from when the other one says yes
     * @param deadline after which no answer is one
     * @return whether it has promised; false for every other answer and for none. Never ends exceptionally
     */
    CompletableFuture<Boolean> promise(
            String api, NodeId primary, Term term, Set<NodeId> asked, Duration length, Duration deadline);

    /**
     * Whether an agent answers at all, whatever it says. Never blocks.
     *
     * @param api its address as it registered it
     * @param deadline after which no answer is one
     * @return never ends exceptionally
     */
    CompletableFuture<Boolean> answers(String api, Duration deadline);

    /**
     * Another agent's {@code /status}. Never blocks.
     *
     * @param api its address as it registered it
     * @param deadline after which no answer is one
     * @return the JSON as text; empty if there was none. Never ends exceptionally
     */
    CompletableFuture<Optional<String>> status(String api, Duration deadline);

    /** Nobody can be asked: etcd alone decides. */
    static Peers none() {
        return new Peers() {
            @Override
            public CompletableFuture<Boolean> promise(
                    String api, NodeId primary, Term term, Set<NodeId> asked, Duration length, Duration deadline) {
                return CompletableFuture.completedFuture(false);
            }

            @Override
            public CompletableFuture<Boolean> answers(String api, Duration deadline) {
                return CompletableFuture.completedFuture(false);
            }

            @Override
            public CompletableFuture<Optional<String>> status(String api, Duration deadline) {
                return CompletableFuture.completedFuture(Optional.empty());
            }
        };
    }
}
