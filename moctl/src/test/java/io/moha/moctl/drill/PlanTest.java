package io.moha.moctl.drill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PlanTest {
    private static final List<String> PLAN_OF_42 = List.of(
            "etcd-leader",
            "primary-mysqld",
            "replica-agent",
            "primary-cut",
            "replicas-down+primary-agent",
            "replica-cut",
            "primary-host",
            "replica-mysqld");

    @Test
    void theSameSeedGivesTheSamePlanAndAnotherSeedAnother() {
        Plan plan = Plan.draw(42, 50, FaultKind.all(), 0.3);
        assertThat(Plan.draw(42, 50, FaultKind.all(), 0.3)).isEqualTo(plan);
        assertThat(Plan.draw(43, 50, FaultKind.all(), 0.3)).isNotEqualTo(plan);
    }

    @Test
    void aSeedKeepsItsPlanForEver() {
        // A seed in a report must still replay after an upgrade: when this fails, the drawing has changed.
        assertThat(Plan.draw(42, 9, FaultKind.all(), 0.25).steps().stream().map(Step::text))
                .containsExactlyElementsOf(PLAN_OF_42);
    }

    @Test
    void thereAreExactlyAsManyFaultsAsAskedForAndAPairCountsTwice() {
        for (long seed = 0; seed < 200; seed++) {
            Plan plan = Plan.draw(seed, 17, FaultKind.all(), 0.5);
            assertThat(plan.steps().stream().mapToInt(s -> s.faults().size()).sum())
                    .isEqualTo(17);
        }
    }

    @Test
    void everyKindComesOnceBeforeAnyComesASecondTime() {
        for (long seed = 0; seed < 200; seed++) {
            Set<FaultKind> seen = new HashSet<>();
            Plan.draw(seed, FaultKind.all().size(), FaultKind.all(), 0).steps().forEach(s -> seen.addAll(s.faults()));
            assertThat(seen).containsExactlyInAnyOrderElementsOf(FaultKind.all());
        }
    }

    @Test
    void twoFaultsOfARoundNeverHitTheSameNode() {
        for (long seed = 0; seed < 200; seed++) {
            for (Step step : Plan.draw(seed, 40, FaultKind.all(), 1).steps()) {
                if (step.faults().size() == 2) {
                    FaultKind one = step.faults().get(0);
                    FaultKind two = step.faults().get(1);
                    assertThat(one.goesWith(two)).isTrue();
                    assertThat(two.goesWith(one)).isTrue();
                    assertThat(step.faults().stream().filter(f -> f.role() == FaultKind.Role.PRIMARY))
                            .hasSizeLessThan(2);
                }
            }
        }
        assertThat(FaultKind.REPLICAS_DOWN.goesWith(FaultKind.REPLICA_CUT)).isFalse();
        assertThat(FaultKind.PRIMARY_CUT.goesWith(FaultKind.PRIMARY_HOST)).isFalse();
        assertThat(FaultKind.ETCD_LEADER.goesWith(FaultKind.ETCD_LEADER)).isFalse();
        assertThat(FaultKind.REPLICA_CUT.goesWith(FaultKind.REPLICA_AGENT)).isTrue();
        assertThat(FaultKind.PRIMARY_CUT.goesWith(FaultKind.REPLICAS_DOWN)).isTrue();
    }

    @Test
    void oneKindThatGoesWithNothingMakesNoPairs() {
        Plan plan = Plan.draw(1, 5, List.of(FaultKind.PRIMARY_CUT), 1);
        assertThat(plan.steps()).hasSize(5);
        assertThat(plan.count(FaultKind.PRIMARY_CUT)).isEqualTo(5);
    }

    @Test
    void timesStayWithinTheirBounds() {
        for (Step step : Plan.draw(7, 500, FaultKind.all(), 0.5).steps()) {
            assertThat(step.hold()).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(10));
            assertThat(step.delay()).isLessThan(Duration.ofSeconds(3));
            assertThat(step.between()).isLessThan(Duration.ofSeconds(3));
        }
    }

    @Test
    void anUnknownKindIsNamedWithTheWordsThereAre() {
        assertThat(FaultKind.parse("primary-cut")).isEqualTo(FaultKind.PRIMARY_CUT);
        assertThatThrownBy(() -> FaultKind.parse("primary"))
                .hasMessageContaining("'primary' is no fault")
                .hasMessageContaining("replicas-down");
    }
}
