package io.moha.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.moha.e2e.Witness.Excuse;
import io.moha.e2e.Witness.Word;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** The judge of the safety tests finds what it is there to find. Times are numbers without a unit. */
class WitnessTest {
    private static final List<Excuse> NONE = List.of();

    /** Sent one before it was answered. */
    private static Word ack(int node, long at) {
        return new Word(node, at, at - 1, at);
    }

    private static Word late(int node, long sentAt, long at) {
        return new Word(node, at, sentAt, at);
    }

    private static Word claim(int node, long at) {
        return new Word(node, 0, at - 1, at);
    }

    @Test
    void oneNodeAfterTheOtherIsAsItShouldBe() {
        assertThat(Witness.judge(List.of(ack(1, 10), ack(2, 20), claim(2, 30), ack(1, 40)), List.of(1, 2, 1), NONE))
                .isEmpty();
    }

    @Test
    void termsInWhichNobodyWroteAreSkipped() {
        assertThat(Witness.judge(List.of(ack(1, 10), ack(3, 20)), List.of(1, 2, 3), NONE))
                .isEmpty();
    }

    @Test
    void anInsertSentAfterTheNextTermBeganIsAViolation() {
        assertThat(Witness.judge(List.of(ack(1, 10), ack(2, 20), ack(1, 22), ack(2, 30)), List.of(1, 2), NONE))
                .singleElement()
                .asString()
                .contains("node-1 acknowledged 22");
    }

    @Test
    void soIsAnAgentThatCallsItselfPrimary() {
        assertThat(Witness.judge(List.of(ack(1, 10), ack(2, 20), claim(1, 22)), List.of(1, 2), NONE))
                .singleElement()
                .asString()
                .contains("node-1 called itself primary");
    }

    @Test
    void anAnswerToWhatWasSentBeforeTheNextTermIsLateAndNoViolation() {
        assertThat(Witness.judge(List.of(ack(1, 10), ack(2, 20), late(1, 19, 25), ack(2, 30)), List.of(1, 2), NONE))
                .isEmpty();
        assertThat(Witness.judge(
                        List.of(ack(1, 10), ack(2, 20), late(1, 19, 25), ack(2, 30), ack(1, 40)),
                        List.of(1, 2, 1),
                        NONE))
                .as("it does not begin the later term of the same node")
                .isEmpty();
    }

    @Test
    void aNodeThatWasNeverPrimaryIsAlwaysAViolation() {
        assertThat(Witness.judge(List.of(ack(1, 10), ack(3, 11)), List.of(1, 2), NONE))
                .hasSize(1);
    }

    @Test
    void turnsBeforeALaterTermOfTheSameNodeAreFound() {
        assertThat(Witness.judge(List.of(ack(1, 10), ack(2, 20), ack(1, 22), ack(2, 30)), List.of(1, 2, 1), NONE))
                .hasSize(1);
    }

    @Test
    void anExcuseCoversInsertsOfThatNodeAtThatTimeAndNothingElse() {
        List<Excuse> excuse = List.of(new Excuse(1, 21, 25));
        List<Word> before = List.of(ack(1, 10), ack(2, 20));
        assertThat(LongStream.rangeClosed(21, 26)
                        .filter(at -> Witness.judge(
                                        List.of(before.get(0), before.get(1), late(1, 20 + 1, at)),
                                        List.of(1, 2),
                                        excuse)
                                .isEmpty()))
                .containsExactly(21L, 22L, 23L, 24L, 25L);
        assertThat(Witness.judge(List.of(before.get(0), before.get(1), claim(1, 23)), List.of(1, 2), excuse))
                .hasSize(1);
        assertThat(Witness.judge(List.of(before.get(0), before.get(1), ack(3, 23)), List.of(1, 2), excuse))
                .hasSize(1);
    }
}
