package io.moha.sim;

import static org.assertj.core.api.Assertions.assertThat;

import io.moha.decide.Diagnosis;
import io.moha.sim.Cluster.Node;
import io.moha.store.Keys;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The primary without etcd: it serves on if all others promise to wait, or if there are no others; else it fences in time. */
class EtcdAwayTest extends ThreeNodes {
    private long lately(long seconds) {
        return inTheLast(seconds).size();
    }

    /** The longest time without an acknowledged write since then, in milliseconds. */
    private long longestGapSince(long from) {
        long longest = 0;
        long last = from;
        for (Acknowledged each : since(from)) {
            longest = Math.max(longest, each.at() - last);
            last = each.at();
        }
        return Math.max(longest, scheduler.now() - last) / 1_000_000;
    }

    private List<Node> others() {
        return cluster.nodes.stream().filter(n -> n != primary).toList();
    }

    /** Nobody reaches etcd any more, and the role's lease has ended there. */
    private void beAwayForLongerThanALease() {
        cluster.nodes.forEach(n -> n.link.requestsLost = true);
        runFor(17);
        assertThat(value(Keys.HOLDER)).isEmpty();
    }

    private void assertThatOneIsOpenAtMost() {
        assertThat(cluster.nodes.stream().filter(n -> n.mysql.writable()).count())
                .isLessThanOrEqualTo(1);
    }

    private Optional<String> value(String key) {
        return Optional.ofNullable(cluster.etcd.view().entries().get(key)).map(e -> e.value());
    }

    /** @return -1 if there is no such key */
    private long leaseOfTheRole() {
        return Optional.ofNullable(cluster.etcd.view().entries().get(Keys.HOLDER))
                .map(e -> e.lease())
                .orElse(-1L);
    }

    private Diagnosis diagnosis(Node node) {
        return node.published().orElseThrow().decision().diagnosis();
    }

    private void lose(Node node) {
        node.killAgent();
        node.mysql.kill();
    }

    /** Whoever registers again first waits for the others: it would elect itself, being the only one. */
    @Test
    void leasesThatEtcdEndsEarlyCostNoFailoverEvenWhereThePrimaryIsSlow() {
        primary.mysql.statementCost = Duration.ofMillis(300).toNanos();
        assertThat(cluster.etcd.staleLeaderEndsLeases()).isTrue();
        runFor(10);
        assertThat(cluster.holder()).contains(primary);
        assertThat(cluster.term()).isEqualTo(1);
        assertThat(lately(1)).isPositive();
    }

    @Test
    void leasesThatEtcdEndsEarlyCostAMomentAndNoFailover() {
        long before = scheduler.now();
        assertThat(cluster.etcd.staleLeaderEndsLeases()).isTrue();
        runFor(10);
        assertThat(cluster.holder()).contains(primary);
        assertThat(cluster.term()).isEqualTo(1);
        assertThat(longestGapSince(before)).isLessThan(700);
        assertThat(lately(1)).isPositive();
    }

    @Test
    void aPrimaryWhoseMembersAllPromiseServesOnForAMinuteWithoutAGap() {
        long before = scheduler.now();
        cluster.etcd.loseLeader();
        runFor(60);
        cluster.etcd.electLeader();
        runFor(20);
        assertThat(cluster.holder()).contains(primary);
        assertThat(cluster.term()).isEqualTo(1);
        assertThat(longestGapSince(before)).isLessThan(500);
        assertThat(primary.published().orElseThrow().primaryAt(scheduler.now())).isTrue();
    }

    @Test
    void aLeaseThatEndedMeanwhileIsNoReasonForAFailoverEither() {
        long before = scheduler.now();
        cluster.nodes.forEach(n -> n.link.requestsLost = true);
        runFor(30);
        assertThat(value(Keys.HOLDER)).isEmpty();
        cluster.nodes.forEach(n -> n.link.requestsLost = false);
        runFor(20);
        assertThat(cluster.holder()).contains(primary);
        assertThat(cluster.term()).isEqualTo(1);
        assertThat(longestGapSince(before)).isLessThan(500);
    }

    @Test
    void oneMemberThatDoesNotPromiseIsEnoughToFence() {
        Node other = others().get(0);
        lose(other);
        runFor(3);
        cluster.etcd.loseLeader();
        runFor(12);
        assertThat(primary.mysql.writable()).isFalse();
        assertThat(lately(2)).isZero();
        cluster.etcd.electLeader();
        runFor(15);
        assertThat(lately(1)).isPositive();
    }

    @Test
    void membersThatReachEtcdDoNotPromise() {
        primary.link.requestsLost = true;
        runFor(25);
        assertThat(cluster.term()).isEqualTo(2);
        assertThat(cluster.holder()).isPresent().get().isNotSameAs(primary);
        assertThat(primary.mysql.writable()).isFalse();
        assertThat(lately(1)).isPositive();
    }

