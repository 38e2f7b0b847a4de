package io.moha.moctl.client;

import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** All agents of one cluster, found from any one that answers. Safe for use by several threads. */
public final class Agents {
    private final List<URI> seeds;
    private final String token;
    private final ExecutorService pool = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "moctl-http");
        thread.setDaemon(true);
        return thread;
    });
    private final HttpClient http;

    /**
     * @param seeds addresses of some agents, at least one
     * @param token for requests that change something; empty for none
     */
    public Agents(List<URI> seeds, String token) {
        if (seeds.isEmpty()) {
            throw new IllegalArgumentException("no address of an agent");
        }
        this.seeds = List.copyOf(seeds);
        this.token = token;
        this.http = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(Duration.ofSeconds(1))
                .executor(pool)
                .build();
    }

    /** A client for the agent at this address. */
    public AgentClient at(URI address) {
        return new AgentClient(address, http, token);
    }

    /** Something that any agent can answer. */
    public interface Question<T> {
        T ask(AgentClient agent) throws AgentException;
    }

    /**
     * Asks one after the other, those who have answered before only.
     *
     * @return the first answer
     * @throws AgentException the last reason, if there is none
     */
    public <T> T first(List<MemberView> order, Question<T> question) throws AgentException {
        AgentException last = new AgentException("no member's agent answers");
        for (MemberView m : order) {
            try {
                if (m.status().isPresent()) {
                    return question.ask(of(m.member()));
                }
            } catch (AgentException e) {
                last = e;
            }
        }
        throw last;
    }

    /**
     * A client for this member's agent.
     *
     * @throws AgentException if the member has not published an address
     */
    public AgentClient of(Member member) throws AgentException {
        if (member.api().isEmpty()) {
            throw new AgentException(member.id() + " has not published the address of its agent");
        }
        try {
            return at(URI.create(member.api()));
        } catch (IllegalArgumentException e) {
            throw new AgentException(member.id() + " has published an unusable address: " + member.api(), e);
        }
    }

    /**
     * Asks all known agents at once and takes the newest answer.
     *
     * @throws AgentException if none of them answers; the message names each with its reason
     */
    public ClusterInfo cluster() throws AgentException {
        List<CompletableFuture<Answer>> asked = seeds.stream()
                .map(seed -> CompletableFuture.supplyAsync(() -> ask(seed), pool))
                .toList();
        List<Answer> answers = asked.stream().map(CompletableFuture::join).toList();
        return answers.stream()
                .flatMap(a -> a.info().stream())
                .max(Comparator.comparingLong(ClusterInfo::revision))
                .orElseThrow(() -> new AgentException("no agent answers: "
                        + String.join("; ", answers.stream().map(Answer::error).toList())));
    }

    /**
     * Asks for the cluster and for every member's own status.
     *
     * @param fresh whether each agent is to look at its database again first
     * @throws AgentException if no agent answers
     */
    public ClusterView view(boolean fresh) throws AgentException {
        ClusterInfo info = cluster();
        List<CompletableFuture<MemberView>> asked = new ArrayList<>();
        for (Member member : info.members()) {
            asked.add(CompletableFuture.supplyAsync(() -> look(member, fresh), pool));
        }
        return new ClusterView(info, asked.stream().map(CompletableFuture::join).toList());
    }

    private Answer ask(URI seed) {
        try {
            return new Answer(Optional.of(at(seed).cluster()), "");
        } catch (AgentException e) {
            return new Answer(Optional.empty(), String.valueOf(e.getMessage()));
        }
    }

    private MemberView look(Member member, boolean fresh) {
        try {
            NodeStatus status = of(member).status(fresh);
            if (!status.id().equals(member.id())) {
                return new MemberView(
                        member, Optional.empty(), member.api() + " is the agent of " + status.id() + " instead");
            }
            return new MemberView(member, Optional.of(status), "");
        } catch (AgentException e) {
            return new MemberView(member, Optional.empty(), String.valueOf(e.getMessage()));
        }
    }

    private record Answer(Optional<ClusterInfo> info, String error) {}
}
