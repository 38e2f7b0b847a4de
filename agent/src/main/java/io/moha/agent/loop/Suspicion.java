package io.moha.agent.loop;

import io.moha.decide.Observation;
import io.moha.decide.Policy;
import io.moha.model.AckList;
import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import io.moha.model.Term;
import io.moha.mysql.Database;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.DatabaseStatus.Receiver;
import io.moha.store.Registration;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * On an acker: finds out whether the primary is gone. Nothing comes from it, not even a heartbeat, and neither its agent nor
 * its server answers. A primary that has only lost etcd, or only its agent, is not suspected.
 */
final class Suspicion implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Suspicion.class);
    private static final Duration PAUSE = Duration.ofMillis(200);
    private static final Duration IDLE = Duration.ofSeconds(1);
    private static final Duration ASK = Duration.ofMillis(400);

    private final NodeId me;
    private final Policy policy;
    private final Clock clock;
    private final Peers peers;
    private final Database database;
    private final StoreReader reader;
    private final DatabaseProber prober;
    private final Runnable onChange;
    private volatile Suspect suspect = new Suspect(Term.NONE, 0);
    private String heard = "";
    private long heardAt;
    private Optional<Term> watched = Optional.empty();

    /** The primary of which term, and since when; 0: it is not suspected. */
    private record Suspect(Term term, long since) {}

    /** @param onChange called when a suspicion begins or ends; must not block */
    Suspicion(
            NodeId me,
            Policy policy,
            Clock clock,
            Peers peers,
            Database database,
            StoreReader reader,
            DatabaseProber prober,
            Runnable onChange) {
        this.me = me;
        this.policy = policy;
        this.clock = clock;
        this.peers = peers;
        this.database = database;
        this.reader = reader;
        this.prober = prober;
        this.onChange = onChange;
    }

    /**
     * Since when nothing has come from the primary of a term; 0 if it is not suspected. Monotonic nanoseconds. Any thread.
     */
    long since(Term term) {
        Suspect now = suspect;
        return now.term().equals(term) ? now.since() : 0;
    }

    @Override
    public void run() {
        Bell pause = clock.bell();
        while (!Thread.currentThread().isInterrupted()) {
            look();
            if (!pause.await(watched.isEmpty() ? IDLE : PAUSE)) {
                return;
            }
        }
    }

    private void look() {
        Optional<ClusterPicture> picture = reader.picture().filter(this::concernsMe);
        if (picture.isEmpty()) {
            watched = Optional.empty();
            suspect(new Suspect(Term.NONE, 0));
            return;
        }
        long now = clock.now();
        Term term = picture.get().term();
        if (watched.filter(term::equals).isEmpty()) {
            watched = Optional.of(term);
            heardAt = now;
        }
        DatabaseProber.Look look = prober.look();
        Optional<DatabaseStatus.Replica> replica = look.status().flatMap(DatabaseStatus::replica);
        boolean runs = replica.filter(r -> r.receiver() == Receiver.RUNNING).isPresent();
        String hears = replica.map(DatabaseStatus.Replica::heard).orElse("");
        if (runs && !hears.equals(heard)) {
            heard = hears;
            heardAt = Math.max(heardAt, look.sentAt());
        }
        boolean silent = !runs || now - heardAt > policy.suspectAfter().toNanos() * 9 / 10;
        if (silent && answers(picture.get())) {
            heardAt = clock.now(); // that is a sign of life, too
        }
        suspect(new Suspect(term, silent && heardAt - now <= 0 ? heardAt : 0));
    }

    /** Only where ackers could replace the primary, and this node is one of them. */
    private boolean concernsMe(ClusterPicture picture) {
        return picture.holder().filter(h -> !h.node().equals(me)).isPresent()
                && picture.sync()
                        .map(Observation.Sync::list)
                        .filter(AckList::binding)
                        .filter(l ->
                                l.term().equals(picture.term()) && l.ackers().contains(me))
                        .isPresent();
    }

    private boolean answers(ClusterPicture picture) {
        NodeId primary = picture.holder().orElseThrow().node();
        Registration registration = picture.members().get(primary);
        if (registration == null) {
            return false;
        }
        String api = registration.internalApi();
        CompletableFuture<Boolean> agent =
                api == null ? CompletableFuture.completedFuture(false) : peers.answers(api, ASK);
        try {
            database.executedOn(Endpoint.parse(registration.internalHost()), ASK);
            return true;
        } catch (DatabaseException e) {
            LOG.debug("{} does not answer: {}", primary, e.getMessage());
        }
        Bell answered = clock.bell();
        var unused = agent.whenComplete((yes, no) -> answered.ring());
        return agent.isDone() ? agent.getNow(false) : answered.await(ASK) && agent.getNow(false);
    }

    private void suspect(Suspect next) {
        boolean changes = (suspect.since() == 0) != (next.since() == 0);
        suspect = next;
        if (changes) {
            LOG.info(
                    next.since() == 0
                            ? "the primary is not suspected any more"
                            : "nothing comes from the primary, and it does not answer");
            onChange.run();
        }
    }
}
