package io.moha.decide;

import static io.moha.decide.Ballots.*;
import static org.assertj.core.api.Assertions.assertThat;

import io.moha.model.Ballot;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RankingTest {
    private static final long MAX_BACKLOG = 100;
    private static final List<PromotionRule> RULES =
            List.of(PromotionRule.PREFER, PromotionRule.NEUTRAL, PromotionRule.PREFER_NOT);

    private static List<String> ranking(String oldDataCenter, List<Ballot> ballots) {
        return Ranking.of(ballots, oldDataCenter, MAX_BACKLOG, b -> GtidSet.EMPTY).stream()
                .map(NodeId::value)
                .toList();
    }

    private static List<String> ranking(Ballot... ballots) {
        return ranking("", List.of(ballots));
    }

    @Test
    void theSetThatContainsTheOthersComesBeforeThePreferredNode() {
        assertThat(ranking(
                        ruled(ballot("a", 4, gtids("1-9")), PromotionRule.PREFER),
                        ruled(ballot("b", 4, gtids("1-10")), PromotionRule.PREFER_NOT)))
                .containsExactly("b", "a");
    }

    @Test
    void receivedCountsAndNotExecuted() {
        assertThat(ranking(ballot("a", 4, gtids("1-9")), executed(ballot("b", 4, gtids("1-10")), gtids("1-2"))))
                .containsExactly("b", "a");
    }

    /** Seed 929 of the simulator: an old primary with many transactions of its own came back into the next election. */
    @Test
    void ofTwoDivergedNodesTheOneWinsThatFollowedTheLaterTerm() {
        Ballot leftBehind = followed(ballot("a", 4, gtids("1-90")), 1);
        Ballot current = followed(ballot("b", 4, gtids("1-9").union(otherGtids("1"))), 3);
        assertThat(ranking(leftBehind, current)).containsExactly("b", "a");
    }

    @Test
    void amongEqualSetsTheTermDoesNotMatterButTheRuleDoes() {
        Ballot preferred = ruled(followed(ballot("b", 4, gtids("1-9")), 2), PromotionRule.PREFER);
        assertThat(ranking(followed(ballot("a", 4, gtids("1-9")), 3), preferred))
                .containsExactly("b", "a");
    }

    @Test
    void theRuleComesBeforeTheDataCenter() {
        Ballot near = inDataCenter(ballot("a", 4, gtids("1-9")), "east");
        Ballot preferred = ruled(inDataCenter(ballot("b", 4, gtids("1-9")), "west"), PromotionRule.PREFER);
        assertThat(ranking("east", List.of(near, preferred))).containsExactly("b", "a");
    }

    @Test
    void theRulesAreOrderedFromPreferToPreferNot() {
        assertThat(ranking(
                        ruled(ballot("a", 4, gtids("1-9")), PromotionRule.PREFER_NOT),
                        ballot("b", 4, gtids("1-9")),
                        ruled(ballot("c", 4, gtids("1-9")), PromotionRule.PREFER)))
                .containsExactly("c", "b", "a");
    }

    @Test
    void theOldDataCenterComesBeforeTheBacklog() {
        Ballot far = inDataCenter(ballot("a", 4, gtids("1-9")), "west");
        Ballot nearButLate = inDataCenter(executed(ballot("b", 4, gtids("1-9")), gtids("1-5")), "east");
        assertThat(ranking("east", List.of(far, nearButLate))).containsExactly("b", "a");
    }

    @Test
    void anUnknownOldDataCenterDecidesNothing() {
        Ballot some = inDataCenter(ballot("b", 4, gtids("1-9")), "");
        Ballot other = inDataCenter(ballot("a", 4, gtids("1-9")), "west");
        assertThat(ranking("", List.of(some, other))).containsExactly("a", "b");
    }

    @Test
    void theBacklogComesBeforeTheNodeId() {
        assertThat(ranking(
                        executed(ballot("a", 4, gtids("1-9")), gtids("1-5")),
                        executed(ballot("b", 4, gtids("1-9")), gtids("1-8"))))
                .containsExactly("b", "a");
    }

    @Test
    void theNodeIdDecidesBetweenEquals() {
        assertThat(ranking(ballot("c", 4, gtids("1-9")), ballot("a", 4, gtids("1-9")), ballot("b", 4, gtids("1-9"))))
                .containsExactly("a", "b", "c");
    }

    @Test
    void aBacklogBeyondTheLimitComesBehindEvenAPreferredRule() {
        Ballot late = ruled(executed(ballot("a", 4, gtids("1-200")), gtids("1-99")), PromotionRule.PREFER);
        Ballot atTheLimit = executed(ballot("b", 4, gtids("1-200")), gtids("1-100"));
        assertThat(ranking(late, atTheLimit)).containsExactly("b", "a");
    }

    @Test
    void aBacklogBeyondTheLimitStillWinsWithTransactionsThatNobodyElseHas() {
        Ballot late = executed(ballot("b", 4, gtids("1-200")), gtids("1-10"));
        assertThat(ranking(ballot("a", 4, gtids("1-199")), late)).containsExactly("b", "a");
    }

    @Test
    void nodesThatAreNotEligibleAreNotRanked() {
        assertThat(ranking(unfit(ballot("a", 4, gtids("1-10")), "only follows"), ballot("b", 4, gtids("1-9"))))
                .containsExactly("b");
        assertThat(ranking(unfit(ballot("a", 4, gtids("1-10")), "only follows")))
                .isEmpty();
        assertThat(ranking()).isEmpty();
    }

    @Test
    void aGapIsSeenAndNotHiddenByALargerLastNumber() {
        // a ends with a larger number, but b contains all that a has.
        assertThat(ranking(ballot("a", 4, gtids("1-5:9")), ballot("b", 4, gtids("1-9"))))
                .containsExactly("b", "a");
    }

    @Test
    void ofTwoSetsThatDoNotContainEachOtherTheLargerComesFirst() {
        Ballot fewer = ruled(ballot("a", 4, gtids("1-10").union(otherGtids("1-2"))), PromotionRule.PREFER);
        Ballot more = ballot("b", 4, gtids("1-9").union(otherGtids("1-7")));
        assertThat(ranking(fewer, more)).containsExactly("b", "a");
    }

    @Test
    void ofTwoEquallyLargeSetsThatDifferTheRuleDecides() {
        Ballot neutral = ballot("a", 4, gtids("1-9:11"));
        Ballot preferred = ruled(ballot("b", 4, gtids("1-10")), PromotionRule.PREFER);
        assertThat(ranking(neutral, preferred)).containsExactly("b", "a");
    }

    @Test
    void aSetThatIsContainedNeverComesBeforeTheOneThatContainsIt() {
        Random random = new Random(7);
        for (int round = 0; round < 300; round++) {
            List<Ballot> ballots = randomBallots(random);
            List<String> ranking = ranking("east", ballots);
            for (Ballot larger : ballots) {
                for (Ballot smaller : ballots) {
                    boolean strictly = larger.received().contains(smaller.received())
                            && !smaller.received().contains(larger.received());
                    if (strictly) {
                        assertThat(ranking.indexOf(larger.node().value()))
                                .as("%s in round %d: %s", larger.node(), round, ballots)
                                .isLessThan(ranking.indexOf(smaller.node().value()));
                    }
                }
            }
        }
    }

    @Test
    void theOrderInWhichBallotsAreReadDoesNotMatter() {
        Random random = new Random(42);
        for (int round = 0; round < 300; round++) {
            List<Ballot> ballots = randomBallots(random);
            List<String> first = ranking("east", ballots);
            assertThat(first).hasSameSizeAs(ballots);
            List<Ballot> shuffled = new ArrayList<>(ballots);
            Collections.shuffle(shuffled, random);
            assertThat(ranking("east", shuffled))
                    .as("round %d: %s", round, ballots)
                    .isEqualTo(first);
        }
    }

    private static List<Ballot> randomBallots(Random random) {
        List<Ballot> ballots = new ArrayList<>();
        int nodes = 2 + random.nextInt(5);
        for (int i = 0; i < nodes; i++) {
            int last = 1 + random.nextInt(4);
            Ballot ballot = ballot(
                    "n" + i,
                    4,
                    random.nextBoolean()
                            ? gtids("1-" + last)
                            : gtids("1-" + last + ":" + (last + 2)).union(otherGtids("1-" + last)));
            ballot = ruled(ballot, RULES.get(random.nextInt(RULES.size())));
            ballot = inDataCenter(ballot, random.nextBoolean() ? "east" : "west");
            ballots.add(random.nextBoolean() ? ballot : executed(ballot, gtids("1")));
        }
        return ballots;
    }
}
