package io.moha.moctl.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;

/** All writers of a bench: some at every node directly and some through the proxy. They pause between rounds. */
final class Load implements AutoCloseable {
    /** A writer can hang in one connect and one statement, a second each. */
    private static final Duration LONGEST_STATEMENT = Duration.ofSeconds(5);

    private final ConcurrentLinkedQueue<Ack> ledger = new ConcurrentLinkedQueue<>();
    private final List<Writer> writers = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();

    /**
     * Starts the writers, paused.
     *
     * @param nodes node id to its MySQL server
     * @param proxy the writer's address at the proxy
     * @param each writers at each of these places
     * @param pace time between two inserts of one writer
     */
    Load(Map<String, Target> nodes, Target proxy, int each, Duration pace) {
        for (int i = 0; i < each; i++) {
            nodes.forEach((node, target) -> add(node, target, pace));
            add("", proxy, pace);
        }
    }

    private void add(String node, Target target, Duration pace) {
        Writer writer = new Writer(writers.size() + 1, node, target, pace, ledger::add);
        Thread thread = new Thread(writer, "writer-" + (node.isEmpty() ? "proxy" : node));
        thread.setDaemon(true);
        writers.add(writer);
        threads.add(thread);
        thread.start();
    }

    void resume(int round) {
        writers.forEach(w -> w.resume(round));
    }

    /** Stops writing and waits until no statement is under way. */
    void pause() {
        writers.forEach(Writer::pause);
        long until = System.nanoTime() + LONGEST_STATEMENT.toNanos();
        while (!writers.stream().allMatch(Writer::idle) && System.nanoTime() < until) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Takes all acknowledgements out of the ledger. Call it while paused. */
    List<Ack> drain() {
        List<Ack> acks = new ArrayList<>();
        for (Ack ack = ledger.poll(); ack != null; ack = ledger.poll()) {
            acks.add(ack);
        }
        return acks;
    }

    /** Whether somebody at {@code node} (empty: through the proxy) has had an acknowledgement after {@code time}. */
    boolean ackedAfter(String node, long time) {
        return writers.stream().anyMatch(w -> w.node().equals(node) && w.lastAckAt() > time);
    }

    /** The last errors of the writers, for a report of failure. */
    String errors() {
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
