package io.moha.decide;

import static io.moha.decide.Diagnosis.*;

import io.moha.decide.Observation.Cluster;
import io.moha.decide.Observation.Comparison;
import io.moha.decide.Observation.Health;
import io.moha.decide.Observation.Vote;
import io.moha.model.GtidSet;
import java.time.Duration;
import java.util.Optional;

/** Names what is the matter. Safety first: whether the role is still safe is asked before anything else. */
final class Diagnostician {
    private Diagnostician() {}

    static Diagnosis diagnose(Context c) {
        if (c.state().phase() == Phase.FENCING) {
            return fencing(c);
        }
        return c.state().phase().holding() ? holding(c) : withoutRole(c);
    }

    private static Diagnosis fencing(Context c) {
        Observation.Database database = c.seen().database();
        if (database.health() == Health.DEAD) {
            return FENCE_CONFIRMED;
        }
        // A statement that opens may still be on its way: what was read back may be overtaken by it.
        boolean readBack = database.health() == Health.ANSWERING
                && c.local().fenced()
                && !c.seen().opening();
        return readBack ? FENCE_CONFIRMED : FENCE_PENDING;
    }

    private static Diagnosis holding(Context c) {
        if (c.seen().storeDoubt().isPresent()) {
            return STORE_WENT_BACK;
        }
        if (!c.roleValid()) {
            return LEASE_RAN_OUT;
        }
        if (c.state().phase() == Phase.PRIMARY && c.isolated()) {
            return ISOLATED;
        }
        // An old picture of etcd is enough to lose the role, never to gain it.
        if (c.seen().cluster().isPresent() && !c.holderIsMe()) {
            if (c.cluster().current()) {
                return c.keyGoneUnderPromises() ? KEY_GONE : ROLE_LOST;
            }
            // The key may have been put again since; as long as that is not read, a new lease alone says nothing.
            if (!c.extended()) {
                return ROLE_LOST;
            }
        }
        if (c.seen().cluster().isPresent() && c.cluster().current() && c.term().compareTo(c.latestTerm()) < 0) {
            return TERM_WENT_BACK;
        }
        switch (c.seen().database().health()) {
            case DEAD:
                return DATABASE_DEAD;
            case LOOKING:
                return LOOK_AGAIN;
            case SILENT, HUNG:
                return c.silentTooLong() || c.writesStuckTooLong() ? DATABASE_STUCK : DATABASE_SILENT;
            case ANSWERING:
                break;
        }
        if (c.writesStuckTooLong()) {
            return DATABASE_STUCK;
        }
        if (c.seen().cluster().isEmpty() || !c.cluster().current()) {
            return LOOK_AGAIN;
        }
        return switch (c.state().phase()) {
            case PROMOTING -> promoting(c);
            case READ_ONLY -> readOnly(c);
            default -> primary(c);
        };
    }

    private static Diagnosis promoting(Context c) {
        if (!c.lostOfItsBallot().isEmpty()) {
            return BALLOT_SHRUNK;
        }
        if (c.mayOpenFirst()) {
            // The old primary has waited until everything was executed here: this look may be older than that.
            boolean lost = c.lacksWhatWasHandedOver()
                    && age(c) > c.policy().drainTimeout().toNanos();
            if (lost) {
                return DRAIN_OVERDUE;
            }
            return c.local().writable() ? OPENED_FIRST : primary(c);
        }
        if (!c.drained()) {
            return age(c) > c.policy().drainTimeout().toNanos() ? DRAIN_OVERDUE : UNDRAINED;
        }
        boolean otherSource = c.local().channel().isPresent() && !c.sourceIsLeftOver();
        if (!c.cluster().evidence() || otherSource) {
            return tidiedUp(c).orElseGet(() -> primary(c));
        }
        // The record came with the role, and nothing can come any more: the old source may be forgotten later.
        return c.local().writable() && c.sourceIsLeftOver() ? OPENED_FIRST : primary(c);
    }

    private static long age(Context c) {
        return c.seen().now() - c.state().phaseSince();
    }

    /**
     * What stands between a drained winner and the opening. It may follow the opening after a planned hand-over, and where the
     * record came with the role.
     */
    private static Optional<Diagnosis> tidiedUp(Context c) {
        if (c.local().channel().isPresent()) {
            return Optional.of(SOURCE_REMAINS);
        }
        return c.cluster().evidence() ? Optional.empty() : Optional.of(NO_EVIDENCE);
    }

