package io.moha.moctl.switchover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.moha.moctl.FakeCluster;
import io.moha.moctl.FakeCluster.Fate;
import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.switchover.SwitchResult.Outcome;
import io.moha.model.OnLongTransactions;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
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
    void asksTheOldPrimaryToHandOverAndReportsPhasesAndRecord() throws Exception {
        SwitchResult result = switchover().run();

        assertThat(result.outcome()).isEqualTo(Outcome.DONE);
        assertThat(result.phases()).containsOnlyKeys("hand_over", "open", "total");
        assertThat(result.record().orElseThrow().path("term").asLong()).isEqualTo(8);
        assertThat(cluster.posts)
                .containsExactly("node-1 /changeMaster?to=node-2&within-ms=1000&on-long-transactions=kill");
    }

    @Test
    void goesBackWhenTheHandOverIsRefused() throws Exception {
        cluster.changeMaster = Fate.REFUSED;

        assertRolledBack(switchover().run(), "answer 409: not now");
        assertThat(cluster.posts).as("it went back by itself").noneMatch(p -> p.contains("setReadWrite"));
    }

    @Test
    void opensAPrimaryThatDidNotGoBackByItself() throws Exception {
        cluster.changeMaster = Fate.REFUSED;
        cluster.status("node-1").put("readonly", true);

        assertRolledBack(switchover().run(), "answer 409: not now");
        assertThat(cluster.posts).contains("node-1 /setReadWrite");
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
        cluster.status("node-1").put("readonly", true);
        cluster.setReadWrite = Fate.REFUSED;

        SwitchResult result = switchover().run();

        assertThat(result.outcome()).isEqualTo(Outcome.UNKNOWN);
        assertThat(result.reason()).contains("could not be read back as writable");
    }

    @Test
    void asksAgainWhenTheWayBackGotNoAnswer() throws Exception {
        cluster.changeMaster = Fate.REFUSED;
        cluster.status("node-1").put("readonly", true);
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
    void asksTheAgentToGoBackWhenCancelled() throws Exception {
        cluster.changeMaster = Fate.WITHDRAWN;
        Switchover switchover = build(Duration.ofSeconds(30));
        CompletableFuture<SwitchResult> running = CompletableFuture.supplyAsync(switchover::run);
        await().until(() -> cluster.posts.stream().anyMatch(p -> p.contains("changeMaster")));

        assertThat(switchover.cancel()).isTrue();

        assertRolledBack(running.get(1, TimeUnit.SECONDS), "an operator asked to go back");
    }

    private void assertRolledBack(SwitchResult result, String reason) {
        assertThat(result.outcome()).as(result.reason()).isEqualTo(Outcome.ROLLED_BACK);
        assertThat(result.reason()).contains(reason);
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
                OnLongTransactions.KILL,
                progress::add,
                Duration.ofSeconds(2));
    }
}
