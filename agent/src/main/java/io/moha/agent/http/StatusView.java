package io.moha.agent.http;

import io.moha.agent.loop.Clock;
import io.moha.agent.loop.Published;
import io.moha.decide.Observation;
import io.moha.model.AckList;
import io.moha.model.NodeId;
import io.moha.model.Obstacle;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.DatabaseStatus.Replica;
import io.moha.store.Registration;
import io.moha.store.SwitchRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The JSON of {@code /status}, {@code /cluster} and {@code /history}; documented in docs/reference/interfaces.md. */
final class StatusView {
    private final Clock clock;
    private final Instant startedAt;
    private final String version;

    StatusView(Clock clock, Instant startedAt, String version) {
        this.clock = clock;
        this.startedAt = startedAt;
        this.version = version;
    }

    Map<String, Object> status(Published p) {
        long now = clock.now();
        Map<String, Object> json = new LinkedHashMap<>();
        Optional<DatabaseStatus> s = p.status();
        Optional<Replica> replica = s.flatMap(DatabaseStatus::replica);
        boolean holds = p.holderAt(now);
        json.put("id", p.identity().id().value());
        json.put("master", p.primaryAt(now));
        json.put("only_follow", p.onlyFollow());
        json.put(
                "io_thread_ok",
                holds
                        || replica.filter(r -> r.receiver() == DatabaseStatus.Receiver.RUNNING)
                                .isPresent());
        json.put(
                "sql_thread_ok",
                holds || replica.filter(Replica::applierRunning).isPresent());
        json.put("readonly", s.map(DatabaseStatus::readOnly).orElse(true));
        json.put("seconds_behind_master", p.lagSeconds());
        json.put("term", clusterTerm(p));
        json.put(
                "single_point_master",
                p.picture() != null && p.picture().singlePoint().isPresent());
        json.put("cluster", p.identity().cluster());
        json.put("state", p.state().phase().name());
        json.put("because", p.decision().because());
        json.put("primary", primary(p));
        json.put("internal_host", p.identity().internal().toString());
        json.put("external_host", p.identity().external().toString());
        json.put("api", p.identity().api());
        database(json, p, s, replica);
        json.put("lease_remaining_ms", Math.max(0, (p.leaseEndsAt() - now) / 1_000_000));
        json.put("fence_in_ms", holds ? Math.max(0, (p.fenceAt() - now) / 1_000_000) : 0);
        json.put(
                "store_age_ms",
                p.observation()
                        .cluster()
                        .map(c -> (now - c.readAt()) / 1_000_000)
                        .orElse(-1L));
        json.put("data_center", p.identity().dataCenter());
        json.put("promotion_rule", p.rule().text());
        json.put("unfit", p.unfit());
        durability(json, p);
        json.put("dead_man", deadMan(p, s));
        json.put("tags", new TreeMap<>(p.identity().tags()));
        json.put("agent_version", version);
        json.put("observed_at", p.at().toString());
        json.put("started_at", startedAt.toString());
        json.put("uptime_seconds", Duration.between(startedAt, clock.wall()).toSeconds());
        json.put("problems", p.problems());
        return json;
    }

    /** What is in force, not what is wished for. */
    private static void durability(Map<String, Object> json, Published p) {
        Optional<AckList> list =
                p.observation().cluster().flatMap(Observation.Cluster::sync).map(Observation.Sync::list);
        json.put("durability", list.map(StatusView::inForce).orElse("async"));
        json.put("durability_wanted", p.observation().acks().wanted().text());
        json.put(
                "ackers_needed",
                list.filter(AckList::binding).map(AckList::acks).orElse(0));
        json.put(
                "ackers",
                list.map(l -> l.ackers().stream().map(NodeId::value).sorted().toList())
                        .orElse(List.of()));
        json.put(
                "ackers_connected",
                p.status().map(s -> s.semiSync().ackers().size()).orElse(0));
        json.put("commits_waiting", p.status().map(s -> s.semiSync().waiting()).orElse(0));
        json.put(
                "acknowledges",
                p.status().map(s -> s.semiSync().acknowledging()).orElse(false));
    }

    private static String inForce(AckList list) {
        if (!list.binding()) {
            return "async";
        }
        return list.acks() > 0 ? "lossless" : "degraded";
    }

