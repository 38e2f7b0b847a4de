package io.moha.sim;

import io.moha.model.Endpoint;
import io.moha.model.GtidSet;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.DatabaseStatus.Receiver;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * One MySQL server: received and executed sets apart, the gates that close it, the dead-man's event, a process that can
 * crash or freeze. Statements arrive through {@link SimDatabase}.
 */
final class SimMysql {
    private static final long SECOND = Duration.ofSeconds(1).toNanos();
    /** How transactions got lost: by statements that an agent sends only when everything has been executed. */
    static final String REPOINTED = "was repointed";

    static final long START_COST = 800_000_000L;

    private static final long NET_TIMEOUT = 2 * SECOND;

    /**
     * One transaction.
     *
     * @param write the client's number; 0 for none
     */
    record Transaction(String uuid, long number, long write, GtidSet gtid) {}

    /** What the world says about the way between two servers. */
    interface Wires {
        boolean open(int from, int to);

        SimMysql server(Endpoint endpoint);

        void discarded(SimMysql server, List<Transaction> lost, String how);
    }

    final int node;
    final String uuid;
    final Endpoint endpoint;
    private final Scheduler scheduler;
    private final SplittableRandom random;
    private final Wires wires;

    // The process.
    private boolean alive = true;
    private boolean frozen;
    private int life;
    private final List<Runnable> whenThawed = new ArrayList<>();
    private final List<Runnable> tripwires = new ArrayList<>();
    private final List<Runnable> exitHints = new ArrayList<>();

    // The gates.
    private boolean readOnly = true;
    private boolean superReadOnly = true;
    private boolean offline;
    private int sessions;

    // The dead-man's switch; survives in a table.
    private String beatUuid = "";
    private long runsOut;
    private long allowance;
    long wallOffset;

    // Data.
    private final List<Transaction> binlog = new ArrayList<>();
    private GtidSet executed = GtidSet.EMPTY;
    private GtidSet purged = GtidSet.EMPTY;
    private boolean userData;
    private long lastNumber;

    // Replication.
    private @Nullable Endpoint source;
    private boolean receiverWanted;
    private boolean connected;
    private int sourceLife;
    private int sourcePosition;
    private long lastHeard;
    private boolean pumping;
    private boolean applierRunning;
    private boolean applying;
    private String applierError = "";
    private final Deque<Transaction> relay = new ArrayDeque<>();
    private GtidSet retrieved = GtidSet.EMPTY;

    // Semi-synchronous replication, AFTER_SYNC, with a timeout that never comes.
    /** Replicas that must have a transaction before it is committed; 0 if the source side is off. */
    private int waitFor;
    /** Written and sent, but not committed: the client waits. */
    private final Deque<Waiting> waiting = new ArrayDeque<>();

    private boolean acknowledges;
    /** What a power cut does not take from the relay log. */
    private GtidSet synced = GtidSet.EMPTY;
    /** What the present connection to the source was opened with. */
    private boolean acknowledging;

    /** A transaction in the binary log whose acknowledgements are still missing. */
    private record Waiting(Transaction transaction, Set<Integer> ackers, Runnable done) {}

    // Faults.
    /** super_read_only waits for a long transaction until then. */
    long longTransactionUntil;
    /**
     * A statement that sets super_read_only waits until then, and {@code @@super_read_only} says ON already unless
     * read_only is ON.
     */
    private long waitsForLockUntil;
    /** Nanoseconds that each applied transaction takes. */
    long applyCost = 300_000;
    /** The applier stops with an error at the next transaction. */
    boolean applierBroken;
    /** Nanoseconds that each statement takes. */
    long statementCost = 200_000;
    /** Nanoseconds that a start of the process takes. */
    long startCost = START_COST;

    private Disk disk = Disk.SOUND;
    /** Nanoseconds that the disk takes for a commit. */
    long diskCost;
    /** Transactions that have passed all gates and wait for the disk. */
    private int committing;