    private static Diagnosis primary(Context c) {
        if (c.seen().handingOver()) {
            return HANDING_OVER;
        }
        if (c.seen().wishes().readOnly()) {
            return WISH_READ_ONLY;
        }
        if (c.state().phase() == Phase.PRIMARY && c.seen().wishes().handOverTo().isPresent()) {
            // A statement that opens, sent before, could overtake the closing.
            return c.seen().opening() ? LOOK_AGAIN : HAND_OVER_WANTED;
        }
        if (c.givenUp()) {
            return HAND_OVER_IN_DOUBT;
        }
        Optional<Diagnosis> first = Durable.of(c).beforeOpening();
        if (first.isPresent()) {
            return first.get();
        }
        if (!c.local().writable()) {
            return CLOSED;
        }
        if (!c.announced()) {
            return c.cluster().handedOver().flatMap(all -> tidiedUp(c)).orElse(OPEN_UNANNOUNCED);
        }
        if (!c.seen().registered()) {
            return UNREGISTERED;
        }
        Optional<Diagnosis> due = Durable.of(c).whileServing().or(() -> singlePoint(c));
        return due.orElse(c.timeToTidyUp() ? SOURCE_REMAINS : SERVING);
    }

    /** The only member needs no lease; as soon as there are two it does. */
    private static Optional<Diagnosis> singlePoint(Context c) {
        // Not the live ones that an election counts on: after etcd was away these are all that ever joined.
        boolean others = c.seen().aloneSince() == 0;
        if (c.singlePointIsMe()) {
            return others && c.leaseValid() ? Optional.of(NOT_ALONE) : Optional.empty();
        }
        boolean longAlone =
                c.seen().now() - c.seen().aloneSince() > c.policy().leaseTtl().toNanos();
        boolean mayBe = c.binding().isEmpty(); // else nobody may acknowledge alone
        return !others && longAlone && mayBe && c.leaseValid() ? Optional.of(ALONE) : Optional.empty();
    }

    private static Diagnosis readOnly(Context c) {
        if (!c.seen().wishes().readOnly()) {
            return c.givenUp()
                    ? HAND_OVER_IN_DOUBT
                    : Durable.of(c).beforeOpening().orElse(WISH_READ_WRITE);
        }
        if (!c.local().fenced()) {
            return WRITABLE_AGAINST_WISH;
        }
        return c.seen().wishes().handOverTo().isPresent() ? HAND_OVER_WANTED : HELD;
    }

    private static Diagnosis withoutRole(Context c) {
        switch (c.seen().database().health()) {
            case LOOKING:
                return LOOK_AGAIN;
            case DEAD:
                // What this node itself has just changed in etcd must be seen first, or it would resign twice.
                return storeFresh(c) && !c.cluster().current() ? LOOK_AGAIN : deadWithoutRole(c);
            case SILENT:
                return DATABASE_SILENT;
            case HUNG:
                return mayBeOpen(c) ? HUNG_WITHOUT_ROLE : DATABASE_SILENT;
            case ANSWERING:
                break;
        }
        boolean storeFresh = storeFresh(c);
        boolean copying = c.state().phase() == Phase.JOINING
                && c.seen().opening()
                && !c.local().writable();
        if (!c.local().fenced() && !copying) {
            // A restarted agent finds its own primary open. It gets a moment to read etcd and resume.
            boolean inGrace = c.state().phase() == Phase.STARTING
                    && c.seen().now() - c.state().phaseSince()
                            < c.policy().startGrace().toNanos();
            boolean mine = storeFresh && c.seen().storeDoubt().isEmpty() && (c.holderIsMyPast() || c.holderIsMe());
            if (!mine && !(inGrace && !storeFresh)) {
                // super_read_only would wait for commits that wait for acknowledgements, perhaps for ever.
                boolean hangs = c.local().semiSync().waiting() > 0;
                return c.local().writable() || hangs ? WRITABLE_WITHOUT_ROLE : HALF_FENCED;
            }
        }
        if (c.seen().storeDoubt().isPresent()) {
            return STORE_WENT_BACK;
        }
        if (!storeFresh) {
            return STORE_SILENT;
        }
        if (!c.cluster().current()) {
            return LOOK_AGAIN;
        }
        if (c.term().compareTo(c.latestTerm()) < 0) {
            return TERM_WENT_BACK;
        }
        if (!c.seen().registered()) {
            return UNREGISTERED;
        }
        if (c.holderIsMyPast()) {
            return c.leaseValid() ? RESUMABLE : STORE_SILENT;
        }
        if (c.holderIsMe()) {
            return c.leaseValid() ? CHOSEN : STORE_SILENT;
        }
        return c.cluster().holder().isPresent() ? following(c) : voting(c);
    }

