package io.moha.sim;

import io.moha.agent.loop.Wish;
import io.moha.decide.Diagnosis;
import io.moha.decide.Phase;
import io.moha.model.NodeId;
import io.moha.model.OnLongTransactions;
import io.moha.sim.Cluster.Node;
import io.moha.store.Keys;
import io.moha.store.MemoryStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** What goes wrong in one run, chosen by the seed: at random times, in pairs, and in the steps of a change of primary. */
final class Faults {
    private static final long MS = Duration.ofMillis(1).toNanos();
    /** From here on numbers are writes that no client was told of. */
    static final long BY_HAND = 1_000_000_000L;

    private static final long SECOND = Duration.ofSeconds(1).toNanos();

    /** Steps in which a fault may strike. */
    private static final List<Diagnosis> STEPS = List.copyOf(EnumSet.of(
            Diagnosis.RECEIVER_RUNS,
            Diagnosis.NO_BALLOT,
            Diagnosis.BALLOTS_MISSING,
            Diagnosis.MY_TURN,
            Diagnosis.CHOSEN,
            Diagnosis.UNDRAINED,
            Diagnosis.SOURCE_REMAINS,
            Diagnosis.NO_EVIDENCE,
            Diagnosis.CLOSED,
            Diagnosis.OPEN_UNANNOUNCED,
            Diagnosis.WISH_READ_ONLY,
            Diagnosis.HAND_OVER_WANTED,
            Diagnosis.WISH_READ_WRITE,
            Diagnosis.ROLE_LOST,
            Diagnosis.LEASE_RAN_OUT,
            Diagnosis.FENCE_PENDING,
            Diagnosis.FENCE_CONFIRMED,
            Diagnosis.DATABASE_DEAD,
            Diagnosis.RESUMABLE,
            Diagnosis.BALLOT_OUTSTANDING,
            Diagnosis.PRIMARY_NOT_OPEN,
            Diagnosis.WRONG_SOURCE,
            Diagnosis.BACKLOG,
            Diagnosis.NOT_REPOINTED,
            Diagnosis.NOT_STARTED,
            Diagnosis.HISTORY_WITHOUT_DATA,
            Diagnosis.UNREGISTERED));

    /** What may strike. */
    enum Kind {
        AGENT_KILLED,
        AGENT_FROZEN,
        AGENT_FROZEN_WHILE_RENEWING,
        SERVER_KILLED,
        SERVER_FROZEN,
        HOST_LOST,
        HOST_FROZEN,
        CUT_FROM_ETCD,
        ANSWERS_FROM_ETCD_LOST,
        CUT_FROM_PEERS,
        CUT_FROM_ONE_PEER_ONE_WAY,
        ISOLATED,
        FLAPPING,
        ETCD_SLOW,
        ETCD_LOSSY,
        ETCD_WITHOUT_LEADER,
        ETCD_NEW_LEADER,
        ETCD_GONE,
        CLOCK_STEPPED,
        LONG_TRANSACTION,
        APPLIER_SLOW,
        APPLIER_BROKEN,
        STATEMENTS_SLOW,
        ENGINE_BLIND,
        ERRANT_WRITE,
        SWITCH,
        THREE_CALLS,
        ANSWER_ON_ROLE_LOST,
        SHORT_PAUSE
    }

    /** What load alone does: nothing of it may cost the primary its role. */
    static final Set<Kind> LOAD = EnumSet.of(
            Kind.ETCD_NEW_LEADER,
            Kind.LONG_TRANSACTION,
            Kind.APPLIER_SLOW,
            Kind.STATEMENTS_SLOW,
            Kind.SHORT_PAUSE,
            Kind.ENGINE_BLIND);

    /** What begins a change of primary, for faults that strike in its steps. */
    private static final List<Kind> BASES = List.of(
            Kind.SERVER_KILLED, Kind.HOST_LOST, Kind.SWITCH, Kind.THREE_CALLS, Kind.AGENT_KILLED, Kind.ISOLATED);

    /** What takes away one of the means by which a node is closed: two of them at once are the hard cases. */
    private static final List<Kind> NASTY = List.of(
            Kind.SERVER_FROZEN,
            Kind.AGENT_FROZEN,
            Kind.AGENT_KILLED,
            Kind.ISOLATED,
            Kind.CUT_FROM_ETCD,
            Kind.LONG_TRANSACTION,
            Kind.STATEMENTS_SLOW,
            Kind.ENGINE_BLIND);

