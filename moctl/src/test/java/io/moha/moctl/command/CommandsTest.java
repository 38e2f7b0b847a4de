package io.moha.moctl.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.moha.moctl.FakeCluster;
import io.moha.moctl.FakeCluster.Fate;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

@Timeout(60)
class CommandsTest {
    @TempDir
    Path directory;

    private FakeCluster cluster;
    private StringWriter out = new StringWriter();
    private StringWriter err = new StringWriter();

    @BeforeEach
    void start() throws IOException {
        cluster = new FakeCluster(3);
    }

    @AfterEach
    void stop() {
        cluster.close();
    }

    @Test
    void topologyShowsTheTreeInOrchestratorsForm() throws IOException {
        assertThat(moctl("topology")).isZero();
        assertThat(out.toString()).isEqualTo("""
                        127.0.0.1:3307   [0s,ok,9.7.4-2,rw,ROW,>>]
                        + 127.0.0.1:3308 [0s,ok,9.7.4-2,ro,ROW,>>]
                        + 127.0.0.1:3309 [0s,ok,9.7.4-2,ro,ROW,>>]
                        """);
    }

    @Test
    void topologyNamesWhatIsWrongWithAReplica() throws IOException {
        cluster.status("node-2").put("io_thread_ok", false).put("seconds_behind_master", -1);
        cluster.stopAgent("node-3");
        assertThat(moctl("topology")).isZero();
        assertThat(out.toString()).isEqualTo("""
                        127.0.0.1:3307   [0s,ok,9.7.4-2,rw,ROW,>>]
                        + 127.0.0.1:3308 [null,nonreplicating,9.7.4-2,ro,ROW,>>]
                        + 127.0.0.1:3309 [unknown,unreachable,9.7.4-2,?,?]
                        """);
    }

    @Test
    void statusOfAHealthyClusterIsZeroAndGivesReasons() throws IOException {
        assertThat(moctl("status")).isZero();
        assertThat(out.toString()).isEqualTo("""
                        cluster demo, term 7

                        NODE    ROLE     STATE      TERM  VERSION  LAG  BACKLOG  MODE  LEASE  FENCE  PROBLEMS
                        node-1  primary  PRIMARY    7     9.7.4-2  -    0        rw    8.1s   4.1s   -
                        node-2  replica  FOLLOWING  7     9.7.4-2  0s   0        ro    -      -      -
                        node-3  replica  FOLLOWING  7     9.7.4-2  0s   0        ro    -      -      -

                        node-1: I hold the lease of term 7
                        node-2: I follow node-1 in term 7
                        node-3: I follow node-1 in term 7

                        healthy
                        """);
    }

    @Test
    void statusSaysThreeAndNamesAnUnreachableAgent() throws IOException {
        cluster.stopAgent("node-3");
        assertThat(moctl("status")).isEqualTo(3);
        assertThat(out.toString())
                .contains("node-3  -        unreachable")
                .contains("degraded: node-3 is unreachable")
                .contains("connection refused");
    }

    @ParameterizedTest
    @CsvSource({
        "node-1, readonly, true, the primary node-1 is closed for writes",
        "node-1, master, false, there is no primary",
        "node-2, sql_thread_ok, false, node-2 does not replicate",
        "node-2, database, down, node-2 has no working database",
        "node-2, errant, uuid:7-9, node-2 has diverged: uuid:7-9",
        "node-2, alive, false, node-2 is not registered"
    })
    void statusSaysThreeWhenSomethingIsWrong(String node, String field, String value, String sentence)
            throws IOException {
        if (value.equals("true") || value.equals("false")) {
            cluster.status(node).put(field, Boolean.parseBoolean(value));
        } else {
            cluster.status(node).put(field, value);
        }
        assertThat(moctl("status")).isEqualTo(3);
        assertThat(out.toString()).contains(sentence);
    }

    @Test
    void statusSaysThreeWhenNobodyAnswers() throws IOException {
        cluster.close();
        assertThat(moctl("status")).isEqualTo(3);
        assertThat(err.toString()).contains("no agent answers").contains("connection refused");
    }

    @Test
    void statusAsJsonKeepsTheAgentsWords() throws IOException {
        cluster.stopAgent("node-3");
        assertThat(moctl("status", "-o", "json")).isEqualTo(3);
        JsonNode json = new ObjectMapper().readTree(out.toString());
        assertThat(json.path("primary").asText()).isEqualTo("node-1");
        assertThat(json.path("healthy").asBoolean(true)).isFalse();
        assertThat(json.at("/members/0/status/because").asText()).isEqualTo("I hold the lease of term 7");
        assertThat(json.at("/members/2/status").isNull()).isTrue();
        assertThat(json.at("/members/2/reachable").asBoolean(true)).isFalse();
    }

