package io.moha.agent.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import io.moha.model.Obstacle;
import io.moha.model.Term;
import io.moha.store.StoreException;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who is what, who may change something, and what is done when it is answered. */
class ApiServerTest extends HttpTest {
    private static final Duration PAST_THE_FENCE = Duration.ofSeconds(6);
    private static final List<String> MUTATING = List.of(
            "/setReadOnly",
            "/setReadWrite",
            "/changeMaster",
            "/setOnlyFollow?onlyFollow=true",
            "/forget?node=n9",
            "/reinit?confirm=n1");

    // Who is what.

    @Test
    void aPrimaryAnswersTheChecksOfAPrimary() throws IOException {
        assertCodes(
                primary(),
                "/masterCheck",
                "200",
                "/primary",
                "200",
                "/read-write",
                "200",
                "/read-only",
                "200",
                "/slaveCheck",
                "418",
                "/replica",
                "503",
                "/replica?lag=10",
                "503",
                "/health",
                "200",
                "/readiness",
                "200",
                "/liveness",
                "200");
    }

    @ParameterizedTest
    @ValueSource(strings = {"HEAD", "OPTIONS"})
    void checksAnswerTheMethodsThatLoadBalancersUse(String method) throws IOException {
        Node node = primary();
        assertThat(node.send(method, "/masterCheck").statusCode()).isEqualTo(200);
        assertThat(node.send(method, "/slaveCheck").statusCode()).isEqualTo(418);
    }

    @Test
    void nothingIsClaimedBeforeTheFirstTurnOfTheLoop() throws IOException {
        assertCodes(
                node(1, Node.WITH_TOKEN),
                "/masterCheck",
                "503",
                "/primary",
                "503",
                "/slaveCheck",
                "503",
                "/health",
                "503",
                "/status",
                "503");
    }

    @Test
    void aReplicaAnswersTheChecksOfAReplica() throws IOException, StoreException {
        assertCodes(
                replica(),
                "/masterCheck",
                "418",
                "/primary",
                "503",
                "/read-write",
                "503",
                "/read-only",
                "200",
                "/slaveCheck",
                "200",
                "/replica",
                "200",
                "/health",
                "200",
                "/readiness",
                "200",
                "/liveness",
                "200");
    }

    @Test
    void aReplicaThatLagsIsLeftOutWhereTheLagIsAskedFor() throws IOException, StoreException {
        Node node = replica();
        node.mysql.secondsBehind(7);
        node.awaitStatus("\"seconds_behind_master\":7");
        assertCodes(node, "/replica", "200", "/replica?lag=7", "200", "/replica?lag=6", "503", "/replica?lag=x", "400");
    }

    @Test
    void aReplicaWithoutItsSourceIsNoReplicaForReaders() throws IOException, StoreException {
        Node node = replica();
        node.mysql.disconnect();
        node.awaitAnswer("/slaveCheck", 418);
        assertCodes(node, "/replica", "503", "/read-only", "503", "/health", "503", "/liveness", "200");
    }

    @Test
    void aNodeWithoutARoleClaimsNone() throws IOException {
        assertCodes(
                waiting(),
                "/masterCheck",
                "418",
                "/slaveCheck",
                "418",
                "/primary",
                "503",
                "/read-write",
                "503",
                "/replica",
                "503",
                "/read-only",
                "503",
                "/health",
                "503",
                "/readiness",
                "503",
                "/liveness",
                "200");
    }

    @Test
    void aFrozenLoopCannotClaimTheRolePastTheFence() throws Exception {
        Node node = primary();
        node.freezeLoop();
        assertCodes(node, "/masterCheck", "200", "/liveness", "200");
        node.jump(PAST_THE_FENCE);
        assertCodes(
                node,
                "/masterCheck",
                "418",
                "/primary",
                "503",
                "/read-write",
                "503",
                "/read-only",
                "503",
                "/health",
                "503");
        JsonNode status = JSON.readTree(node.get("/status").body());
        assertThat(status.get("state").asText()).isEqualTo("PRIMARY");
        assertThat(status.get("master").asBoolean()).isFalse();
        assertThat(status.get("fence_in_ms").asLong()).isZero();
    }

    @Test
    void aLoopThatDoesNotTurnIsNotAlive() throws Exception {
        Node node = primary();
        node.freezeLoop();
        node.jump(Duration.ofSeconds(11));
        assertCodes(node, "/liveness", "503");
    }

