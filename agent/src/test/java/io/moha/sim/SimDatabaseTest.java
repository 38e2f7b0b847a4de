package io.moha.sim;

import io.moha.model.Endpoint;
import io.moha.mysql.Database;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

/** The simulated servers, in virtual time. */
@ExtendWith(SimDatabaseTest.OnAStrand.class)
class SimDatabaseTest extends DatabaseContract {
    private final World world = new World();

    @Override
    protected DatabaseWorld world() {
        return world;
    }

    /** Runs the test itself as a process of the simulator: only these can wait in virtual time. */
    static final class OnAStrand implements InvocationInterceptor {
        @Override
        public void interceptTestMethod(
                Invocation<Void> invocation,
                ReflectiveInvocationContext<Method> called,
                ExtensionContext extensionContext)
                throws Throwable {
            SimDatabaseTest test = (SimDatabaseTest) extensionContext.getRequiredTestInstance();
            Scheduler scheduler = test.world.scheduler;
            List<Throwable> thrown = new ArrayList<>();
            scheduler.start(new Scheduler.Program(), () -> {
                try {
                    invocation.proceed();
                } catch (Throwable e) {
                    thrown.add(e);
                }
                scheduler.end();
            });
            scheduler.run(Duration.ofHours(1).toNanos());
            if (!thrown.isEmpty()) {
                throw thrown.get(0);
            }
        }
    }

    /** Three simulated servers, all wires open. */
    private static final class World implements DatabaseWorld, SimMysql.Wires {
        private static final long WRITE_TAKES_LESS_THAN = Duration.ofMillis(10).toNanos();

        private final Scheduler scheduler = new Scheduler();
        private final SplittableRandom random = new SplittableRandom(1);
        private final List<SimMysql> servers = new ArrayList<>();
        private final List<Database> databases = new ArrayList<>();
        private long writes;

        World() {
            for (Server each : Server.values()) {
                int node = each.number();
                servers.add(new SimMysql(
                        node, Endpoint.parse("10.0.0." + node + ":3306"), scheduler, random.split(), this));
            }
            for (SimMysql each : servers) {
                servers.stream().filter(other -> other != each).forEach(each::mayBeFollowedBy);
                databases.add(new SimDatabase(scheduler, random.split(), each, this, true));
            }
        }

        private SimMysql mysql(Server server) {
            return servers.get(server.number() - 1);
        }

        @Override
        public Database database(Server server) {
            return databases.get(server.number() - 1);
        }

        @Override
        public Endpoint endpoint(Server server) {
            return mysql(server).endpoint;
        }

        @Override
        public void createSchema(Server server) {
            if (!insert(server)) {
                throw new IllegalStateException(server + " is not writable");
            }
        }

        @Override
        public boolean insert(Server server) {
            return begin(server).acknowledged();
        }

        @Override
        public Sent send(Server server) {
            boolean[] acknowledged = new boolean[1];
            mysql(server).write(++writes, committed -> {}, () -> acknowledged[0] = true);
            return () -> acknowledged[0];
        }

        /** What {@link Write} promises, without a checked exception. */
        private interface Begun extends Write {
            @Override
            boolean acknowledged();
        }

        @Override
        public Begun begin(Server server) {
            boolean[] acknowledged = new boolean[1];
            // A commit comes 0.2 ms from now at the earliest: the next statement is to come before that.
            mysql(server).statementCost = 1000;
            mysql(server).write(++writes, committed -> {}, () -> acknowledged[0] = true);
            return () -> {
                scheduler.sleep(WRITE_TAKES_LESS_THAN);
                return acknowledged[0];
            };
        }

        @Override
        public AutoCloseable longTransaction(Server server) {
            mysql(server).longTransactionUntil = Long.MAX_VALUE;
            return () -> mysql(server).longTransactionUntil = 0;
        }

        @Override
        public void errant(Server server) {
            mysql(server).errant(++writes);
        }

        @Override
        public void stopApplier(Server server) {
            mysql(server).stopApplier();
        }

        @Override
        public void kill(Server server) {
            mysql(server).kill();
        }

        @Override
        public void start(Server server) {
            scheduler.sleep(Duration.ofSeconds(1).toNanos());
            mysql(server).start();
        }

        @Override
        public void freeze(Server server) {
            mysql(server).freeze();
        }

        @Override
        public void thaw(Server server) {
            mysql(server).thaw();
        }

        @Override
        public boolean dead(Server server) {
            return !mysql(server).alive();
        }

        @Override
        public long now() {
            return scheduler.now();
        }

        @Override
        public void pass(Duration time) {
            scheduler.sleep(time.toNanos());
        }

        @Override
        public boolean open(int from, int to) {
            return true;
        }

        @Override
        public SimMysql server(Endpoint endpoint) {
            return servers.stream()
                    .filter(s -> s.endpoint.equals(endpoint))
                    .findFirst()
                    .orElseThrow();
        }

        @Override
        public void discarded(SimMysql server, List<SimMysql.Transaction> lost, String how) {
            // Seen in the received set.
        }
    }
}
