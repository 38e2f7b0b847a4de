package io.moha.e2e;

import io.moha.sim.DatabaseContract;
import io.moha.sim.DatabaseWorld;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
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