    @Test
    void aPrimaryThatLosesEtcdIsFencedAndSaysSo() throws IOException {
        Node node = primary();
        node.cutOffFromEtcd();
        node.jump(PAST_THE_FENCE);
        assertCodes(node, "/masterCheck", "418");
        node.awaitStatus("\"state\":\"FENCED\"");
        assertThat(node.mysql.writable()).isFalse();
        assertCodes(
                node,
                "/masterCheck",
                "418",
                "/slaveCheck",
                "418",
                "/primary",
                "503",
                "/read-only",
                "503",
                "/health",
                "503",
                "/liveness",
                "200");
    }

    // Who may change something.

    @Test
    void nothingIsChangedWithoutTheToken() throws IOException {
        Node node = primary();
        for (String path : MUTATING) {
            assertThat(node.send("POST", path).statusCode()).as(path).isEqualTo(401);
        }
        for (String header :
                List.of("Bearer wrong", "Bearer ", "Bearer " + Node.TOKEN + "x", "Bearer t0ken", Node.TOKEN)) {
            HttpResponse<String> answer = node.send("POST", "/setReadOnly", "Authorization", header);
            assertThat(answer.statusCode()).as(header).isEqualTo(401);
            assertThat(answer.body()).doesNotContain(Node.TOKEN);
        }
        assertCodes(node, "/masterCheck", "200");
    }

    @Test
    void nothingIsChangedWhereNoTokenIsConfigured() throws IOException {
        Node node = primary(new ApiServer.Access(Optional.empty(), true, false));
        for (String path : MUTATING) {
            assertThat(node.send("POST", path).statusCode()).as(path).isEqualTo(403);
            assertThat(node.send("GET", path).statusCode()).as("GET " + path).isEqualTo(403);
            assertThat(node.post(path).statusCode()).as("with a token: " + path).isEqualTo(403);
        }
        assertCodes(node, "/masterCheck", "200");
    }

    @Test
    void nothingIsChangedByGetUnlessConfigured() throws IOException {
        Node node = primary();
        for (String path : MUTATING) {
            HttpResponse<String> answer = node.send("GET", path, "Authorization", "Bearer " + Node.TOKEN);
            assertThat(answer.statusCode()).as(path).isEqualTo(405);
            assertThat(answer.headers().firstValue("Allow")).as(path).contains("POST");
        }
        assertCodes(node, "/masterCheck", "200");
    }

    @Test
    void getChangesThingsWhereItIsConfigured() throws IOException {
        Node node = primary(new ApiServer.Access(Optional.of(Node.TOKEN), true, false));
        assertThat(node.get("/setReadOnly").statusCode())
                .as("without the token")
                .isEqualTo(401);
        HttpResponse<String> put = node.send("PUT", "/setReadOnly", "Authorization", "Bearer " + Node.TOKEN);
        assertThat(put.statusCode()).isEqualTo(405);
        assertThat(put.headers().firstValue("Allow")).contains("POST, GET");
        HttpResponse<String> got = node.send("GET", "/setReadOnly", "Authorization", "Bearer " + Node.TOKEN);
        assertThat(got.statusCode()).isEqualTo(200);
        assertCodes(node, "/masterCheck", "418");
    }

    @Test
    void anybodyChangesThingsWhereThatIsConfigured() throws IOException {
        Node node = primary(new ApiServer.Access(Optional.empty(), false, true));
        assertThat(node.send("POST", "/setReadOnly").statusCode()).isEqualTo(200);
        assertCodes(node, "/masterCheck", "418");
    }

    // What the primary's agent asks of the others.

    private static final Set<NodeId> ASKED = Set.of(Node.ID);

    private static boolean promise(Node node, String token, long term) {
        return promise(node, token, term, ASKED);
    }

    private static boolean promise(Node node, String token, long term, Set<NodeId> asked) {
        return new HttpPeers(Optional.of(token))
                .promise(
                        node.address(),
                        new NodeId("n2"),
                        new Term(term),
                        asked,
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(5))
                .join();
    }

    @Test
    void aReplicaPromisesOnlyWhereItReachesEtcdNoMoreItself() throws IOException, StoreException {
        Node node = replica();
        assertThat(promise(node, Node.TOKEN, 1)).as("it reaches etcd").isFalse();
        assertThat(node.post("/failsafe?primary=n2&term=1&asked=n1&millis=5000").body())
                .contains("the lease decides");
        node.cutOffFromEtcd();
        await().atMost(Duration.ofSeconds(10)).until(() -> promise(node, Node.TOKEN, 1));
        assertThat(promise(node, "wrong", 1)).as("with a wrong token").isFalse();
        assertThat(promise(node, Node.TOKEN, 2)).as("for another term").isFalse();
        assertThat(promise(node, Node.TOKEN, 1, Set.of(new NodeId("n9"))))
                .as("where a member was left out: this one")
                .isFalse();
        assertThat(node.post("/failsafe?primary=n3&term=1&asked=n1&millis=5000").statusCode())
                .as("for another primary")
                .isEqualTo(409);
    }

