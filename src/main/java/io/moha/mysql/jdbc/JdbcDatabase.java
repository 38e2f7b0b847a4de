package io.moha.mysql.jdbc;

import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import io.moha.model.Obstacle;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseException.Kind;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.jdbc.Line.Repeat;
import java.io.IOException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The server beside this agent, over JDBC. One connection each for probing, for the two rungs of the fence, for changes
 * and for the beat: all are opened once the server answers the first probe, and kept, so that the fence works when
 * max_connections is used up or a change hangs.
 */
public final class JdbcDatabase implements Database {
    private static final Logger LOG = LoggerFactory.getLogger(JdbcDatabase.class);
    private static final int MOST_THREADS = 32;
    /** Changes nothing anywhere, and is in the binary log all the same. */
    private static final String NUDGE = "CREATE DATABASE IF NOT EXISTS moha";

    /** Asked before each statement that could open the server. */
    interface Gate {
        void check() throws DatabaseException;
    }

    private final JdbcSettings settings;
    private final Watchdog watchdog = new Watchdog("moha-jdbc-watchdog");
    private final ExecutorService openers;
    private final Faults faults;
    private final Connector connector;
    private final Replication replication;
    private final Cloner cloner;
    private final Probe probe = new Probe();
    private final RelayLogSync relayLogSync = new RelayLogSync();
    private final Line probing;
    private final Line fencingConnections;
    private final Line fencingWrites;
    private final Line changing;
    private final Line beating;
    /** For what people ask; opened when needed. */
    private final Line asking;

    private final Others others;
    private final AtomicBoolean tending = new AtomicBoolean();
    private volatile boolean firstBeat;
    private volatile long tendedFor;
    private volatile boolean closed;