    /** What takes the agent away from an open server. */
    private static final Set<Kind> AGENTS = EnumSet.of(
            Kind.AGENT_KILLED, Kind.AGENT_FROZEN, Kind.AGENT_FROZEN_WHILE_RENEWING, Kind.HOST_FROZEN, Kind.SHORT_PAUSE);

    private final Cluster cluster;
    private final SplittableRandom random;
    private final SplittableRandom disks;
    private final SplittableRandom late;
    private final List<Runnable> repairs = new ArrayList<>();
    private final List<CompletableFuture<Void>> pending = new ArrayList<>();
    private long errant = BY_HAND;
    private final boolean restorable;
    private boolean restores;
    private boolean restoring;
    private boolean restored;
    private boolean deadManSwitch;
    private long leaderLostAt = -3600 * SECOND;
    private boolean leadersLostInARow;
    private Consumer<Optional<Node>> onRestore = alone -> {};
    private Consumer<Node> onEndOfLeases = primary -> {};

    /**
     * @param disks a source of its own, so that seeds of old still tell the same story
     * @param late another one, for what was added later still
     * @param restorable whether etcd may be restored from a backup
     */
    Faults(
            Cluster cluster,
            SplittableRandom random,
            SplittableRandom disks,
            SplittableRandom late,
            boolean restorable) {
        this.restorable = restorable;
        this.cluster = cluster;
        this.random = random;
        this.disks = disks;
        this.late = late;
    }

    /**
     * Plans one run.
     *
     * @param load only what load alone does
     * @param deadManSwitch if off, agents do not die or freeze: nobody would close their servers
     */
    void plan(boolean load, boolean deadManSwitch) {
        this.deadManSwitch = deadManSwitch;
        Set<Kind> possible = load ? EnumSet.copyOf(LOAD) : EnumSet.allOf(Kind.class);
        if (!deadManSwitch) {
            possible.removeAll(AGENTS);
        }
        List<Kind> kinds = List.copyOf(possible);
        boolean stepwise = !load && random.nextInt(3) == 0;
        int number = 1 + (random.nextBoolean() ? random.nextInt(4) : 0);
        for (int i = 0; i < number; i++) {
            long at = 8 * SECOND + random.nextLong(30 * SECOND);
            Kind kind = kinds.get(random.nextInt(kinds.size()));
            int choice = random.nextInt(3);
            long length = length();
            // Half of them at the primary: that is where it hurts.
            cluster.scheduler.at(at, () -> strike(kind, choice == 0 ? anyNode() : primary(), length));
        }
        if (!load && random.nextInt(4) == 0) {
            pair(kinds);
        }
        if (!load && random.nextInt(25) == 0 && restorable) {
            restores = true;
            restoreEtcd(4 * SECOND + random.nextLong(10 * SECOND), random.nextLong(14 * SECOND));
        }
        if (!load && random.nextInt(4) == 0) {
            hardCase(random.nextInt(7), 9 * SECOND + random.nextLong(10 * SECOND));
        }
        if (disks.nextInt(load ? 2 : 6) == 0) {
            long at = 8 * SECOND + disks.nextLong(25 * SECOND);
            cluster.scheduler.at(at, () -> disk(disks.nextInt(4) == 0 ? anyNode() : primary(), load));
        }
        if (!load && disks.nextInt(10) == 0) {
            cluster.scheduler.at(8 * SECOND + disks.nextLong(25 * SECOND), this::endLeases);
        }
        if (!load && deadManSwitch && disks.nextInt(15) == 0) {
            long at = 9 * SECOND + disks.nextLong(8 * SECOND);
            cluster.scheduler.at(at, () -> winnerLosesItsTail(primary()));
        }
        if (!load && deadManSwitch && late.nextInt(20) == 0) {
            long at = 9 * SECOND + late.nextLong(8 * SECOND);
            cluster.scheduler.at(at, () -> agentRestartsAsEtcdComesBack(primary()));
        }
        // Where no agent is left that remembers, a restored list of ackers is believed: see "a restored etcd".
        boolean remembered = !restores || !cluster.durability().lossless();
        if (!load && deadManSwitch && late.nextInt(20) == 0 && remembered) {
            cluster.scheduler.at(9 * SECOND + late.nextLong(20 * SECOND), this::stopEverything);
        }
        if (stepwise) {
            List<Kind> bases = deadManSwitch ? BASES : List.of(Kind.SERVER_KILLED, Kind.HOST_LOST, Kind.SWITCH);
            Kind base = bases.get(random.nextInt(bases.size()));
            cluster.scheduler.at(9 * SECOND + random.nextLong(SECOND), () -> strike(base, primary(), length()));
            atStep(kinds);
            if (random.nextBoolean()) {
                cluster.scheduler.at(24 * SECOND, () -> strike(base, primary(), length()));
            }
        }
    }