    @Test
    void switchWithoutATargetPicksTheBestReplicaAndSaysWhy() throws IOException {
        cluster.status("node-2").put("backlog", 3);
        assertThat(moctl("switch", "--yes")).as(err.toString()).isZero();
        assertThat(out.toString())
                .contains("node-3 is the best of 2 replicas")
                .contains("[ok] the primary is open for writes")
                .contains("node-3 is the primary now (before: node-1)")
                .contains("phases: hand_over ")
                .contains("record 20261120T031207.114Z: term 8, switchover, binlog.000003:157")
                .contains("elect 31, open 3, total 55");
    }

    @Test
    void switchAsJsonIsOneDocument() throws IOException {
        assertThat(moctl("switch", "--to", "node-2", "--yes", "-o", "json")).isZero();
        JsonNode json = new ObjectMapper().readTree(out.toString());
        assertThat(json.path("outcome").asText()).isEqualTo("done");
        assertThat(json.at("/record/new_primary").asText()).isEqualTo("node-2");
        assertThat(json.at("/phases_ms/total").isNumber()).isTrue();
    }

    @Test
    void switchRefusedByThePreflightIsFourAndAsksNobodyForAnything() throws IOException {
        cluster.status("node-2").put("only_follow", true);
        assertThat(moctl("switch", "--to", "node-2", "--yes")).isEqualTo(4);
        assertThat(out.toString()).contains("[NO] the target may become primary");
        assertThat(cluster.posts).isEmpty();
        assertThat(moctl("switch", "--to", "node-2", "--yes", "-o", "json")).isEqualTo(4);
        assertThat(new ObjectMapper().readTree(out.toString()).path("outcome").asText())
                .isEqualTo("refused");
    }

    @Test
    void switchDryShowsThePreflightAndAsksNobodyForAnything() throws IOException {
        assertThat(moctl("switch", "--to", "node-2", "--dry-run"))
                .as(err.toString())
                .isZero();
        assertThat(out.toString())
                .contains("[ok] no long transaction, DDL, or backup on the primary")
                .contains("nothing was changed");
        assertThat(cluster.posts).isEmpty();
    }

    @Test
    void switchDoesNotBeginWhileASessionIsInTheWayIfThatIsAsked() throws IOException {
        cluster.obstaclesStay = 1000;
        assertThat(moctl("switch", "--to", "node-2", "--yes", "--on-long-transactions", "abort"))
                .isEqualTo(4);
        assertThat(out.toString())
                .contains("[NO] no long transaction, DDL, or backup on the primary")
                .contains("session 12 of app@web: ALTER is running, for 63 s");
        assertThat(moctl("switch", "--to", "node-2", "--yes", "--deadline", "1s"))
                .isEqualTo(4);
        assertThat(err.toString()).contains("still in the way after 1 s: session 12");
        assertThat(cluster.posts).isEmpty();
        assertThat(moctl("switch", "--on-long-transactions", "perhaps")).isEqualTo(2);
        assertThat(err.toString()).contains("on-long-transactions='perhaps' is not one of wait, abort, kill");
    }

    @Test
    void switchWaitsUntilTheSessionHasEndedOrHasItEnded() throws IOException {
        cluster.obstaclesStay = 3;
        assertThat(moctl("switch", "--to", "node-2", "--yes"))
                .as(err.toString())
                .isZero();
        assertThat(out.toString()).contains("waiting for session 12");
        assertThat(cluster.posts).last().asString().contains("on-long-transactions=wait");
    }

    @Test
    void explainAsksAReplicaAndShowsAllOrOne() throws IOException {
        assertThat(moctl("explain")).as(err.toString()).isZero();
        assertThat(out.toString())
                .contains("node-1 is primary in term 7. If it were lost now:")
                .contains("1.  node-2  would be elected: node-2 says so")
                .contains("-   node-3  only follows");
        assertThat(moctl("explain", "node-3")).as(err.toString()).isZero();
        assertThat(out.toString()).contains("node-3 is FOLLOWING").doesNotContain("would be elected");
        assertThat(moctl("explain", "node-9")).isEqualTo(2);
        assertThat(err.toString()).contains("node-9 is not among node-1, node-2, node-3");
    }

