package io.moha.sim;

import io.moha.model.Endpoint;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseStatus;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.function.Predicate;

/**
 * Three MySQL servers, simulated or real, and what happens to them from outside. All are new, fenced, empty and without a
 * source. Each has an agent's access of its own, which has all its connections already.
 */
public interface DatabaseWorld {
    /** The servers: by habit the primary, its replica, and another one. */
    enum Server {
        P(1),
        R(2),
        Q(3);

        private final int number;

        Server(int number) {
            this.number = number;
        }

        /** From 1. */
        public int number() {
            return number;
        }
    }

    /** A client's write that has begun and is not committed yet. */
    interface Write {
        /** Waits until the client knows. */
        boolean acknowledged() throws Exception;
    }

    /** A client's insert that was sent. */
    interface Sent {
        /** Whether the client knows by now that it is committed. */
        boolean acknowledged();
    }

    Database database(Server server);

    Endpoint endpoint(Server server);

    /** Makes the schema that clients write to: one transaction at least. The server is writable. */
    void createSchema(Server server) throws Exception;

    /** A client connects, inserts a row and goes. @return whether that was acknowledged */
    boolean insert(Server server) throws Exception;

    /** A client sends an insert and does not wait for the answer. */
    Sent send(Server server) throws Exception;

    /** A client's insert that is under way when this returns, and would be for a while. */
    Write begin(Server server) throws Exception;

    /** Something that super_read_only has to wait for, and that offline_mode does not end; until closed. */
    AutoCloseable longTransaction(Server server) throws Exception;

    /** Somebody with all privileges lifts super_read_only, writes, and sets it again. */
    void errant(Server server) throws Exception;

    /** Somebody stops the applier by hand. */
    void stopApplier(Server server) throws Exception;

    /** SIGKILL. */
    void kill(Server server) throws Exception;

    /** Starts a dead server, and waits until it answers. */
    void start(Server server) throws Exception;

    /** SIGSTOP. */
    void freeze(Server server) throws Exception;

    /** SIGCONT. */
    void thaw(Server server) throws Exception;

    /** Whether nothing listens at the server's port. */
    boolean dead(Server server) throws Exception;

    /** This world's time, in nanoseconds. */
    long now();

    void pass(Duration time) throws Exception;

    /** Waits until a condition holds. @throws AssertionError if it does not within 30 s */
    default void await(String what, Callable<Boolean> condition) throws Exception {
        long from = now();
        while (!condition.call()) {
            if (now() - from > Duration.ofSeconds(30).toNanos()) {
                throw new AssertionError("waited 30 s for: " + what);
            }
            pass(Duration.ofMillis(20));
        }
    }

    /** Looks at a server until it is as expected. @return that look */
    default DatabaseStatus await(Server server, String what, Predicate<DatabaseStatus> expected) throws Exception {
        DatabaseStatus[] last = new DatabaseStatus[1];
        await(what, () -> {
            last[0] = database(server).probe(Duration.ofSeconds(5));
            return expected.test(last[0]);
        });
        return last[0];
    }
}