    /**
     * etcd breaks its promise here: only a primary that hears of it at once can close in time. One that does not hear is not
     * covered.
     */
    private void endLeases() {
        Optional<Node> hears = cluster.holder().filter(Node::hearsOfEtcd);
        if (hears.isPresent() && cluster.etcd.staleLeaderEndsLeases()) {
            cluster.trace(() -> "FAULT a leader of etcd that was frozen wakes, and has ended all leases");
            onEndOfLeases.accept(hears.get());
        }
    }

    /** Under load a disk is slow; it is never so slow that nothing is written. */
    private void disk(Node node, boolean load) {
        long length = disks.nextBoolean() ? disks.nextLong(9 * SECOND) : 60 * SECOND;
        if (load || disks.nextInt(3) == 0) {
            node.mysql.diskCost = 1 + disks.nextLong(2500 * MS);
            cluster.trace(() -> "FAULT a commit takes " + node.id + " up to " + node.mysql.diskCost / MS + " ms");
            lasts(length, () -> node.mysql.diskCost = 0);
        } else {
            SimMysql.Disk what = disks.nextBoolean() ? SimMysql.Disk.FULL : SimMysql.Disk.STALLED;
            cluster.trace(() -> "FAULT the disk of " + node.id + " is " + what + " for " + length / MS + " ms");
            node.mysql.disk(what);
            lasts(length, () -> node.mysql.disk(SimMysql.Disk.SOUND));
        }
    }

    /** etcd is down for longer than a lease, and comes back as it was some time before. */
    private void restoreEtcd(long backupAt, long later) {
        long downAt = backupAt + later;
        long upAt = downAt + cluster.ttl().toNanos() + 2 * SECOND;
        MemoryStore.Backup[] backup = new MemoryStore.Backup[1];
        cluster.scheduler.at(backupAt, () -> backup[0] = cluster.etcd.backup());
        boolean changed = random.nextBoolean();
        cluster.scheduler.at(downAt, () -> {
            cluster.trace(() -> "FAULT etcd is down");
            restoring = true;
            cluster.etcd.loseLeader();
        });
        if (changed) {
            cluster.scheduler.at(backupAt + SECOND, () -> strike(Kind.HOST_LOST, primary(), length()));
        }
        // Agents that are started anew do not remember what they read before.
        for (Node node : cluster.nodes) {
            if (random.nextBoolean()) {
                cluster.scheduler.at(upAt - SECOND + random.nextLong(3 * SECOND), () -> {
                    node.killAgent();
                    node.startAgent();
                });
            }
        }
        cluster.scheduler.at(upAt, () -> {
            cluster.trace(() -> "FAULT etcd is restored from a backup, term " + cluster.term() + " is forgotten");
            restored = true;
            Optional<Node> alone = cluster.alone();
            cluster.etcd.restore(backup[0]);
            onRestore.accept(alone);
            restoring = false;
            electLeader();
        });
    }

    boolean restored() {
        return restored;
    }

    /** Whether etcd changed its leader twice within one lease: more than load alone may do (docs/internals/limits.md, 16). */
    boolean leadersLostInARow() {
        return leadersLostInARow;
    }

    /** @param listener told when etcd has ended leases too early, and whose was the role's */
    void onEndOfLeases(Consumer<Node> listener) {
        onEndOfLeases = listener;
    }

    /** @param listener told when etcd has gone back, and who was the only member before */
    void onRestore(Consumer<Optional<Node>> listener) {
        onRestore = listener;
    }