    @Test
    void whoGivesNoAnswerHasNotPromised() {
        HttpPeers peers = new HttpPeers(Optional.empty());
        for (String api : new String[] {"http://127.0.0.1:1", "", "not an address"}) {
            assertThat(peers.promise(
                                    api,
                                    new NodeId("n2"),
                                    new Term(1),
                                    ASKED,
                                    Duration.ofSeconds(5),
                                    Duration.ofSeconds(1))
                            .join())
                    .isFalse();
        }
    }

    // What is asked for wrongly, or cannot be.

    @ParameterizedTest
    @CsvSource({
        "/forget,                          node",
        "/forget?node=bad%20name!,         bad name!",
        "/forget?node=,                    not usable",
        "/reinit,                          /reinit?confirm=n1",
        "/reinit?confirm=wrong,            /reinit?confirm=n1",
        "/failsafe,                        millis",
        "/failsafe?millis=0,               1 to 300000",
        "/failsafe?millis=x,               not a number",
        "/failsafe?millis=9000&term=1,     primary",
        "/failsafe?millis=9000&term=1&primary=n2, asked",
        "/setReadOnly?seconds=0,           1 to 3600",
        "/setReadOnly?seconds=-1,          1 to 3600",
        "/setReadOnly?seconds=3601,        1 to 3600",
        "/setReadOnly?seconds=soon,        soon",
        "/setOnlyFollow,                   true or false",
        "/setOnlyFollow?onlyFollow=maybe,  maybe",
        "/changeMaster?within-ms=99,       100 to 600000",
        "/changeMaster?within-ms=600001,   100 to 600000",
        "/changeMaster?within-ms=soon,     soon",
        "/changeMaster?on-long-transactions=perhaps, perhaps",
        "/changeMaster?to=bad%20name!,     bad name!"
    })
    void aMalformedParameterIsNamedAndChangesNothing(String path, String named) throws IOException {
        Node node = primary();
        HttpResponse<String> answer = node.post(path);
        assertThat(answer.statusCode()).isEqualTo(400);
        assertThat(answer.body()).startsWith("fail: ").contains(named).doesNotContain("Exception");
        assertCodes(node, "/masterCheck", "200");
    }

    @ParameterizedTest
    @CsvSource({
        "/changeMaster?to=n9,  n9 is not registered",
        "/changeMaster?to=n1,  n1 is the primary already",
        "/changeMaster,        no registered replica",
        "/reinit?confirm=n1,   no other primary",
        "/forget?node=n1,      n1 is registered"
    })
    void aPrimaryRefusesWhatCannotBeAndStaysOpen(String path, String reason) throws IOException {
        Node node = primary();
        HttpResponse<String> answer = node.post(path);
        assertThat(answer.statusCode()).isEqualTo(409);
        assertThat(answer.body()).contains(reason).doesNotContain("success");
        assertCodes(node, "/masterCheck", "200");
        assertThat(node.mysql.writable()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"/setReadOnly", "/setReadWrite", "/changeMaster", "/changeMaster?to=n1"})
    void aReplicaRefusesWhatOnlyAPrimaryCanDoAndNamesThePrimary(String path) throws IOException, StoreException {
        HttpResponse<String> answer = replica().post(path);
        assertThat(answer.statusCode()).isEqualTo(409);
        assertThat(answer.body()).contains("not the primary").contains("ask n2");
    }

    @Test
    void aPageThatDoesNotExistIsNotFound() throws IOException {
        Node node = primary();
        assertCodes(node, "/", "404", "/nope", "404", "/masterCheck/", "404", "/mastercheck", "404");
        assertThat(node.post("/setReadonly").statusCode()).isEqualTo(404);
    }

    // What is done when it is answered.

    @Test
    void readOnlyAndReadWriteHoldAtOnceWhenTheyAreAnswered() throws IOException {
        Node node = primary();
        for (int round = 0; round < 3; round++) {
            HttpResponse<String> closed = node.post("/setReadOnly");
            assertCodes(node, "/masterCheck", "418", "/primary", "503", "/health", "200");
            assertThat(node.mysql.writable()).isFalse();
            assertThat(closed.statusCode()).isEqualTo(200);
            assertThat(closed.body()).contains("success");

            HttpResponse<String> opened = node.post("/setReadWrite");
            assertCodes(node, "/masterCheck", "200", "/primary", "200", "/health", "200");
            assertThat(node.mysql.writable()).isTrue();
            assertThat(opened.statusCode()).isEqualTo(200);
            assertThat(opened.body()).contains("success");
        }
    }

