package io.moha.e2e;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/** Clients that keep one server as busy as they can: inserts, updates, and sorting reads, without a pause. */
final class BusyClients implements AutoCloseable {
    private final TestCluster cluster;
    private final int node;
    private final AtomicLong transactions = new AtomicLong();
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean stopped;

    /** Begins at once; the table {@code demo.busy} is there. */
    BusyClients(TestCluster cluster, int node, int number) {
        this.cluster = cluster;
        this.node = node;
        for (int n = 1; n <= number; n++) {
            Thread thread = new Thread(this::work, "busy-" + n);
            thread.setDaemon(true);
            threads.add(thread);
            thread.start();
        }
    }

    private void work() {
        while (!stopped) {
            try (Connection connection = cluster.connectApp(node);
                    Statement statement = connection.createStatement()) {
                connection.setNetworkTimeout(Runnable::run, 30_000);
                connection.setAutoCommit(false);
                while (!stopped) {
                    transaction(statement);
                    connection.commit();
                    transactions.incrementAndGet();
                }
            } catch (SQLException e) {
                Thread.onSpinWait(); // a deadlock among the clients, or the end: once more
            }
        }
    }

    private static void transaction(Statement statement) throws SQLException {
        int k = ThreadLocalRandom.current().nextInt(1000);
        statement.executeUpdate("INSERT INTO demo.busy (k, filling) VALUES (" + k + ", REPEAT('x', 1500))");
        statement.executeUpdate("UPDATE demo.busy SET filling = REPEAT('y', 1000) WHERE k = " + (k / 2) + " LIMIT 3");
        try (ResultSet rows = statement.executeQuery(
                "SELECT k, COUNT(*), MAX(filling) FROM (SELECT * FROM demo.busy ORDER BY id DESC LIMIT 2000) t"
                        + " GROUP BY k ORDER BY 3, 2 DESC LIMIT 10")) {
            while (rows.next()) {
                rows.getInt(1);
            }
        }
    }

    long transactions() {
        return transactions.get();
    }

    @Override
    public void close() {
        stopped = true;
        for (Thread thread : threads) {
            try {
                thread.join(5000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