    /** What docs/operating says: the agents are stopped, the latest term is put into etcd, the agents are started. */
    void acceptRestoredEtcd() {
        long latest = cluster.nodes.stream()
                .flatMap(n -> n.published().stream())
                .mapToLong(p -> p.state().term().value())
                .max()
                .orElse(0);
        cluster.trace(() -> "the operator accepts the restored etcd with term " + latest);
        cluster.nodes.forEach(Node::killAgent);
        cluster.etcd.view().entries().keySet().stream()
                .filter(key -> key.startsWith(Keys.BALLOTS))
                .forEach(cluster.etcd::delete);
        long term = Math.max(latest, cluster.term());
        if (term > 0) { // else nobody was ever elected, and there is nothing to put
            cluster.etcd.put(Keys.TERM, Long.toString(term));
        }
        if (cluster.durability().lossless()) {
            // The backup may name a primary of old, and a list of ackers that leaves out who has what was acknowledged
            // since.
            cluster.etcd.delete(Keys.HOLDER);
            cluster.etcd.delete(Keys.SYNC);
        }
        cluster.nodes.forEach(Node::startAgent);
    }

    /** What chance alone would hardly ever put together. */
    private void hardCase(int which, long at) {
        cluster.scheduler.at(at, () -> {
            switch (which) {
                case 0 -> handOverWithoutAnswer(primary());
                case 1 -> nextPrimaryDiesToo(primary());
                case 2 -> lostWithBacklogs(primary());
                case 3 -> arrivesAfterTheBallots(primary(), anyNode());
                case 4 -> etcdComesBackForOne(primary(), anyNode());
                case 5 -> agentRestartsBesideAFrozenServer(primary());
                default -> candidateFromThePast(primary());
            }
        });
    }

    private void handOverWithoutAnswer(Node node) {
        node.link.roleTrick = random.nextBoolean() ? SimEtcd.RoleTrick.ANSWER_LOST : SimEtcd.RoleTrick.LATE;
        cluster.trace(() -> "FAULT the next transaction of " + node.id + " on the role: " + node.link.roleTrick);
        strike(random.nextBoolean() ? Kind.SWITCH : Kind.THREE_CALLS, node, length());
    }

    /** Everybody has received more than executed when the primary goes. */
    private void lostWithBacklogs(Node first) {
        cluster.nodes.forEach(n -> strike(Kind.APPLIER_SLOW, n, 5 * SECOND));
        Kind kind = random.nextBoolean() ? Kind.SERVER_KILLED : Kind.HOST_LOST;
        cluster.scheduler.in(2 * SECOND, () -> strike(kind, first, length()));
    }

    /**
     * The agent of the primary is killed; shortly before its server closes the replicas lose their source; while they vote,
     * over a slow etcd, one of them reaches it again.
     */
    private void arrivesAfterTheBallots(Node first, Node replica) {
        if (!deadManSwitch) {
            return;
        }
        long cutAt = cluster.ttl().toNanos() - 2800 * MS + random.nextLong(SECOND);
        long healAt = cutAt + 1500 * MS + random.nextLong(2500 * MS);
        strike(Kind.AGENT_KILLED, first, 60 * SECOND);
        cluster.scheduler.in(cutAt, () -> {
            strike(Kind.CUT_FROM_PEERS, first, 60 * SECOND);
            cluster.nodes.forEach(x -> x.link.extraDelay = SimEtcd.SLOW_BUT_SURE);
            repairs.add(() -> cluster.nodes.forEach(x -> x.link.heal(cluster.scheduler.now())));
        });
        cluster.scheduler.in(healAt, () -> {
            cluster.trace(() -> replica.id + " reaches " + first.id + " again");
            cut(first, replica, false);
        });
    }

    /** etcd is away from everybody for longer than a lease; one node reaches it again first, perhaps with a new agent. */
    private void etcdComesBackForOne(Node first, Node one) {
        long backAt = cluster.ttl().toNanos() + random.nextLong(8 * SECOND);
        boolean restarted = random.nextBoolean();
        cluster.nodes.forEach(n -> strike(Kind.CUT_FROM_ETCD, n, n == one ? backAt : backAt + 12 * SECOND));
        cluster.scheduler.in(backAt + random.nextLong(SECOND), () -> {
            if (restarted && one != first && one.agentRuns()) {
                one.killAgent();
                one.startAgent();
            }
            if (random.nextBoolean()) {
                strike(Kind.CUT_FROM_PEERS, one, 6 * SECOND);
            }
        });
    }