    @Test
    void switchThatGoesBackIsOne() throws IOException {
        cluster.changeMaster = Fate.REFUSED;
        assertThat(moctl("switch", "--to", "node-2", "--yes")).isEqualTo(1);
        assertThat(out.toString()).contains("not switched, node-1 is writable again: answer 409: not now");
    }

    @Test
    void switchWithAWrongTokenSaysSo() throws IOException {
        Files.writeString(directory.resolve("token"), "another\n");
        assertThat(moctl("switch", "--to", "node-2", "--yes")).isEqualTo(1);
        assertThat(out.toString()).contains("401").contains("check token-file");
    }

    @Test
    void switchDoesNotBeginWithoutTerminalAndWithoutYes() throws IOException {
        assertThat(moctl("switch", "--to", "node-2")).isEqualTo(2);
        assertThat(err.toString()).contains("give --yes");
        assertThat(cluster.posts).isEmpty();
    }

    @Test
    void historyShowsTheNewestFirstAndNoMoreThanAsked() throws IOException {
        cluster.addHistory(FakeCluster.record("20261119T010000.000Z", 6, "failover", "node-2", "node-3"));
        cluster.addHistory(FakeCluster.record("20261120T031207.114Z", 7, "switchover", "node-3", "node-1"));
        assertThat(moctl("history", "-n", "1")).isZero();
        assertThat(out.toString()).isEqualTo("""
                        TIME                      TERM  KIND        CHANGE            REASON             PHASES (ms)
                        2026-11-20 03:12:07.114Z  7     switchover  node-3 -> node-1  because of a test  elect 31, open 3, total 55
                        """);
    }

    @Test
    void forgetRefusesAMemberThatIsRegistered() throws IOException {
        assertThat(moctl("forget", "node-3")).isEqualTo(4);
        assertThat(moctl("forget", "node-9")).isEqualTo(4);
        assertThat(cluster.posts).isEmpty();
    }

    @Test
    void forgetAsksThePrimary() throws IOException {
        cluster.status("node-3").put("alive", false);
        assertThat(moctl("forget", "node-3")).isZero();
        assertThat(cluster.posts).containsExactly("node-1 /forget?node=node-3");
    }

    @Test
    void forgetWithoutAnAnswerReadsAgain() throws IOException {
        cluster.status("node-3").put("alive", false);
        cluster.forget = Fate.UNSAID_NOT_DONE;
        assertThat(moctl("forget", "node-3")).isEqualTo(5);
        cluster.forget = Fate.UNSAID_DONE;
        assertThat(moctl("forget", "node-3")).isZero();
    }

    @Test
    void durabilityAsksThePrimaryAndWaitsUntilItIsInForce() throws IOException {
        assertThat(moctl("durability", "lossless", "--wait", "2")).isZero();
        assertThat(cluster.posts).containsExactly("node-1 /durability?mode=lossless&wait=2&on-ack-loss=wait");
        assertThat(out.toString()).contains("durability lossless is in force");
        cluster.durability = Fate.REFUSED;
        assertThat(moctl("durability", "async")).isEqualTo(1);
        assertThat(moctl("durability", "nearly")).isEqualTo(2);
    }

    @Test
    void statusTellsTheDurabilityInForce() throws IOException {
        cluster.status("node-1")
                .put("durability", "lossless")
                .put("ackers_needed", 1)
                .put("ackers_connected", 2)
                .put("commits_waiting", 0)
                .putArray("ackers")
                .add("node-2")
                .add("node-3");
        assertThat(moctl("status")).isZero();
        assertThat(out.toString())
                .contains(
                        "term 7, durability lossless (1 of [node-2, node-3] must have a write; 2 connected, 0 commits wait)");
    }

    @Test
    void benchRefusesAClusterThatIsNotHealthy() throws IOException {
        cluster.status("node-2").put("errant", "uuid:1");
        Files.writeString(directory.resolve("bench"), "[bench]\nuser='app'\nschema='demo'\nwriter='127.0.0.1:9'\n");
        assertThat(moctl("bench", "failover", "--fault", "switch", "--rounds", "1"))
                .isEqualTo(4);
        assertThat(err.toString()).contains("node-2 has diverged");
    }