    private final List<Runnable> whenDiskGoesOn = new ArrayList<>();

    /** What the disk does. */
    enum Disk {
        SOUND,
        /** Nothing more fits into the binary log and the relay log; what InnoDB writes has its place already. */
        FULL,
        /** Nothing is written, and a process that writes cannot even die. */
        STALLED
    }

    SimMysql(int node, Endpoint endpoint, Scheduler scheduler, SplittableRandom random, Wires wires) {
        this.node = node;
        this.uuid = String.format("%08d-0000-4000-8000-000000000000", node);
        this.endpoint = endpoint;
        this.scheduler = scheduler;
        this.random = random;
        this.wires = wires;
        scheduler.in(random.nextLong(SECOND), this::tendReceiver);
        scheduler.in(random.nextLong(SECOND), this::deadManEvent);
    }

    /** The server's own initialisation left transactions behind, as mysqld --initialize with users does. */
    void initialised(int transactions) {
        for (int i = 0; i < transactions; i++) {
            execute(own(0));
        }
        userData = false;
    }

    private Transaction own(long write) {
        lastNumber++;
        return new Transaction(uuid, lastNumber, write, GtidSet.parse(uuid + ":" + lastNumber));
    }

    private void execute(Transaction transaction) {
        log(transaction);
        committed(transaction);
    }

    /** From here on replicas get it. */
    private void log(Transaction transaction) {
        binlog.add(transaction);
        wake();
    }

    private void committed(Transaction transaction) {
        executed = executed.union(transaction.gtid());
        userData |= transaction.write() != 0;
    }

    // --- semi-synchronous replication

    /** Source side. Switching it off lets everybody go who waits. */
    void waitFor(int replicas) {
        waitFor = replicas;
        commitAcknowledged();
    }

    int waitsFor() {
        return waitFor;
    }

    /** Replica side; as on a real server it takes effect when the receiver connects the next time. */
    void acknowledges(boolean on) {
        // Who acknowledges syncs its relay log first, and with it all that is in it.
        synced = acknowledges ? retrieved : synced;
        acknowledges = on;
    }

    boolean acknowledges() {
        return acknowledges;
    }

    /** Who is connected and acknowledges, as far as the source knows. */
    private Set<String> ackers() {
        return connected(r -> r.acknowledging);
    }

    private Set<String> caughtUp() {
        return connected(r -> r.sourcePosition == binlog.size());
    }

    private Set<String> connected(Predicate<SimMysql> and) {
        return replicas.stream()
                .filter(r -> r.alive && r.connected && r.sourceLife == life && endpoint.equals(r.source))
                .filter(and)
                .map(r -> r.uuid)
                .collect(Collectors.toSet());
    }

    /** The receiver notices, and connects anew. */
    void dropReplica(String replicaUuid) {
        replicas.stream()
                .filter(r -> r.uuid.equals(replicaUuid) && endpoint.equals(r.source) && r.sourceLife == life)
                .forEach(r -> r.connected = false);
    }

    /** A replica says that it has everything up to a transaction. */
    private void acknowledged(int replica, GtidSet has) {
        waiting.stream()
                .filter(w -> has.contains(w.transaction().gtid()))
                .forEach(w -> w.ackers().add(replica));
        commitAcknowledged();
    }

    private void commitAcknowledged() {
        while (!waiting.isEmpty() && waiting.peek().ackers().size() >= waitFor) {
            Waiting first = waiting.remove();
            committed(first.transaction());
            first.done().run();
        }
    }

    // --- the process

    boolean alive() {
        return alive;
    }

    boolean frozen() {
        return frozen;
    }

    int life() {
        return life;
    }

    void onExit(Runnable hint) {
        exitHints.add(hint);
    }

    void tripwire(Runnable wire) {
        tripwires.add(wire);
    }

    void untie(Runnable wire) {
        tripwires.remove(wire);
    }

