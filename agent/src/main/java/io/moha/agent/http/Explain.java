package io.moha.agent.http;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.moha.agent.loop.ClusterPicture;
import io.moha.agent.loop.Peers;
import io.moha.agent.loop.Published;
import io.moha.decide.Observation;
import io.moha.decide.Ranking;
import io.moha.model.AckList;
import io.moha.model.Ballot;
import io.moha.model.GtidSet;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import io.moha.model.Term;
import io.moha.store.Registration;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Who would be elected if the primary were lost now, and why each other one would not: the same ranking as in an election, of the
 * ballots that the nodes would cast as they are. Asks the other agents; nothing is changed.
 */
public final class Explain {
    private static final Duration ASK = Duration.ofSeconds(1);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Peers peers;
    private final long maxBacklog;

    /** @param maxBacklog transactions, as in elections */
    public Explain(Peers peers, long maxBacklog) {
        this.peers = peers;
        this.maxBacklog = maxBacklog;
    }

    /** @param own this agent's status */
    Map<String, Object> of(Published p, Map<String, Object> own) {
        Map<String, Object> json = new LinkedHashMap<>();
        ClusterPicture picture = p.picture();
        if (picture == null) {
            json.put("because", "etcd has not been read yet");
            return json;
        }
        Optional<NodeId> primary = picture.holder().map(Observation.Holder::node);
        json.put("primary", primary.map(NodeId::value).orElse(""));
        json.put("term", picture.term().value());
        Map<NodeId, String> without = new TreeMap<>();
        List<Ballot> ballots = ballots(p, own, picture, primary, without);
        json.put("because", because(primary, picture, ballots));
        Registration old = primary.map(picture.members()::get).orElse(null);
        String home = old == null || old.dataCenter() == null ? "" : old.dataCenter();
        List<Map<String, Object>> order = new ArrayList<>();
        List<NodeId> ranking = Ranking.of(ballots, home, maxBacklog, b -> GtidSet.EMPTY);
        for (NodeId node : ranking) {
            Ballot ballot = of(ballots, node);
            order.add(line(
                    node,
                    order.size() + 1,
                    order.isEmpty() ? first(ballots) : after(of(ballots, ranking.get(0)), ballot, home)));
        }
        ballots.stream().filter(b -> !b.eligible()).forEach(b -> without.put(b.node(), b.reason()));
        without.forEach((node, why) -> order.add(line(node, 0, why)));
        json.put("candidates", order);
        return json;
    }

    private static Ballot of(List<Ballot> ballots, NodeId node) {
        return ballots.stream().filter(b -> b.node().equals(node)).findFirst().orElseThrow();
    }