    /** Connects to nothing yet. */
    public JdbcDatabase(JdbcSettings settings) {
        this.settings = settings;
        this.faults = new Faults(List.of(settings.password(), settings.replicationPassword()));
        this.connector = new Connector(settings, watchdog, faults);
        this.replication = new Replication(settings);
        this.cloner = new Cloner(settings);
        this.openers =
                new ThreadPoolExecutor(0, MOST_THREADS, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), runnable -> {
                    Thread thread = new Thread(runnable, "moha-jdbc-opener");
                    thread.setDaemon(true);
                    return thread;
                });
        this.probing = line("probe", settings.server());
        this.fencingConnections = line("fence-connections", settings.server());
        this.fencingWrites = line("fence-writes", settings.server());
        this.changing = line("change", settings.server());
        this.beating = line("beat", settings.server());
        this.asking = line("ask", settings.server());
        this.others = new Others(member -> line("peer", member));
    }

    private Line line(String role, Endpoint server) {
        return new Line(role, server, connector, watchdog, faults, openers);
    }

    @Override
    public DatabaseStatus probe(Duration deadline) throws DatabaseException {
        DatabaseStatus status = probing.call("probe", deadline, Repeat.IF_STALE, probe::read);
        Endpoint own = settings.server();
        int adminPort = probe.adminPort();
        connector.know(
                adminPort == 0
                        ? null
                        : new Connector.AdminDoor(new Endpoint(own.host(), adminPort), status.serverUuid()));
        tendOthers();
        return status;
    }

    /** Opens the other connections while the server is well; in the background, one round at a time. */
    private void tendOthers() {
        long openings = probing.openings();
        List<Line> lines = List.of(fencingConnections, fencingWrites, changing, beating);
        boolean suspicious = openings != tendedFor;
        boolean inOrder = !suspicious && lines.stream().allMatch(Line::isOpen);
        if (inOrder || !tending.compareAndSet(false, true)) {
            return;
        }
        try {
            openers.execute(() -> {
                try {
                    tend(lines, suspicious);
                    tendedFor = openings;
                } finally {
                    tending.set(false);
                }
            });
        } catch (RejectedExecutionException e) {
            tending.set(false); // all threads hang in connects: the next probe tries again
        }
    }

    private void tend(List<Line> lines, boolean verify) {
        for (Line line : lines) {
            if (closed) {
                return;
            }
            try {
                line.keepOpen(settings.connectTimeout(), verify);
            } catch (DatabaseException e) {
                LOG.debug("a connection could not be opened ahead: {}", e.getMessage());
            }
        }
    }

    @Override
    public void closeToApplications(Duration deadline) throws DatabaseException {
        fencingConnections.run(
                "setting offline_mode",
                deadline,
                Repeat.IF_STALE,
                link -> Sql.execute(link, "SET GLOBAL offline_mode=ON"));
    }

    @Override
    public void closeForWrites(Duration deadline) throws DatabaseException {
        probe.invalidate();
        // Whole seconds, at least one: beyond the caller's deadline the server must not go on waiting for long.
        long lockWait = Math.max(1, deadline.toSeconds());
        fencingWrites.run(
                "setting super_read_only",
                deadline,
                Repeat.IF_STALE,
                link -> Sql.execute(link, "SET SESSION lock_wait_timeout=" + lockWait + ", GLOBAL super_read_only=ON"));
    }

    @Override
    public void openToApplications(Duration deadline) throws DatabaseException {
        changing.run(
                "ending offline_mode", deadline, Repeat.NO, link -> Sql.execute(link, "SET GLOBAL offline_mode=OFF"));
    }

    @Override
    public List<Obstacle> obstacles(Duration deadline) throws DatabaseException {
        return asking.call(
                "looking for sessions that are in the way",
                deadline,
                Repeat.IF_STALE,
                new Obstacles(settings.user())::find);
    }

    @Override
    public void endSessions(List<Obstacle> obstacles, Duration deadline) throws DatabaseException {
        changing.run(
                "ending sessions that are in the way", deadline, Repeat.NO, link -> Obstacles.end(link, obstacles));
    }

    @Override
    public GtidSet executedWhenClosed(Duration deadline) throws DatabaseException {
        return fencingWrites.call("reading what was executed", deadline, Repeat.IF_STALE, link -> {
            String read = Sql.text(
                    link,
                    "SELECT CONCAT(@@GLOBAL.read_only AND @@GLOBAL.super_read_only, '/', @@GLOBAL.gtid_executed)");
            if (!read.startsWith("1/")) {
                throw Faults.refused("super_read_only does not read back as on");
            }
            return GtidSet.parse(read.substring(2));
        });
    }

    @Override
    public void openForWrites(Duration allowance, BooleanSupplier mayWrite, Conditions conditions, Duration deadline)
            throws DatabaseException {
        probe.invalidate();
        long until = System.nanoTime() + allowance.toNanos();
        Gate gate = () -> {
            if (!mayWrite.getAsBoolean()) {
                throw Faults.refused("opening for writes: this node may not write any more");
            }
        };
        try {
            changing.run("opening for writes", deadline, Repeat.NO, link -> open(link, until, conditions, gate));
        } finally {
            probe.invalidate();
        }
    }

    private void open(Link link, long until, Conditions conditions, Gate gate) throws SQLException, DatabaseException {
        gate.check();
        String all = conditions.executed().toString();
        if (!all.isEmpty()
                && !Sql.text(link, "SELECT GTID_SUBSET(" + Sql.quote(all) + ", @@GLOBAL.gtid_executed)")
                        .equals("1")) {
            throw Faults.refused("opening for writes: this server has not executed all that it must have");
        }
        Replication.stopInsideTransaction(link);
        // Not read_only=OFF yet: only accounts like the agent's can write, and the dead-man's event holds still.
        Sql.execute(link, "SET GLOBAL super_read_only=OFF");
        try {
            if (settings.deadManSwitch()) {
                DeadMan.arm(link, until, gate);
                firstBeat = true;
            } else {
                DeadMan.remove(link, gate);
            }
            gate.check();
            if (conditions.waitFor() > 0) {
                SemiSyncReplication.requireWaiting(link, conditions.waitFor());
            }
            Sql.execute(link, "SET GLOBAL read_only=OFF");
            gate.check();
            Sql.execute(link, "SET GLOBAL offline_mode=OFF");
        } catch (SQLException | DatabaseException e) {
            closeAgain(link, e);
            throw e;
        }
    }

    private static void closeAgain(Link link, Exception reason) {
        try {
            Sql.execute(link, "SET GLOBAL super_read_only=ON");
        } catch (SQLException e) {
            reason.addSuppressed(e);
        }
    }

    @Override
    public void beat(Duration allowance, Duration deadline) throws DatabaseException {
        if (!settings.deadManSwitch()) {
            return;
        }
        long until = System.nanoTime() + allowance.toNanos();
        beating.run("beat", deadline, Repeat.IF_STALE, link -> {
            if (!DeadMan.beat(link, until, firstBeat)) {
                throw Faults.refused("beat: the dead-man's switch is not armed, or has run out already");
            }
            firstBeat = false;
        });
    }

    @Override
    public void stopReceiver(Duration deadline) throws DatabaseException {
        changing.run("stopping the receiver", deadline, Repeat.NO, Replication::stopReceiver);
    }

    @Override
    public void startReplication(Duration deadline) throws DatabaseException {
        changing.run("starting replication", deadline, Repeat.NO, link -> Sql.execute(link, "START REPLICA"));
    }

    @Override
    public void startApplier(Duration deadline) throws DatabaseException {
        changing.run(
                "starting the applier", deadline, Repeat.NO, link -> Sql.execute(link, "START REPLICA SQL_THREAD"));
    }

    @Override
    public void follow(Endpoint source, Duration deadline) throws DatabaseException {
        changing.run("following " + source, deadline, Repeat.NO, link -> replication.follow(link, source));
    }

    @Override
    public void forgetSource(Duration deadline) throws DatabaseException {
        probe.invalidate();
        changing.run("forgetting the source", deadline, Repeat.NO, link -> {
            Replication.stopDrained(link);
            Sql.execute(link, "RESET REPLICA ALL");
        });
    }

    @Override
    public void awaitAckers(int replicas, Duration deadline) throws DatabaseException {
        changeSemiSync(
                "waiting for " + replicas + " replicas from now on",
                deadline,
                link -> SemiSyncReplication.awaitAckers(link, replicas));
    }

    @Override
    public void acknowledge(boolean on, Duration deadline) throws DatabaseException {
        changeSemiSync(
                (on ? "beginning" : "ceasing") + " to acknowledge",
                deadline,
                link -> SemiSyncReplication.acknowledge(link, on, relayLogSync));
    }

    /** A plugin may be there afterwards that was not there before. */
    private void changeSemiSync(String what, Duration deadline, Line.Action action) throws DatabaseException {
        try {
            changing.run(what, deadline, Repeat.NO, action);
        } finally {
            probe.invalidatePlugins();
        }
    }

    @Override
    public void nudge(Duration deadline) throws DatabaseException {
        changing.run("nudging waiting commits", deadline, Repeat.NO, link -> Sql.execute(link, NUDGE));
    }

    @Override
    public void dropReplica(String serverUuid, Duration deadline) throws DatabaseException {
        changing.run(
                "ending the connection of the replica " + serverUuid,
                deadline,
                Repeat.NO,
                link -> SemiSyncReplication.dropReplica(link, serverUuid));
    }

    @Override
    public GtidSet executedOn(Endpoint other, Duration deadline) throws DatabaseException {
        return gtids(other, "@@GLOBAL.gtid_executed", deadline);
    }

    @Override
    public GtidSet purgedOn(Endpoint other, Duration deadline) throws DatabaseException {
        return gtids(other, "@@GLOBAL.gtid_purged", deadline);
    }

    private GtidSet gtids(Endpoint other, String variable, Duration deadline) throws DatabaseException {
        String what = "reading " + variable + " of " + other;
        return GtidSet.parse(
                others.to(other).call(what, deadline, Repeat.IF_STALE, link -> Sql.text(link, "SELECT " + variable)));
    }

    @Override
    public boolean awaitExecutedOn(Endpoint other, GtidSet set, Duration deadline) throws DatabaseException {
        Deadline end = Deadline.in(deadline);
        String what = "waiting for transactions on " + other;
        return others.to(other).call(what, deadline, Repeat.IF_STALE, link -> {
            // Comes back before the watchdog would have to cut the connection.
            double seconds = Math.max(0.001, end.leftMillis() / 1000.0 - 0.05);
            String sql = String.format(
                    Locale.ROOT, "SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %.3f)", Sql.quote(set.toString()), seconds);
            return Sql.text(link, sql).equals("0");
        });
    }

    @Override
    public void cloneFrom(Endpoint donor, Duration deadline) throws DatabaseException {
        Deadline end = Deadline.in(deadline);
        others.to(donor).run("preparing the clone on " + donor, deadline, Repeat.IF_STALE, Cloner::ensurePluginOnDonor);
        probe.invalidateAll();
        try {
            changing.run("cloning " + donor, Duration.ofNanos(Math.max(1, end.leftNanos())), Repeat.NO, link -> {
                Cloner.ensurePluginHere(link);
                cloner.take(link, donor);
            });
        } finally {
            probe.invalidateAll();
        }
    }

    @Override
    public void forgetHistory(Duration deadline) throws DatabaseException {
        probe.invalidateAll();
        changing.run(
                "forgetting the GTID history",
                deadline,
                Repeat.NO,
                link -> Sql.execute(link, link.version().resetBinaryLogs()));
    }

    @Override
    public AutoCloseable tripwire(Runnable onBroken, Duration deadline) throws DatabaseException {
        Link link = connector.connect(settings.server(), "tripwire", Deadline.in(deadline));
        Tripwire wire = new Tripwire(link, onBroken);
        try {
            wire.arm();
        } catch (IOException e) {
            wire.close();
            throw new DatabaseException(Kind.UNREACHABLE, 0, "tripwire: " + e.getMessage(), e);
        }
        return wire;
    }

    /**
     * What is wrong with the accounts on this server: applications that the fence would not stop, a replication account
     * that it would. For people; to be asked once at the start.
     *
     * @return one sentence each, empty if all is well or the agent's account may not see the others' privileges
     * @throws DatabaseException if the server does not answer
     */
    public List<String> accountWarnings(Duration deadline) throws DatabaseException {
        return probing.call(
                "reading the accounts", deadline, Repeat.IF_STALE, link -> Accounts.warnings(link, settings));
    }

    @Override
    public void close() {
        closed = true;
        List.of(probing, fencingConnections, fencingWrites, changing, beating, asking)
                .forEach(Line::close);
        others.close();
        openers.shutdownNow();
        watchdog.close();
    }
}