    void kill() {
        if (!alive) {
            return;
        }
        alive = false;
        frozen = false;
        life++;
        sessions++;
        whenThawed.clear();
        committing = 0;
        // After the crash what is in the binary log is committed, acknowledged or not. Nobody is told.
        waiting.forEach(w -> committed(w.transaction()));
        waiting.clear();
        waitFor = 0;
        acknowledges(false);
        connected = false;
        receiverWanted = false;
        applierRunning = false;
        List<Runnable> told = new ArrayList<>(tripwires);
        tripwires.clear();
        told.addAll(exitHints);
        told.forEach(t -> scheduler.in(500_000, t));
    }

    /** After a power cut: the last transactions in the relay log had not reached the disk. */
    void loseTail(int transactions) {
        for (int i = 0;
                i < transactions
                        && !relay.isEmpty()
                        && !synced.contains(relay.getLast().gtid());
                i++) {
            Transaction lost = relay.removeLast();
            if (!executed.contains(lost.gtid())) {
                retrieved = retrieved.subtract(lost.gtid());
            }
        }
    }

    /** Fenced by its configuration; replication is not started. */
    void start() {
        if (alive) {
            return;
        }
        alive = true;
        life++;
        readOnly = true;
        superReadOnly = true;
        offline = false;
        waitsForLockUntil = 0;
        applying = false;
        pumping = false;
    }

    void freeze() {
        frozen = alive;
    }

    boolean stalled() {
        return disk == Disk.STALLED;
    }

    void disk(Disk next) {
        disk = next;
        if (next == Disk.SOUND) {
            List<Runnable> waiting = new ArrayList<>(whenDiskGoesOn);
            whenDiskGoesOn.clear();
            for (Runnable work : waiting) {
                scheduler.in(random.nextLong(2_000_000), work);
            }
            apply();
        }
    }

    /** Runs at once, or when the disk goes on; never if the process died meanwhile. */
    private void whenWritten(boolean logs, Runnable work) {
        int before = life;
        if (disk == Disk.STALLED || (logs && disk == Disk.FULL)) {
            whenDiskGoesOn.add(() -> {
                if (alive && life == before) {
                    whenRunning(() -> whenWritten(logs, work));
                }
            });
        } else if (diskCost > 0) {
            scheduler.in(random.nextLong(diskCost), () -> {
                if (alive && life == before) {
                    whenRunning(work);
                }
            });
        } else {
            work.run();
        }
    }

    /** A write of the agent's own, which makes no binlog event. */
    void whenWritten(Runnable work) {
        whenWritten(false, work);
    }

    void thaw() {
        if (!frozen) {
            return;
        }
        frozen = false;
        List<Runnable> waiting = new ArrayList<>(whenThawed);
        whenThawed.clear();
        // What waited in sockets and threads goes on in any order.
        for (Runnable work : waiting) {
            scheduler.in(random.nextLong(2_000_000), work);
        }
        wake();
        apply();
    }

    /** Runs now, or when a frozen process goes on; never if it died meanwhile. */
    void whenRunning(Runnable work) {
        int before = life;
        if (frozen) {
            whenThawed.add(() -> {
                if (alive && life == before) {
                    whenRunning(work);
                }
            });
        } else if (alive) {
            work.run();
        }
    }

    // --- clients

    boolean writable() {
        return alive && !readOnly && !superReadOnly && !offline;
    }

    /** A client's insert: begins now if the server admits it, commits a little later, tells whom it was acknowledged. */
    void write(long number, Consumer<Transaction> committed, Runnable acknowledged) {
        if (!writable() || frozen) {
            return;
        }
        int began = life;
        int session = sessions;
        scheduler.in(200_000 + random.nextLong(2_000_000), () -> {
            if (life != began) {
                return;
            }
            whenRunning(() -> commit(number, session, committed, acknowledged));
        });
    }

