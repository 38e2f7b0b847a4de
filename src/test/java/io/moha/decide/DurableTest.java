package io.moha.decide;

import static io.moha.decide.Ballots.*;
import static io.moha.decide.ObservationBuilder.*;
import static org.assertj.core.api.Assertions.assertThat;

import io.moha.model.AckList;
import io.moha.model.Ballot;
import io.moha.model.Durability;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.Term;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Loss-less durability: the list of ackers, the server's wait count, and elections that go by them. */
class DurableTest {
    private static final Durability LOSSLESS = new Durability(true, 1, false);
    private static final Duration LONG = Duration.ofSeconds(11);

    private static AckList list(String primary, int acks, String... ackers) {
        return new AckList(new Term(3), new NodeId(primary), Ballots.UUID, true, acks, nodes(ackers), gtids("1-8"));
    }

    private static AckList notBinding(String... ackers) {
        return new AckList(new Term(3), ME, "uuid-n1", false, 1, nodes(ackers), GtidSet.EMPTY);
    }

    private static NodeState in(Phase phase) {
        return new NodeState(phase, START - LONG.toNanos(), new Term(3), true, Optional.empty(), "", 0, 0);
    }

    private static Decision decide(Phase phase, ObservationBuilder seen) {
        return Decider.decide(in(phase), seen.build(), DeciderTest.POLICY);
    }

    /** The open primary of term 3; the two others follow it. */
    private static ObservationBuilder serving() {
        return new ObservationBuilder()
                .iAmTheOpenPrimary()
                .followedBy("n2", "n3")
                .wants(LOSSLESS);
    }

    private static AckList written(Decision decision) {
        assertThat(decision.diagnosis()).as(decision.because()).isEqualTo(Diagnosis.LIST_DUE);
        return ((Action.PutSync) decision.actions().get(0)).list();
    }

    // The primary.

    @Test
    void anOpenPrimaryFirstListsThenLetsCommitsWaitThenBindsItself() {
        AckList first = written(decide(Phase.PRIMARY, serving().hasSentEverythingTo("n3")));
        assertThat(first.binding()).isFalse();
        assertThat(first.ackers()).isEqualTo(nodes("n2", "n3"));

        Decision nobodyYet = decide(Phase.PRIMARY, serving().sync(notBinding("n2", "n3")));
        assertThat(nobodyYet.diagnosis()).isEqualTo(Diagnosis.SERVING);

        Decision waits =
                decide(Phase.PRIMARY, serving().sync(notBinding("n2", "n3")).waitsFor(0, "n2"));
        assertThat(waits.actions()).containsExactly(new Action.AwaitAckers(1, true));

        AckList binding = written(decide(
                Phase.PRIMARY,
                serving().sync(notBinding("n2", "n3")).waitsFor(1, "n2").has(gtids("1-20"))));
        assertThat(binding.binding()).isTrue();
        assertThat(binding.floor()).isEqualTo(gtids("1-20"));
    }

    @Test
    void whatAWinnerLackedOfItsPredecessorInItsLastComparisonIsNotErrant() {
        ObservationBuilder compared = new ObservationBuilder().primaryHas(gtids("1-5"));
        assertThat(compared.heldBy("n2").build().errant()).isEqualTo(gtids("6-10"));
        assertThat(compared.heldByMe().build().errant())
                .as("the primary itself has all")
                .isEqualTo(GtidSet.EMPTY);

        // Seen on real servers: the predecessor had not executed what waited for acknowledgements.
        ObservationBuilder waits =
                new ObservationBuilder().primaryHas(gtids("1-5")).sync(list("n2", 1, "n1", "n3"));
        assertThat(waits.heldBy("n2").build().comparison().orElseThrow().waits())
                .isEqualTo(list("n2", 1, "n1", "n3").uuid());
    }

