package io.moha.e2e;

/**
 * Loss-less durability on real servers: nothing that was acknowledged is lost, and a lost host does not cost a lease. Rounds,
 * witness and judgement are those of {@link SafetyScenarios}; but here nothing may be lost, named or not, and what an old primary
 * has of its own must be proven never to have been acknowledged.
 */
abstract class LosslessScenarios extends SafetyScenarios {
    /** The product's own; so that what is done before it ends is told from what is done when it ends. */
    static final int LEASE = 10;

    static final long LEASE_MILLIS = LEASE * 1000L;

    LosslessScenarios(String name) {
        super(name);
    }

    /** Lines of a node's configuration beside its durability. */
    String more(int node) {
        return "";
    }

    /** Acknowledgements that a commit waits for. */
    int acks() {
        return 1;
    }

    int size() {
        return 3;
    }

    @Override
    TestCluster.Shape shape() {
        TestCluster.Shape shape = super.shape().nodes(size()).leaseTtl(LEASE);
        for (int n = 1; n <= shape.nodes(); n++) {
            shape = shape.config(n, "durability = \"lossless\"\nwait-count = %d\n%s".formatted(acks(), more(n)));
        }
        return shape;
    }

    @Override
    boolean mayLose() {
        return false;
    }

    final void awaitInForce(int primary, int ackers) {
        cluster()
                .awaitStatus(
                        primary,
                        "lossless with " + ackers + " ackers",
                        s -> s.get("durability").asText().equals("lossless")
                                && s.get("ackers").size() == ackers
                                && s.get("ackers_connected").asInt() == ackers);
    }
}