    private void commit(long number, int session, Consumer<Transaction> committed, Runnable acknowledged) {
        // The server asks again at commit; a killed session may just have passed that point.
        if (readOnly || superReadOnly || (session != sessions && random.nextBoolean())) {
            return;
        }
        committing++;
        boolean held = disk != Disk.SOUND || diskCost > 0;
        whenWritten(true, () -> {
            committing--;
            Transaction transaction = own(number);
            Runnable done = () -> {
                // Nobody is told of what was under way when the server was closed: it is found when the node returns.
                if (!(held || waitFor > 0) || !offline) {
                    committed.accept(transaction);
                }
                if (session == sessions) {
                    acknowledged.run();
                }
            };
            log(transaction);
            waiting.add(new Waiting(transaction, new HashSet<>(), done));
            commitAcknowledged();
        });
    }

    /** A transaction that changes nothing; like all others it waits for its acknowledgements. */
    void nudge() {
        if (!readOnly && !superReadOnly) {
            Transaction transaction = own(0);
            log(transaction);
            waiting.add(new Waiting(transaction, new HashSet<>(), () -> {}));
            commitAcknowledged();
        }
    }

    /** Somebody with all privileges writes by hand. */
    void errant(long write) {
        if (alive) {
            execute(own(write));
        }
    }

    // --- statements

    void setOffline(boolean on) {
        offline = on;
        if (on) {
            sessions++;
        }
    }

    void setReadOnly(boolean on) {
        readOnly = on;
        superReadOnly &= on;
    }

    void setSuperReadOnly(boolean on) {
        superReadOnly = on;
        readOnly |= on;
    }

    boolean superReadOnlyHangs() {
        return !superReadOnly && (scheduler.now() < longTransactionUntil || committing > 0 || !waiting.isEmpty());
    }

    /** @return false if super_read_only has to wait */
    boolean closeAtOnce() {
        if (superReadOnlyHangs()) {
            return false;
        }
        setSuperReadOnly(true);
        return true;
    }

    /** The server waits for locks before it sets super_read_only, for that many nanoseconds at most. */
    void waitForLock(long nanos) {
        waitsForLockUntil = Math.max(waitsForLockUntil, scheduler.now() + nanos);
    }

    long wall() {
        return scheduler.now() + wallOffset;
    }

    /**
     * @param until on this server's wall clock
     * @return false if the server takes no writes, not even the agent's
     */
    boolean arm(long until, long nanos) {
        if (superReadOnly) {
            return false;
        }
        beatUuid = uuid;
        runsOut = until;
        allowance = nanos;
        return true;
    }

    /**
     * Moves the switch on.
     *
     * @param until on this server's wall clock
     * @return false if the switch is not armed or has run out, or the server takes no writes, not even the agent's
     */
    boolean beat(long until, long nanos) {
        if (superReadOnly || !beatUuid.equals(uuid) || wall() >= runsOut) {
            return false;
        }
        runsOut = until;
        allowance = nanos;
        return true;
    }

    private void deadManEvent() {
        int here = life;
        whenRunning(() -> {
            boolean over = wall() >= runsOut || runsOut > wall() + allowance + 10 * SECOND;
            if (life == here && !readOnly && beatUuid.equals(uuid) && over) {
                setOffline(true);
                if (superReadOnlyHangs()) {
                    waitForLock(SECOND);
                }
                closeWhenPossible();
            }
        });
        scheduler.in(SECOND, this::deadManEvent);
    }

    private void closeWhenPossible() {
        if (!superReadOnlyHangs()) {
            setSuperReadOnly(true);
            return;
        }
        int here = life;
        scheduler.at(Math.max(longTransactionUntil, scheduler.now() + SECOND / 50), () -> {
            if (life == here) {
                whenRunning(this::closeWhenPossible);
            }
        });
    }