    @Test
    void nothingBeginsOnAnOpenServerBeforeEnoughReplicasHaveReceivedEverything() {
        Decision behind = decide(Phase.PRIMARY, serving());
        assertThat(behind.diagnosis()).as("commits would wait for them").isEqualTo(Diagnosis.SERVING);
        assertThat(behind.because()).contains("begins when enough replicas have received everything");
        assertThat(decide(Phase.PRIMARY, serving().hasSentEverythingTo("n4")).diagnosis())
                .as("of those who may be listed")
                .isEqualTo(Diagnosis.SERVING);
        AckList async = new AckList(new Term(3), new NodeId("n1"), "uuid-n1", false, 0, nodes(), gtids("1-10"));
        assertThat(decide(Phase.PRIMARY, serving().sync(async)).diagnosis())
                .as("nor after it had been async in this term")
                .isEqualTo(Diagnosis.SERVING);
        AckList first = written(decide(Phase.PRIMARY, serving().sync(async).hasSentEverythingTo("n2")));
        assertThat(first.ackers()).as("once it begins, all who follow").isEqualTo(nodes("n2", "n3"));
    }

    @Test
    void aWinnerIsNotOpenedBeforeItsServerWaitsAndItsListStands() {
        ObservationBuilder won = new ObservationBuilder()
                .heldByMe()
                .noChannel()
                .evidence()
                .wants(LOSSLESS)
                .vote(ballot("n3", 3, gtids("1-10")), 31);
        assertThat(decide(Phase.PROMOTING, won).actions()).containsExactly(new Action.AwaitAckers(1));
        AckList list = written(decide(Phase.PROMOTING, won.waitsFor(1)));
        assertThat(list.binding()).isTrue();
        assertThat(list.ackers()).as("who voted").isEqualTo(nodes("n3"));
        assertThat(list.floor()).as("what it has").isEqualTo(gtids("1-10"));
        assertThat(decide(Phase.PROMOTING, won.sync(list)).actions())
                .containsExactly(new Action.OpenForWrites(new Term(3), 1));
    }

    @Test
    void theListIsWrittenWithTheEvidenceWhileTheServerLearnsToWait() {
        ObservationBuilder won = new ObservationBuilder()
                .heldByMe()
                .noChannel()
                .wants(LOSSLESS)
                .vote(ballot("n3", 3, gtids("1-10")), 31);
        Decision begins = decide(Phase.PROMOTING, won);
        Action.WriteEvidence evidence = (Action.WriteEvidence) begins.actions().get(0);
        assertThat(evidence.list().orElseThrow().ackers()).isEqualTo(nodes("n3"));
        assertThat(evidence.list().orElseThrow().floor()).isEqualTo(gtids("1-10"));
        assertThat(begins.actions().get(1)).isEqualTo(new Action.AwaitAckers(1));
        assertThat(begins.next().syncGuard()).as("it may arrive late").isEqualTo(evidence.syncRevision());

        Decision async = decide(Phase.PROMOTING, won.wants(Durability.ASYNC));
        assertThat(async.actions()).containsExactly(new Action.WriteEvidence(new Term(3), Optional.empty(), 0));
        Decision ends = decide(Phase.PROMOTING, won.sync(list("n2", 1, "n1")));
        assertThat(((Action.WriteEvidence) ends.actions().get(0))
                        .list()
                        .orElseThrow()
                        .binding())
                .as("the list of an earlier term must not bind any longer")
                .isFalse();
    }

    @Test
    void aWinnerIsFollowedAsSoonAsItsSetStandsStillAndItsListIsWritten() {
        ObservationBuilder chosen = new ObservationBuilder().channel("n3", true, true);
        assertThat(decide(Phase.FOLLOWING, chosen.announced("n2", 2)).diagnosis())
                .isEqualTo(Diagnosis.PRIMARY_NOT_OPEN);
        assertThat(decide(Phase.FOLLOWING, chosen.sync(list("n2", 1, "n1"))).diagnosis())
                .as("what it has is not known to be all: there is no evidence yet")
                .isEqualTo(Diagnosis.PRIMARY_NOT_OPEN);
        assertThat(decide(Phase.FOLLOWING, chosen.evidence().acknowledges()).diagnosis())
                .isEqualTo(Diagnosis.NOT_REPOINTED);
        assertThat(decide(Phase.FOLLOWING, chosen.sync(list("n3", 1, "n1"))).diagnosis())
                .as("the list of another one")
                .isEqualTo(Diagnosis.PRIMARY_NOT_OPEN);
    }

