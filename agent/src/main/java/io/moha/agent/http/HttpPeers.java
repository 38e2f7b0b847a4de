package io.moha.agent.http;

import io.moha.agent.loop.Peers;
import io.moha.model.NodeId;
import io.moha.model.Term;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;

/** Asks other agents over HTTP, with the token that all agents of a cluster share. Connects when first asked. */
public final class HttpPeers implements Peers {
    private final Optional<String> token;
    private volatile Optional<HttpClient> client = Optional.empty();

    /** @param token empty: the others refuse, unless they take wishes from anybody */
    public HttpPeers(Optional<String> token) {
        this.token = token;
    }

    @Override
    public CompletableFuture<Boolean> promise(
            String api, NodeId primary, Term term, Set<NodeId> asked, Duration length, Duration deadline) {
        String all = asked.stream().map(NodeId::value).sorted().collect(Collectors.joining(","));
        HttpRequest.Builder request;
        try {
            request = HttpRequest.newBuilder(URI.create(api + "/failsafe?primary=" + encoded(primary.value()) + "&term="
                            + term + "&asked=" + encoded(all) + "&millis=" + length.toMillis()))
                    .timeout(deadline)
                    .POST(HttpRequest.BodyPublishers.noBody());
        } catch (IllegalArgumentException e) {
            return CompletableFuture.completedFuture(false);
        }
        token.ifPresent(t -> request.header("Authorization", "Bearer " + t));
        return client().sendAsync(request.build(), HttpResponse.BodyHandlers.discarding())
                .handle((answer, error) -> error == null && answer.statusCode() == 200);
    }

    @Override
    public CompletableFuture<Boolean> answers(String api, Duration deadline) {
        HttpRequest request;
        try {
            request = HttpRequest.newBuilder(URI.create(api + "/liveness"))
                    .timeout(deadline)
                    .build();
        } catch (IllegalArgumentException e) {
            return CompletableFuture.completedFuture(false);
        }
        return client().sendAsync(request, HttpResponse.BodyHandlers.discarding())
                .handle((answer, error) -> error == null);
    }

    @Override
    public CompletableFuture<Optional<String>> status(String api, Duration deadline) {
        HttpRequest request;
        try {
            request = HttpRequest.newBuilder(URI.create(api + "/status"))
                    .timeout(deadline)
                    .build();
        } catch (IllegalArgumentException e) {
            return CompletableFuture.completedFuture(Optional.empty());
        }
        return client().sendAsync(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8))
                .handle((answer, error) ->
                        error == null && answer.statusCode() == 200 ? Optional.of(answer.body()) : Optional.empty());
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    /** One selector thread, only in clusters that have lost their etcd or a primary at least once. */
    private synchronized HttpClient client() {
        if (client.isEmpty()) {
            client = Optional.of(HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .connectTimeout(Duration.ofMillis(500))
                    .build());
        }
        return client.get();
    }
}