    DatabaseStatus status() {
        Optional<DatabaseStatus.Replica> replica = Optional.ofNullable(source)
                .map(s -> new DatabaseStatus.Replica(
                        s, receiver(), applierRunning, retrieved, Long.toString(lastHeard), 0, "", applierError));
        return new DatabaseStatus(
                "9.7.4",
                uuid,
                executed,
                purged,
                readOnly,
                superReadOnly || (!readOnly && superReadOnlyHangs() && scheduler.now() < waitsForLockUntil),
                offline,
                "ROW",
                "binlog.000001",
                binlog.size(),
                userData,
                replica,
                beatUuid.equals(uuid),
                new DatabaseStatus.Commits(committing, binlog.size()),
                new DatabaseStatus.SemiSync(
                        waitFor, ackers(), caughtUp(), waiting.size(), acknowledges, acknowledging && connected));
    }

    private Receiver receiver() {
        if (!receiverWanted) {
            return Receiver.STOPPED;
        }
        return connected ? Receiver.RUNNING : Receiver.CONNECTING;
    }

    GtidSet executed() {
        return executed;
    }

    GtidSet purged() {
        return purged;
    }

    /** What is in the binary log or was: executed, or waiting for acknowledgements. */
    GtidSet logged() {
        GtidSet all = executed;
        for (Waiting each : waiting) {
            all = all.union(each.transaction().gtid());
        }
        return all;
    }

    GtidSet received() {
        return executed.union(retrieved);
    }

    List<Transaction> binlog() {
        return binlog;
    }

    boolean offline() {
        return offline;
    }

    boolean superReadOnly() {
        return superReadOnly;
    }

    // --- replication

    void stopReceiver() {
        receiverWanted = false;
        connected = false;
    }

    boolean hasSource() {
        return source != null;
    }

    boolean receiverRuns() {
        return receiverWanted;
    }

    boolean connecting() {
        return receiverWanted && !connected;
    }

    void startReceiver() {
        if (source != null && !receiverWanted) {
            receiverWanted = true;
            int here = life;
            scheduler.in(2_000_000 + random.nextLong(5_000_000), () -> {
                if (life == here) {
                    connect();
                }
            });
        }
    }

    void startApplier() {
        if (source != null) {
            applierRunning = true;
            applierError = "";
            apply();
        }
    }

    /** By hand. */
    void stopApplier() {
        applierRunning = false;
    }

    /** CHANGE REPLICATION SOURCE and START: relay logs that were not executed are gone. */
    void follow(Endpoint newSource) {
        discard(REPOINTED);
        source = newSource;
        startReceiver();
        startApplier();
    }

    void forgetSource() {
        discard(REPOINTED);
        source = null;
        applierRunning = false;
        applierError = "";
    }

    private void discard(String how) {
        stopReceiver();
        List<Transaction> lost = new ArrayList<>(relay);
        lost.removeIf(t -> executed.contains(t.gtid()));
        relay.clear();
        retrieved = GtidSet.EMPTY;
        if (!lost.isEmpty()) {
            wires.discarded(this, lost, how);
        }
    }

    void forgetHistory() {
        executed = GtidSet.EMPTY;
        purged = GtidSet.EMPTY;
        binlog.clear();
        lastNumber = 0;
    }

    /** All data of the donor; this server keeps its uuid and ends. */
    void becomeCopyOf(SimMysql donor) {
        discard("was cloned");
        source = null;
        binlog.clear();
        executed = donor.executed;
        purged = donor.executed;
        userData = donor.userData;
        beatUuid = donor.beatUuid;
        runsOut = donor.runsOut;
        lastNumber = executed.countOf(uuid);
        kill();
    }

    /** A clone that broke: the schemas are dropped already. */
    void becomeEmpty() {
        discard("lost its data to a clone that broke");
        source = null;
        binlog.clear();
        executed = GtidSet.EMPTY;
        purged = GtidSet.EMPTY;
        userData = false;
        kill();
    }

