package io.moha.mysql;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** The process (or container) of the MySQL server beside this agent. Every call has its deadline inside. */
public interface DatabaseProcess extends AutoCloseable {
    /** What is known of the process. */
    enum State {
        RUNNING,
        /** Confirmed dead: no write can come from it. */
        DEAD,
        /** Nothing could be learnt in time. Never taken as dead. */
        UNKNOWN
    }

    State state(Duration deadline);

    /** Starts the server, which starts fenced by its configuration. Starting a running one is harmless. */
    void start(Duration deadline) throws ProcessException;

    /** SIGKILL; returns when the process is confirmed dead. */
    void kill(Duration deadline) throws ProcessException;

    /** Calls back soon after the process ended, if the implementation can see it; a hint only. */
    void onExit(Runnable hint);

    /** Whether this agent can start and kill the server at all; without it, rung 4 of the fence does not exist. */
    boolean controllable();

    @Override
    void close();

    /** It could not be done, or it is not known whether it was. */
    final class ProcessException extends Exception {
        public ProcessException(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }
}