    @Test
    void aPrimaryThatReachesNeitherEtcdNorEnoughAckersClosesBeforeItsLeaseEnds() {
        ObservationBuilder alone = serving()
                .sync(list("n1", 1, "n2", "n3"))
                .waitsFor(1)
                .storeReadAgo(Duration.ofSeconds(3))
                .awayFor("n2", Duration.ofSeconds(2));
        assertThat(decide(Phase.PRIMARY, alone).diagnosis())
                .as("one acker is left")
                .isEqualTo(Diagnosis.SERVING);
        Decision closes = decide(Phase.PRIMARY, alone.awayFor("n3", Duration.ofSeconds(2)));
        assertThat(closes.diagnosis()).isEqualTo(Diagnosis.ISOLATED);
        assertThat(closes.next().phase()).isEqualTo(Phase.FENCING);
        assertThat(closes.actions().get(0)).isInstanceOf(Action.Fence.class);
        assertThat(decide(Phase.PRIMARY, alone.storeReadAgo(Duration.ofSeconds(1)))
                        .diagnosis())
                .as("etcd answers: nobody has replaced it")
                .isNotEqualTo(Diagnosis.ISOLATED);
    }

    @Test
    void aServerThatHasForgottenToWaitIsNotOpenedAndIsSetRightWhenOpen() {
        ObservationBuilder restarted = serving().sync(list("n1", 1, "n2", "n3")).waitsFor(0, "n2", "n3");
        assertThat(decide(Phase.PRIMARY, restarted).actions()).containsExactly(new Action.AwaitAckers(1, true));
    }

    @Test
    void anAckerThatIsAwayForLongIsTakenOffTheListIfEnoughAreLeftAndTheFloorIsRaised() {
        ObservationBuilder away = serving()
                .sync(list("n1", 1, "n2", "n3"))
                .waitsFor(1, "n2")
                .live("n1", "n2")
                .awayFor("n3", LONG)
                .has(gtids("1-30"));
        assertThat(decide(Phase.PRIMARY, away).actions())
                .as("from now on the one that leaves cannot stand in for the one that stays")
                .containsExactly(new Action.AwaitAckers(2));
        AckList list = written(decide(Phase.PRIMARY, away.waitsFor(2, "n2")));
        assertThat(list.ackers()).isEqualTo(nodes("n2"));
        assertThat(list.floor()).isEqualTo(gtids("1-30"));

        ObservationBuilder both = serving()
                .sync(list("n1", 1, "n2", "n3"))
                .waitsFor(1)
                .live("n1")
                .awayFor("n2", LONG)
                .awayFor("n3", LONG);
        assertThat(decide(Phase.PRIMARY, both).diagnosis()).as("writes wait").isEqualTo(Diagnosis.SERVING);
    }

    @Test
    void degradingWritesTheListFirstAndLowersTheServerAfterwards() {
        ObservationBuilder alone = serving()
                .wants(new Durability(true, 1, true))
                .sync(list("n1", 1, "n2", "n3"))
                .waitsFor(1)
                .live("n1")
                .awayFor("n2", LONG)
                .awayFor("n3", LONG);
        AckList degraded = written(decide(Phase.PRIMARY, alone));
        assertThat(degraded.binding()).isTrue();
        assertThat(degraded.acks()).isZero();
        assertThat(decide(Phase.PRIMARY, alone.sync(degraded)).actions()).containsExactly(new Action.AwaitAckers(0));
    }