    private boolean reaches(SimMysql other) {
        return other.alive && !other.frozen && wires.open(node, other.node) && wires.open(other.node, node);
    }

    private void connect() {
        if (!alive || frozen || !receiverWanted || connected || source == null) {
            return;
        }
        SimMysql from = wires.server(source);
        if (!reaches(from)) {
            return;
        }
        boolean lacksWhatIsGone = !received().contains(from.purged);
        boolean hasMoreOfItsOwn = received().subtract(from.logged()).countOf(from.uuid) > 0;
        if (lacksWhatIsGone || hasMoreOfItsOwn) {
            receiverWanted = false; // error 1236
        } else {
            connected = true;
            acknowledging = acknowledges;
            sourceLife = from.life;
            sourcePosition = 0;
            lastHeard = scheduler.now();
            pump();
        }
    }

    /** Twice a second: reconnects, notices a source that is gone. */
    private void tendReceiver() {
        if (alive && !frozen && receiverWanted && source != null) {
            SimMysql from = wires.server(source);
            if (connected && from.life != sourceLife) {
                connected = false;
            } else if (connected && !reaches(from)) {
                connected = scheduler.now() - lastHeard < NET_TIMEOUT;
            } else if (connected) {
                lastHeard = scheduler.now();
                pump();
            } else {
                connect();
            }
        }
        scheduler.in(SECOND / 2, this::tendReceiver);
    }

    private final List<SimMysql> replicas = new ArrayList<>();

    /** Servers that may follow this one. */
    void mayBeFollowedBy(SimMysql replica) {
        replicas.add(replica);
    }

    /** New transactions: tell whoever is connected. */
    private void wake() {
        for (SimMysql replica : replicas) {
            if (replica.connected && replica.source != null && replica.source.equals(endpoint)) {
                replica.pump();
            }
        }
    }

    private void pump() {
        if (pumping) {
            return;
        }
        pumping = true;
        int here = life;
        scheduler.in(300_000 + random.nextLong(1_500_000), () -> {
            pumping = false;
            if (life == here) {
                receive();
            }
        });
    }

    private void receive() {
        if (!alive || frozen || !connected || source == null || disk != Disk.SOUND) {
            return;
        }
        SimMysql from = wires.server(source);
        if (!from.alive || from.frozen || from.life != sourceLife || !wires.open(from.node, node)) {
            return;
        }
        lastHeard = scheduler.now();
        // What it has already is not sent again: then it says nothing of it, until something new is sent.
        boolean more = false;
        while (sourcePosition < from.binlog.size()) {
            Transaction next = from.binlog.get(sourcePosition++);
            if (!executed.contains(next.gtid()) && !retrieved.contains(next.gtid())) {
                relay.add(next);
                retrieved = retrieved.union(next.gtid());
                more = true;
            }
        }
        if (more && acknowledging && from.waitFor > 0) {
            GtidSet has = received();
            int theirs = from.life;
            scheduler.in(100_000 + random.nextLong(500_000), () -> {
                if (from.life == theirs && wires.open(node, from.node)) {
                    from.whenRunning(() -> from.acknowledged(node, has));
                }
            });
        }
        apply();
    }

    private void apply() {
        if (applying || !applierRunning || !alive || frozen || disk != Disk.SOUND || relay.isEmpty()) {
            return;
        }
        applying = true;
        int here = life;
        scheduler.in(applyCost / 2 + random.nextLong(applyCost), () -> {
            if (life != here) {
                return;
            }
            applying = false;
            if (frozen || !applierRunning || disk != Disk.SOUND) {
                return;
            }
            if (applierBroken && !relay.isEmpty()) {
                applierRunning = false;
                applierError = "Error executing row event";
                return;
            }
            Transaction next = relay.poll();
            if (next != null && !executed.contains(next.gtid())) {
                execute(next);
            }
            apply();
        });
    }
}