    /**
     * A restarted agent that cannot look at its database: it may be a frozen primary's, and would be open when it goes on.
     * As long as the key still stands for this node that is as good as a silent primary; after that it is not.
     */
    private static boolean mayBeOpen(Context c) {
        long age = c.seen().now() - c.seen().database().since();
        boolean stillMine = storeFresh(c) && (c.holderIsMe() || c.holderIsMyPast());
        Duration patience = storeFresh(c) && !stillMine
                ? c.policy().startGrace()
                : c.policy().stuckAfter();
        return c.state().phase() == Phase.STARTING && age > patience.toNanos();
    }

    private static boolean storeFresh(Context c) {
        return c.seen()
                .cluster()
                .map(Cluster::readAt)
                .filter(at -> c.seen().now() - at < c.policy().storeStale().toNanos())
                .isPresent();
    }

    /** Without its database the node still says so, so that nobody waits for its ballot. */
    private static Diagnosis deadWithoutRole(Context c) {
        boolean electionRuns = storeFresh(c) && c.cluster().holder().isEmpty() && !c.promised();
        return electionRuns
                        && c.myVote().isEmpty()
                        && c.term().compareTo(c.state().term()) >= 0
                ? DATABASE_DEAD_UNSAID
                : DATABASE_DEAD;
    }

    private static Diagnosis voting(Context c) {
        if (c.term().value() == 0 && c.cluster().live().size() < c.policy().bootstrapExpect()) {
            return BOOTSTRAP_WAITS;
        }
        if (c.cluster().singlePoint().isPresent() && !c.singlePointIsMe()) {
            return SINGLE_POINT_WAITS;
        }
        if (c.promised() && !c.singlePointIsMe()) {
            return PROMISED;
        }
        // A new lease comes within milliseconds; while others still vote.
        boolean inTime = c.electionAge() < c.policy().electionTimeout().toNanos() / 2;
        if (c.wasPrimaryOfThisTerm() && (c.leaseValid() || inTime)) {
            return RETAKABLE;
        }
        return election(c);
    }

    /** Nobody holds the role, or its ackers replace the one who does. */
    private static Diagnosis election(Context c) {
        if (!c.receiverStopped()) {
            return RECEIVER_RUNS;
        }
        Optional<Vote> mine = c.myVote();
        // What was cast while the database was down is cast anew, also by a node that has nothing; and what an earlier
        // life of this agent cast that had seen the primary.
        if (mine.isEmpty()
                || (c.binding().isEmpty()
                        && mine.get().ballot().cold() == c.state().warm())
                || mine.get().ballot().isBlind()
                || (!mine.get().ballot().eligible() && c.myBallot().eligible())
                || !mine.get().ballot().received().equals(c.local().received())) {
            return NO_BALLOT;
        }
        // Who was the only member has everything: it waits for nobody, and all wait for it.
        boolean othersMatter = c.term().value() > 0 && !c.singlePointIsMe();
        // Where ackers were listed it is known who has everything.
        boolean coldStart = othersMatter && c.binding().isEmpty() && c.everybodyCold();
        if (coldStart && !c.membersUnknown().isEmpty()) {
            return COLD_START_WAITS;
        }
        if (!c.covered()) {
            return QUORUM_MISSING;
        }
        if (c.binding().isEmpty()
                && !c.awaited().isEmpty()
                && c.electionAge() < c.policy().electionTimeout().toNanos()) {
            return BALLOTS_MISSING;
        }
        if (c.ranking().isEmpty()) {
            return NOBODY_ELIGIBLE;
        }
        boolean first = c.ranking().get(0).equals(c.seen().me());
        // The next ones follow after a handicap each, so that a winner who dies does not stop the election.
        boolean waited = c.ranking().contains(c.seen().me())
                && !(coldStart && c.lacksWhatAMemberHas())
                && c.electionAge() > c.policy().electionTimeout().toNanos() + c.myHandicap();
        if (!c.leaseValid() || !(first || waited)) {
            return OUTRANKED;
        }
        return c.local().received().contains(c.everything()) ? MY_TURN : NOT_EVERYTHING;
    }

