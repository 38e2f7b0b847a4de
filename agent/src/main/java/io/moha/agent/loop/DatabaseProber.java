package io.moha.agent.loop;

import io.moha.decide.Observation.Health;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseProcess;
import io.moha.mysql.DatabaseStatus;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at the local server when asked and twice a second. A server that does not answer is SILENT until its process is
 * confirmed dead: a refused connection proves nothing.
 */
final class DatabaseProber implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(DatabaseProber.class);
    private static final Duration INTERVAL = Duration.ofMillis(500);
    private static final Duration RETRY = Duration.ofMillis(100);

    /**
     * One look.
     *
     * @param sentAt when the look began
     * @param since when the health became what it is
     * @param status the last answer, also while the server is silent
     * @param tookNanos duration of the probe
     */
    record Look(
            Health health,
            long sentAt,
            long since,
            Optional<DatabaseStatus> status,
            String error,
            boolean accessDenied,
            long tookNanos) {}

    private final Database database;
    private final DatabaseProcess process;
    private final Duration timeout;
    private final Clock clock;
    private final Runnable onLook;
    private final Bell bell;
    private volatile Look look;
    /** A look is wanted that begins from now on. */
    private volatile boolean asked;
    /** When the last look began. */
    private volatile long begunAt;

    DatabaseProber(Database database, DatabaseProcess process, Duration timeout, Clock clock, Runnable onLook) {
        this.database = database;
        this.process = process;
        this.timeout = timeout;
        this.clock = clock;
        this.bell = clock.bell();
        this.onLook = onLook;
        long now = clock.now();
        this.begunAt = now - 1;
        this.look = new Look(Health.SILENT, now, now, Optional.empty(), "not asked yet", false, 0);
    }

    Look look() {
        return look;
    }

    /** Asks for a look that begins from now on. */
    void ask() {
        asked = true;
        bell.ring();
    }

    /** Asks for a look that began at that time or later, unless there is one or one is under way. */
    void askSince(long instant) {
        if (!asked && begunAt - instant < 0) {
            ask();
        }
    }

    @Override
    public void run() {
        while (!Thread.currentThread().isInterrupted()) {
            Look seen = lookOnce();
            if (!bell.await(seen.health() == Health.ANSWERING ? INTERVAL : RETRY)) {
                return;
            }
        }
    }

    private static boolean gone(Health health) {
        return health == Health.SILENT || health == Health.HUNG;
    }

    Look lookOnce() {
        asked = false;
        Look before = look;
        long sentAt = clock.now();
        begunAt = sentAt;
        Look seen;
        try {
            DatabaseStatus status = database.probe(timeout);
            seen = new Look(
                    Health.ANSWERING,
                    sentAt,
                    before.health() == Health.ANSWERING ? before.since() : sentAt,
                    Optional.of(status),
                    "",
                    false,
                    clock.now() - sentAt);
        } catch (DatabaseException e) {
            Health health = process.state(timeout) == DatabaseProcess.State.DEAD
                    ? Health.DEAD
                    : e.late() ? Health.HUNG : Health.SILENT;
            seen = new Look(
                    health,
                    sentAt,
                    before.health() == health || (gone(health) && gone(before.health())) ? before.since() : sentAt,
                    before.status(),
                    String.valueOf(e.getMessage()),
                    e.kind() == DatabaseException.Kind.ACCESS_DENIED,
                    clock.now() - sentAt);
        }
        if (seen.health() != before.health()) {
            LOG.info(
                    "database: {} -> {}{}",
                    before.health(),
                    seen.health(),
                    seen.error().isEmpty() ? "" : " (" + seen.error() + ")");
        }
        look = seen;
        onLook.run();
        return seen;
    }
}
