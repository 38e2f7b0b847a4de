package io.moha.store.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.Response;
import io.etcd.jetcd.kv.GetResponse;
import io.etcd.jetcd.kv.TxnResponse;
import io.etcd.jetcd.op.Cmp;
import io.etcd.jetcd.op.CmpTarget;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.DeleteOption;
import io.etcd.jetcd.options.GetOption;
import io.etcd.jetcd.options.PutOption;
import io.moha.store.ClusterStore;
import io.moha.store.StoreException;
import io.moha.store.StoreSnapshot;
import io.moha.store.Txn;
import io.moha.store.TxnResult;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * {@link ClusterStore} on etcd. Connects when first asked. All its threads are daemons: one {@code moha-etcd} for timers,
 * those of gRPC and Netty, which all stores share, and one {@code jetcd-watch} an endpoint that has had a watch.
 */
public final class EtcdStore implements ClusterStore {
    private static final GetOption ALL = GetOption.builder().isPrefix(true).build();

    private final String prefix;
    private final ScheduledThreadPoolExecutor timer;
    private final List<EtcdEndpoint> endpoints;
    private final Rotation rotation;
    private final Set<EtcdWatch> watches = ConcurrentHashMap.newKeySet();

    private EtcdStore(EtcdSettings settings) {
        this.prefix = settings.prefix() + "/";
        this.timer = new ScheduledThreadPoolExecutor(1, task -> {
            Thread thread = new Thread(task, "moha-etcd");
            thread.setDaemon(true);
            return thread;
        });
        timer.setRemoveOnCancelPolicy(true);
        this.endpoints = settings.urls().stream()
                .map(url -> new EtcdEndpoint(settings, url, timer))
                .toList();
        this.rotation = new Rotation(endpoints, () -> watches.forEach(EtcdWatch::moveSoon));
    }

    /**
     * Makes a store without connecting yet.
     *
     * @throws IllegalArgumentException if the files for TLS cannot be used, naming them
     */
    public static EtcdStore open(EtcdSettings settings) {
        return new EtcdStore(settings);
    }

    @Override
    public StoreSnapshot read(Duration deadline) throws StoreException {
        GetResponse response = rotation.repeat(
                "read of " + prefix,
                deadline,
                patience(deadline),
                client -> client.getKVClient().get(bytes(prefix), ALL));
        return snapshot(response.getHeader(), response.getKvs());
    }

    private StoreSnapshot snapshot(Response.Header header, List<KeyValue> found) {
        Map<String, StoreSnapshot.Entry> entries = new HashMap<>();
        for (KeyValue each : found) {
            String key = text(each.getKey()).substring(prefix.length());
            entries.put(
                    key,
                    new StoreSnapshot.Entry(
                            key,
                            text(each.getValue()),
                            each.getCreateRevision(),
                            each.getModRevision(),
                            each.getLease()));
        }
        return new StoreSnapshot(header.getClusterId(), header.getRevision(), entries);
    }

    /**
     * {@inheritDoc} etcd counts in whole seconds, rounded up here, and may grant more than asked for (its smallest lease
     * is one and a half election timeouts).
     */
    @Override
    public long grantLease(Duration ttl, Duration deadline) throws StoreException {
        if (ttl.isNegative() || ttl.isZero()) {
            throw new IllegalArgumentException("a lease of " + ttl + " is over before it begins");
        }
        long seconds = ttl.plusSeconds(1).minusNanos(1).toSeconds();
        // A grant that is made twice leaves a lease without keys behind, which ends by itself.
        return rotation.repeat(
                        "grant of a lease",
                        deadline,
                        Rotation.PATIENCE,
                        client -> client.getLeaseClient().grant(seconds))
                .getID();
    }

    @Override
    public boolean renewLease(long leaseId, Duration deadline) throws StoreException {
        // Not jetcd's keep-alive stream: it sticks to one server, frozen or not.
        return rotation.repeat(
                "renewal of lease " + Long.toHexString(leaseId),
                deadline,
                patience(deadline),
                client -> foundLease(client.getLeaseClient().keepAliveOnce(leaseId)));
    }