    @Test
    void aMemberThatPromisedDoesNotTakePartAlthoughItReachesEtcdAgain() {
        cluster.nodes.forEach(n -> n.link.requestsLost = true);
        runFor(9);
        assertThat(lately(1)).as("on promises").isPositive();
        runFor(6);
        assertThat(value(Keys.HOLDER)).as("the lease has ended in etcd").isEmpty();
        assertThat(lately(1)).isPositive();
        Node other = others().get(0);
        other.link.requestsLost = false;
        runFor(3);
        assertThat(diagnosis(other)).isEqualTo(Diagnosis.PROMISED);
        assertThat(value(Keys.HOLDER)).isEmpty();
        // It refuses to promise again: the primary fences before the others may vote.
        runFor(25);
        assertThat(primary.mysql.writable()).isFalse();
        assertThat(cluster.holder()).contains(other);
        assertThat(lately(1)).isPositive();
    }

    /** A ballot is taken as proof that promises are over: one that has forgotten its own must not cast it. */
    @Test
    void anAgentThatIsRestartedJustAsEtcdComesBackDoesNotEndTheOthersPromises() {
        beAwayForLongerThanALease();
        Node other = others().get(0);
        other.killAgent();
        other.startAgent();
        others().forEach(n -> n.link.requestsLost = false);
        runFor(2);
        assertThat(diagnosis(other)).isEqualTo(Diagnosis.PROMISED);
        assertThat(primary.mysql.writable()).isTrue();
        runFor(25);
        assertThat(cluster.holder()).isPresent();
        assertThat(cluster.holder()).isNotEqualTo(Optional.of(primary));
    }

    /** Seed 101764 of the simulator: the beat was as long as a lease that nobody's key was bound to. */
    @Test
    void aNewLeaseSaysNothingUntilTheKeyIsPutAgain() {
        beAwayForLongerThanALease();
        assertThat(primary.mysql.writable()).isTrue();
        primary.link.roleTrick = SimEtcd.RoleTrick.HELD_UNTIL_FREE_AGAIN;
        others().forEach(n -> n.link.requestsLost = false);
        runFor(2);
        // It gets a lease, and what would put the key lies somewhere.
        primary.link.requestsLost = false;
        runFor(1);
        primary.killAgent();
        Optional<Node> other = Optional.empty();
        for (int i = 0; i < 400 && other.isEmpty(); i++) {
            scheduler.run(scheduler.now() + 50_000_000);
            assertThatOneIsOpenAtMost();
            other = cluster.writable().filter(n -> n != primary);
        }
        assertThat(other).as("another one opens").isPresent();
    }

    @Test
    void anAgentThatIsRestartedKeepsAPromiseItMayHaveGiven() {
        beAwayForLongerThanALease();
        Node other = others().get(0);
        other.killAgent();
        other.link.requestsLost = false;
        other.startAgent();
        for (int i = 0; i < 300; i++) {
            scheduler.run(scheduler.now() + 100_000_000);
            assertThatOneIsOpenAtMost();
        }
        cluster.nodes.forEach(n -> n.link.requestsLost = false);
        runFor(15);
        assertThat(lately(1)).isPositive();
    }

    @Test
    void theOnlyMemberLeftServesWithoutALeaseUntilAnotherIsBack() {
        List<Node> others = others();
        others.forEach(this::lose);
        long before = scheduler.now();
        runFor(30);
        assertThat(value(Keys.SINGLE_POINT)).contains(primary.id.value());
        assertThat(leaseOfTheRole()).isZero();

        cluster.etcd.loseLeader();
        runFor(60);
        cluster.etcd.electLeader();
        runFor(5);
        primary.link.requestsLost = true;
        runFor(60);
        primary.link.requestsLost = false;
        runFor(5);
        assertThat(longestGapSince(before)).isLessThan(500);
        assertThat(cluster.term()).isEqualTo(1);

        others.get(0).startAgent();
        runFor(10);
        assertThat(value(Keys.SINGLE_POINT)).isEmpty();
        assertThat(leaseOfTheRole()).isPositive();
        assertThat(longestGapSince(before)).isLessThan(500);
        assertThat(diagnosis(others.get(0))).isEqualTo(Diagnosis.FOLLOWING_WELL);
    }

    @Test
    void nobodyElseTakesTheRoleOfTheOnlyMemberThatWasLeft() {
        List<Node> others = others();
        others.forEach(this::lose);
        runFor(30);
        lose(primary);
        runFor(5);
        others.forEach(Node::startAgent);
        runFor(40);
        assertThat(lately(30)).isZero();
        assertThat(cluster.term()).isEqualTo(1);

        primary.startAgent();
        runFor(15);
        assertThat(cluster.holder()).contains(primary);
        assertThat(lately(1)).isPositive();
        others.forEach(n -> assertThat(diagnosis(n)).isEqualTo(Diagnosis.FOLLOWING_WELL));
    }
}
