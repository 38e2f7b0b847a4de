package io.moha.agent.process;

import io.moha.mysql.DatabaseProcess;
import java.time.Duration;

/** No control over the process: its death can never be confirmed, and the last rung of the fence is missing. */
public final class NoProcess implements DatabaseProcess {
    @Override
    public State state(Duration deadline) {
        return State.UNKNOWN;
    }

    @Override
    public void start(Duration deadline) throws ProcessException {
        throw new ProcessException("this agent cannot start the database: [process] kind is none", null);
    }

    @Override
    public void kill(Duration deadline) throws ProcessException {
        throw new ProcessException("this agent cannot kill the database: [process] kind is none", null);
    }

    @Override
    public void onExit(Runnable hint) {
        // Nothing tells.
    }

    @Override
    public boolean controllable() {
        return false;
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