    @Override
    public void revokeLease(long leaseId, Duration deadline) throws StoreException {
        rotation.repeat(
                "end of lease " + Long.toHexString(leaseId),
                deadline,
                patience(deadline),
                client -> foundLease(client.getLeaseClient().revoke(leaseId)));
    }

    /** Turns "no such lease" from a failure into an answer. */
    private static <T> CompletableFuture<Boolean> foundLease(CompletableFuture<T> call) {
        CompletableFuture<Boolean> found = new CompletableFuture<>();
        var unused = call.whenComplete((answer, error) -> {
            if (error == null) {
                found.complete(true);
            } else if (Failure.of(error, true).isNotFound()) {
                found.complete(false);
            } else {
                found.completeExceptionally(error);
            }
        });
        return found;
    }

    @Override
    public TxnResult commit(Txn txn, Duration deadline) throws StoreException {
        TxnResponse response = rotation.once("transaction", deadline, client -> send(client, txn));
        List<KeyValue> found = response.getGetResponses().stream()
                .flatMap(got -> got.getKvs().stream())
                .toList();
        return new TxnResult(response.isSucceeded(), snapshot(response.getHeader(), found));
    }

    /** Both branches end with reading all: who changes something need not ask again. */
    private CompletableFuture<TxnResponse> send(Client client, Txn txn) {
        Op readAll = Op.get(bytes(prefix), ALL);
        return client.getKVClient()
                .txn()
                .If(txn.guards().stream().map(this::guard).toArray(Cmp[]::new))
                .Then(Stream.concat(txn.operations().stream().map(this::operation), Stream.of(readAll))
                        .toArray(Op[]::new))
                .Else(readAll)
                .commit();
    }

    private Cmp guard(Txn.Guard guard) {
        CmpTarget<?> target;
        if (guard instanceof Txn.ValueIs is) {
            target = CmpTarget.value(bytes(is.value()));
        } else if (guard instanceof Txn.CreateRevisionIs is) {
            target = CmpTarget.createRevision(is.revision());
        } else if (guard instanceof Txn.ModRevisionIs is) {
            target = CmpTarget.modRevision(is.revision());
        } else {
            throw new IllegalArgumentException("unknown guard " + guard);
        }
        return new Cmp(bytes(prefix + guard.key()), Cmp.Op.EQUAL, target);
    }

    private Op operation(Txn.Op operation) {
        ByteSequence key = bytes(prefix + operation.key());
        if (operation instanceof Txn.Put put) {
            PutOption lease = PutOption.builder().withLeaseId(put.lease()).build();
            return Op.put(key, bytes(put.value()), lease);
        }
        return Op.delete(key, DeleteOption.DEFAULT);
    }

    @Override
    public AutoCloseable watch(LongConsumer onChange) {
        EtcdWatch watch = new EtcdWatch(bytes(prefix), rotation, timer, onChange, watches::remove);
        watches.add(watch);
        watch.moveSoon();
        return watch;
    }

    @Override
    public void close() {
        rotation.close();
        watches.forEach(EtcdWatch::close);
        timer.shutdownNow();
        endpoints.forEach(EtcdEndpoint::close);
    }

    /** A third of the deadline, so that a caller with a short one still reaches the servers that are not frozen. */
    private static Duration patience(Duration deadline) {
        Duration third = deadline.dividedBy(3);
        return third.compareTo(Rotation.PATIENCE) < 0 ? third : Rotation.PATIENCE;
    }

    static <T> T present(@Nullable T value) {
        if (value == null) {
            throw new IllegalStateException("an answer without a value");
        }
        return value;
    }

    private static ByteSequence bytes(String text) {
        return ByteSequence.from(text, StandardCharsets.UTF_8);
    }

    private static String text(ByteSequence bytes) {
        return bytes.toString(StandardCharsets.UTF_8);
    }
}