    private static void database(
            Map<String, Object> json, Published p, Optional<DatabaseStatus> s, Optional<Replica> replica) {
        json.put("version", s.map(DatabaseStatus::version).orElse(""));
        json.put("server_uuid", s.map(DatabaseStatus::serverUuid).orElse(""));
        json.put("executed", s.map(x -> x.executed().toString()).orElse(""));
        json.put("received", s.map(x -> x.received().toString()).orElse(""));
        json.put("errant", p.errant());
        json.put("never_acknowledged", p.neverAcknowledged());
        json.put(
                "backlog",
                s.map(x -> x.received().subtract(x.executed()).count()).orElse(-1L));
        json.put("database", health(p.observation().database().health()));
        json.put("offline_mode", s.map(DatabaseStatus::offlineMode).orElse(false));
        json.put("binlog_format", s.map(DatabaseStatus::binlogFormat).orElse(""));
        json.put("binlog_file", s.map(DatabaseStatus::binlogFile).orElse(""));
        json.put("binlog_position", s.map(DatabaseStatus::binlogPosition).orElse(0L));
        json.put("source", replica.map(r -> r.source().toString()).orElse(""));
        json.put("receiver", replica.map(r -> r.receiver().name()).orElse(""));
        json.put("receiver_error", replica.map(Replica::receiverError).orElse(""));
        json.put("applier_error", replica.map(Replica::applierError).orElse(""));
    }

    private static String health(Observation.Health health) {
        return switch (health) {
            case ANSWERING, LOOKING -> "up";
            case DEAD -> "down";
            case SILENT, HUNG -> "unreachable";
        };
    }

    private static String deadMan(Published p, Optional<DatabaseStatus> s) {
        if (!p.deadManSwitch()) {
            return "off";
        }
        return s.filter(DatabaseStatus::deadManArmed).isPresent() ? "armed" : "disarmed";
    }

    private static long clusterTerm(Published p) {
        return p.observation()
                .cluster()
                .map(c -> c.term().value())
                .orElse(p.state().term().value());
    }

    private static String primary(Published p) {
        return p.observation()
                .cluster()
                .flatMap(Observation.Cluster::holder)
                .map(h -> h.node().value())
                .orElse("");
    }

    Map<String, Object> cluster(Published p) {
        Map<String, Object> json = new LinkedHashMap<>();
        String primary = primary(p);
        json.put("cluster", p.identity().cluster());
        json.put("term", clusterTerm(p));
        json.put("primary", primary);
        json.put("holder", primary);
        var picture = p.picture();
        json.put("read_at", picture == null ? "" : picture.readAt().toString());
        json.put("revision", picture == null ? 0L : picture.revision());
        List<Map<String, Object>> members = new ArrayList<>();
        if (picture != null) {
            Map<NodeId, Registration> all = new TreeMap<>(picture.members());
            all.putAll(picture.live());
            all.forEach((node, r) -> members.add(member(node, r, picture.live().containsKey(node), primary)));
        }
        json.put("members", members);
        return json;
    }

    private static Map<String, Object> member(NodeId node, Registration r, boolean alive, String primary) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("id", node.value());
        json.put("alive", alive);
        json.put("master", node.value().equals(primary));
        json.put("internal_host", r.internalHost());
        json.put("external_host", r.externalHost());
        json.put("api", text(r.api()));
        json.put("version", text(r.version()));
        json.put("data_center", text(r.dataCenter()));
        json.put("promotion_rule", text(r.promotionRule()).toLowerCase(Locale.ROOT));
        json.put("only_follow", Boolean.TRUE.equals(r.onlyFollow()));
        json.put("tags", r.tags() == null ? Map.of() : new TreeMap<>(r.tags()));
        return json;
    }

    private static String text(@org.jspecify.annotations.Nullable String value) {
        return value == null ? "" : value;
    }

    static List<SwitchRecord> history(Published p) {
        var picture = p.picture();
        return picture == null ? List.of() : picture.records();
    }

    static List<Map<String, Object>> obstacles(List<Obstacle> obstacles) {
        List<Map<String, Object>> json = new ArrayList<>();
        for (Obstacle each : obstacles) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("kind", each.kind().name().toLowerCase(Locale.ROOT));
            one.put("session", each.session());
            one.put("user", each.user());
            one.put("seconds", each.seconds());
            one.put("what", each.what());
            json.add(one);
        }
        return json;
    }
}
