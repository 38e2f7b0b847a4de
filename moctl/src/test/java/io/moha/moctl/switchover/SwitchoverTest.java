package io.moha.moctl.switchover;

import static io.moha.moctl.FakeCluster.UUID;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.moha.moctl.FakeCluster;
import io.moha.moctl.FakeCluster.Fate;
import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.switchover.SwitchResult.Outcome;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class SwitchoverTest {
    private FakeCluster cluster;
    private final List<String> progress = new CopyOnWriteArrayList<>();

    @BeforeEach
    void start() throws IOException {
        cluster = new FakeCluster(3);
    }

    @AfterEach
    void stop() {
        cluster.close();
    }

    @Test
    void handsOverInThreeStepsAndReportsPhasesAndRecord() throws Exception {
        SwitchResult result = switchover().run();

        assertThat(result.outcome()).isEqualTo(Outcome.DONE);
        assertThat(result.phases()).containsOnlyKeys("read_only", "catch_up", "hand_over", "open", "total");
        assertThat(result.record().orElseThrow().path("term").asLong()).isEqualTo(8);
        assertThat(cluster.posts).containsExactly("node-1 /setReadOnly?seconds=6", "node-1 /changeMaster?to=node-2");
    }

    @Test
    void goesBackWhenThePrimaryRefusesToBecomeReadOnly() throws Exception {
        cluster.setReadOnly = Fate.REFUSED;

        assertRolledBack(switchover().run(), "refused to become read-only");
        assertThat(cluster.posts).noneMatch(p -> p.contains("changeMaster"));
    }

    @ParameterizedTest
    @EnumSource(
            value = Fate.class,
            names = {"UNSAID_DONE", "UNSAID_NOT_DONE", "LOST_DONE", "LOST_NOT_DONE"})
    void goesBackWhenThereIsNoWordOnReadOnly(Fate fate) throws Exception {
        cluster.setReadOnly = fate;

        assertRolledBack(switchover().run(), "no word on /setReadOnly");
        assertThat(cluster.posts).noneMatch(p -> p.contains("changeMaster"));
    }

    @Test
    void goesBackWhenThePrimaryOnlyPretendsToBeReadOnly() throws Exception {
        cluster.setReadOnly = Fate.PRETENDED;

        assertRolledBack(switchover().run(), "does not read back as read-only");
        assertThat(cluster.posts).noneMatch(p -> p.contains("changeMaster"));
    }

    @Test
    void goesBackAtTheDeadlineWhenTheTargetNeverCatchesUpAndNamesWhatItLacks() throws Exception {
        cluster.status("node-2").put("executed", UUID + ":1-98");

        assertRolledBack(switchover().run(), "node-2 still lacks 2 transactions (" + UUID + ":99-100)");
        assertThat(cluster.posts).noneMatch(p -> p.contains("changeMaster"));
    }

    @Test
    void handsOverOnlyAfterTheTargetHasCaughtUp() throws Exception {
        cluster.status("node-2").put("executed", UUID + ":1-98");
        CompletableFuture<SwitchResult> running = CompletableFuture.supplyAsync(build(Duration.ofSeconds(20))::run);

        await().until(() -> progress.contains("node-1 is read-only"));
        assertThat(cluster.posts).noneMatch(p -> p.contains("changeMaster"));
        cluster.status("node-2").put("executed", UUID + ":1-100");

        assertThat(running.get(20, TimeUnit.SECONDS).outcome()).isEqualTo(Outcome.DONE);
    }

    @Test
    void goesBackWhenTheHandOverIsRefused() throws Exception {
        cluster.changeMaster = Fate.REFUSED;

        assertRolledBack(switchover().run(), "the hand-over was refused: answer 409: not now");
    }

    @ParameterizedTest
    @EnumSource(
            value = Fate.class,
            names = {"UNSAID_DONE", "LOST_DONE"})
    void isDoneWhenTheHandOverGotNoAnswerButHappened(Fate fate) throws Exception {
        cluster.changeMaster = fate;

        SwitchResult result = switchover().run();

        assertThat(result.outcome()).isEqualTo(Outcome.DONE);
        assertThat(cluster.posts).noneMatch(p -> p.contains("setReadWrite"));
    }

    @ParameterizedTest
    @EnumSource(
            value = Fate.class,
            names = {"UNSAID_NOT_DONE", "LOST_NOT_DONE"})
    void goesBackWhenTheHandOverGotNoAnswerAndDidNotHappen(Fate fate) throws Exception {
        cluster.changeMaster = fate;

        assertRolledBack(switchover().run(), "got no answer");
    }

    @Test
    void saysUnknownWhenTheOldPrimaryCannotBeReadBackAsWritable() throws Exception {
        cluster.changeMaster = Fate.REFUSED;
        cluster.setReadWrite = Fate.REFUSED;

        SwitchResult result = switchover().run();

        assertThat(result.outcome()).isEqualTo(Outcome.UNKNOWN);
        assertThat(result.reason())
                .contains("could not be read back as writable")
                .contains("opens by itself");
    }

    @Test
    void asksAgainWhenTheWayBackGotNoAnswer() throws Exception {
        cluster.changeMaster = Fate.REFUSED;
        cluster.setReadWrite = Fate.LOST_NOT_DONE;
        CompletableFuture<SwitchResult> running = CompletableFuture.supplyAsync(switchover()::run);

        await().until(() -> cluster.posts.stream().anyMatch(p -> p.contains("setReadWrite")));
        cluster.setReadWrite = Fate.DONE;

        assertThat(running.get(20, TimeUnit.SECONDS).outcome()).isEqualTo(Outcome.ROLLED_BACK);
        assertThat(cluster.status("node-1").path("readonly").asBoolean()).isFalse();
    }

    @Test
    void saysThatAnotherNodeBecamePrimaryInstead() throws Exception {
        cluster.changeMaster = Fate.UNSAID_DONE;
        cluster.usurper = "node-3";

        SwitchResult result = switchover().run();

        assertThat(result.outcome()).isEqualTo(Outcome.OVERTAKEN);
        assertThat(result.reason()).contains("node-3 became primary of term 8");
    }

    @Test
    void saysUnknownWhenTheTargetHoldsTheRoleButDoesNotOpen() throws Exception {
        cluster.opens = false;

        SwitchResult result = switchover().run();

        assertThat(result.outcome()).isEqualTo(Outcome.UNKNOWN);
        assertThat(result.reason()).contains("node-2 did not report itself open");
        assertThat(cluster.posts).noneMatch(p -> p.contains("setReadWrite"));
    }

    @Test
    void changesNothingWhenCancelledBeforeItBegins() throws Exception {
        Switchover switchover = build(Duration.ofMillis(100));
        CompletableFuture<Boolean> cancelled = CompletableFuture.supplyAsync(switchover::cancel);
        await().until(() -> switchover.isCancelled());

        assertThat(switchover.run().outcome()).isEqualTo(Outcome.NOT_STARTED);
        assertThat(cancelled.get(10, TimeUnit.SECONDS)).isTrue();
        assertThat(cluster.posts).isEmpty();
    }

    @Test
    void goesBackWhenCancelledDuringTheReadOnlyPhase()
            throws AgentException, ExecutionException, InterruptedException, TimeoutException {
        cluster.status("node-2").put("executed", UUID + ":1-98");
        Switchover switchover = build(Duration.ofSeconds(30));
        CompletableFuture<SwitchResult> running = CompletableFuture.supplyAsync(switchover::run);
        await().until(() -> progress.contains("node-1 is read-only"));

        assertThat(switchover.cancel()).isTrue();

        assertRolledBack(running.get(1, TimeUnit.SECONDS), "interrupted");
        assertThat(cluster.posts).noneMatch(p -> p.contains("changeMaster"));
    }

    private void assertRolledBack(SwitchResult result, String reason) {
        assertThat(result.outcome()).as(result.reason()).isEqualTo(Outcome.ROLLED_BACK);
        assertThat(result.reason()).contains(reason);
        assertThat(cluster.posts).contains("node-1 /setReadWrite");
        assertThat(cluster.status("node-1").path("readonly").asBoolean())
                .as("the old primary is closed")
                .isFalse();
        assertThat(cluster.status("node-1").path("master").asBoolean()).isTrue();
    }

    private Switchover switchover() throws AgentException {
        return build(Duration.ofSeconds(1));
    }

    private Switchover build(Duration timeout) throws AgentException {
        Agents agents = cluster.agents();
        ClusterView view = agents.view(true);
        return new Switchover(
                agents,
                view.find("node-1").orElseThrow().member(),
                view.find("node-2").orElseThrow().member(),
                view.term(),
                timeout,
                progress::add,
                Duration.ofSeconds(2));
    }
}