    @Test
    void readOnlyForSomeSecondsEndsByItself() throws IOException {
        Node node = primary();
        assertThat(node.post("/setReadOnly?seconds=1").statusCode()).isEqualTo(200);
        assertCodes(node, "/masterCheck", "418");
        node.awaitAnswer("/masterCheck", 200);
        assertThat(node.mysql.writable()).isTrue();
    }

    @Test
    void aHandOverHasHappenedWhenItIsAnswered() throws IOException, StoreException {
        Node node = primary();
        node.register(OTHER, OTHER_MYSQL);
        node.awaitPage("/cluster", "\"n2\"");
        HttpResponse<String> answer = node.post("/changeMaster?to=n2");
        assertCodes(node, "/masterCheck", "418");
        assertThat(node.mysql.writable()).isFalse();
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.body()).contains("success");
    }

    @Test
    void aSessionInTheWayIsShownAndEndsAHandOverOrIsEndedByIt() throws IOException, StoreException {
        Node node = primary();
        node.register(OTHER, OTHER_MYSQL);
        node.awaitPage("/cluster", "\"n2\"");
        node.mysql.inTheWay(new Obstacle(Obstacle.Kind.DDL, 12, "app@web", 63, "ALTER is running"));
        assertThat(node.get("/obstacles").body())
                .isEqualTo("[{\"kind\":\"ddl\",\"session\":12,\"user\":\"app@web\",\"seconds\":63,"
                        + "\"what\":\"ALTER is running\"}]");

        HttpResponse<String> refused = node.post("/changeMaster?to=n2&on-long-transactions=abort");
        assertThat(refused.statusCode()).isEqualTo(409);
        assertThat(refused.body())
                .contains("session 12 of app@web: ALTER is running, for 63 s")
                .contains("nothing was closed");
        assertCodes(node, "/masterCheck", "200");
        assertThat(node.mysql.writable()).isTrue();

        HttpResponse<String> done = node.post("/changeMaster?to=n2&on-long-transactions=kill");
        assertThat(done.body()).contains("success");
        assertThat(node.get("/obstacles").body()).isEqualTo("[]");
    }

    private static String candidate(String received, String more) {
        return "{\"received\":\"" + FakeServer.UUID + ":" + received + "\",\"executed\":\"" + FakeServer.UUID + ":"
                + received + "\",\"promotion_rule\":\"neutral\",\"data_center\":\"\",\"database\":\"up\"" + more + "}";
    }

    @Test
    void whoWouldBeElectedIsExplainedAndWhyTheOthersWouldNot() throws IOException, StoreException {
        Node node = primary();
        for (String other : new String[] {"n2", "n3", "n4", "n5", "n6"}) {
            node.register(new NodeId(other), Endpoint.parse("10.0.0." + other.charAt(1) + ":3306"));
        }
        node.awaitPage("/cluster", "\"n6\"");
        node.statuses.put("http://n2", candidate("1-8", ",\"unfit\":\"\""));
        node.statuses.put("http://n3", candidate("1-10", ""));
        node.statuses.put("http://n4", candidate("1-99", ",\"unfit\":\"only follows (promotion rule must_not)\""));
        node.statuses.put("http://n6", candidate("1-10", ""));
        assertThat(node.get("/explain").body())
                .isEqualTo("{\"primary\":\"n1\",\"term\":1,\"because\":\"durability is async: whoever has received most"
                        + " is elected; what nobody has received would be lost\",\"candidates\":["
                        + "{\"node\":\"n3\",\"rank\":1,\"why\":\"would be elected: nobody has received more\"},"
                        + "{\"node\":\"n6\",\"rank\":2,\"why\":\"after n3: equal in everything; the node id decides\"},"
                        + "{\"node\":\"n2\",\"rank\":3,\"why\":\"after n3: has received 2 transactions less\"},"
                        + "{\"node\":\"n4\",\"rank\":0,\"why\":\"only follows (promotion rule must_not)\"},"
                        + "{\"node\":\"n5\",\"rank\":0,\"why\":\"its agent does not answer\"}]}");
    }

    @Test
    void onlyFollowIsShownOnceItIsAnswered() throws IOException {
        Node node = waiting();
        assertThat(node.post("/setOnlyFollow?onlyFollow=true").body()).contains("success");
        node.awaitStatus("\"only_follow\":true");
        assertThat(node.get("/status").body()).contains("\"promotion_rule\":\"must_not\"");
    }

    @Test
    void aMemberThatIsGoneIsForgotten() throws IOException {
        HttpResponse<String> answer = primary().post("/forget?node=n9");
        assertThat(answer.statusCode()).isEqualTo(200);
        assertThat(answer.body()).contains("forget n9 success");
    }
}