    @Test
    void asyncIsWrittenBeforeTheServerStopsWaiting() {
        ObservationBuilder seen = serving()
                .wants(Durability.ASYNC)
                .sync(list("n1", 1, "n2", "n3"))
                .waitsFor(1, "n2", "n3");
        AckList async = written(decide(Phase.PRIMARY, seen));
        assertThat(async.binding()).isFalse();
        assertThat(decide(Phase.PRIMARY, seen.sync(async)).actions()).containsExactly(new Action.AwaitAckers(0));
    }

    @Test
    void whoAcknowledgesWithoutBeingListedDoesNotCountAndIsDropped() {
        ObservationBuilder stranger =
                serving().sync(list("n1", 1, "n2")).waitsFor(1, "n2", "n9").live("n1", "n2");
        assertThat(decide(Phase.PRIMARY, stranger).actions())
                .as("one more, until it is gone")
                .containsExactly(new Action.AwaitAckers(2));
        assertThat(decide(Phase.PRIMARY, stranger.waitsFor(2, "n2", "n9")).actions())
                .containsExactly(new Action.DropReplica("uuid-n9"));
    }

    @Test
    void aLostAcknowledgementIsAskedForAnew() {
        ObservationBuilder stuck = serving()
                .sync(list("n1", 1, "n2", "n3"))
                .waitsFor(1, "n2", "n3")
                .commitsStuckFor(Duration.ofMillis(310));
        assertThat(decide(Phase.PRIMARY, stuck).actions()).containsExactly(new Action.Nudge());
    }

    @Test
    void aListThatMayStillArriveKeepsTheServerWaitingAndIsWrittenAnew() {
        ObservationBuilder arming = serving().sync(notBinding("n2", "n3")).waitsFor(1, "n2");
        Decision sends = decide(Phase.PRIMARY, arming);
        AckList binding = written(sends);
        ObservationBuilder lonely = serving().sync(notBinding("n2", "n3")).waitsFor(1);
        Decision unsure = Decider.decide(sends.next(), lonely.build(), DeciderTest.POLICY);
        assertThat(written(unsure)).as("not the server is lowered").isEqualTo(notBinding("n2", "n3"));
        assertThat(binding.binding()).isTrue();
        Decision sure = Decider.decide(sends.next(), lonely.syncRevision(56).build(), DeciderTest.POLICY);
        assertThat(sure.actions()).containsExactly(new Action.AwaitAckers(0));
    }

    @Test
    void aClusterWithAnAgentThatKnowsNoListsStaysAsync() {
        Decision decision = decide(Phase.PRIMARY, serving().oldAgents());
        assertThat(decision.diagnosis()).isEqualTo(Diagnosis.SERVING);
    }

    // The ackers.

    @Test
    void whoIsListedAcknowledgesAndWhoIsNotDoesNot() {
        NodeState sure = in(Phase.FOLLOWING);
        ObservationBuilder listed = new ObservationBuilder().sync(list("n2", 1, "n1", "n3"));
        assertThat(Decider.decide(sure, listed.build(), DeciderTest.POLICY).actions())
                .containsExactly(new Action.Acknowledge(true));
        ObservationBuilder not =
                new ObservationBuilder().sync(list("n2", 1, "n3")).acknowledges();
        assertThat(Decider.decide(sure, not.build(), DeciderTest.POLICY).actions())
                .containsExactly(new Action.Acknowledge(false));
    }

    @Test
    void anAgentThatMayHaveVotedInAnEarlierLifeTakesItsBallotBackBeforeItAcknowledges() {
        NodeState restarted = NodeState.starting(START, new Term(3));
        ObservationBuilder listed = new ObservationBuilder().sync(list("n2", 1, "n1", "n3"));
        Decision decision = Decider.decide(restarted, listed.build(), DeciderTest.POLICY);
        assertThat(decision.diagnosis()).isEqualTo(Diagnosis.BALLOT_OUTSTANDING);
        Decision after = Decider.decide(
                decision.next(),
                listed.vote(unfit(ballot("n1", 0, GtidSet.EMPTY), Ballot.blind("withdrawn")), 44)
                        .build(),
                DeciderTest.POLICY);
        assertThat(after.diagnosis()).isEqualTo(Diagnosis.ACK_DIFFERS);
    }