    /** etcd is away for longer than a lease; it comes back to all but the primary, and one agent is new. */
    private void agentRestartsAsEtcdComesBack(Node first) {
        long backAt = cluster.ttl().toNanos() + late.nextLong(8 * SECOND);
        cluster.nodes.forEach(n -> strike(Kind.CUT_FROM_ETCD, n, n == first ? backAt + 12 * SECOND : backAt));
        List<Node> others = cluster.nodes.stream().filter(n -> n != first).toList();
        Node restarted = others.get(late.nextInt(others.size()));
        cluster.scheduler.in(backAt - 500 * MS + late.nextLong(SECOND), () -> {
            restarted.killAgent();
            restarted.startAgent();
        });
    }

    /** A power cut, or an operator who stops all and starts all: agents and servers come back in any order, slowly. */
    private void stopEverything() {
        boolean power = late.nextBoolean();
        for (Node node : cluster.nodes) {
            long down = late.nextLong(power ? 10 * MS : 2 * SECOND);
            cluster.scheduler.in(down, () -> {
                cluster.trace(() -> "FAULT everything stops: " + node.id);
                node.killAgent();
                node.mysql.kill();
                node.mysql.loseTail(power ? late.nextInt(4) : 0);
                node.mysql.startCost = 300 * MS + late.nextLong(12 * SECOND);
                lasts(late.nextLong(10 * SECOND), node::startAgent);
                lasts(40 * SECOND, () -> node.mysql.startCost = SimMysql.START_COST);
            });
        }
    }

    private void agentRestartsBesideAFrozenServer(Node first) {
        if (deadManSwitch) {
            strike(Kind.SERVER_FROZEN, first, cluster.ttl().toNanos() + random.nextLong(10 * SECOND));
            strike(Kind.AGENT_KILLED, first, random.nextLong(4 * SECOND));
        }
    }

    private void cut(Node one, Node other, boolean isCut) {
        cluster.cut(one.number, other.number, isCut);
        cluster.cut(other.number, one.number, isCut);
    }

    /** The second falls while the first comes back, with what it alone has. */
    private void nextPrimaryDiesToo(Node first) {
        Kind one = random.nextBoolean() ? Kind.SERVER_KILLED : Kind.HOST_LOST;
        Kind other = random.nextBoolean() ? Kind.SERVER_KILLED : Kind.HOST_LOST;
        long after = random.nextLong(6 * SECOND);
        long length = random.nextLong(8 * SECOND);
        strike(one, first, random.nextLong(4 * SECOND));
        whenHolderIsNot(first, next -> cluster.scheduler.in(after, () -> strike(other, next, length)));
    }

    /** The primary's host is lost; the winner has a backlog, and a power cut right then takes the end of its relay log. */
    private void winnerLosesItsTail(Node first) {
        cluster.nodes.forEach(n -> {
            n.mysql.applyCost = 150 * MS;
            lasts(20 * SECOND, () -> n.mysql.applyCost = 300_000);
        });
        cluster.scheduler.in(3 * SECOND, () -> strike(Kind.HOST_LOST, first, 60 * SECOND));
        boolean[] done = new boolean[1];
        cluster.onDiagnosis((node, diagnosis) -> {
            if (!done[0] && diagnosis == Diagnosis.CHOSEN && node != first && !first.mysql.alive()) {
                done[0] = true;
                cluster.scheduler.in(1 + disks.nextLong(50 * MS), () -> {
                    cluster.trace(() -> "FAULT power cut at " + node.id);
                    node.killAgent();
                    node.mysql.kill();
                    node.mysql.loseTail(1 + disks.nextInt(3));
                    cluster.scheduler.in(200 * MS, node::startAgent);
                });
            }
        });
    }

