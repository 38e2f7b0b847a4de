package io.moha.mysql.jdbc;

import java.io.IOException;
import java.net.Socket;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Closes the TCP socket under a connection when its call's deadline passes. This is what makes deadlines hold: a socket
 * timeout counts from the last byte rather than from the start of the call, and TLS doubles it on a frozen server.
 */
final class Watchdog implements AutoCloseable {
    private final ScheduledThreadPoolExecutor timer;

    Watchdog(String name) {
        timer = new ScheduledThreadPoolExecutor(1, runnable -> {
            Thread thread = new Thread(runnable, name);
            thread.setDaemon(true);
            return thread;
        });
        timer.setRemoveOnCancelPolicy(true);
    }

    Guard guard(Socket socket, Deadline deadline) {
        return new Guard(socket, deadline);
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }

    /** Watches one call. Exactly one of "the call is over" and "the socket was cut" happens. */
    final class Guard {
        private static final int WATCHING = 0;
        private static final int OVER = 1;
        private static final int CUT = 2;
        private final AtomicInteger state = new AtomicInteger(WATCHING);
        private final Socket socket;
        private final @Nullable ScheduledFuture<?> alarm;

        private Guard(Socket socket, Deadline deadline) {
            this.socket = socket;
            this.alarm = schedule(deadline);
        }

        private @Nullable ScheduledFuture<?> schedule(Deadline deadline) {
            try {
                return timer.schedule(this::cut, Math.max(0, deadline.leftNanos()), TimeUnit.NANOSECONDS);
            } catch (RejectedExecutionException e) {
                cut(); // closed: a call that nobody watches must not begin
                return null;
            }
        }

        private void cut() {
            if (state.compareAndSet(WATCHING, CUT)) {
                closeQuietly(socket);
            }
        }

        /** The call is over. @return false if the socket was cut before */
        boolean over() {
            if (alarm != null) {
                alarm.cancel(false);
            }
            return state.compareAndSet(WATCHING, OVER) || state.get() == OVER;
        }
    }

    static void closeQuietly(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            // It is being thrown away: nothing depends on how it ends.
        }
    }
}
