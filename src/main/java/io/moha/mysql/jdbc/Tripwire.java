package io.moha.mysql.jdbc;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A session that never sends anything: a thread waits in a read of its socket. The kernel closes a dead process's sockets
 * at once, so the read ends within milliseconds. Whatever ends the wait counts: bytes can only be the server's farewell.
 */
final class Tripwire implements AutoCloseable {
    private final Link link;
    private final Runnable onBroken;
    private final AtomicBoolean done = new AtomicBoolean();

    Tripwire(Link link, Runnable onBroken) {
        this.link = link;
        this.onBroken = onBroken;
    }

    /**
     * Starts to wait.
     *
     * @throws IOException if the connection is broken already
     */
    void arm() throws IOException {
        link.socket().setSoTimeout(0);
        link.socket().setKeepAlive(true);
        Thread waiter = new Thread(this::waitForTheEnd, "moha-tripwire");
        waiter.setDaemon(true);
        waiter.start();
    }

    private void waitForTheEnd() {
        try {
            // The TCP socket below TLS: the driver is not asked anything on this session any more.
            link.socket().getInputStream().read();
        } catch (IOException e) {
            // Reset or closed: broken is broken.
        }
        if (done.compareAndSet(false, true)) {
            link.cut();
            onBroken.run();
        }
    }

    /** {@code onBroken} is not called after this, unless it is running already. */
    @Override
    public void close() {
        if (done.compareAndSet(false, true)) {
            link.cut();
        }
    }
}
