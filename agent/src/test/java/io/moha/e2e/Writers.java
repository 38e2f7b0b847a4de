package io.moha.e2e;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * One writer at each node, all the time, and a ledger of every insert that was acknowledged. Two nodes that acknowledge
 * in turns are a violation; in the end every acknowledged row must be in the table.
 */
final class Writers implements AutoCloseable {
    /** One acknowledged insert; times are monotonic nanoseconds. */
    record Ack(long id, int node, long sentAt, long ackedAt) {}

    private static final AtomicLong IDS = new AtomicLong(System.currentTimeMillis() * 1000);

    private final TestCluster cluster;
    private final Queue<Ack> acks = new ConcurrentLinkedQueue<>();
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean stopped;

    Writers(TestCluster cluster, int nodes) {
        this.cluster = cluster;
        for (int n = 1; n <= nodes; n++) {
            int node = n;
            Thread thread = new Thread(() -> write(node), "writer-" + n);
            thread.setDaemon(true);
            threads.add(thread);
            thread.start();
        }
    }

    private void write(int node) {
        while (!stopped) {
            try (Connection connection = cluster.connectApp(node);
                    PreparedStatement insert =
                            connection.prepareStatement("INSERT INTO demo.ledger (id, node) VALUES (?, ?)")) {
                while (!stopped) {
                    long id = IDS.incrementAndGet();
                    insert.setLong(1, id);
                    insert.setInt(2, node);
                    long sentAt = System.nanoTime();
                    insert.executeUpdate();
                    acks.add(new Ack(id, node, sentAt, System.nanoTime()));
                    Thread.sleep(5);
                }
            } catch (SQLException e) {
                pause();
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    int count() {
        return acks.size();
    }

    long countAt(int node) {
        return acks.stream().filter(a -> a.node() == node).count();
    }

    /** Stops writing. */
    void stop() {
        stopped = true;
        for (Thread thread : threads) {
            try {
                thread.join(5000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** How often the acknowledging node changed, plus one: acknowledgements in order of time, runs of one node counted. */
    int reigns() {
        List<Ack> all = new ArrayList<>(acks);
        all.sort((a, b) -> Long.compare(a.ackedAt(), b.ackedAt()));
        int reigns = all.isEmpty() ? 0 : 1;
        for (int i = 1; i < all.size(); i++) {
            if (all.get(i).node() != all.get(i - 1).node()) {
                reigns++;
            }
        }
        return reigns;
    }

    /** The longest time without any acknowledged write, milliseconds. */
    long longestGapMillis() {
        List<Ack> all = new ArrayList<>(acks);
        all.sort((a, b) -> Long.compare(a.ackedAt(), b.ackedAt()));
        long longest = 0;
        for (int i = 1; i < all.size(); i++) {
            longest = Math.max(longest, all.get(i).ackedAt() - all.get(i - 1).ackedAt());
        }
        return longest / 1_000_000;
    }

    /** Acknowledged rows that are not in the table of the given node. */
    Set<Long> missingOn(int node) throws SQLException {
        Set<Long> missing = new HashSet<>();
        acks.forEach(a -> missing.add(a.id()));
        missing.removeAll(cluster.ledger(node));
        return missing;
    }

    @Override
    public void close() {
        stop();
    }
}
