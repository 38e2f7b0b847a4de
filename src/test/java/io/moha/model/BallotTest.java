package io.moha.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class BallotTest {
    private static final String UUID = "aaaaaaaa-0000-0000-0000-000000000001";

    private static Ballot ballot(String received, String executed, boolean eligible, String reason) {
        return new Ballot(
                new Term(4),
                new NodeId("n1"),
                new Term(3),
                GtidSet.parse(UUID + ":" + received),
                GtidSet.parse(UUID + ":" + executed),
                PromotionRule.NEUTRAL,
                "",
                false,
                eligible,
                reason);
    }

    @Test
    void theBacklogIsWhatIsReceivedButNotExecuted() {
        assertThat(ballot("1-9", "1-4:6", true, "").backlog()).isEqualTo(4);
        assertThat(ballot("1-9", "1-9", true, "").backlog()).isZero();
    }

    @Test
    void whatIsExecutedMustHaveBeenReceived() {
        assertThatThrownBy(() -> ballot("1-4", "1-9", true, ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("n1")
                .hasMessageContaining(UUID + ":1-9");
    }

    @Test
    void anEligibleNodeHasNoReasonAgainstItself() {
        assertThatThrownBy(() -> ballot("1-4", "1-4", true, "only follows")).hasMessageContaining("only follows");
        assertThat(ballot("1-4", "1-4", false, "only follows").eligible()).isFalse();
    }

    @Test
    void aTermIsNotNegativeAndTheNextIsOneMore() {
        assertThatThrownBy(() -> new Term(-1)).hasMessageContaining("-1");
        assertThat(Term.NONE.next()).isEqualTo(new Term(1)).isGreaterThan(Term.NONE);
    }

    @Test
    void promotionRulesAreReadAsTheyAreWrittenAndOthersAreRefusedByName() {
        for (PromotionRule rule : PromotionRule.values()) {
            assertThat(PromotionRule.parse(rule.text())).isEqualTo(rule);
        }
        assertThatThrownBy(() -> PromotionRule.parse("always"))
                .hasMessageContaining("always")
                .hasMessageContaining("prefer_not");
    }
}
