package io.moha.moctl.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RoundAnalysisTest {
    private static final long MS = 1_000_000;
    private static final List<String> A_TO_B = List.of("a", "b");

    @Test
    void nodeGapRunsFromTheLastAckAtTheOldToTheFirstAtTheNewPrimary() {
        RoundAnalysis analysis = analysis(100, at("a", 90), at("a", 104), at("b", 350), at("b", 355));
        assertThat(analysis.nodeGap("a")).hasValue(246 * MS);
    }

    @Test
    void theOldPrimaryClosesAtItsLastAckBeforeTheOtherOnesFirst() {
        RoundAnalysis analysis = analysis(100, at("a", 90), at("a", 2500), at("b", 6000), at("a", 9000));
        assertThat(analysis.closedAfter("a")).hasValue(2400 * MS);
        assertThat(analysis(100, at("a", 90), at("b", 350)).closedAfter("a")).hasValue(0);
        assertThat(analysis(100, at("a", 90), at("a", 350)).closedAfter("a")).isEmpty();
    }

    @Test
    void nodeGapIgnoresWhatWentThroughTheProxy() {
        RoundAnalysis analysis = analysis(100, at("a", 90), proxied("a", 110), proxied("b", 200), at("b", 350));
        assertThat(analysis.nodeGap("a")).hasValue(260 * MS);
    }

    @Test
    void nodeGapIsTheLongestSilenceWhenTheOldPrimaryCameBack() {
        RoundAnalysis analysis = analysis(100, at("a", 10), at("a", 95), at("a", 700), at("a", 710));
        assertThat(analysis.nodeGap("a")).hasValue(605 * MS);
    }

    @Test
    void thereIsNoGapWithoutAWriteAfterTheFault() {
        RoundAnalysis analysis = analysis(100, at("a", 10), at("a", 95));
        assertThat(analysis.nodeGap("a")).isEmpty();
        assertThat(analysis.proxyGap()).isEmpty();
    }

    @Test
    void proxyGapIsTheLongestSilenceThatEndsAfterTheFault() {
        RoundAnalysis analysis =
                analysis(100, proxied("a", 10), proxied("a", 90), proxied("b", 400), proxied("b", 450));
        assertThat(analysis.proxyGap()).hasValue(310 * MS);
    }

    @Test
    void oneChangeWithARecordIsNoViolation() {
        RoundAnalysis analysis = analysis(100, at("a", 90), proxied("a", 95), at("b", 300), proxied("b", 310));
        assertThat(analysis.violations(A_TO_B)).isEmpty();
    }

    @Test
    void aWriteSentToTheOldPrimaryAfterTheNewOneBeganIsAViolation() {
        RoundAnalysis analysis = analysis(100, at("a", 90), at("b", 300), ack("a", false, 301, 305), at("b", 310));
        assertThat(analysis.violations(A_TO_B))
                .singleElement()
                .asString()
                .contains("a took write")
                .contains("1 ms after b");
    }

    @Test
    void aWriteUnderWayWhileTheNewPrimaryBeganProvesNothing() {
        RoundAnalysis analysis = analysis(100, at("a", 90), at("b", 300), ack("a", false, 299, 305), at("b", 310));
        assertThat(analysis.violations(A_TO_B)).isEmpty();
    }

    @Test
    void aWriteAtANodeThatWasNeverPrimaryIsAViolationWheneverItWasSent() {
        RoundAnalysis analysis = analysis(100, at("a", 90), at("b", 300), ack("c", false, 200, 310));
        assertThat(analysis.violations(A_TO_B)).hasSize(1);
    }

    @Test
    void aLateWriteThroughTheProxyCountsToo() {
        RoundAnalysis analysis = analysis(100, at("a", 90), at("b", 300), ack("a", true, 320, 325));
        assertThat(analysis.violations(A_TO_B)).hasSize(1);
    }

    @Test
    void writesAtANodeThatNoRecordNamesAreAViolation() {
        RoundAnalysis analysis = analysis(100, at("a", 90), at("c", 300));
        assertThat(analysis.violations(A_TO_B)).hasSize(1);
        assertThat(analysis(100, at("a", 90), at("b", 300)).violations(List.of("a")))
                .hasSize(1);
    }

    @Test
    void goingThereAndBackWithTwoRecordsIsNoViolation() {
        RoundAnalysis analysis = analysis(100, at("a", 90), at("b", 300), at("a", 600));
        assertThat(analysis.violations(List.of("a", "b", "a"))).isEmpty();
        assertThat(analysis.violations(A_TO_B)).hasSize(1);
    }

    @Test
    void distributionIsExact() {
        assertThat(Distribution.of(List.of(3.0, 1.0, 2.0))).isEqualTo(new Distribution(3, 1, 2, 3, 3, 3));
        assertThat(Distribution.of(List.of(4.0, 1.0, 2.0, 3.0)).median()).isEqualTo(2.5);
        List<Double> hundred =
                IntStream.rangeClosed(1, 100).mapToObj(i -> (double) i).toList();
        assertThat(Distribution.of(hundred).p99()).isEqualTo(99);
    }

    private static RoundAnalysis analysis(long faultAt, Ack... acks) {
        return new RoundAnalysis(List.of(acks), faultAt * MS);
    }

    private static Ack at(String node, long ackedAt) {
        return ack(node, false, ackedAt - 1, ackedAt);
    }

    private static Ack proxied(String node, long ackedAt) {
        return ack(node, true, ackedAt - 1, ackedAt);
    }

    private static Ack ack(String node, boolean proxied, long sentAt, long ackedAt) {
        return new Ack(node, proxied, ackedAt, sentAt * MS, ackedAt * MS);
    }
}
