package io.moha.store.etcd;

import static org.assertj.core.api.Assertions.assertThat;

import io.etcd.jetcd.api.AuthGrpc;
import io.etcd.jetcd.api.KVGrpc;
import io.etcd.jetcd.api.LeaseGrpc;
import io.grpc.Attributes;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientStreamTracer;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class AttemptTest {
    private final Wire wire = new Wire();

    /** The channel behind the interceptor: keeps what it was given. */
    private static final class Wire extends Channel {
        private CallOptions options = CallOptions.DEFAULT;
        private final List<Object> messages = new ArrayList<>();

        @Override
        public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions given) {
            options = given;
            return new ClientCall<>() {
                @Override
                public void start(Listener<A> listener, Metadata headers) {}

                @Override
                public void request(int count) {}

                @Override
                public void cancel(@Nullable String message, @Nullable Throwable cause) {}

                @Override
                public void halfClose() {}

                @Override
                public void sendMessage(Q message) {
                    messages.add(Objects.requireNonNull(message));
                }
            };
        }

        @Override
        public String authority() {
            return "etcd";
        }

        long millisLeft() {
            return Objects.requireNonNull(options.getDeadline()).timeRemaining(TimeUnit.MILLISECONDS);
        }
    }

    private <Q, A> ClientCall<Q, A> call(MethodDescriptor<Q, A> method) {
        return new Attempt.Interceptor().interceptCall(method, CallOptions.DEFAULT, wire);
    }

    private static Attempt attempt(long millis) {
        return new Attempt(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis));
    }

    @Test
    void theDeadlineIsInsideTheCall() {
        var unused = attempt(60_000).start(() -> call(KVGrpc.getTxnMethod()));

        assertThat(wire.millisLeft()).isBetween(50_000L, 60_000L);
    }

    @Test
    void anAttemptWhoseTimeIsOverStillHasADeadline() {
        var unused = attempt(-1).start(() -> call(KVGrpc.getTxnMethod()));

        assertThat(wire.millisLeft()).isLessThanOrEqualTo(0);
    }

    @Test
    void theLogInHasADeadlineOfItsOwnAndIsNotTakenForTheCall() {
        Attempt attempt = attempt(60_000);

        var unused = attempt.start(() -> call(AuthGrpc.getAuthenticateMethod()));

        assertThat(wire.millisLeft()).isBetween(1L, 2_000L);
        assertThat(wire.options.getStreamTracerFactories()).isEmpty();
    }

    @Test
    void aCallOutsideOfAnAttemptSuchAsAWatchHasNoDeadline() {
        var unused = call(KVGrpc.getTxnMethod());

        assertThat(wire.options.getDeadline()).isNull();
    }

    @Test
    void itCountsAsSentOnceItHasAConnection() {
        Attempt attempt = attempt(60_000);
        var unused = attempt.start(() -> call(KVGrpc.getTxnMethod()));
        ClientStreamTracer tracer = wire.options
                .getStreamTracerFactories()
                .get(0)
                .newClientStreamTracer(
                        ClientStreamTracer.StreamInfo.newBuilder().build(), new Metadata());
        assertThat(attempt.sent()).isFalse();

        tracer.streamCreated(Attributes.EMPTY, new Metadata());

        assertThat(attempt.sent()).isTrue();
    }

    @Test
    void aRenewalIsSentOnceAlthoughJetcdWritesItTwice() {
        var renewal = attempt(60_000).start(() -> call(LeaseGrpc.getLeaseKeepAliveMethod()));
        var request = io.etcd.jetcd.api.LeaseKeepAliveRequest.getDefaultInstance();

        renewal.sendMessage(request);
        renewal.sendMessage(request);

        assertThat(wire.messages).hasSize(1);
    }
}