    @Test
    void ackersReplaceAPrimaryThatIsGoneWithoutWaitingForItsLease() {
        ObservationBuilder gone = new ObservationBuilder()
                .sync(list("n2", 1, "n1", "n3"))
                .acknowledges()
                .suspectedFor(Duration.ofMillis(1100));
        assertThat(decide(Phase.FOLLOWING, gone).actions()).containsExactly(new Action.StopReceiver());
        Decision votes = decide(Phase.VOTING, gone.receiverStopped());
        assertThat(((Action.PutBallot) votes.actions().get(0)).holderRevision()).isEqualTo(12);
        Decision one = decide(Phase.VOTING, gone.vote(ballot("n1", 4, gtids("1-10")), 31));
        assertThat(one.diagnosis()).isEqualTo(Diagnosis.QUORUM_MISSING);
        Decision both = decide(Phase.VOTING, gone.vote(ballot("n3", 4, gtids("1-9")), 32));
        Action.Campaign campaign = (Action.Campaign) both.actions().get(0);
        assertThat(campaign.holderRevision()).isEqualTo(12);
        assertThat(campaign.syncRevision()).isEqualTo(SYNC_REVISION);
        AckList begun = campaign.list().orElseThrow();
        assertThat(begun.binding()).as("durability is not lossless any more").isFalse();
        assertThat(begun.term()).isEqualTo(new Term(4));
        assertThat(both.next().syncGuard()).as("it may arrive late").isEqualTo(SYNC_REVISION);

        AckList lossless = ((Action.Campaign)
                        decide(Phase.VOTING, gone.wants(LOSSLESS)).actions().get(0))
                .list()
                .orElseThrow();
        assertThat(lossless)
                .isEqualTo(new AckList(new Term(4), new NodeId("n1"), "uuid-n1", true, 1, nodes("n3"), gtids("1-10")));
        Action.Campaign undrained = (Action.Campaign)
                decide(Phase.VOTING, gone.executed(gtids("1-9"))).actions().get(0);
        assertThat(undrained.drained()).isFalse();
        assertThat(undrained.list()).as("its floor is not known yet").isEmpty();
    }

    @Test
    void aPrimaryThatIsNotSuspectedForLongEnoughOrHasAPromiseIsNotReplaced() {
        ObservationBuilder slow = new ObservationBuilder()
                .sync(list("n2", 1, "n1", "n3"))
                .acknowledges()
                .suspectedFor(Duration.ofMillis(900));
        assertThat(decide(Phase.FOLLOWING, slow).diagnosis()).isEqualTo(Diagnosis.FOLLOWING_WELL);
        ObservationBuilder promised = slow.suspectedFor(Duration.ofSeconds(3)).promisedFor(Duration.ofSeconds(2));
        assertThat(decide(Phase.FOLLOWING, promised).diagnosis()).isEqualTo(Diagnosis.FOLLOWING_WELL);
    }

    /** A receiver that tries to connect to a lost host could not be stopped for seconds when it is time to vote. */
    @Test
    void theReceiverOfASuspectedPrimaryRestsUntilTheServerAnswersAgain() {
        ObservationBuilder lost = new ObservationBuilder()
                .sync(list("n2", 1, "n1", "n3"))
                .acknowledges()
                .suspectedFor(Duration.ofMillis(300));
        assertThat(decide(Phase.FOLLOWING, lost).actions())
                .as("still connected")
                .isEmpty();

        Decision rest = decide(Phase.FOLLOWING, lost.sourceAway("n2", Duration.ZERO));
        assertThat(rest.diagnosis()).isEqualTo(Diagnosis.SOURCE_AWAY);
        assertThat(rest.actions()).containsExactly(new Action.StopReceiver());
        Decision resting = decide(Phase.FOLLOWING, lost.receiverStopped());
        assertThat(resting.diagnosis()).isEqualTo(Diagnosis.SOURCE_AWAY);
        assertThat(resting.actions())
                .as("nothing that could be in the way of a vote")
                .isEmpty();

        Decision again = decide(Phase.FOLLOWING, lost.notSuspected());
        assertThat(again.diagnosis()).isNotEqualTo(Diagnosis.SOURCE_AWAY);
        assertThat(again.actions()).isNotEmpty();
    }

