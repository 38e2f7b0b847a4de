package io.moha.store.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Watch;
import io.etcd.jetcd.options.WatchOption;
import io.etcd.jetcd.watch.WatchResponse;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One watch on the prefix that only wakes. It lives at the current endpoint of the rotation, because nothing tells a
 * watch at a frozen server from a quiet one, but the calls find out. It re-makes itself when it ends, at the next
 * endpoint if need be, and wakes once each time it was made: something may have been missed meanwhile.
 */
final class EtcdWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EtcdWatch.class);
    private static final long FIRST_BACK_OFF_MILLIS = 50;
    private static final long LAST_BACK_OFF_MILLIS = 2_000;

    private final ByteSequence prefix;
    private final Rotation rotation;
    private final ScheduledExecutorService timer;
    private final LongConsumer onChange;
    private final Consumer<EtcdWatch> onClose;

    private Watch.@Nullable Watcher watcher;
    /** Counts the watches made, so that what an old one still says is not taken for the new one's. */
    private int generation;

    /** Endpoints skipped after the current one because no watch could be made there. */
    private int skip;

    private long backOffMillis = FIRST_BACK_OFF_MILLIS;
    private boolean closed;

    EtcdWatch(
            ByteSequence prefix,
            Rotation rotation,
            ScheduledExecutorService timer,
            LongConsumer onChange,
            Consumer<EtcdWatch> onClose) {
        this.prefix = prefix;
        this.rotation = rotation;
        this.timer = timer;
        this.onChange = onChange;
        this.onClose = onClose;
    }

    /** Makes the watch (again) at the current endpoint, on the timer's thread. */
    synchronized void moveSoon() {
        skip = 0;
        generation++;
        schedule(generation, 0);
    }

    private void schedule(int wanted, long delayMillis) {
        if (closed) {
            return;
        }
        try {
            var unused = timer.schedule(() -> make(wanted), delayMillis, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            LOG.debug("the store is closed, no watch is made any more");
        }
    }

    private void make(int wanted) {
        Watch.Watcher old;
        synchronized (this) {
            if (closed || wanted != generation) {
                return;
            }
            old = watcher;
            watcher = null;
        }
        // Not under the lock: it reports back to the old listener.
        closeQuietly(old);
        EtcdEndpoint endpoint = rotation.endpoint(rotation.current() + skipped());
        Watch.Watcher made;
        try {
            WatchOption option =
                    WatchOption.builder().isPrefix(true).withCreateNotify(true).build();
            made = endpoint.client().getWatchClient().watch(prefix, option, new Listener(wanted, endpoint));
        } catch (RuntimeException e) {
            ended(wanted, endpoint, e);
            return;
        }
        synchronized (this) {
            if (!closed && wanted == generation) {
                watcher = made;
                return;
            }
        }
        closeQuietly(made);
    }

    private synchronized int skipped() {
        return skip;
    }

    private synchronized void works(int which) {
        if (which == generation) {
            backOffMillis = FIRST_BACK_OFF_MILLIS;
        }
    }

    private synchronized void ended(int which, EtcdEndpoint endpoint, @Nullable Throwable error) {
        if (closed || which != generation) {
            return;
        }
        if (error != null) {
            tell(endpoint, Failure.of(error, true));
        }
        LOG.debug("the watch at {} has ended, making it again", endpoint, error);
        generation++;
        skip = (skip + 1) % rotation.size();
        schedule(generation, backOffMillis);
        backOffMillis = Math.min(backOffMillis * 2, LAST_BACK_OFF_MILLIS);
    }

    /** Perhaps no call goes to this endpoint, so that only the watch notices what is wrong with it. */
    private static void tell(EtcdEndpoint endpoint, Failure failure) {
        switch (failure.kind()) {
            case TOKEN -> endpoint.replace();
            case NOT_SENT, UNKNOWN -> endpoint.failed(true);
            case REFUSED -> LOG.warn("etcd {} refuses the watch: {}", endpoint, failure.text());
        }
    }

    private void wake(long revision) {
        try {
            onChange.accept(revision);
        } catch (RuntimeException e) {
            LOG.warn("the reader of a watch failed", e);
        }
    }

    @Override
    public void close() {
        Watch.Watcher last;
        synchronized (this) {
            closed = true;
            last = watcher;
            watcher = null;
        }
        onClose.accept(this);
        closeQuietly(last);
    }

    private static void closeQuietly(Watch.@Nullable Watcher old) {
        if (old == null) {
            return;
        }
        try {
            old.close();
        } catch (RuntimeException e) {
            LOG.debug("closing a watch", e);
        }
    }

    private final class Listener implements Watch.Listener {
        private final int mine;
        private final EtcdEndpoint endpoint;

        Listener(int mine, EtcdEndpoint endpoint) {
            this.mine = mine;
            this.endpoint = endpoint;
        }

        @Override
        public void onNext(WatchResponse response) {
            works(mine);
            // Without an event the watch has just been made.
            wake(response.getEvents().stream()
                    .mapToLong(e -> e.getKeyValue().getModRevision())
                    .max()
                    .orElse(0));
        }

        @Override
        public void onError(Throwable error) {
            ended(mine, endpoint, error);
        }

        @Override
        public void onCompleted() {
            ended(mine, endpoint, null);
        }
    }
}
