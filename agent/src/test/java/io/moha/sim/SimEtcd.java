package io.moha.sim;

import io.moha.store.ClusterStore;
import io.moha.store.Keys;
import io.moha.store.MemoryStore;
import io.moha.store.StoreException;
import io.moha.store.StoreSnapshot;
import io.moha.store.Txn;
import io.moha.store.TxnResult;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * etcd as an agent sees it: slow, lossy, cut off one way, without a leader for a while, and able to apply a request after
 * the client gave up. The keys themselves are {@link MemoryStore}'s.
 */
final class SimEtcd {
    /** With this delay, in nanoseconds, each way, every call still ends in time. */
    static final long SLOW_BUT_SURE = Duration.ofMillis(600).toNanos();

    private static final Duration LONGEST_CALL_ALLOWED = Duration.ofSeconds(2);
    private static final long LONGEST_CALL = LONGEST_CALL_ALLOWED.toNanos();
    private static final long HELD_CHECK = Duration.ofMillis(20).toNanos();
    private static final long EXPIRY_CHECK = Duration.ofMillis(500).toNanos();

    /** What may become of a transaction on the role. */
    enum RoleTrick {
        NONE,
        /** It is applied, and nobody tells its sender. */
        ANSWER_LOST,
        /** It is applied when its sender has long given up. */
        LATE,
        /** A candidate's transaction lies somewhere until another one has won and lost the role again. */
        HELD_UNTIL_FREE_AGAIN
    }

    /** The way between one node and etcd. */
    static final class Link {
        boolean requestsLost;
        boolean answersLost;
        double lossRate;
        /** When it last was repaired. */
        long healedAt;
        /** Nanoseconds added to each way. */
        long extraDelay;

        /** What happens to the next transaction that would give the role away. */
        RoleTrick roleTrick = RoleTrick.NONE;

        /** Run once when the next renewal has been sent. */
        @Nullable
        Runnable onRenewal;

        /** The whole way to etcd is as it should be, whatever was wrong with it before. */
        void heal(long now) {
            requestsLost = false;
            answersLost = false;
            lossRate = 0;
            extraDelay = 0;
            healedAt = now;
        }

        /** Whether it has been in order for long enough that a client could have got an answer. */
        boolean well(long now) {
            boolean whole = !requestsLost && !answersLost && lossRate == 0 && extraDelay <= SLOW_BUT_SURE;
            return whole && now - healedAt > LONGEST_CALL;
        }
    }

    private final Scheduler scheduler;
    private final SplittableRandom random;
    private final MemoryStore keys;
    private boolean leaderless;

    SimEtcd(Scheduler scheduler, SplittableRandom random) {
        this.scheduler = scheduler;
        this.random = random;
        this.keys = new MemoryStore(scheduler::now);
        scheduler.in(EXPIRY_CHECK, this::expire);
    }

    private void expire() {
        keys.tick();
        scheduler.in(EXPIRY_CHECK, this::expire);
    }

    StoreSnapshot view() {
        return keys.view();
    }

    MemoryStore.Backup backup() {
        return keys.backup();
    }

    void restore(MemoryStore.Backup backup) {
        keys.restore(backup);
    }

    /** What an operator puts. */
    void put(String key, String value) {
        operator(new Txn.Put(key, value, 0));
    }

    void delete(String key) {
        operator(new Txn.Delete(key));
    }

