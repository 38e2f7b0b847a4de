package io.moha.sim;

import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import io.moha.model.Obstacle;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseException.Kind;
import io.moha.mysql.DatabaseProcess;
import io.moha.mysql.DatabaseStatus;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** How one agent reaches its server, and the others': statements take time, hang on a frozen server, and may act late. */
final class SimDatabase implements Database {
    private final Scheduler scheduler;
    private final SplittableRandom random;
    private final SimMysql mine;
    private final SimMysql.Wires wires;
    private final boolean deadManSwitch;

    SimDatabase(
            Scheduler scheduler, SplittableRandom random, SimMysql mine, SimMysql.Wires wires, boolean deadManSwitch) {
        this.deadManSwitch = deadManSwitch;
        this.scheduler = scheduler;
        this.random = random;
        this.mine = mine;
        this.wires = wires;
    }

    private static DatabaseException late() {
        return new DatabaseException(Kind.UNKNOWN, true, "no answer in time", new IllegalStateException("late"));
    }

    private static DatabaseException broken(Kind kind, String message) {
        return new DatabaseException(kind, 0, message, new IllegalStateException(message));
    }

    private static final class Result<T> {
        private boolean late;
        private @Nullable T value;
        private @Nullable DatabaseException refusal;
    }

    private interface Effect<T> {
        T run() throws DatabaseException;
    }

    /** A statement that writes, and waits for the disk. */
    private <T> T writing(Duration deadline, Effect<T> effect) throws DatabaseException {
        return statement(mine, deadline, effect, mine::whenWritten);
    }

    private <T> T statement(SimMysql server, Duration deadline, Effect<T> effect) throws DatabaseException {
        return statement(server, deadline, effect, Runnable::run);
    }

    /** One statement. What a frozen server has in its socket is executed when it goes on, wanted or not. */
    private <T> T statement(SimMysql server, Duration deadline, Effect<T> effect, Consumer<Runnable> when)
            throws DatabaseException {
        Scheduler.Strand me = scheduler.running();
        Result<T> result = new Result<>();
        int life = server.life();
        boolean reachable =
                server == mine || (wires.open(mine.node, server.node) && wires.open(server.node, mine.node));
        if (reachable && !server.alive() && !server.stalled()) {
            scheduler.sleep(200_000);
            throw broken(Kind.UNREACHABLE, "connection refused");
        }
        Scheduler.Event alarm = scheduler.in(deadline.toNanos(), () -> {
            result.late = true;
            scheduler.wake(me);
        });
        long cost = server.statementCost / 2 + random.nextLong(server.statementCost);
        if (reachable) {
            scheduler.in(cost, () -> {
                if (server.life() == life && server.alive()) {
                    server.whenRunning(() -> when.accept(() -> {
                        try {
                            result.value = effect.run();
                        } catch (DatabaseException e) {
                            result.refusal = e;
                        }
                        end(result, alarm, me);
                    }));
                } else if (!server.stalled()) {
                    result.refusal = broken(Kind.UNKNOWN, "the connection broke");
                    end(result, alarm, me);
                }
            });
        }
        scheduler.block(me);
        if (result.refusal != null) {
            throw result.refusal;
        }
        if (result.value == null) {
            throw late();
        }
        return result.value;
    }

    private <T> void end(Result<T> result, Scheduler.Event alarm, Scheduler.Strand me) {
        if (result.late) {
            result.value = null;
        } else {
            result.late = true;
            alarm.cancel();
            scheduler.in(100_000, () -> scheduler.wake(me));
        }
    }

    private void execute(Duration deadline, Runnable effect) throws DatabaseException {
        statement(mine, deadline, () -> {
            effect.run();
            return true;
        });
    }

    @Override
    public DatabaseStatus probe(Duration deadline) throws DatabaseException {
        return statement(mine, deadline, mine::status);
    }

    @Override
    public void closeToApplications(Duration deadline) throws DatabaseException {
        execute(deadline, () -> mine.setOffline(true));
    }

    @Override
    public void closeForWrites(Duration deadline) throws DatabaseException {
        long until = scheduler.now() + deadline.toNanos();
        long lockWait = Duration.ofSeconds(Math.max(1, deadline.toSeconds())).toNanos();
        long givesUp = scheduler.now() + lockWait;
        if (mine.superReadOnlyHangs()) {
            execute(deadline, () -> mine.waitForLock(lockWait));
        }
        boolean[] closed = {false};
        while (!closed[0]) {
            while (mine.alive() && mine.superReadOnlyHangs()) {
                if (scheduler.now() + 20_000_000 >= until) {
                    throw broken(Kind.UNKNOWN, "waiting for global read lock");
                }
                if (scheduler.now() >= givesUp) {
                    throw broken(Kind.REFUSED, "lock wait timeout exceeded");
                }
                scheduler.sleep(20_000_000);
            }
            // A commit that has begun while the statement was on its way is waited for, too (seed 343 under lossless).
            execute(Duration.ofNanos(Math.max(1, until - scheduler.now())), () -> closed[0] = mine.closeAtOnce());
        }
    }

