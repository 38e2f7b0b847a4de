package io.moha.store.etcd;

import io.etcd.jetcd.Client;
import io.moha.store.StoreException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which endpoint is asked, and what is asked again. All calls go to one endpoint, the current one, until it
 * fails; the next one that answers becomes the current one.
 *
 * <p>What may be repeated ({@link #repeat}) is asked at the next endpoint too when the current one is silent for a while,
 * and the first answer counts: a frozen server costs that while, not the call, and a slow cluster still has the whole
 * deadline. What may not ({@link #once}) goes to a second endpoint only if certainly nothing was sent to the first.
 */
final class Rotation {
    /** The longest silence of an endpoint before the next one is asked as well. */
    static final Duration PATIENCE = Duration.ofSeconds(1);

    private static final Logger LOG = LoggerFactory.getLogger(Rotation.class);
    /** Between rounds through all endpoints when each of them fails at once. */
    private static final long ROUND_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    /** gRPC ends the call at the deadline; this much later nobody waits for it any more. */
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final List<EtcdEndpoint> endpoints;
    private final Runnable onSwitch;
    private volatile int current;
    private volatile boolean closed;

    /** @param onSwitch called when another endpoint became the current one; must not block */
    Rotation(List<EtcdEndpoint> endpoints, Runnable onSwitch) {
        this.endpoints = List.copyOf(endpoints);
        this.onSwitch = onSwitch;
    }

    int size() {
        return endpoints.size();
    }

    int current() {
        return current;
    }

    EtcdEndpoint endpoint(int index) {
        return endpoints.get(Math.floorMod(index, endpoints.size()));
    }

    /** From now on no call starts, and those that run give up at their next failure. */
    void close() {
        closed = true;
    }

    private void checkOpen(String what) throws StoreException {
        if (closed) {
            throw StoreException.refused(what + ": the etcd client is closed", null);
        }
    }

    /** What one attempt came to: a value or a failure. */
    private record Answer<T>(
            int index,
            @Nullable T value,
            @Nullable Failure failure,
            @Nullable Throwable error) {}

    /**
     * Makes a call that does no harm when made twice.
     *
     * @param what for messages
     * @param patience how long an endpoint may be silent before the next one is asked as well
     * @throws StoreException unknown if no endpoint answered in time
     */
    <T> T repeat(String what, Duration deadline, Duration patience, Function<Client, CompletableFuture<T>> call)
            throws StoreException {
        return new Repeated<>(what, deadline, patience, call).run();
    }

    /** The state of one {@link #repeat}. */
    private final class Repeated<T> {
        private final String what;
        private final long endNanos;
        private final long patienceNanos;
        private final Function<Client, CompletableFuture<T>> call;
        private final BlockingQueue<Answer<T>> answers = new LinkedBlockingQueue<>();
        private final int first = current;
        private int started;
        private int running;
        private int logins;
        private long nextStart;
        private @Nullable Answer<T> lastFailure;

        Repeated(String what, Duration deadline, Duration patience, Function<Client, CompletableFuture<T>> call) {
            this.what = what;
            this.endNanos = System.nanoTime() + deadline.toNanos();
            this.patienceNanos = patience.toNanos();
            this.call = call;
            this.nextStart = System.nanoTime();
        }

        T run() throws StoreException {
            while (true) {
                checkOpen(what);
                long now = System.nanoTime();
                if (now - endNanos >= 0) {
                    throw timedOut();
                }
                if (running < size() && now - nextStart >= 0) {
                    start(first + started);
                    started++;
                    nextStart = System.nanoTime() + patienceNanos;
                }
                Answer<T> answer = next();
                if (answer == null) {
                    continue;
                }
                running--;
                if (answer.failure() == null) {
                    use(answer.index());
                    return EtcdStore.present(answer.value());
                }
                afterFailure(answer, answer.failure());
            }
        }

        private void start(int index) {
            running++;
            var unused = attempt(index, new Attempt(endNanos), call).thenAccept(answers::add);
        }

        private @Nullable Answer<T> next() throws StoreException {
            long until = running < size() && nextStart - endNanos < 0 ? nextStart : endNanos;
            try {
                return answers.poll(Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw StoreException.unknown(what + ": interrupted", e);
            }
        }

        private void afterFailure(Answer<T> answer, Failure failure) throws StoreException {
            lastFailure = answer;
            switch (failure.kind()) {
                case REFUSED ->
                    throw StoreException.refused(
                            what + ": " + endpoint(answer.index()) + " refused: " + failure.text(), answer.error());
                case TOKEN -> {
                    if (++logins > size()) {
                        throw StoreException.refused(what + ": " + failure.text(), answer.error());
                    }
                    start(answer.index());
                }
                case NOT_SENT, UNKNOWN -> {
                    boolean roundOver = started % size() == 0;
                    nextStart = System.nanoTime() + (roundOver ? ROUND_PAUSE_NANOS : 0);
                }
            }
        }

        private StoreException timedOut() {
            // The next call begins elsewhere, or this one would be the rule for a caller with a short deadline.
            use(first + 1);
            Answer<T> last = lastFailure;
            if (last == null || last.failure() == null) {
                return StoreException.unknown(what + ": no answer in time from " + endpoints, null);
            }
            String why = endpoint(last.index()) + ": " + last.failure().text();
            return StoreException.unknown(what + ": no answer in time; last failure at " + why, last.error());
        }
    }

    /**
     * Makes a call that must not be applied twice.
     *
     * @throws StoreException unknown unless it certainly was not applied
     */
    <T> T once(String what, Duration deadline, Function<Client, CompletableFuture<T>> call) throws StoreException {
        long endNanos = System.nanoTime() + deadline.toNanos();
        int first = current;
        int index = first;
        boolean loggedIn = false;
        while (true) {
            checkOpen(what);
            Answer<T> answer = await(what, index, endNanos, call);
            Failure failure = answer.failure();
            if (failure == null) {
                use(index);
                return EtcdStore.present(answer.value());
            }
            String message = what + ": " + endpoint(index) + ": " + failure.text();
            boolean inTime = System.nanoTime() - endNanos < 0;
            switch (failure.kind()) {
                case REFUSED -> throw StoreException.refused(message, answer.error());
                case TOKEN -> {
                    if (loggedIn || !inTime) {
                        throw StoreException.refused(message, answer.error());
                    }
                    loggedIn = true;
                }
                case NOT_SENT -> {
                    index++;
                    if (index - first >= size() || !inTime) {
                        use(index);
                        throw StoreException.refused(message + "; it was not sent", answer.error());
                    }
                }
                case UNKNOWN -> {
                    use(index + 1);
                    throw StoreException.unknown(message, answer.error());
                }
            }
        }
    }

    private <T> Answer<T> await(String what, int index, long endNanos, Function<Client, CompletableFuture<T>> call)
            throws StoreException {
        CompletableFuture<Answer<T>> answer = attempt(index, new Attempt(endNanos), call);
        try {
            return answer.get(endNanos - System.nanoTime() + GRACE_NANOS, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw StoreException.unknown(what + ": interrupted", e);
        } catch (TimeoutException | ExecutionException e) {
            use(index + 1);
            throw StoreException.unknown(what + ": " + endpoint(index) + ": no answer in time", e);
        }
    }

    /** Starts one attempt. The future never fails: it holds the failure. */
    private <T> CompletableFuture<Answer<T>> attempt(
            int index, Attempt attempt, Function<Client, CompletableFuture<T>> call) {
        EtcdEndpoint endpoint = endpoint(index);
        CompletableFuture<T> started;
        try {
            Client client = endpoint.client();
            started = attempt.start(() -> call.apply(client));
        } catch (RuntimeException e) {
            started = CompletableFuture.failedFuture(e);
        }
        return started.handle((value, error) -> {
            if (error == null) {
                endpoint.answered();
                return new Answer<T>(index, value, null, null);
            }
            Failure failure = Failure.of(error, attempt.sent());
            switch (failure.kind()) {
                case REFUSED -> endpoint.answered();
                case TOKEN -> endpoint.replace();
                case NOT_SENT, UNKNOWN -> endpoint.failed(attempt.sent());
            }
            return new Answer<T>(index, null, failure, error);
        });
    }

    private void use(int index) {
        int wanted = Math.floorMod(index, size());
        int before = current;
        if (before == wanted) {
            return;
        }
        current = wanted;
        LOG.info("etcd: asking {} from now on, {} did not answer", endpoint(wanted), endpoint(before));
        onSwitch.run();
    }
}
