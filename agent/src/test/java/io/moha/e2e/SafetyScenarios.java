package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.TestInstance;

/**
 * One cluster and three etcd servers for all tests of a class, a {@link Witness} for each round, and what
 * every round must end with: nobody acknowledged beside the primary of the day, all nodes follow, and what was acknowledged
 * is in the table or was named by the node that alone had it.
 *
 * <p>{@code -Dmoha.safety.full=true} runs everything: five rounds of each test, the long ones too, and the load for ten
 * minutes. {@code -Dmoha.safety.rounds=N} and {@code -Dmoha.safety.load-minutes=N} set these alone. For example
 * <pre>mvn -pl agent -am verify -Dit.test='Safety*IT' -Dtest=NONE -Dsurefire.failIfNoSpecifiedTests=false
 *     -Dfailsafe.failIfNoSpecifiedTests=false -Dmoha.safety.full=true</pre>
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init")
abstract class SafetyScenarios {
    static final boolean FULL = Boolean.getBoolean("moha.safety.full");
    static final int ROUNDS = Integer.getInteger("moha.safety.rounds", FULL ? 5 : 1);
    static final int ETCDS = 3;
    /** Of {@link TestCluster.Shape#usual}. */
    static final long TTL_MILLIS = 6000;

    private final String name;
    private TestCluster cluster;
    private HostFaults faults;
    private int clusters;
    private boolean started;
    private boolean whole;

    SafetyScenarios(String name) {
        this.name = name;
    }

    /** What happens in one round. */
    interface Scenario {
        void run(Round round) throws Exception;
    }

    /** One round: a whole cluster, a witness, and what the scenario says about itself. */
    static final class Round {
        final int primary;
        final long term;
        final Witness witness;
        final List<Witness.Excuse> excuses = new ArrayList<>();
        /** Rows that asynchronous replication lost; each was named by the node that had it. */
        final Set<Long> named = new HashSet<>();

        private Round(int primary, long term, Witness witness) {
            this.primary = primary;
            this.term = term;
            this.witness = witness;
        }
    }

    TestCluster.Shape shape() {
        return TestCluster.Shape.usual().etcds(ETCDS);
    }

    final int nodes() {
        return shape().nodes();
    }

    /** Whether writes that were acknowledged may be lost as long as they are named. */
    boolean mayLose() {
        return true;
    }

    final TestCluster cluster() {
        return cluster;
    }

    final HostFaults faults() {
        return faults;
    }

    @AfterAll
    void down() {
        if (started) {
            faults.heal();
            cluster.close();
        }
    }

    /** Skips what takes minutes, loudly, unless everything is wanted. */
    static void assumeFull(String what) {
        if (!FULL) {
            System.out.println("SKIPPED: " + what + ", run with -Dmoha.safety.full=true");
        }
        Assumptions.assumeTrue(FULL, "run with -Dmoha.safety.full=true");
    }

    private void up() throws Exception {
        HostFaults.assumePossible();
        if (started && !whole) {
            System.out.println("safety: the round before left the cluster broken: a new one");
            faults.heal();
            cluster.close();
            started = false;
        }
        if (!started) {
            clusters++;
            cluster = TestCluster.start(name + "-" + clusters, shape());
            faults = new HostFaults(cluster);
            started = true;
            int primary = cluster.awaitPrimary(nodes() - 1);
            cluster.prepareApplication(primary);
        }
    }

    /** What is done to the cluster before a round, while nobody writes. */
    interface Preparation {
        void run() throws Exception;
    }

    /** Runs a scenario as often as wanted; each round begins and ends with a whole cluster. */
    final void rounds(String what, int number, Scenario scenario) throws Exception {
        rounds(what, number, () -> {}, scenario);
    }

    final void rounds(String what, int number, Preparation preparation, Scenario scenario) throws Exception {
        for (int n = 1; n <= number; n++) {
            up();
            whole = false;
            cluster.awaitPrimary(nodes() - 1);
            faults.know(parts());
            preparation.run();
            int primary = cluster.awaitPrimary(nodes() - 1);
            cluster.awaitSameGtids();
            faults.know(parts());
            try (Witness witness = new Witness(cluster, nodes(), primary, cluster.term(primary))) {
                Round round = new Round(primary, cluster.term(primary), witness);
                cluster.await("first writes", () -> witness.count() > 20);
                scenario.run(round);
                heal();
                settle(round);
                judge(what + ", round " + n, round);
            }
            whole = true;
        }
    }

    final void heal() {
        faults.heal();
        IntStream.rangeClosed(1, ETCDS).forEach(n -> cluster.startAgain(cluster.etcd(n)));
        IntStream.rangeClosed(1, nodes()).forEach(n -> cluster.startAgain(cluster.agent(n)));
    }

    /** Waits until every node follows, or has named what it alone has and was given the primary's data instead. */
    final void settle(Round round) throws Exception {
        cluster.await(
                "everybody follows or has diverged",
                () -> IntStream.rangeClosed(1, nodes())
                        .allMatch(n -> cluster.status(n)
                                .filter(SafetyScenarios::settled)
                                .isPresent()));
        for (int n = 1; n <= nodes(); n++) {
            if (stateOf(n).equals("DIVERGED")) {
                round.named.addAll(cluster.awaitReturn(n, !mayLose()));
            }
        }
        cluster.awaitPrimary(nodes() - 1);
    }

    private static boolean settled(JsonNode status) {
        return switch (status.get("state").asText()) {
            case "DIVERGED" -> true;
            case "FOLLOWING" -> status.get("io_thread_ok").asBoolean();
            default -> status.get("master").asBoolean();
        };
    }

    final String stateOf(int node) {
        return cluster.status(node).map(s -> s.get("state").asText()).orElse("");
    }

    private void judge(String what, Round round) throws Exception {
        int primary = cluster.awaitPrimary(nodes() - 1);
        long before = round.witness.count();
        cluster.await("writes go on", () -> round.witness.count() > before + 20);
        round.witness.stop();
        cluster.awaitSameGtids();
        List<Integer> reigns = round.witness.reigns();
        Set<Long> missing = round.witness.missingOn(primary);
        System.out.println("safety: " + what + ": primaries " + reigns + ", " + round.witness.count()
                + " acknowledged, " + missing.size() + " lost by async and "
                + round.named.size() + " named, longest gap " + round.witness.longestGapMillis() + " ms");
        assertThat(round.witness.violations(reigns, round.excuses)).isEmpty();
        assertThat(mayLose() ? Set.of() : missing)
                .as("acknowledged writes that are lost")
                .isEmpty();
        assertThat(missing)
                .as("acknowledged writes that are lost and that nobody named")
                .isSubsetOf(round.named);
        assertThat(round.named).as("named as lost, but there").doesNotContainAnyElementsOf(cluster.ledger(primary));
    }

    // ---- words for scenarios

    final List<Integer> others(int node) {
        return IntStream.rangeClosed(1, nodes()).filter(n -> n != node).boxed().toList();
    }

    final List<String> etcds() {
        return IntStream.rangeClosed(1, ETCDS).mapToObj(cluster::etcd).toList();
    }

    /** A node's agent and database. */
    final List<String> host(Integer... nodes) {
        return Arrays.stream(nodes)
                .flatMap(n -> Stream.of(cluster.agent(n), cluster.mysql(n)))
                .toList();
    }

    /** Everything but the parts of one node. */
    final List<String> elsewhere(int node) {
        return Stream.concat(etcds().stream(), host(others(node).toArray(Integer[]::new)).stream())
                .toList();
    }

    private List<String> parts() {
        return Stream.concat(elsewhere(1).stream(), host(1).stream()).toList();
    }

    /** Waits until another node acknowledges what was sent after the given moment. @return when it did */
    final long awaitFailover(Round round, long after) {
        cluster.await("another node acknowledges", () -> round.witness.firstAckElsewhere(round.primary, after) > 0);
        return round.witness.firstAckElsewhere(round.primary, after);
    }

    /** Lets time pass while the witness looks on: the observation itself, not a wait for something. */
    final void observe(long millis) throws InterruptedException {
        Thread.sleep(millis);
    }

    final void assertNoFailover(Round round) {
        int primary = cluster.awaitPrimary(0);
        assertThat(List.of(primary, cluster.term(primary)))
                .as("the primary and its term stay; " + cluster.describe())
                .isEqualTo(List.of(round.primary, round.term));
    }

    final void assertStillClosed(int node) throws Exception {
        assertThat(cluster.code(node, "GET", "/masterCheck", Optional.empty())).isEqualTo(418);
    }

    static long millis(long from, long until) {
        return (until - from) / 1_000_000;
    }
}