    @Override
    public void openToApplications(Duration deadline) throws DatabaseException {
        execute(deadline, () -> mine.setOffline(false));
    }

    @Override
    public GtidSet executedWhenClosed(Duration deadline) throws DatabaseException {
        DatabaseStatus status = statement(mine, deadline, mine::status);
        if (!status.fenced()) {
            throw broken(Kind.REFUSED, "super_read_only does not read back as on");
        }
        return status.executed();
    }

    @Override
    public void openForWrites(Duration allowance, BooleanSupplier mayWrite, Conditions conditions, Duration deadline)
            throws DatabaseException {
        gate(mayWrite);
        long until = scheduler.now() + allowance.toNanos();
        if (!conditions.executed().isEmpty()
                && !statement(mine, deadline, mine::executed).contains(conditions.executed())) {
            throw broken(Kind.REFUSED, "the server has not executed all that it must have");
        }
        execute(deadline, () -> mine.setSuperReadOnly(false));
        try {
            gate(mayWrite);
            if (deadManSwitch) {
                long left = until - scheduler.now();
                long moment = statement(mine, deadline, mine::wall) + until - scheduler.now();
                gate(mayWrite);
                if (!writing(deadline, () -> mine.arm(moment, left))) {
                    throw broken(Kind.REFUSED, "the server is super_read_only again");
                }
            }
            gate(mayWrite);
            if (conditions.waitFor() > 0 && statement(mine, deadline, mine::waitsFor) < conditions.waitFor()) {
                throw broken(Kind.REFUSED, "the server waits for fewer acknowledgements than it must");
            }
            execute(deadline, () -> mine.setReadOnly(false));
            gate(mayWrite);
            execute(deadline, () -> mine.setOffline(false));
        } catch (DatabaseException e) {
            try {
                closeForWrites(deadline);
            } catch (DatabaseException again) {
                e.addSuppressed(again);
            }
            throw e;
        }
    }

    private static void gate(BooleanSupplier mayWrite) throws DatabaseException {
        if (!mayWrite.getAsBoolean()) {
            throw broken(Kind.REFUSED, "this node may not write any more");
        }
    }

    @Override
    public void beat(Duration allowance, Duration deadline) throws DatabaseException {
        long until = scheduler.now() + allowance.toNanos();
        long moment = statement(mine, deadline, mine::wall) + until - scheduler.now();
        if (!writing(deadline, () -> mine.beat(moment, allowance.toNanos()))) {
            throw broken(Kind.REFUSED, "the dead-man's switch is not armed, or has run out already");
        }
    }

    @Override
    public void stopReceiver(Duration deadline) throws DatabaseException {
        if (mine.connecting()) {
            // A receiver in the middle of a connect to a lost host stops when its try has failed.
            scheduler.sleep(Math.min(deadline.toNanos(), random.nextLong(2_000_000_000L)));
        }
        execute(deadline, mine::stopReceiver);
    }

    @Override
    public void startReplication(Duration deadline) throws DatabaseException {
        boolean started = statement(mine, deadline, () -> {
            mine.startReceiver();
            mine.startApplier();
            return mine.hasSource();
        });
        if (!started) {
            throw broken(Kind.REFUSED, "not configured as a replica");
        }
    }

    @Override
    public void startApplier(Duration deadline) throws DatabaseException {
        execute(deadline, mine::startApplier);
    }

    @Override
    public void follow(Endpoint source, Duration deadline) throws DatabaseException {
        execute(deadline, () -> mine.follow(source));
    }

    @Override
    public void forgetSource(Duration deadline) throws DatabaseException {
        execute(deadline, mine::forgetSource);
    }

    @Override
    public void awaitAckers(int replicas, Duration deadline) throws DatabaseException {
        execute(deadline, () -> mine.waitFor(replicas));
    }

    @Override
    public void acknowledge(boolean on, Duration deadline) throws DatabaseException {
        execute(deadline, () -> {
            boolean restart = mine.acknowledges() != on && mine.receiverRuns();
            mine.acknowledges(on);
            if (restart) {
                mine.stopReceiver();
                mine.startReceiver();
            }
        });
    }

