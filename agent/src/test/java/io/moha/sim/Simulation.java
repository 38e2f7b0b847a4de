package io.moha.sim;

import io.moha.model.Durability;
import io.moha.sim.Cluster.Node;
import java.time.Duration;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One run: a cluster from empty, writers at every node, faults, healing, and the questions at the end. */
public final class Simulation {
    private static final long SECOND = Duration.ofSeconds(1).toNanos();
    private static final long HEAL_AT = 42 * SECOND;
    private static final long SETTLE_WITHIN = 120 * SECOND;

    /**
     * How a run ended.
     *
     * @param violation empty if every promise was kept
     */
    public record Result(
            long seed, Optional<String> violation, long events, long virtualMillis, int acknowledged, long terms) {}

    private final long seed;
    private final Scheduler scheduler = new Scheduler();
    private final SplittableRandom random;
    private final Cluster cluster;
    private final Invariants invariants;
    private final Faults faults;
    private final boolean load;
    private final boolean deadManSwitch;
    private long writes;
    private boolean writing = true;

    /** What operators want. */
    enum World {
        ASYNC,
        LOSSLESS,
        /** Begins with async; they change their minds while faults strike. */
        CHANGING
    }

    private final World world;
    private final SplittableRandom minds;

    private Simulation(long seed, boolean deadManSwitch, World world, @Nullable Consumer<String> tracer) {
        this.seed = seed;
        this.world = world;
        this.minds = new SplittableRandom(Long.rotateLeft(seed, 31));
        this.deadManSwitch = deadManSwitch;
        this.random = new SplittableRandom(seed);
        this.load = random.nextInt(10) == 0;
        int[] sizes = {3, 3, 3, 3, 3, 3, 3, 5, 2, 3};
        int[] ttls = {5, 6, 10};
        int nodes = sizes[random.nextInt(sizes.length)];
        Cluster.Shape shape = new Cluster.Shape(
                nodes,
                Duration.ofSeconds(ttls[random.nextInt(ttls.length)]),
                Duration.ofSeconds(3 + random.nextInt(8)),
                deadManSwitch,
                world == World.LOSSLESS
                        ? durability(nodes, new SplittableRandom(Long.rotateLeft(seed, 17)))
                        : Durability.ASYNC);
        this.cluster = new Cluster(scheduler, random.split(), shape, tracer);
        this.invariants = new Invariants(cluster, world);
        this.faults = new Faults(
                cluster,
                random.split(),
                new SplittableRandom(~seed),
                new SplittableRandom(Long.reverse(seed)),
                world != World.CHANGING);
        cluster.trace(() -> "seed " + seed + ": " + shape + (load ? ", load only" : ""));
    }

    /**
     * Runs one seed.
     *
     * @param deadManSwitch without it, agents neither die nor freeze
     * @param tracer is told what happens; null for speed
     */
    public static Result run(long seed, boolean deadManSwitch, @Nullable Consumer<String> tracer) {
        return new Simulation(seed, deadManSwitch, World.ASYNC, tracer).run();
    }

    /** One seed under loss-less durability: the same faults, stricter promises. */
    public static Result runLossless(long seed, @Nullable Consumer<String> tracer) {
        return new Simulation(seed, true, World.LOSSLESS, tracer).run();
    }

    /** One seed in which durability is changed while faults strike: what was acknowledged under a binding list is kept. */
    public static Result runChanging(long seed, @Nullable Consumer<String> tracer) {
        return new Simulation(seed, true, World.CHANGING, tracer).run();
    }

    private static Durability durability(int nodes, SplittableRandom random) {
        return new Durability(true, nodes == 5 ? 1 + random.nextInt(2) : 1, random.nextInt(4) == 0);
    }

    private Result run() {
        Optional<String> violation = Optional.empty();
        try {
            begin();
            scheduler.run(HEAL_AT);
            faults.heal();
            settle();
            invariants.end();
            if (load && cluster.term() != 1 && !faults.leadersLostInARow()) {
                throw new Violation("I7", "load alone led to term " + cluster.term());
            }
        } catch (IllegalStateException e) {
            if (!(e.getCause() instanceof Violation v)) {
                throw new IllegalStateException(
                        "seed " + seed + ": a defect of agent or simulator", e.getCause() == null ? e : e.getCause());
            }
            violation = Optional.of(String.valueOf(v.getMessage()));
        } catch (Violation e) {
            violation = Optional.of(String.valueOf(e.getMessage()));
        } finally {
            close();
        }
        violation.ifPresent(v -> cluster.trace(() -> "VIOLATION " + v));
        return new Result(
                seed,
                violation,
                scheduler.happened(),
                scheduler.now() / 1_000_000,
                invariants.acknowledged().size(),
                cluster.term());
    }

    private void begin() {
        boolean used = random.nextBoolean();
        for (Node node : cluster.nodes) {
            if (used) {
                node.mysql.initialised(3);
            }
            scheduler.in(random.nextLong(2 * SECOND), node::startAgent);
            scheduler.in(random.nextLong(SECOND), () -> write(node));
        }
        faults.onRestore(invariants::restored);
        faults.onEndOfLeases(invariants::leasesEnded);
        faults.plan(load, deadManSwitch);
        if (world == World.CHANGING) {
            scheduler.at(3 * SECOND + minds.nextLong(8 * SECOND), this::changeDurability);
        }
        scheduler.afterEach(() -> {
            invariants.always();
            invariants.store();
        });
    }

    private void changeDurability() {
        cluster.wish(cluster.durability().lossless() ? Durability.ASYNC : durability(cluster.nodes.size(), minds));
        if (scheduler.now() < HEAL_AT) {
            scheduler.in(SECOND + minds.nextLong(15 * SECOND), this::changeDurability);
        }
    }

    /** One client at each node, all the time. */
    private void write(Node node) {
        if (writing) {
            long number = ++writes;
            long began = scheduler.now();
            SimMysql.Transaction[] made = new SimMysql.Transaction[1];
            node.mysql.write(
                    number,
                    transaction -> {
                        made[0] = transaction;
                        invariants.committed(node, transaction);
                    },
                    () -> invariants.acknowledged(node, made[0], began));
            scheduler.in(30_000_000L + random.nextLong(150_000_000L), () -> write(node));
        }
    }

    private void settle() {
        scheduler.run(scheduler.now() + 8 * SECOND);
        if (faults.restored()) {
            invariants.accepted();
            faults.acceptRestoredEtcd();
            scheduler.run(scheduler.now() + 8 * SECOND);
        }
        writing = false;
        long until = scheduler.now() + SETTLE_WITHIN;
        int calm = 0;
        Optional<String> missing = Optional.of("not looked yet");
        while (calm < 4) {
            scheduler.run(scheduler.now() + SECOND / 2);
            missing = invariants.unsettled();
            faults.reopen();
            calm = missing.isEmpty() ? calm + 1 : 0;
            if (scheduler.now() > until) {
                throw new Violation(
                        "I3",
                        "not whole " + SETTLE_WITHIN / SECOND + " s after healing: " + missing.orElse("it flaps"));
            }
        }
    }

    private void close() {
        scheduler.afterEach(() -> {});
        cluster.nodes.forEach(Node::killAgent);
        try {
            scheduler.run(scheduler.now() + 1_000_000);
        } catch (IllegalStateException e) {
            // The run has ended with that already.
        }
    }
}