    /** A candidate is cut off while its transaction is on the way; another one wins and is lost; then it arrives. */
    private void candidateFromThePast(Node first) {
        strike(Kind.HOST_LOST, first, length());
        boolean[] done = new boolean[1];
        cluster.onDiagnosis((node, diagnosis) -> {
            if (!done[0] && diagnosis == Diagnosis.MY_TURN && node != first) {
                done[0] = true;
                cluster.trace(() -> "FAULT the next transaction of " + node.id + " on the role is held");
                node.link.roleTrick = SimEtcd.RoleTrick.HELD_UNTIL_FREE_AGAIN;
                cluster.scheduler.in(5 * MS, () -> strike(Kind.CUT_FROM_ETCD, node, 2500 * MS));
                whenHolderIsNot(
                        first, next -> cluster.scheduler.in(SECOND, () -> strike(Kind.HOST_LOST, next, 60 * SECOND)));
            }
        });
    }

    private void whenHolderIsNot(Node first, Consumer<Node> then) {
        if (cluster.scheduler.now() < 40 * SECOND) {
            cluster.holder()
                    .filter(h -> h != first)
                    .ifPresentOrElse(then, () -> cluster.scheduler.in(20 * MS, () -> whenHolderIsNot(first, then)));
        }
    }

    /** Two at once, or nearly, at the same node: usually the primary. */
    private void pair(List<Kind> kinds) {
        List<Kind> choice = kinds;
        if (random.nextBoolean()) {
            choice = NASTY.stream().filter(kinds::contains).toList();
        }
        Kind one = choice.get(random.nextInt(choice.size()));
        Kind other = choice.get(random.nextInt(choice.size()));
        long at = 9 * SECOND + random.nextLong(20 * SECOND);
        long gap = random.nextLong(3 * SECOND);
        long lengthOfOne = length();
        long lengthOfOther = length();
        boolean anywhere = random.nextInt(4) == 0;
        cluster.scheduler.at(at, () -> {
            Node node = anywhere ? anyNode() : primary();
            strike(one, node, lengthOfOne);
            cluster.scheduler.in(gap, () -> strike(other, node, lengthOfOther));
        });
    }

    /** Strikes when a node first finds itself in a certain step, or a moment later. */
    private void atStep(List<Kind> kinds) {
        Diagnosis step = STEPS.get(random.nextInt(STEPS.size()));
        Kind kind = kinds.get(random.nextInt(kinds.size()));
        boolean onlyLater = random.nextInt(4) != 0;
        boolean elsewhere = random.nextInt(4) == 0;
        long delay = random.nextBoolean() ? 0 : random.nextLong(40 * MS);
        long length = length();
        boolean[] done = new boolean[1];
        cluster.onDiagnosis((node, diagnosis) -> {
            if (!done[0] && diagnosis == step && (!onlyLater || cluster.scheduler.now() > 8 * SECOND)) {
                done[0] = true;
                cluster.scheduler.in(delay, () -> strike(kind, elsewhere ? anyNode() : node, length));
            }
        });
    }

    private long length() {
        return switch (random.nextInt(4)) {
            case 0 -> random.nextLong(SECOND);
            case 1 -> SECOND + random.nextLong(4 * SECOND);
            case 2 -> 4 * SECOND + random.nextLong(12 * SECOND);
            default -> 60 * SECOND; // until everything is healed
        };
    }

    private Node anyNode() {
        return cluster.nodes.get(random.nextInt(cluster.nodes.size()));
    }

    private Node primary() {
        return cluster.holder().orElseGet(this::anyNode);
    }

