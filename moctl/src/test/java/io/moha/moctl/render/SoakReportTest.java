package io.moha.moctl.render;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.moha.moctl.FakeCluster;
import io.moha.moctl.drill.Durability;
import io.moha.moctl.drill.FaultKind;
import io.moha.moctl.drill.NamedLoss;
import io.moha.moctl.drill.SoakResult;
import io.moha.moctl.drill.SoakResult.Check;
import io.moha.moctl.drill.SoakRoundResult;
import io.moha.moctl.drill.SoakSettings;
import io.moha.moctl.drill.Step;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SoakReportTest {
    private static final Check CLEAN = new Check(3000, 0, 0, List.of(), "");
    private static final Check NAMED = new Check(3000, 0, 2, List.of(), "");

    @Test
    void aCleanDrillPassesAndShowsItsSeedAndTheGapsByKind() throws Exception {
        SoakResult result = result(
                Durability.ASYNC,
                CLEAN,
                round(1, 500, 0, List.of(), FaultKind.PRIMARY_CUT),
                round(2, 700, 0, List.of(), FaultKind.PRIMARY_CUT),
                round(3, 900, 0, List.of(), FaultKind.REPLICA_CUT, FaultKind.ETCD_LEADER));
        assertThat(result.ok()).isTrue();
        assertThat(SoakReport.summary(result, false))
                .contains("seed 42: 3 of 3 rounds")
                .containsPattern("primary-cut +2 +nodes +0\\.600 +0\\.700 +0\\.700 +2")
                .containsPattern("pairs +1 +nodes +0\\.900")
                .containsPattern("etcd-leader +1 +nodes +- ")
                .contains("acknowledged writes checked 3000: missing 0")
                .contains("changes of primary between rounds 2\n")
                .endsWith("PASSED\n");
        JsonNode json = SoakReport.json(result, Json.object());
        assertThat(json.at("/seed").asLong()).isEqualTo(42);
        assertThat(json.at("/faults/etcd-leader").asInt()).isEqualTo(1);
        assertThat(json.at("/write_gap_ms/primary-cut/nodes/p90").asDouble()).isEqualTo(700);
        assertThat(json.at("/rounds/2/faults").asText()).isEqualTo("replica-cut+etcd-leader");
    }

    @Test
    void namedLossIsForgivenUnderAsyncOnly() throws Exception {
        NamedLoss loss = new NamedLoss("node-1", FakeCluster.UUID + ":7-8", 2, 2, 2);
        SoakRoundResult round = round(1, 500, 2, List.of(loss), FaultKind.PRIMARY_HOST);
        assertThat(result(Durability.ASYNC, NAMED, round, round, round).ok()).isTrue();
        SoakResult strict = result(Durability.LOSSLESS, NAMED, round, round, round);
        assertThat(strict.ok()).isFalse();
        assertThat(SoakReport.json(strict, Json.object())
                        .at("/rounds/0/diverged/0/gtids")
                        .asText())
                .isEqualTo(FakeCluster.UUID + ":7-8");
    }

    @Test
    void whateverIsWrongFailsTheDrillAndIsNamed() throws Exception {
        SoakRoundResult good = round(1, 500, 0, List.of(), FaultKind.PRIMARY_CUT);
        assertThat(result(Durability.ASYNC, CLEAN, good, good).ok())
                .as("a round was left out")
                .isFalse();
        SoakResult missing = result(Durability.ASYNC, new Check(3000, 1, 0, List.of(77L), ""), good, good, good);
        assertThat(missing.ok()).isFalse();
        assertThat(SoakReport.summary(missing, false)).contains("[77]").endsWith("FAILED\n");
        SoakResult unchecked = result(Durability.ASYNC, new Check(0, 0, 0, List.of(), "no primary"), good, good, good);
        assertThat(unchecked.ok()).isFalse();
        SoakRoundResult ill = new SoakRoundResult(
                2,
                good.step(),
                "node-1",
                "",
                true,
                OptionalDouble.empty(),
                OptionalDouble.empty(),
                -1,
                10,
                0,
                0,
                List.of(),
                0,
                List.of("node-3 took write 5"),
                "not whole within 180 s: node-2 is unreachable",
                List.of());
        SoakResult broken = result(Durability.ASYNC, CLEAN, good, ill, good);
        assertThat(broken.ok()).isFalse();
        assertThat(SoakReport.summary(broken, false))
                .contains("rounds that did not become whole 1")
                .contains("round 2 (primary-cut): node-3 took write 5")
                .contains("node-2 is unreachable");
        assertThat(SoakReport.line(ill, 3, false)).contains("whole NOT").contains("FAILED");
    }

    private static SoakRoundResult round(
            int number, double gapMillis, long namedLost, List<NamedLoss> losses, FaultKind... kinds) {
        return new SoakRoundResult(
                number,
                new Step(List.of(kinds), 0, Duration.ZERO, Duration.ZERO, Duration.ZERO),
                "node-1",
                "node-2",
                false,
                OptionalDouble.of(gapMillis),
                OptionalDouble.of(gapMillis + 100),
                1000,
                1000,
                0,
                namedLost,
                losses,
                3,
                List.of(),
                "",
                List.of());
    }

    private static SoakResult result(Durability durability, Check check, SoakRoundResult... rounds) throws Exception {
        SoakSettings settings = new SoakSettings(
                3,
                42,
                FaultKind.all(),
                0,
                16,
                Duration.ofMillis(20),
                durability,
                Duration.ofSeconds(30),
                Duration.ofMinutes(3));
        try (FakeCluster cluster = new FakeCluster(3)) {
            return new SoakResult(
                    Instant.EPOCH, settings, cluster.agents().view(false), new ArrayList<>(List.of(rounds)), check, "");
        }
    }
}
