package io.moha.e2e;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.testcontainers.DockerClientFactory;

/**
 * Where the parts of one cluster run: etcd servers, MySQL servers and agents. A part has a name that is unique in its
 * cluster, and a port on 127.0.0.1 that stays the same over restarts. Nothing of the cluster outlives {@link #close},
 * except the logs of the parts in {@code target/e2e/<name of the cluster>}.
 */
interface Stage extends AutoCloseable {
    /** What the parts are. */
    enum Kind {
        /** Containers on a network of their own. */
        DOCKER,
        /** Plain child processes that share the loopback address. */
        PROCESS
    }

    /** The MySQL server of a cluster. */
    enum Mysql {
        V97,
        /** 8.0.33 */
        V80
    }

    /**
     * How an agent of this stage is to be configured.
     *
     * @param addr what it listens at
     * @param dataDir where it keeps its own state
     * @param secrets the directory with the files {@code moha}, {@code repl} and {@code token}
     * @param process the lines of the section {@code [process]}
     */
    record AgentPlace(String addr, String dataDir, String secrets, String process) {}

    /**
     * Containers where an engine answers, otherwise processes. {@code -Dmoha.e2e.stage=docker} or {@code process} decides
     * otherwise, {@code wanted} before all. Skips the test, loudly, where neither can run.
     *
     * @throws IllegalStateException if containers are demanded and no engine answers
     */
    static Stage open(String cluster, Mysql mysql, Optional<Kind> wanted) throws IOException {
        String property = System.getProperty("moha.e2e.stage", "");
        Optional<Kind> demanded =
                property.isEmpty() ? Optional.empty() : Optional.of(Kind.valueOf(property.toUpperCase(Locale.ROOT)));
        Kind kind = wanted.or(() -> demanded).orElseGet(Stage::possible);
        System.out.println("end-to-end: cluster " + cluster + " runs on " + kind);
        if (kind == Kind.PROCESS) {
            return ProcessStage.open(cluster, mysql);
        }
        if (!DockerClientFactory.instance().isDockerAvailable()) {
            throw new IllegalStateException("containers are demanded, but no Docker Engine answers");
        }
        return new DockerStage(cluster, mysql);
    }

    private static Kind possible() {
        return DockerClientFactory.instance().isDockerAvailable() ? Kind.DOCKER : Kind.PROCESS;
    }

    /** The port of a part on 127.0.0.1. */
    int port(String part);

    /** {@code host:port} of a part as the other parts of the cluster reach it. */
    String address(String part);

    AgentPlace agentPlace(String agent, String mysql);

    /** Makes and starts an etcd server. */
    void createEtcd(String part, List<String> members);

    /** Makes and starts a MySQL server with an empty data directory. */
    void createMysql(String part, int serverId);

    /** Makes and starts an agent. */
    void createAgent(String part, String config) throws IOException;

    /** SIGKILL. */
    void kill(String part);

    /** SIGTERM, and waits for the end; SIGKILL after 30 s. */
    void stop(String part);

    /** Starts a part that has ended; harmless if it runs. */
    void startAgain(String part);

    /** {@link #stop} and {@link #startAgain}. */
    void restart(String part);

    /** All its threads stand still, its connections stay. */
    void pause(String part);

    void unpause(String part);

    /** Kills the part and removes it with its data. */
    void remove(String part);

    @Override
    void close();
}
