package io.moha.agent.http;

import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import io.moha.model.Obstacle;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseException.Kind;
import io.moha.mysql.DatabaseProcess;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.DatabaseStatus.Receiver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A MySQL server with its process, in memory: starts fenced, executes every statement at once, refuses connections while
 * dead. Other members' servers are taken to be as far as this one.
 */
final class FakeServer implements Database, DatabaseProcess {
    static final String UUID = "00000001-0000-4000-8000-000000000000";

    private final List<Runnable> tripwires = new ArrayList<>();
    private boolean alive = true;
    private boolean readOnly = true;
    private boolean superReadOnly = true;
    private boolean offline;
    private boolean armed;
    private GtidSet executed = GtidSet.EMPTY;
    private @Nullable Endpoint source;
    private Receiver receiver = Receiver.STOPPED;
    private boolean applierRunning;
    private long secondsBehind;
    private List<Obstacle> inTheWay = List.of();

    synchronized void executed(GtidSet set) {
        executed = set;
    }

    synchronized void secondsBehind(long seconds) {
        secondsBehind = seconds;
    }

    /** The receiver loses its source, as by a broken network. */
    synchronized void disconnect() {
        receiver = Receiver.CONNECTING;
    }

    synchronized boolean writable() {
        return alive && !readOnly && !superReadOnly && !offline;
    }

    /** Statements reach a server that lives. */
    private void connect() throws DatabaseException {
        if (!alive) {
            throw new DatabaseException(
                    Kind.UNREACHABLE, 0, "connection refused", new IllegalStateException("no process"));
        }
    }

    @Override
    public synchronized DatabaseStatus probe(Duration deadline) throws DatabaseException {
        connect();
        Optional<DatabaseStatus.Replica> replica = Optional.ofNullable(source)
                .map(s -> new DatabaseStatus.Replica(s, receiver, applierRunning, executed, "", secondsBehind, "", ""));
        return new DatabaseStatus(
                "9.7.4",
                UUID,
                executed,
                GtidSet.EMPTY,
                readOnly,
                superReadOnly,
                offline,
                "ROW",
                "binlog.000001",
                157,
                false,
                replica,
                armed,
                DatabaseStatus.Commits.NONE,
                DatabaseStatus.SemiSync.OFF);
    }

    @Override
    public synchronized void closeToApplications(Duration deadline) throws DatabaseException {
        connect();
        offline = true;
    }

    @Override
    public synchronized void closeForWrites(Duration deadline) throws DatabaseException {
        connect();
        readOnly = true;
        superReadOnly = true;
    }

    @Override
    public synchronized void openToApplications(Duration deadline) throws DatabaseException {
        connect();
        offline = false;
    }

    @Override
    public synchronized void openForWrites(
            Duration allowance, BooleanSupplier mayWrite, Conditions conditions, Duration deadline)
            throws DatabaseException {
        connect();
        if (!mayWrite.getAsBoolean()) {
            throw new DatabaseException(Kind.REFUSED, 0, "may not write", new IllegalStateException("no role"));
        }
        armed = true;
        superReadOnly = false;
        readOnly = false;
        offline = false;
    }

    @Override
    public synchronized void beat(Duration allowance, Duration deadline) throws DatabaseException {
        connect();
    }

    @Override
    public synchronized void stopReceiver(Duration deadline) throws DatabaseException {
        connect();
        receiver = Receiver.STOPPED;
    }

    @Override
    public synchronized void startReplication(Duration deadline) throws DatabaseException {
        connect();
        receiver = Receiver.RUNNING;
        applierRunning = true;
    }

    @Override
    public synchronized void startApplier(Duration deadline) throws DatabaseException {
        connect();
        applierRunning = true;
    }

    @Override
    public synchronized void follow(Endpoint newSource, Duration deadline) throws DatabaseException {
        connect();
        source = newSource;
        receiver = Receiver.RUNNING;
        applierRunning = true;
    }

    @Override
    public synchronized void forgetSource(Duration deadline) throws DatabaseException {
        connect();
        source = null;
        receiver = Receiver.STOPPED;
        applierRunning = false;
    }

    @Override
    public void awaitAckers(int replicas, Duration deadline) {
        throw new UnsupportedOperationException("nobody acknowledges here");
    }

    @Override
    public void acknowledge(boolean on, Duration deadline) {
        throw new UnsupportedOperationException("nobody acknowledges here");
    }

    @Override
    public void nudge(Duration deadline) {
        throw new UnsupportedOperationException("nobody acknowledges here");
    }

    @Override
    public void dropReplica(String serverUuid, Duration deadline) {
        throw new UnsupportedOperationException("nobody acknowledges here");
    }

    @Override
    public synchronized List<Obstacle> obstacles(Duration deadline) {
        return inTheWay;
    }

    @Override
    public synchronized void endSessions(List<Obstacle> obstacles, Duration deadline) {
        inTheWay = List.of();
    }

    synchronized void inTheWay(Obstacle obstacle) {
        inTheWay = List.of(obstacle);
    }

    @Override
    public synchronized GtidSet executedWhenClosed(Duration deadline) {
        return GtidSet.EMPTY;
    }

    @Override
    public synchronized GtidSet executedOn(Endpoint other, Duration deadline) {
        return executed;
    }

    @Override
    public GtidSet purgedOn(Endpoint other, Duration deadline) {
        return GtidSet.EMPTY;
    }

    @Override
    public boolean awaitExecutedOn(Endpoint other, GtidSet set, Duration deadline) {
        return true;
    }

    @Override
    public synchronized void cloneFrom(Endpoint donor, Duration deadline) throws DatabaseException {
        connect();
        source = null;
        kill(deadline);
    }

    @Override
    public synchronized void forgetHistory(Duration deadline) throws DatabaseException {
        connect();
        executed = GtidSet.EMPTY;
    }

    @Override
    public synchronized AutoCloseable tripwire(Runnable onBroken, Duration deadline) throws DatabaseException {
        connect();
        tripwires.add(onBroken);
        return () -> {
            synchronized (this) {
                tripwires.remove(onBroken);
            }
        };
    }

    @Override
    public synchronized State state(Duration deadline) {
        return alive ? State.RUNNING : State.DEAD;
    }

    @Override
    public synchronized void start(Duration deadline) {
        if (!alive) {
            alive = true;
            readOnly = true;
            superReadOnly = true;
            offline = false;
            receiver = Receiver.STOPPED;
            applierRunning = false;
        }
    }

    @Override
    public synchronized void kill(Duration deadline) {
        alive = false;
        List<Runnable> told = List.copyOf(tripwires);
        tripwires.clear();
        told.forEach(Runnable::run);
    }

    @Override
    public void onExit(Runnable hint) {
        // A hint only; the tripwire tells as much.
    }

    @Override
    public boolean controllable() {
        return true;
    }

    @Override
    public void close() {
        // Nothing is held open.
    }
}
