package io.moha.e2e;

import static io.moha.sim.DatabaseWorld.Server.P;
import static org.assertj.core.api.Assertions.assertThat;

import io.moha.model.GtidSet;
import io.moha.mysql.DatabaseStatus;
import io.moha.sim.DatabaseContract;
import io.moha.sim.DatabaseWorld;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** The simulator's servers are held against real ones. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class RealDatabaseContract extends DatabaseContract {
    private final Stage.Mysql version;
    private final String cluster;
    private @Nullable RealDatabases servers;

    RealDatabaseContract(String cluster, Stage.Mysql version) {
        this.cluster = cluster;
        this.version = version;
    }

    @BeforeAll
    void start() throws Exception {
        servers = new RealDatabases(cluster, version);
    }

    @BeforeEach
    void renew() throws Exception {
        servers().renew();
    }

    @AfterAll
    void stop() {
        if (servers != null) {
            servers.close();
        }
    }

    @Test
    void anEventThatSomebodyStoppedIsSetGoingByTheNextBeat() throws Exception {
        String stopped = "ALTER EVENT moha.dead_man DISABLE";
        // As after a clock that was set back by an hour: the scheduler waits for a moment that is an hour away.
        String anHourAway = "ALTER EVENT moha.dead_man ON SCHEDULE EVERY 1 SECOND STARTS NOW() + INTERVAL 1 HOUR";
        for (String harm : List.of(stopped, anHourAway, "SET GLOBAL event_scheduler=OFF")) {
            renew();
            makePrimary(P);
            servers().execute(P, "SET sql_log_bin=0", harm);
            if (harm.equals(anHourAway)) {
                world().pass(Duration.ofSeconds(6)); // until it is seen not to run
            }
            GtidSet before = status(P).executed();
            db(P).beat(Duration.ofSeconds(2), Duration.ofSeconds(5));
            insert(P);
            world().await(P, "closed by itself, after: " + harm, DatabaseStatus::superReadOnly);
            assertThat(status(P).executed().subtract(before).count())
                    .as("the row, and nothing else")
                    .isEqualTo(1);
        }
    }

    @Test
    void whereApplicationsHaveTakenAllConnectionsTheAgentComesInByTheAdministrativePort() throws Exception {
        makePrimary(P);
        status(P); // has learned of the second door
        try (AutoCloseable crowd = servers().crowdOut(P, "moha")) {
            assertThat(status(P).writable()).isTrue();
            db(P).beat(Duration.ofSeconds(30), Duration.ofSeconds(5));
            db(P).closeToApplications(Duration.ofSeconds(5));
            db(P).closeForWrites(Duration.ofSeconds(5));
            assertThat(status(P).fenced()).isTrue();
        }
    }

    private RealDatabases servers() {
        if (servers == null) {
            throw new IllegalStateException("not started");
        }
        return servers;
    }

    @Override
    protected DatabaseWorld world() {
        return servers();
    }
}
