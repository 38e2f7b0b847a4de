package io.moha.moctl.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** All writers of a bench: some at every node directly and some through the proxy. They pause between rounds. */
public final class Load implements AutoCloseable {
    /** A writer can hang in one connect and one statement, a second each. */
    private static final Duration LONGEST_STATEMENT = Duration.ofSeconds(5);

    private final ConcurrentLinkedQueue<Ack> ledger = new ConcurrentLinkedQueue<>();
    private final List<Writer> writers = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();

    /**
     * Starts the writers, paused.
     *
     * @param table that they fill
     * @param places the node id of each direct writer, empty for one through the proxy
     * @param targets node id (empty: the proxy) to its address
     * @param pace time between two inserts of one writer
     * @param witness told every acknowledged insert on its writer's thread, before it counts
     */
    public Load(
            BenchTable table, List<String> places, Map<String, Target> targets, Duration pace, Consumer<Ack> witness) {
        for (String place : places) {
            add(table, place, Objects.requireNonNull(targets.get(place)), pace, witness);
        }
    }

    private void add(BenchTable table, String node, Target target, Duration pace, Consumer<Ack> witness) {
        Writer writer = new Writer(writers.size() + 1, node, target, table, pace, witness.andThen(ledger::add));
        Thread thread = new Thread(writer, "writer-" + (node.isEmpty() ? "proxy" : node));
        thread.setDaemon(true);
        writers.add(writer);
        threads.add(thread);
        thread.start();
    }

    /** Writes on; the rows bear the number of this round. */
    public void resume(int round) {
        writers.forEach(w -> w.resume(round));
    }

    /** Stops writing and waits until no statement is under way. */
    public void pause() {
        writers.forEach(Writer::pause);
        long until = System.nanoTime() + LONGEST_STATEMENT.toNanos();
        while (!writers.stream().allMatch(Writer::idle) && System.nanoTime() < until) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Takes all acknowledgements out of the ledger. Call it while paused, or it may miss the newest. */
    public List<Ack> drain() {
        List<Ack> acks = new ArrayList<>();
        for (Ack ack = ledger.poll(); ack != null; ack = ledger.poll()) {
            acks.add(ack);
        }
        return acks;
    }

    /** Whether somebody at {@code node} (empty: through the proxy) has had an acknowledgement after {@code time}. */
    public boolean ackedAfter(String node, long time) {
        return writers.stream().anyMatch(w -> w.node().equals(node) && w.lastAckAt() > time);
    }

    /** The last errors of the writers, for a report of failure. */
    public String errors() {
        return String.join(
                "; ",
                writers.stream()
                        .map(Writer::lastError)
                        .filter(e -> !e.isEmpty())
                        .distinct()
                        .toList());
    }

    @Override
    public void close() {
        writers.forEach(Writer::stop);
        for (Thread thread : threads) {
            try {
                thread.join(LONGEST_STATEMENT.toMillis());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
