package io.moha.moctl.switchover;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.moha.moctl.FakeCluster;
import io.moha.moctl.client.AgentException;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PreflightTest {
    private FakeCluster cluster;

    @BeforeEach
    void start() throws IOException {
        cluster = new FakeCluster(3);
    }

    @AfterEach
    void stop() {
        cluster.close();
    }

    @Test
    void passesAHealthyReplica() throws AgentException {
        assertThat(check("node-2")).allMatch(Check::ok).hasSizeGreaterThan(8);
    }

    static Stream<Arguments> targetsThatMustNotWin() {
        return Stream.of(
                flaw("promotion rule must_not", s -> s.put("promotion_rule", "must_not")),
                flaw("node-2 only follows", s -> s.put("only_follow", true)),
                flaw("receiver or applier does not run", s -> s.put("io_thread_ok", false)),
                flaw(
                        "applier does not run: applier error: HA_ERR",
                        s -> s.put("sql_thread_ok", false).put("applier_error", "HA_ERR")),
                flaw("no working database", s -> s.put("database", "down")),
                flaw("its source is elsewhere:3306", s -> s.put("source", "elsewhere:3306")),
                flaw("lag 11s", s -> s.put("seconds_behind_master", 11)),
                flaw("its lag is unknown", s -> s.put("seconds_behind_master", -1)),
                flaw("backlog 1001", s -> s.put("backlog", 1001)),
                flaw("errant: uuid:7", s -> s.put("errant", "uuid:7")),
                flaw("errant", s -> s.put("state", "DIVERGED")),
                flaw("term 6, primary 7", s -> s.put("term", 6)),
                flaw("8.0.33, primary 9.7.4-2", s -> s.put("version", "8.0.33")),
                flaw("MIXED, primary ROW", s -> s.put("binlog_format", "MIXED")),
                flaw("no registration", s -> s.put("alive", false)));
    }

    private static Arguments flaw(String detail, Consumer<ObjectNode> flaw) {
        return Arguments.of(detail, flaw);
    }

    @ParameterizedTest
    @MethodSource("targetsThatMustNotWin")
    void refusesATargetThatMustNotWinAndSaysWhy(String detail, Consumer<ObjectNode> flaw) throws AgentException {
        flaw.accept(cluster.status("node-2"));

        List<Check> checks = check("node-2");

        assertThat(checks.stream().filter(c -> !c.ok()).map(Check::detail))
                .hasSize(1)
                .allMatch(d -> d.contains(detail));
        assertThat(Preflight.choose(cluster.agents().view(true)).node()).contains("node-3");
    }

    @Test
    void refusesWhenTheTargetIsThePrimaryOrUnknownOrSilent() throws AgentException {
        assertThat(failures("node-1")).containsExactly("node-1 is the primary already");
        assertThat(failures("node-9")).containsExactly("node-9 is not among node-1, node-2, node-3");
        cluster.stopAgent("node-3");
        assertThat(failures("node-3")).singleElement().asString().contains("connection refused");
    }

    @Test
    void refusesWithoutAnOpenPrimary() throws AgentException {
        cluster.status("node-1").put("readonly", true);
        assertThat(failures("node-2")).containsExactly("node-1 is closed for writes");

        cluster.status("node-1").put("master", false);
        assertThat(failures("node-2")).contains("no reachable node says it is primary");
        assertThat(Preflight.choose(cluster.agents().view(true)).node()).isEmpty();
    }

    @Test
    void refusesWithTwoPrimaries() throws AgentException {
        cluster.status("node-3").put("master", true);
        assertThat(failures("node-2")).contains("node-1, node-3, term 7");
    }

    @Test
    void choosesByRuleThenDataCentreThenBacklog() throws AgentException {
        cluster.status("node-2").put("backlog", 5);
        assertThat(choice()).isEqualTo("node-3");
        cluster.status("node-1").put("data_center", "a");
        cluster.status("node-2").put("data_center", "a");
        assertThat(choice()).isEqualTo("node-2");
        cluster.status("node-3").put("promotion_rule", "prefer");
        assertThat(choice()).isEqualTo("node-3");
        cluster.status("node-3").put("promotion_rule", "prefer_not");
        assertThat(choice()).isEqualTo("node-2");
    }

    @Test
    void namesEveryReplicasReasonWhenNobodyCanTakeOver() throws AgentException {
        cluster.status("node-2").put("only_follow", true);
        cluster.status("node-3").put("backlog", 5000);

        Preflight.Choice choice = Preflight.choose(cluster.agents().view(true));

        assertThat(choice.node()).isEmpty();
        assertThat(choice.why()).contains("node-2: node-2 only follows").contains("node-3: backlog 5000");
    }

    @Test
    void comparesVersionsByTheirNumbers() {
        assertThat(Preflight.compareVersions("9.10.0", "9.9.1")).isPositive();
        assertThat(Preflight.compareVersions("8.0.33", "8.0.33-25")).isZero();
        assertThat(Preflight.compareVersions("8.0.33", "9.7.4-2")).isNegative();
        assertThat(Preflight.compareVersions("", "9.7.4-2")).isNegative();
    }

    private String choice() throws AgentException {
        return Preflight.choose(cluster.agents().view(true)).node().orElseThrow();
    }

    private List<String> failures(String target) throws AgentException {
        return check(target).stream().filter(c -> !c.ok()).map(Check::detail).toList();
    }

    private List<Check> check(String target) throws AgentException {
        return Preflight.check(cluster.agents().view(true), target);
    }
}