    private void strike(Kind kind, Node node, long length) {
        cluster.trace(() -> "FAULT " + kind + " at " + node.id + " for " + length / MS + " ms");
        int n = node.number;
        switch (kind) {
            case AGENT_KILLED -> {
                node.killAgent();
                beyond(node);
                lasts(length, node::startAgent);
            }
            case AGENT_FROZEN -> freezeAgent(node, length);
            case AGENT_FROZEN_WHILE_RENEWING -> node.link.onRenewal = () -> freezeAgent(node, length);
            case SHORT_PAUSE -> {
                node.freezeAgent();
                beyond(node);
                lasts(Math.min(length, 900 * MS), node::thawAgent);
            }
            case SERVER_KILLED -> node.mysql.kill();
            case SERVER_FROZEN -> freezeServer(node, length);
            case HOST_LOST -> {
                node.killAgent();
                node.mysql.kill();
                node.mysql.loseTail(disks.nextInt(4));
                lasts(length, node::startAgent);
            }
            case HOST_FROZEN -> {
                node.freezeAgent();
                freezeServer(node, length);
                lasts(length, node::thawAgent);
            }
            case CUT_FROM_ETCD -> etcd(node, true, true, length);
            case ANSWERS_FROM_ETCD_LOST -> etcd(node, false, true, length);
            case CUT_FROM_PEERS -> peers(node, length);
            case CUT_FROM_ONE_PEER_ONE_WAY -> {
                int other = anyNode().number;
                boolean from = random.nextBoolean();
                cluster.cut(from ? n : other, from ? other : n, true);
                lasts(length, () -> cluster.cut(from ? n : other, from ? other : n, false));
            }
            case ISOLATED -> {
                etcd(node, true, true, length);
                peers(node, length);
            }
            case FLAPPING -> flap(node, Math.min(length, 20 * SECOND));
            case ETCD_SLOW -> {
                long extra = random.nextLong(900 * MS);
                cluster.nodes.forEach(x -> x.link.extraDelay = extra);
                lasts(length, () -> cluster.nodes.forEach(x -> x.link.heal(cluster.scheduler.now())));
            }
            case ETCD_LOSSY -> {
                double rate = random.nextDouble() / 2;
                cluster.nodes.forEach(x -> x.link.lossRate = rate);
                lasts(length, () -> cluster.nodes.forEach(x -> x.link.heal(cluster.scheduler.now())));
            }
            case ETCD_WITHOUT_LEADER -> {
                cluster.etcd.loseLeader();
                lasts(length, this::electLeader);
            }
            case ETCD_GONE -> cluster.nodes.forEach(x -> etcd(x, true, true, length + random.nextLong(3 * SECOND)));
            case ETCD_NEW_LEADER -> {
                long now = cluster.scheduler.now();
                leadersLostInARow |= now - leaderLostAt < cluster.ttl().toNanos();
                leaderLostAt = now;
                cluster.etcd.loseLeader();
                lasts(Math.min(length, SECOND), this::electLeader);
            }
            case CLOCK_STEPPED ->
                node.mysql.wallOffset += random.nextBoolean() ? random.nextLong(3600 * SECOND) : -3600 * SECOND;
            case LONG_TRANSACTION -> node.mysql.longTransactionUntil = cluster.scheduler.now() + length;
            case APPLIER_SLOW -> {
                node.mysql.applyCost = 1 + random.nextLong(300 * MS);
                lasts(length, () -> node.mysql.applyCost = 300_000);
            }
            case APPLIER_BROKEN -> {
                node.mysql.applierBroken = true;
                lasts(length, () -> node.mysql.applierBroken = false);
            }
            case STATEMENTS_SLOW -> {
                node.mysql.statementCost = 1 + random.nextLong(400 * MS);
                lasts(length, () -> node.mysql.statementCost = 200_000);
            }
            case ENGINE_BLIND -> {
                node.engineBlind(true);
                beyond(node);
                lasts(length, () -> node.engineBlind(false));
            }
            case ERRANT_WRITE -> node.mysql.errant(errant++);
            case SWITCH -> switchOver(node);
            case ANSWER_ON_ROLE_LOST -> node.link.roleTrick = SimEtcd.RoleTrick.ANSWER_LOST;
            case THREE_CALLS -> threeCalls(node);
        }
    }

    private void freezeAgent(Node node, long length) {
        node.freezeAgent();
        beyond(node);
        lasts(length, node::thawAgent);
    }

    private void freezeServer(Node node, long length) {
        node.mysql.freeze();
        beyond(node);
        lasts(length, () -> {
            node.mysql.thaw();
            excuseEnds(node);
        });
    }

    /** A frozen server that nobody can fence is beyond async: its own event closes it within a second of waking. */
    private void beyond(Node node) {
        if (node.mysql.frozen() && (!node.agentRuns() || node.agentFrozen() || node.engineBlind())) {
            node.beyond = true;
        }
    }

    private void excuseEnds(Node node) {
        boolean excused = node.excused();
        node.beyond = false;
        if (excused) {
            node.beyondUntil = cluster.scheduler.now() + 1200 * MS;
        }
    }

    private void etcd(Node node, boolean requests, boolean answers, long length) {
        node.link.requestsLost = requests;
        node.link.answersLost = answers;
        lasts(length, () -> {
            node.link.heal(cluster.scheduler.now());
        });
    }

