package io.moha.config;

import io.moha.model.Durability;
import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All settings of one agent. Keys, defaults and rules: docs/reference/configuration.md.
 *
 * @param warnings what was accepted but should be known, one sentence each
 */
public record AgentConfig(
        String clusterName,
        String etcdRootPath,
        Node node,
        Timing timing,
        Etcd etcd,
        Db db,
        Api api,
        Control control,
        Proxy proxy,
        Log log,
        Path dataDir,
        int bootstrapExpect,
        long maxCandidateBacklog,
        boolean deadManSwitch,
        boolean failsafe,
        Durability durability,
        List<String> warnings) {
    public AgentConfig {
        warnings = List.copyOf(warnings);
    }

    /** Prefix of all keys, without a slash at the end: {@code /moha/demo}. */
    public String prefix() {
        String root = etcdRootPath.endsWith("/") ? etcdRootPath.substring(0, etcdRootPath.length() - 1) : etcdRootPath;
        return root + "/" + clusterName;
    }

    /** This node. */
    public record Node(
            NodeId id,
            Endpoint internal,
            Endpoint external,
            boolean onlyFollow,
            boolean acker,
            PromotionRule rule,
            String dataCenter,
            Map<String, String> tags) {
        public Node {
            tags = Map.copyOf(tags);
        }
    }

    /** Durations of leases, fence and election. */
    public record Timing(
            Duration leaderLeaseTtl,
            Duration shutdownThreshold,
            Duration clockSkew,
            Duration registerTtl,
            Duration electionTimeout,
            Duration drainTimeout,
            Duration stuckAfter,
            Duration suspectAfter,
            Duration ackerAwayAfter) {}

    /** How etcd is reached. */
    public record Etcd(
            List<String> urls,
            Optional<String> username,
            Optional<Secret> password,
            Optional<Path> caFile,
            Optional<Path> certFile,
            Optional<Path> keyFile) {
        public Etcd {
            urls = List.copyOf(urls);
        }
    }

    /** The local server and the accounts. */
    public record Db(
            Endpoint server,
            String user,
            Secret password,
            Duration timeout,
            String replicationUser,
            Secret replicationPassword,
            String replicationNet,
            String sslMode) {}

    /** HTTP of the agent. */
    public record Api(
            Endpoint listen,
            String publicAddress,
            String internalAddress,
            Optional<Secret> token,
            boolean allowGet,
            boolean allowAnonymous) {}

    /** How the database's process is controlled. */
    public record Control(
            Kind kind,
            String container,
            String dockerHost,
            Optional<Path> hostProc,
            List<String> startCommand,
            List<String> killCommand,
            List<String> statusCommand,
            String forkFile,
            List<String> forkArgs) {
        public Control {
            startCommand = List.copyOf(startCommand);
            killCommand = List.copyOf(killCommand);
            statusCommand = List.copyOf(statusCommand);
            forkArgs = List.copyOf(forkArgs);
        }

        /** Ways of control. */
        public enum Kind {
            DOCKER,
            COMMAND,
            FORK,
            NONE
        }
    }

    /**
     * Proxies that are told at once who is primary.
     *
     * @param sockets {@code host:port} or the absolute path of each one's runtime API
     * @param backend whose servers, named like the nodes, carry the checks
     * @param agentCheck where to answer HAProxy's agent-check; empty: nowhere
     */
    public record Proxy(List<String> sockets, String backend, Optional<Endpoint> agentCheck) {
        public Proxy {
            sockets = List.copyOf(sockets);
        }
    }

    /** Logging. */
    public record Log(String level, Optional<Path> file, int maxSizeMb, int maxDays, boolean compress, boolean json) {}
}
