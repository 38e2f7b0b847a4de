package io.moha.moctl.command;

import java.io.PrintWriter;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** While it is open, Ctrl-C first mends what is broken and lets the report come out. Close it after the report. */
final class Interruption implements AutoCloseable {
    private final CountDownLatch reported = new CountDownLatch(1);
    private final Thread hook;

    /** @param stop ends the work; false if that took too long */
    Interruption(PrintWriter err, BooleanSupplier stop) {
        hook = new Thread(() -> interrupted(err, stop), "moctl-interrupted");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void interrupted(PrintWriter err, BooleanSupplier stop) {
        err.println("moctl: stopping after mending what is broken");
        if (!stop.getAsBoolean()) {
            err.println("moctl: not ended in time. Look at: moctl status");
            return;
        }
        try {
            if (!reported.await(5, TimeUnit.SECONDS)) {
                err.println("moctl: no report");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        reported.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM ends already, and the hook is what ended the work.
            return;
        }
    }
}