    /** @param rank from 1 on; 0 if it could not be elected */
    private static Map<String, Object> line(NodeId node, int rank, String why) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("node", node.value());
        line.put("rank", rank);
        line.put("why", why);
        return line;
    }

    private List<Ballot> ballots(
            Published p,
            Map<String, Object> own,
            ClusterPicture picture,
            Optional<NodeId> primary,
            Map<NodeId, String> without) {
        Map<NodeId, CompletableFuture<Optional<String>>> asked = new TreeMap<>();
        Set<NodeId> members = new TreeSet<>(picture.members().keySet());
        members.addAll(picture.live().keySet());
        primary.ifPresent(members::remove);
        for (NodeId node : members) {
            Registration registration = picture.live().get(node);
            if (node.equals(p.identity().id())) {
                continue;
            }
            if (registration == null) {
                without.put(node, "is not registered: its agent does not run or cannot reach etcd");
            } else {
                asked.put(node, peers.status(address(registration), ASK));
            }
        }
        List<Ballot> ballots = new ArrayList<>();
        if (members.contains(p.identity().id())) {
            ballots.add(ballot(p.identity().id(), JSON.valueToTree(own), picture));
        }
        asked.forEach((node, answer) -> {
            JsonNode status = parsed(answer.join());
            if (status == null) {
                without.put(node, "its agent does not answer");
            } else {
                ballots.add(ballot(node, status, picture));
            }
        });
        return ballots;
    }

    private static String address(Registration registration) {
        String internal = registration.internalApi();
        String api = internal == null || internal.isEmpty() ? registration.api() : internal;
        return api == null ? "" : api;
    }

    private static @Nullable JsonNode parsed(Optional<String> answer) {
        try {
            return answer.isEmpty() ? null : JSON.readTree(answer.get());
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    private static Ballot ballot(NodeId node, JsonNode status, ClusterPicture picture) {
        String unfit = status.path("unfit").asText();
        boolean up = status.path("database").asText().equals("up");
        String reason =
                up ? unfit : "its database is " + status.path("database").asText("unknown");
        try {
            return new Ballot(
                    picture.term().next(),
                    node,
                    picture.followed().getOrDefault(node, Term.NONE),
                    GtidSet.parse(status.path("received").asText()),
                    GtidSet.parse(status.path("executed").asText()),
                    PromotionRule.parse(status.path("promotion_rule").asText()),
                    status.path("data_center").asText(),
                    false,
                    reason.isEmpty(),
                    reason);
        } catch (IllegalArgumentException e) {
            return new Ballot(
                    picture.term().next(),
                    node,
                    Term.NONE,
                    GtidSet.EMPTY,
                    GtidSet.EMPTY,
                    PromotionRule.NEUTRAL,
                    "",
                    false,
                    false,
                    "its status is not understood: " + e.getMessage());
        }
    }

    private static String because(Optional<NodeId> primary, ClusterPicture picture, List<Ballot> ballots) {
        if (primary.isEmpty()) {
            return "nobody holds the role: an election is under way";
        }
        if (picture.singlePoint().isPresent()) {
            return primary.get() + " is the only member and has what nobody else has: nobody takes its place";
        }
        Optional<AckList> list = picture.sync().map(Observation.Sync::list).filter(AckList::binding);
        if (list.isEmpty() || list.get().acks() == 0) {
            return "durability is async: whoever has received most is elected; what nobody has received would be lost";
        }
        int needed = list.get().ackers().size() - list.get().acks() + 1;
        long there = ballots.stream()
                .filter(b -> list.get().ackers().contains(b.node()))
                .count();
        return "durability is lossless: the ballots of " + needed + " of "
                + new TreeSet<>(list.get().ackers())
                + " are needed, or " + primary.get() + "'s own; " + there + " would be there"
                + (there < needed ? ": nobody would be elected before one more is back" : "");
    }

    private static String first(List<Ballot> ballots) {
        boolean alone = ballots.stream().filter(Ballot::eligible).count() == 1;
        return "would be elected: " + (alone ? "it is the only one that can be" : "nobody has received more");
    }

    /** Why the ranking, in its order of reasons, puts one after the first. */
    private static String after(Ballot best, Ballot other, String home) {
        String than = "after " + best.node() + ": ";
        long less = best.received().subtract(other.received()).count();
        long more = other.received().subtract(best.received()).count();
        if (less > 0 && more == 0) {
            return than + "has received " + less + " transactions less";
        }
        if (less > 0) {
            return than + "each has transactions that the other lacks (" + more + " and " + less + ")";
        }
        if (other.rule().compareTo(best.rule()) > 0) {
            return than + "promotion rule " + other.rule().text() + " instead of "
                    + best.rule().text();
        }
        boolean away = !home.isEmpty()
                && !other.dataCenter().equals(home)
                && best.dataCenter().equals(home);
        if (away) {
            return than + "in data centre '" + other.dataCenter() + "', not the primary's '" + home + "'";
        }
        if (other.backlog() > best.backlog()) {
            return than + "has " + other.backlog() + " transactions still to execute instead of " + best.backlog();
        }
        return than + "equal in everything; the node id decides";
    }
}
