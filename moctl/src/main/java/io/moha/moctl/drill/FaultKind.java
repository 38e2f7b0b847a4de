package io.moha.moctl.drill;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a drill breaks. Each is one verb of the fault command, done to nodes in a role. */
public enum FaultKind {
    /** SIGKILL to the primary's mysqld; its agent lives. */
    PRIMARY_MYSQLD("kill-mysqld", Role.PRIMARY),
    /** The primary's agent and mysqld die at once. */
    PRIMARY_HOST("kill-host", Role.PRIMARY),
    /** The primary's host hears and reaches nobody but clients. */
    PRIMARY_CUT("cut", Role.PRIMARY),
    /** SIGKILL to the primary's agent; its database is left alone. */
    PRIMARY_AGENT("kill-agent", Role.PRIMARY),
    /** SIGKILL to one replica's mysqld. */
    REPLICA_MYSQLD("kill-mysqld", Role.ONE_REPLICA),
    /** One replica's host is cut off. */
    REPLICA_CUT("cut", Role.ONE_REPLICA),
    /** SIGKILL to one replica's agent. */
    REPLICA_AGENT("kill-agent", Role.ONE_REPLICA),
    /** Agent and mysqld of all replicas die, and are back within some seconds. */
    REPLICAS_DOWN("kill-host", Role.EVERY_REPLICA),
    /** SIGKILL to the etcd server that leads. */
    ETCD_LEADER("kill-etcd-leader", Role.NO_NODE);

    /** Who is hit. */
    enum Role {
        PRIMARY,
        ONE_REPLICA,
        EVERY_REPLICA,
        NO_NODE
    }

    private final String verb;
    private final Role role;

    FaultKind(String verb, Role role) {
        this.verb = verb;
        this.role = role;
    }

    String verb() {
        return verb;
    }

    Role role() {
        return role;
    }

    /** The form on the command line. */
    public String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Whether both can strike in one round and each still hits something alive. */
    boolean goesWith(FaultKind other) {
        if (role == Role.ONE_REPLICA && other.role == Role.ONE_REPLICA) {
            return true; // two replicas, one each
        }
        boolean replicasTwice = role != other.role && hitsReplicas() && other.hitsReplicas();
        return role != other.role && !replicasTwice;
    }

    private boolean hitsReplicas() {
        return role == Role.ONE_REPLICA || role == Role.EVERY_REPLICA;
    }

    /** @throws IllegalArgumentException naming the words */
    public static FaultKind parse(String text) {
        return Arrays.stream(values())
                .filter(kind -> kind.text().equals(text))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("'" + text + "' is no fault: use " + words()));
    }

    /** All words of the command line. */
    public static String words() {
        return Arrays.stream(values()).map(FaultKind::text).collect(Collectors.joining(", "));
    }

    /** All kinds, in the order of this enum. */
    public static List<FaultKind> all() {
        return List.of(values());
    }
}