    @Override
    public void nudge(Duration deadline) throws DatabaseException {
        execute(deadline, mine::nudge);
    }

    @Override
    public void dropReplica(String serverUuid, Duration deadline) throws DatabaseException {
        execute(deadline, () -> mine.dropReplica(serverUuid));
    }

    @Override
    public List<Obstacle> obstacles(Duration deadline) throws DatabaseException {
        return statement(
                mine,
                deadline,
                () -> scheduler.now() < mine.longTransactionUntil
                        ? List.of(new Obstacle(Obstacle.Kind.TRANSACTION, 7, "app@sim", 2, "a long transaction"))
                        : List.of());
    }

    @Override
    public void endSessions(List<Obstacle> obstacles, Duration deadline) throws DatabaseException {
        execute(deadline, () -> mine.longTransactionUntil = 0);
    }

    @Override
    public GtidSet executedOn(Endpoint other, Duration deadline) throws DatabaseException {
        SimMysql server = wires.server(other);
        return statement(server, deadline, server::executed);
    }

    @Override
    public GtidSet purgedOn(Endpoint other, Duration deadline) throws DatabaseException {
        SimMysql server = wires.server(other);
        return statement(server, deadline, server::purged);
    }

    @Override
    public boolean awaitExecutedOn(Endpoint other, GtidSet set, Duration deadline) throws DatabaseException {
        SimMysql server = wires.server(other);
        long until = scheduler.now() + deadline.toNanos();
        while (!statement(server, Duration.ofNanos(Math.max(1, until - scheduler.now())), server::executed)
                .contains(set)) {
            if (scheduler.now() + 10_000_000 >= until) {
                return false;
            }
            scheduler.sleep(10_000_000);
        }
        return true;
    }

    @Override
    public void cloneFrom(Endpoint donor, Duration deadline) throws DatabaseException {
        SimMysql from = wires.server(donor);
        statement(from, Duration.ofSeconds(5), () -> true);
        execute(Duration.ofSeconds(5), () -> {
            mine.setOffline(true);
            mine.setSuperReadOnly(false);
            mine.setReadOnly(true);
        });
        scheduler.sleep(500_000_000L + random.nextLong(1_500_000_000L));
        boolean whole =
                from.alive() && !from.frozen() && wires.open(from.node, mine.node) && wires.open(mine.node, from.node);
        execute(Duration.ofSeconds(5), () -> {
            if (whole) {
                mine.becomeCopyOf(from);
            } else {
                mine.becomeEmpty();
            }
        });
    }

    @Override
    public void forgetHistory(Duration deadline) throws DatabaseException {
        execute(deadline, mine::forgetHistory);
    }

    @Override
    public AutoCloseable tripwire(Runnable onBroken, Duration deadline) throws DatabaseException {
        statement(mine, deadline, () -> true);
        mine.tripwire(onBroken);
        return () -> mine.untie(onBroken);
    }

    @Override
    public void close() {
        // Nothing is held open.
    }

    /** The process of the server, as the agent controls it. */
    static final class Container implements DatabaseProcess {
        private final Scheduler scheduler;
        private final SimMysql server;
        private final Supplier<Boolean> blind;

        /** @param blind whether the container engine does not answer */
        Container(Scheduler scheduler, SimMysql server, Supplier<Boolean> blind) {
            this.scheduler = scheduler;
            this.server = server;
            this.blind = blind;
        }

        @Override
        public State state(Duration deadline) {
            if (blind.get()) {
                scheduler.sleep(deadline.toNanos());
                return State.UNKNOWN;
            }
            scheduler.sleep(2_000_000);
            return server.alive() || server.stalled() ? State.RUNNING : State.DEAD;
        }

        @Override
        public void start(Duration deadline) throws ProcessException {
            await(deadline);
            scheduler.sleep(server.startCost);
            if (server.stalled()) {
                throw new ProcessException("the old process still waits for its disk", null);
            }
            server.start();
        }

        @Override
        public void kill(Duration deadline) throws ProcessException {
            await(deadline);
            server.kill();
            if (server.stalled()) {
                scheduler.sleep(deadline.toNanos());
                throw new ProcessException("killed, but not dead: it waits for its disk", null);
            }
            scheduler.sleep(100_000_000L);
        }

        private void await(Duration deadline) throws ProcessException {
            if (blind.get()) {
                scheduler.sleep(deadline.toNanos());
                throw new ProcessException("the container engine does not answer", null);
            }
            scheduler.sleep(20_000_000L);
        }

        @Override
        public void onExit(Runnable hint) {
            server.onExit(hint);
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
}