    private void operator(Txn.Op does) {
        try {
            keys.connect().commit(new Txn(List.of(), List.of(does)), LONGEST_CALL_ALLOWED);
        } catch (StoreException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Quorum is lost: nothing is answered. */
    void loseLeader() {
        leaderless = true;
        keys.leaderLost();
    }

    /** A leader that was frozen wakes, and ends what others have renewed meanwhile. */
    boolean staleLeaderEndsLeases() {
        if (!leaderless) {
            keys.expireLeases();
        }
        return !leaderless;
    }

    void electLeader() {
        leaderless = false;
        keys.leaderElected();
    }

    ClusterStore connect(Link link, Scheduler.Program process) {
        return new Client(link, process);
    }

    private interface Call<T> {
        T run() throws StoreException;
    }

    private final class Client implements ClusterStore {
        private final Link link;
        private final Scheduler.Program process;
        private final ClusterStore server = keys.connect();

        Client(Link link, Scheduler.Program process) {
            this.link = link;
            this.process = process;
        }

        @Override
        public StoreSnapshot read(Duration deadline) throws StoreException {
            return call(deadline, () -> server.read(deadline));
        }

        @Override
        public long grantLease(Duration ttl, Duration deadline) throws StoreException {
            return call(deadline, () -> server.grantLease(ttl, deadline));
        }

        @Override
        public boolean renewLease(long leaseId, Duration deadline) throws StoreException {
            Runnable sent = link.onRenewal;
            if (sent != null) {
                link.onRenewal = null;
                scheduler.in(1_000, sent);
            }
            return call(deadline, () -> server.renewLease(leaseId, deadline));
        }

        @Override
        public void revokeLease(long leaseId, Duration deadline) throws StoreException {
            call(deadline, () -> {
                server.revokeLease(leaseId, deadline);
                return true;
            });
        }

        @Override
        public TxnResult commit(Txn txn, Duration deadline) throws StoreException {
            boolean role = txn.operations().stream()
                    .anyMatch(o -> o instanceof Txn.Put
                            && (o.key().equals(Keys.HOLDER) || o.key().equals(Keys.SYNC)));
            if (role && link.roleTrick == RoleTrick.ANSWER_LOST) {
                link.roleTrick = RoleTrick.NONE;
                return call(deadline, true, () -> server.commit(txn, deadline));
            }
            if (role && link.roleTrick == RoleTrick.LATE) {
                link.roleTrick = RoleTrick.NONE;
                scheduler.in(deadline.toNanos() + random.nextLong(LONGEST_CALL), () -> applyLate(txn));
                return call(deadline, true, () -> new TxnResult(false, keys.view()));
            }
            if (role && link.roleTrick == RoleTrick.HELD_UNTIL_FREE_AGAIN) {
                link.roleTrick = RoleTrick.NONE;
                holdUntilFreeAgain(txn, keys.view().entries().containsKey(Keys.HOLDER));
                return call(deadline, true, () -> new TxnResult(false, keys.view()));
            }
            return call(deadline, () -> server.commit(txn, deadline));
        }

        private void holdUntilFreeAgain(Txn txn, boolean held) {
            boolean holds = keys.view().entries().containsKey(Keys.HOLDER);
            if (held && !holds) {
                applyLate(txn);
            } else {
                scheduler.in(HELD_CHECK, () -> holdUntilFreeAgain(txn, held || holds));
            }
        }

        private void applyLate(Txn txn) {
            try {
                server.commit(txn, LONGEST_CALL_ALLOWED);
            } catch (StoreException e) {
                // Its lease is gone: too late.
            }
        }

        private long way() {
            return 200_000L + random.nextLong(600_000L) + (link.extraDelay == 0 ? 0 : random.nextLong(link.extraDelay));
        }

        private boolean lost(boolean cut) {
            return cut || (link.lossRate > 0 && random.nextDouble() < link.lossRate);
        }

        /** One call: the request may arrive although the answer does not, also after the caller gave up. */
        private <T> T call(Duration deadline, Call<T> body) throws StoreException {
            return call(deadline, false, body);
        }

        private <T> T call(Duration deadline, boolean silent, Call<T> body) throws StoreException {
            Scheduler.Strand me = scheduler.running();
            Answer<T> answer = new Answer<>();
            if (!lost(link.requestsLost)) {
                scheduler.in(way(), () -> arrive(body, silent, answer, me));
            }
            answer.alarm = scheduler.in(deadline.toNanos(), () -> {
                answer.late = true;
                scheduler.wake(me);
            });
            scheduler.block(me);
            if (answer.refusal != null) {
                throw answer.refusal;
            }
            if (answer.value == null) {
                throw StoreException.unknown("no answer in time", null);
            }
            return answer.value;
        }

        private <T> void arrive(Call<T> body, boolean silent, Answer<T> answer, Scheduler.Strand caller) {
            if (leaderless) {
                // A follower keeps the request for a moment in the hope of a leader.
                scheduler.in(300_000_000L, () -> {
                    if (!leaderless) {
                        arrive(body, silent, answer, caller);
                    }
                });
                return;
            }
            T value = null;
            StoreException refusal = null;
            try {
                value = body.run();
            } catch (StoreException e) {
                refusal = e;
            }
            if (silent || lost(link.answersLost)) {
                return;
            }
            T said = value;
            StoreException no = refusal;
            scheduler.in(way(), () -> {
                if (!answer.late && answer.alarm != null) {
                    answer.late = true;
                    answer.alarm.cancel();
                    answer.value = said;
                    answer.refusal = no;
                    scheduler.wake(caller);
                }
            });
        }

        @Override
        public AutoCloseable watch(LongConsumer onChange) {
            return server.watch(revision -> {
                if (!leaderless && !lost(link.answersLost) && !process.dead()) {
                    scheduler.in(way(), () -> {
                        if (!process.dead()) {
                            onChange.accept(revision);
                        }
                    });
                }
            });
        }

        @Override
        public void close() {
            server.close();
        }
    }

    private static final class Answer<T> {
        private Scheduler.@Nullable Event alarm;
        private boolean late;
        private @Nullable T value;
        private @Nullable StoreException refusal;
    }
}