    @Test
    void whatThePrimaryWaitsForIsNoDivergence() {
        ObservationBuilder ahead = new ObservationBuilder()
                .sync(list("n2", 1, "n1", "n3"))
                .acknowledges()
                .has(gtids("1-12"))
                .primaryHas(gtids("1-10"));
        assertThat(decide(Phase.FOLLOWING, ahead).diagnosis()).isEqualTo(Diagnosis.FOLLOWING_WELL);
        assertThat(decide(Phase.FOLLOWING, ahead.has(otherGtids("1-12"))).diagnosis())
                .isEqualTo(Diagnosis.DIVERGENCE);
    }

    // Elections.

    @Test
    void withoutAQuorumOfAckersNobodyIsElectedHoweverLongItTakes() {
        ObservationBuilder vacant = new ObservationBuilder()
                .nobodyHolds()
                .receiverStopped()
                .sync(list("n2", 1, "n1", "n3"))
                .live("n1")
                .vote(ballot("n1", 4, gtids("1-10")), 31);
        NodeState waiting =
                new NodeState(Phase.VOTING, START, new Term(3), true, Optional.empty(), "", 0, START - LONG.toNanos());
        Decision decision = Decider.decide(waiting, vacant.build(), DeciderTest.POLICY);
        assertThat(decision.diagnosis()).isEqualTo(Diagnosis.QUORUM_MISSING);
        assertThat(decision.because()).contains("n3").contains("2 of 2");

        Decision withThePrimarysOwn = Decider.decide(
                waiting, vacant.vote(ballot("n2", 4, gtids("1-9")), 33).build(), DeciderTest.POLICY);
        assertThat(withThePrimarysOwn.diagnosis()).isEqualTo(Diagnosis.MY_TURN);
    }

    @Test
    void whoLacksTheFloorDoesNotCount() {
        AckList high =
                new AckList(new Term(3), new NodeId("n2"), Ballots.UUID, true, 1, nodes("n1", "n3"), gtids("1-10"));
        assertThat(high.covers(Set.of(ballot("n1", 4, gtids("1-10")), ballot("n3", 4, gtids("1-9")))))
                .isFalse();
        assertThat(high.covers(Set.of(ballot("n1", 4, gtids("1-10")), ballot("n3", 4, gtids("1-10")))))
                .isTrue();
    }

    @Test
    void afterWritesWithoutAckersOnlyThePrimaryItselfHasEverything() {
        AckList degraded = list("n2", 0, "n1", "n3");
        assertThat(degraded.covers(Set.of(ballot("n1", 4, gtids("1-10")), ballot("n3", 4, gtids("1-10")))))
                .isFalse();
        assertThat(degraded.covers(Set.of(ballot("n2", 4, gtids("1-10"))))).isTrue();
    }

    @Test
    void aPrimaryThatComesBackWithoutItsPastDoesNotCount() {
        AckList list = list("n2", 1, "n1", "n3");
        Ballot empty = new Ballot(
                new Term(4),
                new NodeId("n2"),
                Term.NONE,
                gtids("1-10"),
                gtids("1-10"),
                io.moha.model.PromotionRule.NEUTRAL,
                "",
                true,
                true,
                "");
        assertThat(list.covers(Set.of(empty))).isFalse();
    }

    @Test
    void ofFourAckersWithTwoAcknowledgementsThreeHaveEverything() {
        AckList list = list("n9", 2, "n1", "n2", "n3", "n4");
        assertThat(list.quorum()).isEqualTo(3);
        assertThat(list.covers(Set.of(ballot("n1", 4, gtids("1-10")), ballot("n2", 4, gtids("1-10")))))
                .isFalse();
    }
}
