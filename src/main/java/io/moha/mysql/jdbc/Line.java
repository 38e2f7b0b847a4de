package io.moha.mysql.jdbc;

import io.moha.model.Endpoint;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseException.Kind;
import java.sql.SQLException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The one connection of one role: opened ahead, kept, opened again when broken. A call ends at its deadline, whatever the
 * server, the network or the name service does.
 */
final class Line implements AutoCloseable {
    /** What to do with the connection. */
    interface Work<T> {
        T on(Link link) throws SQLException, DatabaseException;
    }

    /** Whether a call whose kept connection turns out to be broken is tried again on a new one. */
    enum Repeat {
        /** The statement changes roles, or must not reach a server that has restarted since the caller looked. */
        NO,
        /** Reading or fencing: as right on the second connection as on the first. */
        IF_STALE
    }

    /** Work without a result. */
    interface Action {
        void on(Link link) throws SQLException, DatabaseException;
    }

    private static final Duration IDLE = Duration.ofMillis(300);

    private final String role;
    private final Endpoint server;
    private final Connector connector;
    private final Watchdog watchdog;
    private final Faults faults;
    private final Executor openers;
    private final ReentrantLock turn = new ReentrantLock();
    /** How often it was opened; a change tells that the server may have restarted. */
    private final AtomicLong openings = new AtomicLong();

    private volatile @Nullable Link link;
    private @Nullable CompletableFuture<Link> opening;
    private volatile boolean closed;
    private long lastUsedNanos;

    Line(String role, Endpoint server, Connector connector, Watchdog watchdog, Faults faults, Executor openers) {
        this.role = role;
        this.server = server;
        this.connector = connector;
        this.watchdog = watchdog;
        this.faults = faults;
        this.openers = openers;
    }

    long openings() {
        return openings.get();
    }

    boolean isOpen() {
        return link != null;
    }

    <T> T call(String what, Duration limit, Repeat repeat, Work<T> work) throws DatabaseException {
        Deadline deadline = Deadline.in(limit);
        takeTurn(what, deadline);
        try {
            Link kept = link;
            if (kept == null) {
                return guarded(what, open(deadline), deadline, work);
            }
            if (repeat == Repeat.NO && idle() && !works(kept, deadline)) {
                return guarded(what, open(deadline), deadline, work);
            }
            try {
                return guarded(what, kept, deadline, work);
            } catch (DatabaseException e) {
                boolean stale = e.kind() == Kind.UNKNOWN && link == null && !deadline.passed();
                if (!stale || repeat == Repeat.NO) {
                    throw e;
                }
                return guarded(what, open(deadline), deadline, work);
            }
        } finally {
            turn.unlock();
        }
    }

    void run(String what, Duration limit, Repeat repeat, Action action) throws DatabaseException {
        call(what, limit, repeat, link -> {
            action.on(link);
            return true;
        });
    }

    /** Opens the connection if there is none; finds out whether a kept one still works. Never waits for a busy line. */
    void keepOpen(Duration limit, boolean verify) throws DatabaseException {
        if (!turn.tryLock()) {
            return; // in use: whoever uses it will learn whether it works
        }
        try {
            Deadline deadline = Deadline.in(limit);
            Link kept = link;
            boolean inOrder = kept != null && (!verify || works(kept, deadline));
            if (!inOrder) {
                open(deadline);
            }
        } finally {
            turn.unlock();
        }
    }

    /** What must not be sent twice is sent over a connection that has just answered: the server may have restarted. */
    private boolean idle() {
        return System.nanoTime() - lastUsedNanos > IDLE.toNanos();
    }

    /** Whether the connection still answers; it is thrown away if not. */
    private boolean works(Link kept, Deadline deadline) {
        try {
            return guarded("checking the " + role + " connection", kept, deadline, Sql::ping);
        } catch (DatabaseException e) {
            discard();
            return false;
        }
    }

    private void takeTurn(String what, Deadline deadline) throws DatabaseException {
        try {
            if (!turn.tryLock(Math.max(0, deadline.leftNanos()), TimeUnit.NANOSECONDS)) {
                throw Faults.timedOut(
                        Kind.UNKNOWN, what + ": waiting for an earlier statement of the " + role + " connection");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw interrupted(what);
        }
    }

    private <T> T guarded(String what, Link on, Deadline deadline, Work<T> work) throws DatabaseException {
        Watchdog.Guard guard = watchdog.guard(on.socket(), deadline);
        boolean broken = true;
        try {
            // The watchdog cuts at the deadline; the socket timeout is the second line, should its thread starve.
            on.connection().setNetworkTimeout(Runnable::run, deadline.leftMillis() + 500);
            T result = work.on(on);
            lastUsedNanos = System.nanoTime();
            broken = false;
            return result;
        } catch (SQLException e) {
            broken = Faults.isLost(e);
            if (!guard.over()) {
                throw faults.timedOut(Kind.UNKNOWN, what, e);
            }
            throw faults.executing(what, e);
        } catch (DatabaseException e) {
            broken = e.kind() == Kind.UNKNOWN;
            throw e;
        } finally {
            if (!guard.over() || broken) {
                discard();
            }
        }
    }

    /** Holding the turn. The connect itself runs on another thread: resolving a name knows no deadline. */
    private Link open(Deadline deadline) throws DatabaseException {
        if (closed) {
            throw Faults.timedOut(Kind.UNREACHABLE, "connecting to " + server + ": this agent is stopping");
        }
        CompletableFuture<Link> attempt = opening;
        if (attempt == null || attempt.isCompletedExceptionally()) {
            attempt = begin(deadline);
            opening = attempt;
        }
        try {
            Link opened = attempt.get(Math.max(1, deadline.leftNanos()), TimeUnit.NANOSECONDS);
            opening = null;
            link = opened;
            openings.incrementAndGet();
            return opened;
        } catch (TimeoutException e) {
            // At most one attempt is under way: a later call takes up its result.
            throw Faults.timedOut(Kind.UNREACHABLE, "connecting to " + server);
        } catch (ExecutionException e) {
            opening = null;
            if (e.getCause() instanceof Failed failed) {
                throw failed.reason;
            }
            throw new IllegalStateException("connecting to " + server, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw interrupted("connecting to " + server);
        }
    }

    private CompletableFuture<Link> begin(Deadline deadline) throws DatabaseException {
        try {
            return CompletableFuture.supplyAsync(() -> connect(deadline), openers);
        } catch (RejectedExecutionException e) {
            throw new DatabaseException(
                    Kind.UNREACHABLE, 0, "connecting to " + server + ": too many connects hang already", e);
        }
    }

    private Link connect(Deadline deadline) {
        try {
            Link opened = connector.connect(server, role, deadline);
            if (closed) {
                opened.cut();
            }
            return opened;
        } catch (DatabaseException e) {
            throw new Failed(e);
        }
    }

    private void discard() {
        Link old = link;
        link = null;
        if (old != null) {
            old.cut();
        }
    }

    private static DatabaseException interrupted(String what) {
        return new DatabaseException(Kind.UNKNOWN, 0, what + ": interrupted", new InterruptedException());
    }

    /** Does not wait for a call under way: that one fails. */
    @Override
    public void close() {
        closed = true;
        Link old = link;
        if (old != null) {
            old.cut();
        }
    }

    /** Carries the reason out of the opener's thread. */
    private static final class Failed extends RuntimeException {
        private final transient DatabaseException reason;

        Failed(DatabaseException reason) {
            super(reason);
            this.reason = reason;
        }
    }
}
