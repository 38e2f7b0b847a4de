package io.moha.decide;

import java.util.Arrays;

/** One state of the modelled cluster: small numbers, packed into four longs for the set of visited states. */
@SuppressWarnings("EnumOrdinal") // the ordinals are what is packed
final class ProtocolState {
    static final int NODES = 3;
    static final int TRANSACTIONS = 2;
    static final int WORDS = 4;

    /** What there is once: etcd's keys, the clients' view, what is left of the bounds, and what is still on its way. */
    enum Global {
        TERM(3),
        /** 0 if nobody holds the role. */
        HOLDER(2),
        /** Whether the key is bound to the holder's present lease. */
        BOUND(1),
        LAST(2),
        LIST_TERM(3),
        LIST_PRIMARY(2),
        LIST_BINDING(1),
        LIST_ACKS(2),
        LIST_ACKERS(3),
        LIST_FLOOR(2),
        FAULTS(2),
        DELAYS(2),
        BEGUN(2),
        ORIGIN_0(2),
        ORIGIN_1(2),
        /** Transactions that clients were told of. */
        ACKNOWLEDGED(2),
        /** Who has sent an acknowledgement of a transaction that still waits. */
        SENT_0(3),
        SENT_1(3),
        /** Transactions begun under a term older than one in which something was acknowledged already. */
        STALE(2),
        ACK_TERM(3),
        LATE_KIND(5),
        LATE_NODE(2),
        LATE_TERM(3),
        LATE_WHAT(16);

        final int bits;

        Global(int bits) {
            this.bits = bits;
        }
    }

    /** What there is for each node: its keys in etcd, its agent, its server. */
    enum Local {
        /** 0 none, 1 withdrawn, 2 blind, 3 says what it has. */
        BALLOT(2),
        BALLOT_TERM(3),
        BALLOT_FOLLOWED(3),
        BALLOT_RECEIVED(2),
        BALLOT_EXECUTED(2),
        BALLOT_ELIGIBLE(1),
        ANNOUNCED(3),
        REGISTERED_AS(3),
        LIVE(1),
        UP(1),
        NO_STORE(1),
        NO_PEERS(1),
        PHASE(4),
        TERM(3),
        WARM(1),
        /** Guard of a ballot on its way: 0 passed, 1 the present revision, 2 unknown. */
        GUARD(2),
        GIVEN_UP(1),
        ALIVE(1),
        WRITABLE(1),
        WAIT(2),
        ACKS(1),
        SOURCE(2),
        RUNNING(1),
        /** 0 lacking, 1 received, 2 executed, 3 begun here and waiting. */
        HAS_0(2),
        HAS_1(2);

        final int bits;

        Local(int bits) {
            this.bits = bits;
        }
    }

    static final int LACKS = 0;
    static final int RECEIVED = 1;
    static final int EXECUTED = 2;
    static final int WAITING = 3;

    private static final Global[] GLOBALS = Global.values();
    private static final Local[] LOCALS = Local.values();
    private final int[] global = new int[GLOBALS.length];
    private final int[][] local = new int[NODES + 1][LOCALS.length];

    int get(Global field) {
        return global[field.ordinal()];
    }

    void set(Global field, int value) {
        global[field.ordinal()] = value;
    }

    int get(int node, Local field) {
        return local[node][field.ordinal()];
    }

    boolean is(int node, Local field) {
        return local[node][field.ordinal()] != 0;
    }

    void set(int node, Local field, int value) {
        local[node][field.ordinal()] = value;
    }

    int has(int node, int transaction) {
        return local[node][Local.HAS_0.ordinal() + transaction];
    }

    void setHas(int node, int transaction, int value) {
        local[node][Local.HAS_0.ordinal() + transaction] = value;
    }

    int origin(int transaction) {
        return global[Global.ORIGIN_0.ordinal() + transaction];
    }

    void setOrigin(int transaction, int node) {
        global[Global.ORIGIN_0.ordinal() + transaction] = node;
    }

    int sent(int transaction) {
        return global[Global.SENT_0.ordinal() + transaction];
    }

    void setSent(int transaction, int nodes) {
        global[Global.SENT_0.ordinal() + transaction] = nodes;
    }

    /** Transactions that a node has received or executed; what waits here is neither. */
    int received(int node) {
        return mask(node, RECEIVED) | mask(node, EXECUTED);
    }

    int mask(int node, int value) {
        return (has(node, 0) == value ? 1 : 0) | (has(node, 1) == value ? 2 : 0);
    }

    static int bit(int node) {
        return 1 << (node - 1);
    }

    boolean linked(int one, int other) {
        return !is(one, Local.NO_PEERS) && !is(other, Local.NO_PEERS);
    }

    /** Whether the receiver of a node has a connection to its source. */
    boolean connected(int node) {
        int source = get(node, Local.SOURCE);
        return is(node, Local.ALIVE)
                && is(node, Local.RUNNING)
                && source != 0
                && is(source, Local.ALIVE)
                && linked(node, source);
    }

    /** Replicas that are connected to a node and acknowledge. */
    int ackersOf(int node) {
        int found = 0;
        for (int other = 1; other <= NODES; other++) {
            if (get(other, Local.SOURCE) == node && is(other, Local.ACKS) && connected(other)) {
                found |= bit(other);
            }
        }
        return found;
    }

    void copyFrom(ProtocolState other) {
        System.arraycopy(other.global, 0, global, 0, global.length);
        for (int node = 1; node <= NODES; node++) {
            System.arraycopy(other.local[node], 0, local[node], 0, LOCALS.length);
        }
    }

    void pack(long[] out) {
        Arrays.fill(out, 0, WORDS, 0);
        int at = 0;
        for (Global field : GLOBALS) {
            at = put(out, at, global[field.ordinal()], field.bits);
        }
        for (int node = 1; node <= NODES; node++) {
            for (Local field : LOCALS) {
                at = put(out, at, local[node][field.ordinal()], field.bits);
            }
        }
    }

    void unpack(long[] in, int from) {
        int at = 0;
        for (Global field : GLOBALS) {
            global[field.ordinal()] = take(in, from, at, field.bits);
            at += field.bits;
        }
        for (int node = 1; node <= NODES; node++) {
            for (Local field : LOCALS) {
                local[node][field.ordinal()] = take(in, from, at, field.bits);
                at += field.bits;
            }
        }
    }

    /** Appends a number of so many bits; also used for the keys of the remembered decisions. */
    static int put(long[] out, int at, int value, int bits) {
        if (value < 0 || value >= 1 << bits) {
            throw new IllegalStateException(value + " does not fit into " + bits + " bits");
        }
        out[at >> 6] |= (long) value << (at & 63);
        if ((at & 63) + bits > 64) {
            out[(at >> 6) + 1] |= (long) value >>> (64 - (at & 63));
        }
        return at + bits;
    }

    private static int take(long[] in, int from, int at, int bits) {
        int word = from + (at >> 6);
        long value = in[word] >>> (at & 63);
        if ((at & 63) + bits > 64) {
            value |= in[word + 1] << (64 - (at & 63));
        }
        return (int) (value & ((1L << bits) - 1));
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (Global field : GLOBALS) {
            text.append(field).append('=').append(get(field)).append(' ');
        }
        for (int node = 1; node <= NODES; node++) {
            text.append("\n    n").append(node).append(' ').append(Phase.values()[get(node, Local.PHASE)]);
            for (Local field : LOCALS) {
                if (field != Local.PHASE && get(node, field) != 0) {
                    text.append(' ').append(field).append('=').append(get(node, field));
                }
            }
        }
        return text.toString();
    }
}
