package io.moha.agent.loop;

import io.moha.decide.Action;
import io.moha.decide.Policy;
import io.moha.model.PromotionRule;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseProcess;
import io.moha.store.ClusterStore;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
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
     * @param dataDir where the term is kept
     * @param registerTtl life of the registration
     * @param probeTimeout how long one look at the database may take
     */
    public record Setup(
            Identity identity,
            Policy policy,
            Path dataDir,
            Duration registerTtl,
            Duration probeTimeout,
            boolean deadManSwitch) {}

    private final ClusterStore store;
    private final Database database;
    private final DatabaseProcess process;
    private final AgentLoop loop;
    private final LeaseKeeper roleLease;
    private final LeaseKeeper nodeLease;
    private final StoreReader reader;
    private final DatabaseProber prober;
    private final Bell beatBell = new Bell();
    private final List<Thread> threads = new ArrayList<>();
    private final List<ExecutorService> executors = new ArrayList<>();
    private final boolean deadManSwitch;
    private @Nullable AutoCloseable watch;

    /**
     * @param onPublish called on the loop's thread with everything it makes known; must not block
     * @throws IOException if the data directory cannot be used
     */
    public Agent(
            Setup setup,
            ClusterStore store,
            Database database,
            DatabaseProcess process,
            Clock clock,
            Consumer<Published> onPublish)
            throws IOException {
        this.store = store;
        this.database = database;
        this.process = process;
        this.deadManSwitch = setup.deadManSwitch();
        LocalState local = LocalState.open(setup.dataDir());
        Identity identity = setup.identity();
        PromotionRule rule = identity.rule();
        Wishes wishes = new Wishes(identity.id(), local, rule, identity.onlyFollow());
        this.roleLease = new LeaseKeeper("leader", store, setup.policy().leaseTtl(), clock, this::onRoleLease);
        this.nodeLease = new LeaseKeeper("registration", store, setup.registerTtl(), clock, this::wake);
        this.reader = new StoreReader(store, clock, this::wake);
        this.prober = new DatabaseProber(database, process, setup.probeTimeout(), clock, this::wake);
        StoreActor.Sources sources = new StoreActor.Sources(
                reader::picture,
                () -> theLoop().registration(),
                () -> roleLease.lease().id(),
                () -> nodeLease.lease().id(),
                () -> prober.look().status(),
                before -> theLoop().timeline().phases(before),
                () -> wishes.readOnlyMillis(clock.now()));
        StoreActor storeActor = new StoreActor(identity.id(), store, database, clock, sources);
        Actor actor = new Actor(
                database,
                process,
                storeActor,
                clock,
                () -> theLoop().mayWrite(),
                () -> theLoop().beatAllowance());
        Parts parts = new Parts(
                local,
                wishes,
                roleLease,
                nodeLease,
                reader,
                prober,
                actor,
                hand("database-hand", actor, clock),
                hand("store-hand", actor, clock),
                hand("fence-hand", actor, clock));
        this.loop = new AgentLoop(parts, identity, setup.policy(), clock, deadManSwitch, onPublish);
    }

    private AgentLoop theLoop() {
        return loop;
    }

    private Hand hand(String name, Actor actor, Clock clock) {
        ExecutorService thread = Executors.newSingleThreadExecutor(r -> daemon(name, r));
        executors.add(thread);
        return new Hand(thread, (Action a) -> actor.act(a), clock, this::wake);
    }

    private static Thread daemon(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        return thread;
    }

    @SuppressWarnings("NullAway") // called by helpers only after the constructor has ended
    private void wake() {
        if (loop != null) {
            loop.wake();
        }
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
        watch = store.watch(reader::ask);
        run("leader-lease", roleLease);
        run("registration-lease", nodeLease);
        run("etcd-reader", reader);
        run("prober", prober);
        run("tripwire", this::keepTripwire);
        if (deadManSwitch) {
            run("beat", this::keepBeating);
        }
        run("loop", loop);
    }

    private void run(String name, Runnable work) {
        Thread thread = daemon(name, work);
        threads.add(thread);
        thread.start();
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
        while (!Thread.currentThread().isInterrupted()) {
            CompletableFuture<Boolean> broken = new CompletableFuture<>();
            try (AutoCloseable wire = database.tripwire(() -> broken.complete(true), patience)) {
                broken.get();
                LOG.info("the waiting connection to the database broke: looking at once");
                prober.ask();
            } catch (DatabaseException e) {
                LOG.debug("no tripwire: {}", e.getMessage());
            } catch (InterruptedException e) {
                return;
            } catch (Exception e) {
                LOG.warn("tripwire: {}", e.toString());
            }
            try {
                Thread.sleep(250);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    /** Moves the dead-man's switch on after each confirmed renewal, while the loop says that the role is safe. */
    private void keepBeating() {
        Duration longest = Duration.ofSeconds(1);
        while (beatBell.await(Duration.ofSeconds(5))) {
            Published published = loop.published();
            if (published == null || !loop.mayWrite() || !published.primaryAt(Clock.SYSTEM.now())) {
                continue;
            }
            try {
                database.beat(loop.beatAllowance(), longest);
            } catch (DatabaseException e) {
                LOG.warn("the dead-man's switch could not be moved on: {}", e.getMessage());
            }
        }
    }

    /** Stops the threads. Neither the role nor the registration is given up: a restarted agent resumes them. */
    @Override
    public void close() {
        roleLease.stop();
        nodeLease.stop();
        threads.forEach(Thread::interrupt);
        executors.forEach(ExecutorService::shutdownNow);
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