    @Test
    void benchRefusesNonsense() throws IOException {
        Files.writeString(directory.resolve("bench"), "[bench]\nuser='app'\nschema='demo'\nwriter='127.0.0.1:9'\n");
        assertThat(moctl("bench", "failover", "--fault", "flood")).isEqualTo(2);
        assertThat(err.toString()).contains("use mysqld-kill, host-kill, agent-kill or switch");
        assertThat(moctl("bench", "failover", "--fault", "switch", "--rounds", "0"))
                .isEqualTo(2);
        assertThat(moctl("bench", "failover", "--fault", "switch", "--load", "heavy"))
                .isEqualTo(2);
        assertThat(moctl("bench", "failover", "--fault", "mysqld-kill")).isEqualTo(4);
        assertThat(err.toString()).contains("[bench.fault] kill-mysqld");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"status", "topology", "switch", "history", "forget", "durability", "completion", "bench failover"
            })
    void helpHasExamplesAndExitCodes(String command) throws IOException {
        assertThat(run((command + " --help").split(" "))).isZero();
        assertThat(out.toString())
                .contains("Examples:\n")
                .contains("  moctl " + command)
                .contains("Exit codes:\n  0 ");
    }

    @Test
    void bashTakesTheCompletionScript() throws IOException, InterruptedException {
        assertThat(run("completion")).isZero();
        Path script = Files.writeString(directory.resolve("completion.sh"), out.toString());
        Process bash = new ProcessBuilder("bash", "-n", script.toString()).start();
        assertThat(bash.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(bash.exitValue()).isZero();
        assertThat(out.toString()).contains("mysqld-kill").contains("topology");
    }

    @ParameterizedTest
    @ValueSource(strings = {"staus", "status --wrong", "switch --timeout=ten", "status --agents=nonsense"})
    void wrongUsageIsTwo(String line) throws IOException {
        assertThat(run(line.split(" "))).isEqualTo(2);
        assertThat(err.toString()).isNotEmpty();
    }

    /** With a configuration for the fake cluster. */
    @Test
    void aDrillIsRefusedBeforeItBreaksAnythingWhereItCannotBeRight() throws IOException {
        assertThat(moctl("drill", "soak", "--only", "primary-cut,lightning", "--yes"))
                .isEqualTo(2);
        assertThat(err.toString()).contains("'lightning' is no fault");
        assertThat(moctl("drill", "soak", "--faults", "0", "--fault-command", "false"))
                .isEqualTo(2);
        assertThat(err.toString()).contains("0 faults: take 1 to 10000");
        assertThat(moctl("drill", "soak", "--fault-command", "false", "--yes")).isEqualTo(2);
        assertThat(err.toString()).contains("[bench] is missing");
        Files.writeString(
                directory.resolve("bench"), "[bench]\nuser = \"app\"\nschema = \"demo\"\nwriter = \"127.0.0.1:1\"\n");
        assertThat(moctl("drill", "soak", "--fault-command", "false")).isEqualTo(2);
        assertThat(err.toString()).contains("give --yes");
        Path ledger = directory.resolve("ledger");
        assertThat(moctl("drill", "soak", "--fault-command", "false", "--yes", "--ledger", ledger.toString()))
                .isEqualTo(4);
        assertThat(err.toString()).contains("false heal ended with 1");
        Files.writeString(ledger.resolve("acks"), "");
        assertThat(moctl("drill", "soak", "--fault-command", "false", "--yes", "--ledger", ledger.toString()))
                .isEqualTo(2);
        assertThat(err.toString()).contains("holds the ledger of another drill");
    }

    private int moctl(String... args) throws IOException {
        Path token = directory.resolve("token");
        if (!Files.exists(token)) {
            Files.writeString(token, FakeCluster.TOKEN + "\n");
        }
        Path bench = directory.resolve("bench");
        Path config = Files.writeString(
                directory.resolve("moctl.toml"),
                "agents = [\"" + cluster.addresses().replace(",", "\", \"") + "\"]\ntoken-file = \"token\"\n"
                        + (Files.exists(bench) ? Files.readString(bench) : ""));
        String[] all = new String[args.length + 2];
        System.arraycopy(args, 0, all, 0, args.length);
        all[args.length] = "--config";
        all[args.length + 1] = config.toString();
        return run(all);
    }

    private int run(String... args) {
        out = new StringWriter();
        err = new StringWriter();
        CommandLine line = Moctl.commandLine();
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(err, true));
        line.setColorScheme(CommandLine.Help.defaultColorScheme(CommandLine.Help.Ansi.OFF));
        return line.execute(args);
    }
}