    /** All servers are down while they are restored: nothing else brings them back. */
    private void electLeader() {
        if (restoring) {
            return;
        }
        cluster.etcd.electLeader();
        cluster.nodes.forEach(x -> x.link.heal(cluster.scheduler.now()));
    }

    private void peers(Node node, long length) {
        for (Node other : cluster.nodes) {
            if (other != node) {
                cluster.cut(node.number, other.number, true);
                cluster.cut(other.number, node.number, true);
            }
        }
        lasts(
                length,
                () -> cluster.nodes.forEach(other -> {
                    cluster.cut(node.number, other.number, false);
                    cluster.cut(other.number, node.number, false);
                }));
    }

    private void flap(Node node, long left) {
        if (left <= 0) {
            return;
        }
        long on = 200 * MS + random.nextLong(SECOND);
        etcd(node, true, true, on);
        peers(node, on);
        cluster.scheduler.in(2 * on, () -> flap(node, left - 2 * on));
    }

    private void switchOver(Node node) {
        Optional<NodeId> to = random.nextBoolean() ? Optional.empty() : Optional.of(anyNode().id);
        ask(node, () -> new Wish.ChangePrimary(to, within(), inTheWay(), new CompletableFuture<>()));
        if (random.nextInt(4) == 0) {
            cluster.scheduler.in(
                    random.nextLong(SECOND), () -> ask(node, () -> new Wish.ReadWrite(new CompletableFuture<>())));
        }
    }

    /** MoHA's calls, one after the other, as a client does that does not look at the answers. */
    private void threeCalls(Node node) {
        ask(node, () -> new Wish.ReadOnly(random.nextBoolean() ? 0 : 10 * SECOND, new CompletableFuture<>()));
        cluster.scheduler.in(
                random.nextLong(2 * SECOND),
                () -> ask(
                        node,
                        () -> new Wish.ChangePrimary(
                                Optional.empty(), within(), inTheWay(), new CompletableFuture<>())));
        cluster.scheduler.in(
                2 * SECOND + random.nextLong(3 * SECOND),
                () -> ask(node, () -> new Wish.ReadWrite(new CompletableFuture<>())));
    }

    private void ask(Node node, Supplier<Wish> wish) {
        node.agent().filter(a -> !node.agentFrozen()).ifPresent(a -> {
            Wish asked = wish.get();
            cluster.trace(() -> node.id + ": asked for " + asked.getClass().getSimpleName());
            CompletableFuture<Void> told = a.loop()
                    .ask(asked)
                    .thenAccept(answer -> cluster.trace(() -> node.id + ": answered: " + answer.text()));
            pending.add(told);
        });
    }

    /** Ends after a while, and at the latest when everything is healed. */
    private void lasts(long length, Runnable repair) {
        boolean[] done = new boolean[1];
        Runnable once = () -> {
            if (!done[0]) {
                done[0] = true;
                repair.run();
            }
        };
        repairs.add(once);
        cluster.scheduler.in(length, once);
    }

    /** Questions that were asked and never answered, by an agent that was not killed meanwhile or was. */
    long unanswered() {
        return pending.stream().filter(p -> !p.isDone()).count();
    }

    /** Every fault ends now; a human would also have opened what he had closed. */
    void heal() {
        cluster.trace(() -> "healing everything");
        repairs.forEach(Runnable::run);
        cluster.nodes.forEach(node -> {
            node.mysql.longTransactionUntil = 0;
            node.link.onRenewal = null;
            node.link.roleTrick = SimEtcd.RoleTrick.NONE;
            node.startAgent();
        });
        reopen();
    }

    private Duration within() {
        return Duration.ofMillis(200 + random.nextInt(6000));
    }

    private OnLongTransactions inTheWay() {
        OnLongTransactions[] all = OnLongTransactions.values();
        return all[late.nextInt(all.length)];
    }

    /** Whoever closed a primary opens it again, as long as it takes. */
    void reopen() {
        cluster.nodes.stream()
                .filter(n -> n.published()
                        .filter(p -> p.state().phase() == Phase.READ_ONLY)
                        .isPresent())
                .forEach(n -> ask(n, () -> new Wish.ReadWrite(new CompletableFuture<>())));
    }
}
