package io.moha.store.etcd;

import io.grpc.Attributes;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientStreamTracer;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One try of one call at one endpoint: carries the deadline into the gRPC call and notes whether anything of it can have
 * reached a server. jetcd has no place for either, so an interceptor takes the attempt from the calling thread; that
 * works because jetcd is given an executor that runs in the calling thread ({@link DirectExecutor}).
 */
final class Attempt extends ClientStreamTracer.Factory {
    /** For jetcd's own log-in call, which it makes on any thread. */
    private static final long LOGIN_MILLIS = 2_000;

    private static final String LOGIN_SERVICE = "etcdserverpb.Auth";
    private static final String RENEWAL = "etcdserverpb.Lease/LeaseKeepAlive";
    private static final ThreadLocal<@Nullable Attempt> CURRENT = new ThreadLocal<>();

    private final long endNanos;
    private volatile boolean sent;

    /** @param endNanos when it must be over, on the clock of {@link System#nanoTime()} */
    Attempt(long endNanos) {
        this.endNanos = endNanos;
    }

    /** Runs {@code call} so that the gRPC call that it starts is this attempt. */
    <T> T start(Supplier<T> call) {
        CURRENT.set(this);
        try {
            return call.get();
        } finally {
            CURRENT.remove();
        }
    }

    /**
     * Whether the call got a connection. False means that certainly no byte of it left this program. Read it after the
     * call has ended.
     */
    boolean sent() {
        return sent;
    }

    @Override
    public ClientStreamTracer newClientStreamTracer(ClientStreamTracer.StreamInfo info, Metadata headers) {
        return new ClientStreamTracer() {
            // Called when a connected transport takes the call, before the first byte; never for a call that waits for
            // a connection, for the log-in, or fails over either.
            @Override
            public void streamCreated(Attributes transportAttrs, Metadata sentHeaders) {
                sent = true;
            }
        };
    }

    /** Puts the deadline of the current attempt into each call. Only watches go without one. */
    static final class Interceptor implements ClientInterceptor {
        @Override
        public <Q, A> ClientCall<Q, A> interceptCall(MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
            if (LOGIN_SERVICE.equals(method.getServiceName())) {
                return next.newCall(method, options.withDeadlineAfter(LOGIN_MILLIS, TimeUnit.MILLISECONDS));
            }
            Attempt attempt = CURRENT.get();
            if (attempt == null) {
                return next.newCall(method, options);
            }
            long left = Math.max(0, attempt.endNanos - System.nanoTime());
            CallOptions limited =
                    options.withDeadlineAfter(left, TimeUnit.NANOSECONDS).withStreamTracerFactory(attempt);
            ClientCall<Q, A> call = next.newCall(method, limited);
            return RENEWAL.equals(method.getFullMethodName()) ? new OneMessage<>(call) : call;
        }
    }

    /** jetcd's keepAliveOnce sends its request a second time when it ends the stream; etcd shall not renew twice. */
    private static final class OneMessage<Q, A> extends SimpleForwardingClientCall<Q, A> {
        private boolean first = true;

        OneMessage(ClientCall<Q, A> call) {
            super(call);
        }

        @Override
        public void sendMessage(Q message) {
            if (first) {
                first = false;
                super.sendMessage(message);
            }
        }
    }
}