    private static Diagnosis following(Context c) {
        if (c.revokes()) {
            return election(c);
        }
        Vote own = c.cluster().votes().get(c.seen().me());
        if ((own != null && own.ballot().term().compareTo(c.term()) > 0) || (c.listed() && c.ballotUnsure())) {
            return BALLOT_OUTSTANDING;
        }
        if (c.local().semiSync().waitFor() > 0 && c.local().semiSync().waiting() == 0) {
            return SOURCE_SIDE_ON;
        }
        boolean sourceIsHolder = c.endpointOf(c.holder().node())
                .filter(e ->
                        c.local().channel().filter(ch -> ch.source().equals(e)).isPresent())
                .isPresent();
        boolean settled = c.state().term().equals(c.term()) && sourceIsHolder && !c.receiverStopped();
        if (!settled && !c.receiverStopped()) {
            // After a hand-over nothing comes from the old source any more: the machine belongs to the new primary for
            // a moment.
            boolean mayWait = sourceIsHolder || (c.cluster().handedOver().isPresent() && !c.lossless());
            return mayWait && !c.primaryReady() ? PRIMARY_NOT_OPEN : WRONG_SOURCE;
        }
        if (!c.primaryReady()) {
            return PRIMARY_NOT_OPEN;
        }
        if (c.seen().wishes().rebuild()) {
            return REBUILD_WANTED;
        }
        if (settled) {
            return settled(c);
        }
        boolean rests = c.state().term().equals(c.term()) && sourceIsHolder && c.suspects();
        return rests ? SOURCE_AWAY : repointing(c, sourceIsHolder);
    }

    private static Diagnosis settled(Context c) {
        Optional<Comparison> comparison = c.comparison();
        if (sourceAway(c, comparison)) {
            return SOURCE_AWAY;
        }
        if (comparison.isEmpty() || (old(c, comparison.get()) && !c.suspects())) {
            return COMPARISON_DUE;
        }
        if (!c.seen().errant().isEmpty()) {
            return DIVERGENCE;
        }
        if (!c.local().channel().orElseThrow().applierRunning()) {
            return APPLIER_STOPPED;
        }
        if (c.acknowledgesWrongly()) {
            return ACK_DIFFERS;
        }
        return c.local().offline() ? OFFLINE : FOLLOWING_WELL;
    }

    /** The receiver has no connection, and this agent does not reach the primary either. */
    private static boolean sourceAway(Context c, Optional<Comparison> comparison) {
        return c.local().channel().orElseThrow().connecting()
                && (c.suspects()
                        || comparison
                                .filter(k -> c.seen().now() - k.at()
                                        > c.policy().compareEvery().toNanos() * 6 / 5)
                                .isPresent());
    }

    private static boolean old(Context c, Comparison comparison) {
        return c.seen().now() - comparison.at() > c.policy().compareEvery().toNanos();
    }

    private static Diagnosis repointing(Context c, boolean sourceIsHolder) {
        Optional<Comparison> comparison = c.comparison()
                .filter(k -> k.mine().equals(c.local().received()))
                .filter(Comparison::stands);
        if (!c.winnerHadAllOfMine() && (comparison.isEmpty() || old(c, comparison.get()))) {
            return COMPARISON_DUE;
        }
        boolean neverAMember = c.state().term().value() == 0;
        if (!c.winnerHadAllOfMine() && !c.seen().errant().isEmpty()) {
            return neverAMember && !c.local().hasUserData() ? HISTORY_WITHOUT_DATA : DIVERGENCE;
        }
        if (!c.drained()) {
            return BACKLOG;
        }
        // What the winner has purged is not asked for: if this server lacks some of it, it is told so as soon as it
        // follows.
        GtidSet purged = comparison.map(Comparison::purged).orElse(GtidSet.EMPTY);
        if (!c.local().executed().contains(purged)) {
            boolean empty = c.local().executed().isEmpty()
                    || (neverAMember && !c.local().hasUserData());
            return empty ? EMPTY : DATA_MISSING;
        }
        if (c.acknowledgesWrongly()) {
            return ACK_DIFFERS;
        }
        return sourceIsHolder ? NOT_STARTED : NOT_REPOINTED;
    }
}
