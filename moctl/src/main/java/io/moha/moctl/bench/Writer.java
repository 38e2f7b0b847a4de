package io.moha.moctl.bench;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Inserts one small row after another, each in its own autocommit statement, and reports every acknowledged one. An id
 * is used once: whether an insert without an answer has happened is not asked here.
 */
final class Writer implements Runnable {
    private static final int READ_ONLY = 1290;
    private static final Duration BACK_OFF = Duration.ofMillis(10);
    private static final int IDS_OF_A_WRITER = 40;

    private final int number;
    private final String node;
    private final Target target;
    private final long pauseNanos;
    private final String sql;
    private final Consumer<Ack> ledger;
    private @Nullable Connection connection;
    private @Nullable PreparedStatement insert;
    private long sequence;
    private volatile boolean stopped;
    private volatile boolean paused = true;
    private volatile boolean idle = true;
    private volatile int round;
    private volatile long lastAckAt = Long.MIN_VALUE;
    private volatile String lastError = "";

    /**
     * @param number of this writer, part of its rows' ids
     * @param node whose server it writes to directly; empty for the proxy
     * @param table that it fills
     * @param pace time between two inserts
     * @param ledger told every acknowledged insert, on this writer's thread
     */
    Writer(int number, String node, Target target, BenchTable table, Duration pace, Consumer<Ack> ledger) {
        this.number = number;
        this.node = node;
        this.target = target;
        this.pauseNanos = pace.toNanos();
        this.sql = table.insert();
        this.ledger = ledger;
    }

    boolean proxied() {
        return node.isEmpty();
    }

    String node() {
        return node;
    }

    void resume(int newRound) {
        round = newRound;
        paused = false;
    }

    void pause() {
        paused = true;
    }

    void stop() {
        stopped = true;
    }

    /** Paused, and no statement is under way. */
    boolean idle() {
        return paused && idle;
    }

    /** {@code System.nanoTime} of the last acknowledgement; {@code Long.MIN_VALUE} before the first. */
    long lastAckAt() {
        return lastAckAt;
    }

    String lastError() {
        return lastError;
    }

    @Override
    public void run() {
        while (!stopped) {
            // Not idle is said before the look at the pause, so that idle() never sees a statement about to start.
            idle = false;
            if (paused) {
                idle = true;
                sleep(1_000_000);
                continue;
            }
            long started = System.nanoTime();
            write();
            sleep(Math.max(0, pauseNanos - (System.nanoTime() - started)));
        }
        close();
    }

    private void write() {
        try {
            PreparedStatement statement = statement();
            long id = ((long) number << IDS_OF_A_WRITER) | ++sequence;
            long sentAt = System.nanoTime();
            statement.setLong(1, id);
            statement.setInt(2, round);
            statement.setString(3, proxied() ? "proxy" : node);
            statement.setLong(4, sequence);
            statement.setLong(5, sentAt);
            statement.executeUpdate();
            long ackedAt = System.nanoTime();
            ledger.accept(new Ack(node, proxied(), id, sentAt, ackedAt));
            lastAckAt = ackedAt;
        } catch (SQLException e) {
            lastError = target + ": " + e.getMessage();
            // Read-only is an answer of a healthy server: the connection stays, as an application's pool would keep it.
            if (e.getErrorCode() != READ_ONLY || proxied()) {
                close();
                sleep(BACK_OFF.toNanos());
            }
        }
    }

    private PreparedStatement statement() throws SQLException {
        PreparedStatement ready = insert;
        if (ready == null) {
            Connection opened = target.connect();
            connection = opened;
            ready = opened.prepareStatement(sql);
            insert = ready;
        }
        return ready;
    }

    private void close() {
        insert = null;
        Connection old = connection;
        connection = null;
        if (old != null) {
            try {
                old.close();
            } catch (SQLException e) {
                lastError = target + ": on closing: " + e.getMessage();
            }
        }
    }

    private static void sleep(long nanos) {
        LockSupport.parkNanos(nanos);
    }
}
