package io.moha.agent.loop;

import io.moha.decide.Action;
import io.moha.decide.Policy;
import io.moha.model.Durability;
import io.moha.model.PromotionRule;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseProcess;
import io.moha.store.ClusterStore;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The agent without its HTTP: the loop, its helpers and their threads. */
public final class Agent implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Agent.class);

    /**
     * What the agent is made from.
     *
     * @param state where the term is kept
     * @param registerTtl life of the registration
     * @param probeTimeout how long one look at the database may take
     * @param durability what is wanted as long as nobody has said so in etcd
     * @param failsafe whether the primary goes on without etcd if every member promises to wait
     */
    public record Setup(
            Identity identity,
            Policy policy,
            StateFile state,
            Duration registerTtl,
            Duration probeTimeout,
            boolean deadManSwitch,
            boolean failsafe,
            Durability durability) {}

    private final ClusterStore store;
    private final Database database;
    private final DatabaseProcess process;
    private final AgentLoop loop;
    private final LeaseKeeper roleLease;
    private final LeaseKeeper nodeLease;
    private final StoreReader reader;
    private final Failsafe failsafe;
    private final Suspicion suspicion;
    private final DatabaseProber prober;
    private final WriteWatch writeWatch;
    private final Clock clock;
    private final Threads threads;
    private final Bell beatBell;
    private final boolean deadManSwitch;
    private @Nullable AutoCloseable watch;

    /**
     * @param onPublish called on the loop's thread with everything it makes known; must not block
     * @throws IOException if the state cannot be read or written
     */
    public Agent(
            Setup setup,
            ClusterStore store,
            Database database,
            DatabaseProcess process,
            Peers peers,
            Clock clock,
            Threads threads,
            Consumer<Published> onPublish)
            throws IOException {
        this.store = store;
        this.database = database;
        this.process = process;
        this.clock = clock;
        this.threads = threads;
        this.beatBell = clock.bell();
        this.deadManSwitch = setup.deadManSwitch();
        LocalState local = LocalState.open(setup.state());
        Identity identity = setup.identity();
        PromotionRule rule = identity.rule();
        Wishes wishes = new Wishes(identity.id(), local, rule, identity.onlyFollow(), clock.now());
        this.roleLease = new LeaseKeeper(
                "leader", store, setup.policy().leaseTtl(), clock, this::roleLeaseWanted, this::onRoleLease);
        this.nodeLease = new LeaseKeeper("registration", store, setup.registerTtl(), clock, () -> true, this::wake);
        this.reader = new StoreReader(store, clock, this::wake);
        this.failsafe = new Failsafe(
                identity.id(),
                setup.policy(),
                clock,
                setup.failsafe() ? peers : Peers.none(),
                roleLease,
                reader,
                () -> theLoop().published(),
                this::onRoleLease);
        this.writeWatch = new WriteWatch();
        this.prober = new DatabaseProber(database, process, setup.probeTimeout(), clock, () -> {
            writeWatch.saw(theProber().look());
            wake();
        });
        this.suspicion =
                new Suspicion(identity.id(), setup.policy(), clock, peers, database, reader, prober, this::wake);
        StoreActor.Sources sources = new StoreActor.Sources(
                reader::picture,
                () -> theLoop().registration(),
                () -> roleLease.lease().id(),
                () -> nodeLease.lease().id(),
                () -> prober.look().status(),
                before -> theLoop().timeline().phases(before),
                () -> wishes.readOnlyMillis(clock.now()),
                wishes::withdrawn,
                reader::learn);
        StoreActor storeActor = new StoreActor(identity.id(), store, database, clock, sources);
        Actor actor = new Actor(
                database,
                process,
                storeActor,
                clock,
                () -> theLoop().mayWrite(),
                () -> theLoop().fencing(),
                () -> theLoop().beatAllowance());
        Parts parts = new Parts(
                local,
                wishes,
                roleLease,
                nodeLease,
                reader,
                failsafe,
                suspicion,
                prober,
                writeWatch,
                actor,
                hand("database-hand", actor),
                hand("store-hand", actor),
                hand("fence-hand", actor));
        this.loop = new AgentLoop(parts, identity, setup.policy(), clock, deadManSwitch, setup.durability(), onPublish);
    }

    private DatabaseProber theProber() {
        return prober;
    }

    private AgentLoop theLoop() {
        return loop;
    }

    private Hand hand(String name, Actor actor) {
        return new Hand(threads.hand(name), (Action a) -> actor.act(a), clock, this::wake);
    }

    @SuppressWarnings("NullAway") // called by helpers only after the constructor has ended
    private void wake() {
        if (loop != null) {
            loop.wake();
        }
    }

    @SuppressWarnings("NullAway") // as above
    private boolean roleLeaseWanted() {
        return loop == null || loop.wantsLease();
    }

    private void onRoleLease() {
        beatBell.ring();
        wake();
    }

    /** Starts all threads. */
    public void start() {
        process.onExit(() -> {
            prober.ask();
            wake();
        });
        watch = store.watch(reader::changed);
        threads.start("leader-lease", roleLease);
        threads.start("registration-lease", nodeLease);
        threads.start("etcd-reader", reader);
        threads.start("failsafe", failsafe);
        threads.start("suspicion", suspicion);
        threads.start("prober", prober);
        threads.start("tripwire", this::keepTripwire);
        if (deadManSwitch) {
            threads.start("beat", this::keepBeating);
        }
        threads.start("loop", loop);
    }

    public AgentLoop loop() {
        return loop;
    }

    /** What the last look at the database said went wrong with the account; for the start-up check. */
    public boolean databaseRefusesAccount() {
        return prober.look().accessDenied();
    }

    public String databaseError() {
        return prober.look().error();
    }

    public String storeError() {
        return reader.lastError();
    }

    public boolean storeWasRead() {
        return reader.picture().isPresent();
    }

    public boolean databaseAnswered() {
        return prober.look().status().isPresent();
    }

    /** Nanoseconds of the last confirmed renewal and of the last probe, for metrics. */
    public long renewalNanos() {
        return roleLease.lastRoundTrip();
    }

    public long probeNanos() {
        return prober.look().tookNanos();
    }

    /** A broken connection tells of a dead server within milliseconds; the prober then finds out. */
    private void keepTripwire() {
        Duration patience = Duration.ofSeconds(2);
        Bell snap = clock.bell();
        Bell pause = clock.bell();
        while (!Thread.currentThread().isInterrupted()) {
            AtomicBoolean broken = new AtomicBoolean();
            try (AutoCloseable wire = database.tripwire(
                    () -> {
                        broken.set(true);
                        snap.ring();
                    },
                    patience)) {
                while (!broken.get()) {
                    if (!snap.await(Duration.ofHours(1))) {
                        return;
                    }
                }
                LOG.info("the waiting connection to the database broke: looking at once");
                prober.ask();
            } catch (DatabaseException e) {
                LOG.debug("no tripwire: {}", e.getMessage());
            } catch (Exception e) {
                LOG.warn("tripwire: {}", e.toString());
            }
            if (!pause.await(Duration.ofMillis(250))) {
                return;
            }
        }
    }

    /** Moves the dead-man's switch on after each confirmed renewal, while the loop says that the role is safe. */
    private void keepBeating() {
        Duration longest = Duration.ofSeconds(1);
        long last = 0;
        while (beatBell.await(Duration.ofSeconds(1))) {
            Published published = loop.published();
            long until = loop.roleUntil();
            boolean later = until - last > Duration.ofMillis(500).toNanos();
            if (!later || published == null || !loop.mayWrite() || !published.primaryAt(clock.now())) {
                continue;
            }
            long sentAt = clock.now();
            try {
                last = until;
                database.beat(loop.beatAllowance(), longest);
                writeWatch.wrote(true, sentAt);
            } catch (DatabaseException e) {
                writeWatch.wrote(e.kind() != DatabaseException.Kind.UNKNOWN, sentAt);
                LOG.warn("the dead-man's switch could not be moved on: {}", e.getMessage());
            }
        }
    }

    /** Stops the threads. Neither the role nor the registration is given up: a restarted agent resumes them. */
    @Override
    public void close() {
        roleLease.stop();
        nodeLease.stop();
        threads.stop();
        try {
            if (watch != null) {
                watch.close();
            }
        } catch (Exception e) {
            LOG.debug("closing the watch: {}", e.toString());
        }
        database.close();
        process.close();
        store.close();
    }
}
