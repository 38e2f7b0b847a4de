package io.moha.decide;

import static io.moha.decide.Ballots.*;
import static io.moha.decide.ObservationBuilder.*;
import static org.assertj.core.api.Assertions.assertThat;

import io.moha.decide.Observation.Health;
import io.moha.model.Ballot;
import io.moha.model.Durability;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.OnLongTransactions;
import io.moha.model.PromotionRule;
import io.moha.model.Term;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DeciderTest {
    static final Policy POLICY = new Policy(
            Duration.ofSeconds(10),
            Duration.ofSeconds(3),
            Duration.ofMillis(500),
            Duration.ofSeconds(2),
            Duration.ofMillis(500),
            Duration.ofSeconds(30),
            3,
            1000,
            Duration.ofSeconds(5),
            Duration.ofSeconds(20),
            Duration.ofSeconds(30),
            Duration.ofSeconds(3),
            Duration.ofSeconds(1),
            Duration.ofSeconds(10));
    private static final Duration LATER = Duration.ofSeconds(2).plusNanos(1);

    private static ObservationBuilder seen() {
        return new ObservationBuilder();
    }

    /** Nobody holds term 3's role; this node's receiver stands still. */
    private static ObservationBuilder vacant() {
        return seen().nobodyHolds().receiverStopped();
    }

    private static NodeState in(Phase phase) {
        return new NodeState(phase, START, new Term(3), true, Optional.empty(), "", 0, 0);
    }

    private static NodeState coldIn(Phase phase) {
        return new NodeState(phase, START, new Term(3), false, Optional.empty(), "", 0, 0);
    }

    private static NodeState givenUpAt(long modRevision) {
        return new NodeState(Phase.FENCED, START, new Term(3), true, Optional.empty(), "", modRevision, 0);
    }

    private static NodeState electing(Phase phase) {
        return new NodeState(phase, START, new Term(3), true, Optional.empty(), "", 0, START);
    }

    private static Decision decide(NodeState state, ObservationBuilder seen) {
        return Decider.decide(state, seen.build(), POLICY);
    }

    private static Ballot mine(String received) {
        return ballot("n1", 4, gtids(received));
    }

    // Elections.

    @Test
    void theFirstElectionEverWaitsForTheExpectedMembers() {
        ObservationBuilder two = vacant().noChannel().term(0).live("n1", "n2");
        Decision waits = decide(NodeState.starting(START, Term.NONE), two);
        assertThat(waits.diagnosis()).isEqualTo(Diagnosis.BOOTSTRAP_WAITS);
        assertThat(waits.actions()).isEmpty();
        assertThat(waits.because()).contains("2 of 3");

        ObservationBuilder three = vacant().noChannel().term(0);
        assertThat(decide(NodeState.starting(START, Term.NONE), three).actions())
                .singleElement()
                .isInstanceOf(Action.PutBallot.class);
    }

    @Test
    void whenTheHolderVanishesTheReplicaFirstStopsItsReceiverAndCastsNoBallot() {
        Decision decision = decide(in(Phase.FOLLOWING), seen().nobodyHolds());
        assertThat(decision.actions()).containsExactly(new Action.StopReceiver());
        assertThat(decision.next().phase()).isEqualTo(Phase.VOTING);
    }

    @Test
    void withTheReceiverStoppedItCastsItsBallotForTheComingTerm() {
        ObservationBuilder seen = vacant().executed(gtids("1-9"));
        Ballot wanted = executed(mine("1-10"), gtids("1-9"));
        assertThat(decide(in(Phase.VOTING), seen).actions())
                .containsExactly(new Action.PutBallot(new Term(3), wanted, 0, -1));
    }

    @Test
    void aBallotThatNoLongerSaysWhatWasReceivedIsCastAgain() {
        Decision decision = decide(in(Phase.VOTING), vacant().vote(mine("1-9"), 31));
        assertThat(decision.diagnosis()).isEqualTo(Diagnosis.NO_BALLOT);
    }

    @Test
    void itWaitsForTheBallotsOfTheLiveOthersUntilTheElectionTimesOut() {
        Decision waits =
                decide(electing(Phase.VOTING), vacant().vote(mine("1-10"), 31).vote(ballot("n2", 4, gtids("1-9")), 32));
        assertThat(waits.diagnosis()).isEqualTo(Diagnosis.BALLOTS_MISSING);
        assertThat(waits.actions()).isEmpty();
        assertThat(waits.because()).contains("n3").doesNotContain("n2");

        Decision goes = decide(
                electing(Phase.VOTING), vacant().after(LATER).leaseSentAt(START).vote(mine("1-10"), 31));
        assertThat(goes.diagnosis()).isEqualTo(Diagnosis.MY_TURN);
        // Seed 12784 of the simulator: should the missing ballot arrive after all, it must be counted.
        assertThat(((Action.Campaign) goes.actions().get(0)).counted()).containsEntry(new NodeId("n3"), 0L);
    }

    @Test
    void theFirstOfTheRankingCampaignsGuardedByEveryBallotItCounted() {
        ObservationBuilder seen = vacant().lastPrimary("n3")
                .vote(mine("1-10"), 31)
                .vote(ballot("n2", 4, gtids("1-9")), 32)
                .vote(unfit(ballot("n3", 4, GtidSet.EMPTY), Ballot.blind("its database is down")), 33);
        assertThat(decide(in(Phase.VOTING), seen).actions())
                .containsExactly(new Action.Campaign(
                        new Term(3),
                        Map.of(ME, 31L, new NodeId("n2"), 32L, new NodeId("n3"), 33L),
                        gtids("1-10"),
                        0,
                        0,
                        true,
                        Optional.empty()));
    }

    @Test
    void ballotsOfAnEarlierTermAreNotCounted() {
        ObservationBuilder seen = vacant().live("n1").vote(mine("1-10"), 31).vote(ballot("n2", 3, gtids("1-99")), 12);
        assertThat(decide(in(Phase.VOTING), seen).actions())
                .as("and one that is just coming from a member that is not registered makes it fail")
                .containsExactly(new Action.Campaign(
                        new Term(3),
                        Map.of(ME, 31L, new NodeId("n2"), 12L, new NodeId("n3"), 0L),
                        gtids("1-10"),
                        0,
                        0,
                        true,
                        Optional.empty()));
        Decision undrained = decide(in(Phase.VOTING), seen.executed(gtids("1-9")));
        assertThat(((Action.Campaign) undrained.actions().get(0)).drained())
                .as("the evidence would not be final")
                .isFalse();
    }

    @Test
    void aLongerReceivedSetBeatsABetterIdAndABetterRule() {
        ObservationBuilder seen = vacant().rule(PromotionRule.PREFER)
                .live("n1", "n3")
                .vote(ruled(mine("1-10"), PromotionRule.PREFER), 31)
                .vote(ballot("n3", 4, gtids("1-11")), 33);
        Decision decision = decide(in(Phase.VOTING), seen);
        assertThat(decision.diagnosis()).isEqualTo(Diagnosis.OUTRANKED);
        assertThat(decision.actions()).isEmpty();
    }

    @Test
    void theSecondOfTheRankingCampaignsAfterItsHandicapOnly() {
        Duration handicapOver = Duration.ofMillis(2500);
        assertThat(decide(electing(Phase.VOTING), second().after(handicapOver)).diagnosis())
                .isEqualTo(Diagnosis.OUTRANKED);
        assertThat(decide(electing(Phase.VOTING), second().after(handicapOver.plusNanos(1)))
                        .diagnosis())
                .isEqualTo(Diagnosis.MY_TURN);
    }

    private static ObservationBuilder second() {
        return vacant().live("n1", "n3")
                .vote(mine("1-10"), 31)
                .vote(ruled(ballot("n3", 4, gtids("1-10")), PromotionRule.PREFER), 33);
    }

    /** Seed 302 of the simulator: the better node had voted a second later, and was overtaken. */
    @Test
    void aNodeThatLacksWhatALiveVoterHasWaitsUntilThatVoterIsGone() {
        Duration handicapOver = Duration.ofMillis(2501);
        assertThat(decide(electing(Phase.VOTING), lacking("n1", "n3").after(handicapOver))
                        .diagnosis())
                .isEqualTo(Diagnosis.OUTRANKED);
        assertThat(decide(electing(Phase.VOTING), lacking("n1").after(handicapOver))
                        .diagnosis())
                .isEqualTo(Diagnosis.MY_TURN);
    }

    /** Seed 33162 of the simulator: whoever came back from a long time without etcd overtook the better node at once. */
    @Test
    void aTimeWithoutEtcdIsNoneInWhichTheOthersCouldVote() {
        Duration later = Duration.ofSeconds(60);
        Decision away = decide(electing(Phase.VOTING), lackingAfter(later).storeReadAgo(POLICY.storeStale()));
        assertThat(away.diagnosis()).isEqualTo(Diagnosis.STORE_SILENT);
        assertThat(decide(electing(Phase.VOTING), lackingAfter(later)).diagnosis())
                .as("with etcd")
                .isEqualTo(Diagnosis.MY_TURN);
        assertThat(decide(away.next(), lackingAfter(later.plusMillis(2501))).diagnosis())
                .as("without")
                .isEqualTo(Diagnosis.OUTRANKED);
    }

    private static ObservationBuilder lackingAfter(Duration since) {
        return lacking("n1", "n3").after(since).leaseSentAt(START + since.toNanos());
    }

    /** Seed 18215 of the simulator: a node that joined, or forgot, proves nothing. */
    @Test
    void theBallotOfOneThatDidNotFollowThePrimaryDoesNotEndAPromise() {
        ObservationBuilder seen = seen().nobodyHolds().noChannel().promisedFor(Duration.ofSeconds(2));
        seen.vote(
                new Ballot(
                        new Term(4),
                        new NodeId("n3"),
                        new Term(2),
                        gtids("1-10"),
                        gtids("1-10"),
                        PromotionRule.NEUTRAL,
                        "",
                        true,
                        true,
                        ""),
                32);
        assertThat(decide(in(Phase.FOLLOWING), seen).diagnosis()).isEqualTo(Diagnosis.PROMISED);
    }

    private static ObservationBuilder lacking(String... live) {
        return vacant().live(live).vote(mine("1-10"), 31).vote(ballot("n3", 4, gtids("1-11")), 33);
    }

    @Test
    void withoutAFreshLeaseNobodyCampaigns() {
        assertThat(decide(in(Phase.VOTING), vacant().live("n1").noLease().vote(mine("1-10"), 31))
                        .diagnosis())
                .isEqualTo(Diagnosis.OUTRANKED);
    }

    @Test
    void anOnlyFollowNodeSaysSoAndNeverCampaigns() {
        Decision votes = decide(in(Phase.VOTING), vacant().rule(PromotionRule.MUST_NOT));
        Ballot cast = ((Action.PutBallot) votes.actions().get(0)).ballot();
        assertThat(cast.eligible()).isFalse();
        assertThat(cast.reason()).contains("must_not");

        Decision alone = decide(
                electing(Phase.VOTING),
                vacant().rule(PromotionRule.MUST_NOT).live("n1").vote(cast, 31).after(Duration.ofSeconds(5)));
        assertThat(alone.diagnosis()).isEqualTo(Diagnosis.NOBODY_ELIGIBLE);
        assertThat(alone.actions()).isEmpty();
    }

    @Test
    void aColdStartWaitsByNameForMembersWhoseDataNobodyKnows() {
        ObservationBuilder seen = vacant().after(Duration.ofSeconds(6))
                .live("n1", "n2")
                .vote(cold(mine("1-10")), 31)
                .vote(cold(ballot("n2", 4, gtids("1-9"))), 32);
        Decision waits = decide(coldIn(Phase.VOTING), seen);
        assertThat(waits.diagnosis()).isEqualTo(Diagnosis.COLD_START_WAITS);
        assertThat(waits.because()).contains("[n3]");
        assertThat(waits.actions()).isEmpty();

        seen.members("n1", "n2").leaseSentAt(START + Duration.ofSeconds(6).toNanos());
        assertThat(decide(coldIn(Phase.VOTING), seen).diagnosis()).isEqualTo(Diagnosis.MY_TURN);
    }

    /** Found by the simulator, seeds 58095 and 65960. */
    @Test
    void inAColdStartNobodyOvertakesAVoterThatHasMoreAndHasGone() {
        ObservationBuilder seen = vacant().after(Duration.ofSeconds(60))
                .leaseSentAt(START + Duration.ofSeconds(60).toNanos())
                .live("n1", "n3")
                .vote(cold(mine("1-10")), 31)
                .vote(cold(ballot("n2", 4, gtids("1-12"))), 32)
                .vote(cold(ballot("n3", 4, gtids("1-9"))), 33);
        NodeState longAgo = coldIn(Phase.VOTING).electingFrom(START);
        assertThat(decide(longAgo, seen).diagnosis()).isEqualTo(Diagnosis.OUTRANKED);
        assertThat(decide(longAgo, seen.members("n1", "n3")).diagnosis())
                .as("it was forgotten")
                .isEqualTo(Diagnosis.MY_TURN);
    }

    @Test
    void aReplicaWhoseDatabaseIsDownIsWaitedForTheLastPrimaryIsNot() {
        ObservationBuilder seen = vacant().lastPrimary("n2")
                .vote(mine("1-10"), 31)
                .vote(unfit(ballot("n2", 4, GtidSet.EMPTY), Ballot.blind("its database process died")), 32)
                .vote(unfit(ballot("n3", 4, GtidSet.EMPTY), Ballot.blind("its database is down")), 33);
        Decision waits = decide(electing(Phase.VOTING), seen);
        assertThat(waits.diagnosis()).isEqualTo(Diagnosis.BALLOTS_MISSING);
        assertThat(waits.because()).contains("[n3]");
        assertThat(decide(electing(Phase.VOTING), seen.after(LATER).leaseSentAt(START))
                        .diagnosis())
                .as("not for ever")
                .isEqualTo(Diagnosis.MY_TURN);
    }

    @Test
    void aNodeThatHasSeenNoMoreThanTheKeyIsCold() {
        NodeState restarted = coldIn(Phase.FOLLOWING);
        assertThat(decide(restarted, seen().sourceAway("n2", Duration.ofSeconds(1)))
                        .next()
                        .warm())
                .as("the key outlives its holder by a lease")
                .isFalse();
        assertThat(decide(restarted, seen().receiverStopped()).next().warm()).isFalse();
        assertThat(decide(restarted, seen()).next().warm())
                .as("its receiver is connected with the primary of this term")
                .isTrue();
        assertThat(decide(coldIn(Phase.PRIMARY), seen().iAmTheOpenPrimary())
                        .next()
                        .warm())
                .isTrue();
    }

    @Test
    void whatAnEarlierLifeOfTheAgentCastIsCastAnewAsCold() {
        Decision again = decide(coldIn(Phase.VOTING), vacant().vote(mine("1-10"), 31));
        assertThat(again.diagnosis()).isEqualTo(Diagnosis.NO_BALLOT);
        assertThat(((Action.PutBallot) again.actions().get(0)).ballot().cold()).isTrue();
    }

    @Test
    void aBallotOfANodeThatHasGoneDoesNotMakeAColdStartWarm() {
        ObservationBuilder seen = vacant().after(Duration.ofSeconds(6))
                .live("n1")
                .vote(cold(mine("1-10")), 31)
                .vote(ballot("n2", 4, gtids("1-9")), 32);
        assertThat(decide(coldIn(Phase.VOTING), seen).diagnosis()).isEqualTo(Diagnosis.COLD_START_WAITS);
        assertThat(decide(
                                coldIn(Phase.VOTING),
                                seen.live("n1", "n2")
                                        .leaseSentAt(
                                                START + Duration.ofSeconds(6).toNanos()))
                        .diagnosis())
                .isEqualTo(Diagnosis.MY_TURN);
    }

    // The lease and the fence.

    @Test
    void thePrimaryFencesAtFenceAtCountedFromTheSendOfTheLastConfirmedRenewal() {
        long sentAt = START - 123;
        long fenceAt = sentAt + Duration.ofMillis(6500).toNanos();
        ObservationBuilder before =
                seen().iAmTheOpenPrimary().leaseSentAt(sentAt).at(fenceAt - 1);
        assertThat(decide(in(Phase.PRIMARY), before).diagnosis()).isEqualTo(Diagnosis.SERVING);

        Decision fences = decide(in(Phase.PRIMARY), before.at(fenceAt));
        assertThat(fences.next().phase()).isEqualTo(Phase.FENCING);
        assertThat(fences.actions())
                .containsExactly(
                        new Action.Fence(fenceAt + Duration.ofSeconds(2).toNanos(), false));
    }

    @Test
    void aLeaseThatIsNotTrustedAfterASuspensionFencesWithoutPatience() {
        assertThat(decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().leaseNotTrusted())
                        .actions())
                .containsExactly(new Action.Fence(START, false));
    }

    @Test
    void whoLosesTheRoleFences() {
        for (Phase phase : new Phase[] {Phase.PROMOTING, Phase.PRIMARY, Phase.READ_ONLY}) {
            Decision other = decide(in(phase), seen().iAmTheOpenPrimary().heldBy("n2"));
            assertThat(other.diagnosis()).isEqualTo(Diagnosis.ROLE_LOST);
            assertThat(other.next().phase()).isEqualTo(Phase.FENCING);
            assertThat(other.actions()).singleElement().isInstanceOf(Action.Fence.class);
            assertThat(decide(in(phase), seen().iAmTheOpenPrimary().nobodyHolds())
                            .diagnosis())
                    .isEqualTo(Diagnosis.ROLE_LOST);
        }
    }

    @Test
    void aDatabaseThatIsWritableWithoutTheRoleIsFenced() {
        Decision decision = decide(in(Phase.FOLLOWING), seen().open());
        assertThat(decision.next().phase()).isEqualTo(Phase.FENCING);
        assertThat(decision.actions()).singleElement().isInstanceOf(Action.Fence.class);
    }

    @Test
    void theFenceIsConfirmedByReadingBackWithNoOpeningUnderWayOrByDeath() {
        assertThat(decide(in(Phase.FENCING), seen().open()).diagnosis()).isEqualTo(Diagnosis.FENCE_PENDING);
        assertThat(decide(in(Phase.FENCING), seen().openingUnderWay()).diagnosis())
                .isEqualTo(Diagnosis.FENCE_PENDING);
        assertThat(decide(in(Phase.FENCING), seen()).next().phase()).isEqualTo(Phase.FENCED);
        assertThat(decide(in(Phase.FENCING), seen().databaseDead()).next().phase())
                .isEqualTo(Phase.FENCED);
    }

    @Test
    void whenItsDatabaseDiesThePrimaryResignsWithABlindBallotAtOnce() {
        Decision decision = decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().databaseDead());
        Ballot blind = unfit(ballot("n1", 4, GtidSet.EMPTY), Ballot.blind("its database process died"));
        assertThat(decision.actions()).containsExactly(new Action.Resign(new Term(3), 22, blind));
        assertThat(decision.next().phase()).isEqualTo(Phase.FENCED);
        assertThat(decision.next().givenUpAt()).isEqualTo(22);
    }

    @Test
    void aDatabaseThatAnswersButWritesNothingIsStuckTooWhicheverTheReason() {
        Duration stuck = POLICY.stuckAfter();
        assertThat(decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().writesStuckFor(stuck))
                        .diagnosis())
                .isNotEqualTo(Diagnosis.DATABASE_STUCK);
        ObservationBuilder longer = seen().iAmTheOpenPrimary().writesStuckFor(stuck.plusNanos(1));
        Decision decision = decide(in(Phase.PRIMARY), longer);
        assertThat(decision.next().phase()).isEqualTo(Phase.FENCING);
        assertThat(decision.because())
                .contains("has not written anything for 20000 ms")
                .contains("disk");
        assertThat(decide(in(Phase.PRIMARY), longer.health(Health.SILENT, Duration.ofSeconds(1)))
                        .diagnosis())
                .as("a silence that has just begun does not make it better")
                .isEqualTo(Diagnosis.DATABASE_STUCK);
    }

    @Test
    void aFenceThatCannotBeConfirmedInItsTimeLetsTheLeaseRunOut() {
        NodeState fencing = in(Phase.FENCING);
        Duration budget = POLICY.fenceBudget();
        assertThat(POLICY.fenceOverdue(fencing, fencing.phaseSince() + budget.toNanos()))
                .isFalse();
        assertThat(POLICY.fenceOverdue(fencing, fencing.phaseSince() + budget.toNanos() + 1))
                .isTrue();
        assertThat(POLICY.fenceOverdue(in(Phase.PRIMARY), Long.MAX_VALUE / 2)).isFalse();
    }

    @Test
    void aSilentDatabaseIsLeftAloneUntilItIsStuckAndThenKilledAtOnce() {
        Duration stuck = POLICY.stuckAfter();
        Decision slow = decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().health(Health.SILENT, stuck));
        assertThat(slow.diagnosis()).isEqualTo(Diagnosis.DATABASE_SILENT);
        assertThat(slow.actions()).isEmpty();
        assertThat(slow.next().phase()).isEqualTo(Phase.PRIMARY);

        Decision kills =
                decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().health(Health.SILENT, stuck.plusNanos(1)));
        assertThat(kills.actions()).containsExactly(new Action.Fence(START, true));
    }

    /** Seeds 1352, 1534, 3683 and 4976: a frozen primary's agent was restarted, and nobody closed the database. */
    @Test
    void aRestartedAgentKillsAHungDatabaseThatItHasNeverSeenFenced() {
        Duration grace = POLICY.startGrace().plusNanos(1);
        Decision kills = decide(in(Phase.STARTING), seen().heldBy("n2").health(Health.HUNG, grace));
        assertThat(kills.diagnosis()).isEqualTo(Diagnosis.HUNG_WITHOUT_ROLE);
        assertThat(kills.actions()).containsExactly(new Action.Fence(START, true));
        assertThat(kills.next().phase()).isEqualTo(Phase.FENCING);
        // The key still stands for this node, or the server is only coming up, or it was seen fenced: patience.
        assertThat(decide(in(Phase.STARTING), seen().heldByMeUnder(5).health(Health.HUNG, grace))
                        .diagnosis())
                .isEqualTo(Diagnosis.DATABASE_SILENT);
        assertThat(decide(in(Phase.STARTING), seen().heldBy("n2").health(Health.SILENT, grace))
                        .diagnosis())
                .isEqualTo(Diagnosis.DATABASE_SILENT);
        assertThat(decide(in(Phase.FOLLOWING), seen().heldBy("n2").health(Health.HUNG, grace))
                        .diagnosis())
                .isEqualTo(Diagnosis.DATABASE_SILENT);
    }

    @Test
    void withoutEtcdAReplicaKeepsStill() {
        for (ObservationBuilder seen :
                new ObservationBuilder[] {seen().storeNeverAnswered(), seen().storeReadAgo(POLICY.storeStale())}) {
            Decision decision = decide(in(Phase.FOLLOWING), seen);
            assertThat(decision.diagnosis()).isEqualTo(Diagnosis.STORE_SILENT);
            assertThat(decision.actions()).isEmpty();
            assertThat(decision.next().phase()).isEqualTo(Phase.FOLLOWING);
        }
    }

    @Test
    void aTermThatWentBackIsRefused() {
        Decision decision = decide(in(Phase.FOLLOWING), seen().term(2));
        assertThat(decision.diagnosis()).isEqualTo(Diagnosis.TERM_WENT_BACK);
        assertThat(decision.actions()).containsExactly(new Action.SayFollowed(new Term(3)));
        assertThat(decision.next().term()).isEqualTo(new Term(3));
    }

    @Test
    void onAnEtcdThatWentBackANodeSaysItsTermAlsoWhileItsDatabaseIsDown() {
        assertThat(decide(in(Phase.FENCED), seen().term(2).databaseDead()).actions())
                .contains(new Action.SayFollowed(new Term(3)));
        assertThat(decide(in(Phase.FENCED), seen().databaseDead()).actions())
                .as("else it would say that it had opened")
                .doesNotContain(new Action.SayFollowed(new Term(3)));
    }

    /** A node that was down all the while believes the old state: the others' word holds it back. */
    @Test
    void aTermThatWentBackForAnotherNodeIsRefusedByAll() {
        ObservationBuilder others = seen().term(3).announced("n3", 4);
        for (Phase phase : new Phase[] {Phase.STARTING, Phase.FOLLOWING, Phase.VOTING}) {
            assertThat(decide(in(phase), others.nobodyHolds()).diagnosis()).isEqualTo(Diagnosis.TERM_WENT_BACK);
        }
        Decision primary = decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().announced("n3", 4));
        assertThat(primary.diagnosis()).isEqualTo(Diagnosis.TERM_WENT_BACK);
        assertThat(primary.next().phase()).isEqualTo(Phase.FENCING);
        assertThat(primary.because()).contains("term 3").contains("term 4");
    }

    @Test
    void whoHasPromisedVotesNotUntilThatIsOverOrAnotherHasVoted() {
        Duration some = Duration.ofSeconds(2);
        ObservationBuilder seen = seen().nobodyHolds().noChannel().promisedFor(some);
        Decision waits = decide(in(Phase.FOLLOWING), seen);
        assertThat(waits.diagnosis()).isEqualTo(Diagnosis.PROMISED);
        assertThat(waits.actions()).isEmpty();
        assertThat(waits.next().phase()).isEqualTo(Phase.FOLLOWING);
        Decision dead = decide(
                in(Phase.FENCED), seen().nobodyHolds().health(Health.DEAD, some).promisedFor(some));
        assertThat(dead.diagnosis()).isEqualTo(Diagnosis.DATABASE_DEAD);

        seen.vote(ballot("n2", 4, gtids("1-10")), 31);
        assertThat(decide(in(Phase.FOLLOWING), seen).diagnosis())
                .as("the old primary's own ballot proves nothing")
                .isEqualTo(Diagnosis.PROMISED);
        seen.vote(ballot("n3", 4, gtids("1-10")), 32);
        assertThat(decide(in(Phase.FOLLOWING), seen).diagnosis()).isEqualTo(Diagnosis.NO_BALLOT);
        assertThat(decide(in(Phase.FOLLOWING), seen().nobodyHolds().noChannel().promisedFor(Duration.ZERO))
                        .diagnosis())
                .isEqualTo(Diagnosis.NO_BALLOT);
    }

    @Test
    void promisesOfAllStandInForALeaseThatIsNotRenewed() {
        ObservationBuilder old = seen().iAmTheOpenPrimary()
                .leaseSentAt(ObservationBuilder.START - POLICY.leaseTtl().toNanos());
        assertThat(decide(in(Phase.PRIMARY), old).diagnosis()).isEqualTo(Diagnosis.LEASE_RAN_OUT);
        assertThat(decide(in(Phase.PRIMARY), old.extendedFor(Duration.ofSeconds(1)))
                        .diagnosis())
                .isEqualTo(Diagnosis.SERVING);
        assertThat(decide(in(Phase.VOTING), old.nobodyHolds().noChannel()).actions())
                .as("nobody takes the role by promises")
                .noneMatch(a -> a instanceof Action.Campaign);
    }

    @Test
    void aKeyThatStillStandsUnderALeaseThatHasEndedIsBoundToTheNewOneWhileAllOthersPromisedToWait() {
        Duration some = Duration.ofSeconds(1);
        ObservationBuilder back = seen().iAmTheOpenPrimary().heldByMeUnder(5);
        assertThat(decide(in(Phase.PRIMARY), back).diagnosis())
                .as("without promises")
                .isEqualTo(Diagnosis.ROLE_LOST);
        Decision again = decide(in(Phase.PRIMARY), back.extendedFor(some));
        assertThat(again.diagnosis()).isEqualTo(Diagnosis.KEY_GONE);
        assertThat(again.actions()).containsExactly(new Action.ResumeRole(new Term(3), 20));
    }

    @Test
    void whoWasPrimaryOfTheLatestTermAndIsFencedTakesTheKeyAgainInsteadOfAnElection() {
        ObservationBuilder gone =
                seen().nobodyHolds().noChannel().announced("n1", 3).lastPrimary("n1");
        Decision retakes = decide(in(Phase.FENCED), gone);
        assertThat(retakes.diagnosis()).isEqualTo(Diagnosis.RETAKABLE);
        assertThat(retakes.actions()).containsExactly(new Action.RetakeRole(new Term(3)));
        assertThat(decide(coldIn(Phase.STARTING), gone).diagnosis())
                .as("after a restart nobody knows what happened meanwhile")
                .isNotEqualTo(Diagnosis.RETAKABLE);
        assertThat(decide(in(Phase.FENCED), gone.vote(unfit(mine("1-10"), "its database process died"), 31))
                        .diagnosis())
                .as("who resigned has voted")
                .isNotEqualTo(Diagnosis.RETAKABLE);
        assertThat(decide(in(Phase.FENCED), seen().nobodyHolds().noChannel().announced("n1", 3))
                        .diagnosis())
                .as("another one was elected since")
                .isNotEqualTo(Diagnosis.RETAKABLE);
    }

    @Test
    void aKeyThatWentWhileAllOthersPromisedToWaitIsPutAgain() {
        Duration some = Duration.ofSeconds(1);
        Decision again = decide(
                in(Phase.PRIMARY), seen().iAmTheOpenPrimary().nobodyHolds().extendedFor(some));
        assertThat(again.diagnosis()).isEqualTo(Diagnosis.KEY_GONE);
        assertThat(again.next().phase()).isEqualTo(Phase.PRIMARY);
        assertThat(again.actions()).containsExactly(new Action.RetakeRole(new Term(3)));
        assertThat(decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().nobodyHolds())
                        .diagnosis())
                .as("without promises")
                .isEqualTo(Diagnosis.ROLE_LOST);
        assertThat(decide(
                                in(Phase.PRIMARY),
                                seen().iAmTheOpenPrimary().nobodyHolds().term(4).extendedFor(some))
                        .diagnosis())
                .as("somebody has held the role meanwhile")
                .isEqualTo(Diagnosis.ROLE_LOST);
    }

    @Test
    void theOnlyMemberHoldsTheRoleWithoutALeaseUntilAnotherIsBack() {
        Duration longAlone = POLICY.leaseTtl().plusSeconds(1);
        assertThat(decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().aloneFor(Duration.ofSeconds(1)))
                        .diagnosis())
                .isEqualTo(Diagnosis.SERVING);
        Decision alone = decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().aloneFor(longAlone));
        assertThat(alone.diagnosis()).isEqualTo(Diagnosis.ALONE);
        assertThat(alone.actions()).containsExactly(new Action.EnterSinglePoint(new Term(3), 20));

        ObservationBuilder single = seen().iAmTheOpenPrimary().heldByMeUnder(0).singlePoint("n1");
        assertThat(decide(in(Phase.PRIMARY), single.aloneFor(longAlone)).diagnosis())
                .isEqualTo(Diagnosis.SERVING);
        Decision back = decide(
                in(Phase.PRIMARY), seen().iAmTheOpenPrimary().heldByMeUnder(0).singlePoint("n1"));
        assertThat(back.diagnosis()).isEqualTo(Diagnosis.NOT_ALONE);
        assertThat(back.actions()).containsExactly(new Action.LeaveSinglePoint(new Term(3), 20));
    }

    @Test
    void nobodyTakesTheRoleOfTheOnlyMemberThatWasLeft() {
        Decision waits =
                decide(in(Phase.VOTING), seen().nobodyHolds().noChannel().singlePoint("n2"));
        assertThat(waits.diagnosis()).isEqualTo(Diagnosis.SINGLE_POINT_WAITS);
        assertThat(waits.actions()).isEmpty();
        assertThat(waits.because()).contains("n2", "moctl forget n2");
    }

    /** Found by the simulator, seed 10549: an empty node was taken for one whose data nobody knows, for ever. */
    @Test
    void aBallotCastWhileTheDatabaseWasDownIsCastAnewAlsoByAnEmptyNode() {
        ObservationBuilder seen = seen().nobodyHolds()
                .noChannel()
                .executed(gtids(""))
                .has(gtids(""))
                .vote(unfit(ballot("n1", 4, gtids("")), Ballot.blind("its database is down")), 30);
        assertThat(decide(in(Phase.VOTING), seen).diagnosis()).isEqualTo(Diagnosis.NO_BALLOT);
        assertThat(unfit(ballot("n1", 4, gtids("")), "only follows").isBlind())
                .as("an empty node that can be asked is known")
                .isFalse();
    }

    /** Found by the simulator, seed 6475: it waited for the others as in a cold start, and they for it. */
    @Test
    void theOnlyMemberThatWasLeftWaitsForNobodyAfterARestart() {
        ObservationBuilder seen =
                seen().nobodyHolds().noChannel().live("n1", "n2").vote(cold(ballot("n1", 4, gtids("1-10"))), 30);
        assertThat(decide(coldIn(Phase.VOTING), seen).diagnosis()).isEqualTo(Diagnosis.COLD_START_WAITS);
        assertThat(decide(coldIn(Phase.VOTING), seen.singlePoint("n1")).diagnosis())
                .isIn(Diagnosis.BALLOTS_MISSING, Diagnosis.MY_TURN);
    }

    @Test
    void onAnEtcdThatWasRestoredNobodyActsAndAPrimaryFences() {
        String why = "etcd went back from revision 90 to 40";
        Decision primary = decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().storeDoubt(why));
        assertThat(primary.diagnosis()).isEqualTo(Diagnosis.STORE_WENT_BACK);
        assertThat(primary.next().phase()).isEqualTo(Phase.FENCING);
        assertThat(primary.actions()).hasSize(1).first().isInstanceOf(Action.Fence.class);
        assertThat(primary.because()).contains(why);

        Decision voter = decide(in(Phase.VOTING), seen().nobodyHolds().storeDoubt(why));
        assertThat(voter.diagnosis()).isEqualTo(Diagnosis.STORE_WENT_BACK);
        assertThat(voter.actions()).containsExactly(new Action.SayFollowed(new Term(3)));
        assertThat(voter.because()).contains(why).contains("term 3");
        assertThat(decide(
                                in(Phase.VOTING),
                                seen().nobodyHolds().announced("n1", 3).storeDoubt(why))
                        .actions())
                .as("once it is said, nothing is written any more")
                .isEmpty();
    }

    // Promotion.

    @Test
    void aWinnerThatHasNotExecutedAllItReceivedDoesNotOpen() {
        ObservationBuilder seen = seen().heldByMe().evidence().executed(gtids("1-9"));
        assertThat(decide(in(Phase.PROMOTING), seen.channel("n2", true, true)).actions())
                .isEmpty();
        assertThat(decide(in(Phase.PROMOTING), seen.channel("n2", true, false)).actions())
                .containsExactly(new Action.StartApplier());
    }

    @Test
    void theDrainedWinnerForgetsItsSourceWritesTheEvidenceOpensAndAnnouncesInThisOrder() {
        ObservationBuilder seen = seen().heldByMe().receiverStopped();
        Action evidence = new Action.WriteEvidence(new Term(3), Optional.empty(), 0);
        assertThat(decide(in(Phase.PROMOTING), seen).actions()).containsExactly(new Action.ForgetSource(0), evidence);
        assertThat(decide(in(Phase.PROMOTING), seen.noChannel()).actions()).containsExactly(evidence);
        assertThat(decide(in(Phase.PROMOTING), seen.evidence()).actions())
                .containsExactly(new Action.OpenForWrites(new Term(3), 0));
        Decision open = decide(in(Phase.PROMOTING), seen.open());
        assertThat(open.actions()).containsExactly(new Action.Announce(new Term(3)));
        assertThat(open.next().phase()).isEqualTo(Phase.PRIMARY);
    }

    @Test
    void anOverdueDrainResignsAndTheNodeIsUnfitForTheNextTerm() {
        Duration overdue = POLICY.drainTimeout().plusNanos(1);
        ObservationBuilder seen = seen().heldByMe()
                .receiverStopped()
                .executed(gtids("1-9"))
                .after(overdue)
                .leaseSentAt(START + overdue.toNanos());
        Decision resigns = decide(in(Phase.PROMOTING), seen);
        assertThat(resigns.diagnosis()).isEqualTo(Diagnosis.DRAIN_OVERDUE);
        assertThat(resigns.actions()).singleElement().isInstanceOf(Action.Resign.class);

        Decision votes = decide(resigns.next(), vacant().executed(gtids("1-9")));
        Ballot cast = ((Action.PutBallot) votes.actions().get(0)).ballot();
        assertThat(cast.eligible()).isFalse();
        assertThat(cast.reason()).contains("resigned from term 3");
    }

    @Test
    void aWinnerWhoseRelayLogLostItsTailResignsInsteadOfLosingWhatItWasChosenFor() {
        ObservationBuilder seen =
                seen().heldByMe().receiverStopped().executed(gtids("1-9")).vote(ballot("n1", 3, gtids("1-12")), 20);
        Decision resigns = decide(in(Phase.PROMOTING), seen);
        assertThat(resigns.diagnosis()).isEqualTo(Diagnosis.BALLOT_SHRUNK);
        assertThat(resigns.actions()).singleElement().isInstanceOf(Action.Resign.class);
        assertThat(resigns.because()).contains(":11-12");
        Decision votes = decide(resigns.next(), vacant().executed(gtids("1-9")));
        Ballot cast = ((Action.PutBallot) votes.actions().get(0)).ballot();
        assertThat(cast.eligible()).as("with what it has it may win").isTrue();
        assertThat(cast.received()).isEqualTo(gtids("1-10"));
    }

    @Test
    void aNodeWhoseDatabaseWasStuckLeavesTheNextTermToOthersUnlessThereAreNone() {
        Duration stuck = POLICY.stuckAfter().plusNanos(1);
        Decision killed = decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().writesStuckFor(stuck));
        NodeState fenced = new NodeState(
                Phase.FENCED,
                START,
                new Term(3),
                true,
                killed.next().unfit(),
                killed.next().unfitReason(),
                0,
                START);
        Decision votes = decide(fenced, vacant());
        Ballot cast = ((Action.PutBallot) votes.actions().get(0)).ballot();
        assertThat(cast.eligible()).isFalse();
        assertThat(cast.reason()).contains("was stuck");
        Duration longer = POLICY.electionTimeout().multipliedBy(3).plusNanos(1);
        Decision again = decide(
                fenced,
                vacant().after(longer).leaseSentAt(START + longer.toNanos()).vote(cast, 31));
        assertThat(again.diagnosis()).isEqualTo(Diagnosis.NO_BALLOT);
        assertThat(((Action.PutBallot) again.actions().get(0)).ballot().eligible())
                .isTrue();
    }

    @Test
    void anAgentRestartedOnThePrimaryResumesTheRoleAndLeavesTheDatabaseOpen() {
        ObservationBuilder seen = seen().iAmTheOpenPrimary().heldByMeUnder(5);
        NodeState restarted = NodeState.starting(START, new Term(3));
        assertThat(decide(restarted, seen).actions()).containsExactly(new Action.ResumeRole(new Term(3), 20));
        Decision beforeEtcd = decide(restarted, seen.storeNeverAnswered());
        assertThat(beforeEtcd.diagnosis()).isEqualTo(Diagnosis.STORE_SILENT);
        assertThat(beforeEtcd.actions()).isEmpty();
        assertThat(decide(restarted, seen.after(POLICY.startGrace())).diagnosis())
                .isEqualTo(Diagnosis.WRITABLE_WITHOUT_ROLE);
    }

    @Test
    void aResignationOfUnknownOutcomeForcesTheKeyToBeWrittenAnewBeforePromotion() {
        ObservationBuilder seen = seen().heldByMe().noChannel();
        assertThat(decide(givenUpAt(22), seen).actions()).containsExactly(new Action.ResumeRole(new Term(3), 20));
        assertThat(decide(givenUpAt(21), seen).diagnosis()).isEqualTo(Diagnosis.CHOSEN);
    }

    // Operators' wishes.

    @Test
    void wishesCloseHandOverAndOpenThePrimary() {
        Decision closes = decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().wishReadOnly());
        assertThat(closes.actions()).containsExactly(new Action.CloseForWrites());
        assertThat(closes.next().phase()).isEqualTo(Phase.READ_ONLY);

        ObservationBuilder held = seen().heldByMe().noChannel();
        Decision opens = decide(in(Phase.READ_ONLY), held);
        assertThat(opens.actions()).containsExactly(new Action.OpenForWrites(new Term(3), 0));
        assertThat(opens.next().phase()).isEqualTo(Phase.PRIMARY);

        NodeState tried = new NodeState(Phase.READ_ONLY, START, new Term(3), true, Optional.empty(), "", 22, 0);
        Decision doubts = decide(tried, held);
        assertThat(doubts.diagnosis()).isEqualTo(Diagnosis.HAND_OVER_IN_DOUBT);
        assertThat(doubts.actions()).containsExactly(new Action.ResumeRole(new Term(3), 20));

        assertThat(decide(in(Phase.READ_ONLY), held.wishReadOnly()).diagnosis()).isEqualTo(Diagnosis.HELD);
        Decision gives = decide(in(Phase.READ_ONLY), held.wishReadOnly().wishHandOverTo("n3"));
        assertThat(gives.actions())
                .containsExactly(new Action.HandOver(
                        new Term(3),
                        22,
                        new NodeId("n3"),
                        endpoint("n3"),
                        false,
                        ObservationBuilder.HAND_OVER_WITHIN,
                        OnLongTransactions.WAIT));
        // Seed 154224 of the simulator: fenced in between it opened again, and then the hand-over was applied.
        assertThat(gives.next().givenUpAt()).isEqualTo(22);
        assertThat(decide(in(Phase.READ_ONLY), held.open()).actions()).containsExactly(new Action.CloseForWrites());
    }

    @Test
    void anOpenPrimaryIsHandedOverByOneActionThatClosesItAndNothingOpensItMeanwhile() {
        ObservationBuilder asked =
                seen().iAmTheOpenPrimary().wishHandOverTo("n3").openingUnderWay();
        assertThat(decide(in(Phase.PRIMARY), asked).diagnosis())
                .as("what was sent to open could overtake the closing")
                .isEqualTo(Diagnosis.LOOK_AGAIN);
        Decision gives = decide(in(Phase.PRIMARY), seen().iAmTheOpenPrimary().wishHandOverTo("n3"));
        assertThat(gives.actions())
                .containsExactly(new Action.HandOver(
                        new Term(3),
                        22,
                        new NodeId("n3"),
                        endpoint("n3"),
                        true,
                        ObservationBuilder.HAND_OVER_WITHIN,
                        OnLongTransactions.WAIT));
        assertThat(gives.next().phase()).isEqualTo(Phase.PRIMARY);
        assertThat(gives.next().givenUpAt()).isEqualTo(22);

        ObservationBuilder closed = seen().heldByMe().noChannel();
        Decision waits = decide(gives.next(), closed.handingOver());
        assertThat(waits.diagnosis()).isEqualTo(Diagnosis.HANDING_OVER);
        assertThat(waits.actions()).isEmpty();
        Decision back = decide(gives.next(), seen().heldByMe().noChannel());
        assertThat(back.diagnosis()).as("the wish has ended").isEqualTo(Diagnosis.HAND_OVER_IN_DOUBT);
        assertThat(back.actions()).containsExactly(new Action.ResumeRole(new Term(3), 20));
        assertThat(decide(
                                givenUpAt(21).in(Phase.PRIMARY, START),
                                seen().heldByMe().noChannel())
                        .diagnosis())
                .as("the key was written anew")
                .isEqualTo(Diagnosis.CLOSED);
    }

    @Test
    void whoGotTheRoleHandedOverOpensBeforeItForgetsTheSourceButNotBeforeItHasEverything() {
        ObservationBuilder got = seen().heldByMe().receiverStopped().handedOver(gtids("1-10"));
        assertThat(decide(in(Phase.PROMOTING), got).diagnosis()).isEqualTo(Diagnosis.CLOSED);
        Decision oldLook = decide(in(Phase.PROMOTING), got.handedOver(gtids("1-11")));
        assertThat(oldLook.actions())
                .as("the server itself says whether it has everything")
                .containsExactly(new Action.OpenForWrites(new Term(3), 0, gtids("1-11")));
        NodeState forLong = new NodeState(
                Phase.PROMOTING,
                START - POLICY.drainTimeout().toNanos() - 1,
                new Term(3),
                true,
                Optional.empty(),
                "",
                0,
                0);
        assertThat(decide(forLong, got).diagnosis())
                .as("it has lost what it had executed")
                .isEqualTo(Diagnosis.DRAIN_OVERDUE);

        ObservationBuilder open =
                seen().heldByMe().receiverStopped().handedOver(gtids("1-10")).open();
        assertThat(decide(in(Phase.PRIMARY), open).actions()).contains(new Action.ForgetSource(0));
        assertThat(decide(in(Phase.PRIMARY), open.noChannel()).diagnosis()).isEqualTo(Diagnosis.NO_EVIDENCE);
        assertThat(decide(in(Phase.PRIMARY), open.evidence()).diagnosis()).isEqualTo(Diagnosis.OPEN_UNANNOUNCED);

        ObservationBuilder lossless =
                seen().heldByMe().receiverStopped().handedOver(gtids("1-10")).wants(new Durability(true, 1, false));
        assertThat(decide(in(Phase.PROMOTING), lossless).diagnosis())
                .as("the list of ackers comes first")
                .isEqualTo(Diagnosis.SOURCE_REMAINS);
    }

    @Test
    void aWinnerWhoseRecordCameWithTheRoleOpensFirstAndForgetsTheSourceWhenTheOthersHaveHadTheirTime() {
        ObservationBuilder won = seen().heldByMe().receiverStopped().evidence();
        assertThat(decide(in(Phase.PROMOTING), won).diagnosis()).isEqualTo(Diagnosis.CLOSED);
        assertThat(decide(in(Phase.PROMOTING), won.executed(gtids("1-9"))).diagnosis())
                .isEqualTo(Diagnosis.UNDRAINED);
        assertThat(decide(in(Phase.PROMOTING), seen().heldByMe().receiverStopped())
                        .diagnosis())
                .as("there is no record yet")
                .isEqualTo(Diagnosis.SOURCE_REMAINS);
        assertThat(decide(in(Phase.PROMOTING), seen().heldByMe().evidence()).diagnosis())
                .as("somebody has started the receiver")
                .isEqualTo(Diagnosis.SOURCE_REMAINS);
        assertThat(decide(in(Phase.PROMOTING), seen().heldByMe().evidence().channel("elsewhere", true, true))
                        .diagnosis())
                .as("nobody would forget it later")
                .isEqualTo(Diagnosis.SOURCE_REMAINS);

        ObservationBuilder open = seen().heldByMe().receiverStopped().evidence().open();
        Decision primary = decide(in(Phase.PROMOTING), open);
        assertThat(primary.diagnosis()).isEqualTo(Diagnosis.OPENED_FIRST);
        assertThat(primary.next().phase()).isEqualTo(Phase.PRIMARY);
        assertThat(decide(primary.next(), open).diagnosis()).isEqualTo(Diagnosis.OPEN_UNANNOUNCED);
        open.announced("n1", 3);
        assertThat(decide(primary.next(), open).diagnosis()).isEqualTo(Diagnosis.SERVING);
        ObservationBuilder later = open.after(Duration.ofMillis(1001)).leaseSentAt(START);
        assertThat(decide(primary.next(), later).actions()).containsExactly(new Action.ForgetSource(0));
        assertThat(decide(primary.next(), later.channel("n2", false, true)).diagnosis())
                .as("what somebody set up by hand, and what receives, stays")
                .isEqualTo(Diagnosis.SERVING);
        assertThat(decide(primary.next(), later.channel("elsewhere", true, true))
                        .diagnosis())
                .isEqualTo(Diagnosis.SERVING);
    }

    @Test
    void aReplicaFollowsAWinnerThatHadAllOfItsWithoutAskingItAgain() {
        Ballot winners = ballot("n3", 4, gtids("1-10"));
        ObservationBuilder won = seen().term(4)
                .heldBy("n3")
                .announced("n3", 4)
                .evidence()
                .receiverStopped()
                .notCompared();
        assertThat(decide(in(Phase.VOTING), won).diagnosis()).isEqualTo(Diagnosis.COMPARISON_DUE);
        assertThat(decide(in(Phase.VOTING), won.vote(winners, 30)).diagnosis()).isEqualTo(Diagnosis.NOT_REPOINTED);
        assertThat(decide(in(Phase.VOTING), won.has(gtids("1-11"))).diagnosis())
                .as("the winner may lack what this node has")
                .isEqualTo(Diagnosis.COMPARISON_DUE);
        assertThat(decide(in(Phase.VOTING), won.has(gtids("1-8"))).diagnosis())
                .as("what the winner has purged it says when it is followed")
                .isEqualTo(Diagnosis.NOT_REPOINTED);
        NodeState followed = in(Phase.FOLLOWING).under(new Term(4));
        assertThat(decide(followed, won).diagnosis())
                .as("once: what became of it since is asked for")
                .isEqualTo(Diagnosis.COMPARISON_DUE);
        assertThat(decide(in(Phase.VOTING), won.vote(ballot("n3", 3, gtids("1-10")), 30))
                        .diagnosis())
                .as("a ballot of another term")
                .isEqualTo(Diagnosis.COMPARISON_DUE);
    }

    @Test
    void theOthersLeaveTheMachineToWhoGotTheRoleHandedOverUntilItIsOpen() {
        ObservationBuilder got = seen().term(4).heldBy("n3").handedOver(gtids("1-10"));
        assertThat(decide(in(Phase.FOLLOWING), got).diagnosis()).isEqualTo(Diagnosis.PRIMARY_NOT_OPEN);
        assertThat(decide(in(Phase.FOLLOWING), got.announced("n3", 4)).actions())
                .containsExactly(new Action.StopReceiver());
        assertThat(decide(in(Phase.FOLLOWING), seen().term(4).heldBy("n3")).actions())
                .as("elected: what the old primary may still send must not come")
                .containsExactly(new Action.StopReceiver());
    }

    // Following.

    private static ObservationBuilder newPrimary() {
        return seen().term(4).heldBy("n3").announced("n3", 4).comparedInTerm(4).receiverStopped();
    }

    @Test
    void aReplicaRepointsWhenDrainedContainedAndThePrimaryHasAnnouncedItself() {
        Decision follows = decide(in(Phase.VOTING), newPrimary());
        assertThat(follows.actions()).containsExactly(new Action.Follow(new NodeId("n3"), endpoint("n3"), new Term(4)));
        assertThat(follows.next().term()).isEqualTo(new Term(4));

        assertThat(decide(in(Phase.VOTING), newPrimary().announced("n3", 3)).diagnosis())
                .isEqualTo(Diagnosis.PRIMARY_NOT_OPEN);
        assertThat(decide(in(Phase.VOTING), newPrimary().comparedAhead()).diagnosis())
                .as("a good answer stands")
                .isEqualTo(Diagnosis.NOT_REPOINTED);
        assertThat(decide(in(Phase.VOTING), newPrimary().comparedAhead().primaryHas(gtids("1-5")))
                        .diagnosis())
                .as("a bad one says nothing: it had not executed all yet")
                .isEqualTo(Diagnosis.COMPARISON_DUE);
        assertThat(decide(in(Phase.VOTING), newPrimary().announced("n3", 3).notCompared())
                        .actions())
                .as("while it gets ready")
                .containsExactly(
                        new Action.Compare(new NodeId("n3"), endpoint("n3"), new Term(4), gtids("1-10"), true, ""));
        assertThat(decide(in(Phase.VOTING), newPrimary().notCompared()).diagnosis())
                .isEqualTo(Diagnosis.COMPARISON_DUE);
        assertThat(decide(in(Phase.VOTING), newPrimary().comparedInTerm(3)).diagnosis())
                .isEqualTo(Diagnosis.COMPARISON_DUE);
        assertThat(decide(in(Phase.VOTING), newPrimary().executed(gtids("1-9"))).diagnosis())
                .isEqualTo(Diagnosis.BACKLOG);
    }

    @Test
    void aDivergedNodeNamesTheTransactionsAndDoesNothing() {
        Decision decision = decide(in(Phase.VOTING), newPrimary().primaryHas(gtids("1-8")));
        assertThat(decision.next().phase()).isEqualTo(Phase.DIVERGED);
        assertThat(decision.actions()).isEmpty();
        assertThat(decision.because()).contains(gtids("9-10").toString());
    }

    @Test
    void aDivergedNodeIsRebuiltOnlyWhenAnOperatorGivesItsDataUp() {
        Decision decision =
                decide(in(Phase.DIVERGED), newPrimary().primaryHas(gtids("1-8")).wishRebuild());
        assertThat(decision.actions()).containsExactly(new Action.CloneFrom(new NodeId("n3"), endpoint("n3")));
        assertThat(decision.next().phase()).isEqualTo(Phase.JOINING);
    }

    @Test
    void aBallotIsWithdrawnBeforeTheOldPrimaryIsFollowedAgain() {
        assertThat(decide(in(Phase.VOTING), seen().receiverStopped().vote(mine("1-10"), 31))
                        .actions())
                .singleElement()
                .isInstanceOf(Action.WithdrawBallot.class);
    }

    @Test
    void aHealthyReplicaHasNothingToDo() {
        Decision decision = decide(in(Phase.FOLLOWING), seen());
        assertThat(decision.diagnosis()).isEqualTo(Diagnosis.FOLLOWING_WELL);
        assertThat(decision.actions()).isEmpty();
    }

    @Test
    void aReceiverWhoseSourceIsGoneRestsBeforeTheLeaseEnds() {
        ObservationBuilder seen = seen().announced("n2", 3);
        assertThat(decide(in(Phase.FOLLOWING), seen.sourceAway("n2", Duration.ofSeconds(31)))
                        .actions())
                .as("not at once: a short break heals by itself")
                .noneMatch(a -> a instanceof Action.StopReceiver);
        assertThat(decide(in(Phase.FOLLOWING), seen.sourceAway("n2", Duration.ofSeconds(37)))
                        .actions())
                .containsExactly(new Action.StopReceiver());
    }
}
