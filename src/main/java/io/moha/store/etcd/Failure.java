package io.moha.store.etcd;

import io.etcd.jetcd.common.exception.EtcdException;
import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/**
 * Why a call failed, in the only terms that matter here.
 *
 * @param kind what may be done about it
 * @param text for people
 */
record Failure(Kind kind, Status.Code code, String text) {

    enum Kind {
        /** etcd answered no: nothing was applied, and another endpoint would say the same. */
        REFUSED,
        /** The token has expired or the server that knew it was restarted: nothing was applied, log in again. */
        TOKEN,
        /** Nothing was applied because this endpoint could not be asked, or has no leader: ask another one. */
        NOT_SENT,
        /** No answer: it may have been applied, or may still be. */
        UNKNOWN
    }

    private static final String NO_LEADER = "etcdserver: no leader";
    private static final String TOKEN_INVALID = "etcdserver: invalid auth token";
    private static final String AUTH_STORE_OLD = "etcdserver: revision of auth store is old";

    /** Whether etcd says that what was asked about, here always a lease, does not exist. */
    boolean isNotFound() {
        return code == Status.Code.NOT_FOUND;
    }

    /** @param sent see {@link Attempt#sent()} */
    static Failure of(Throwable error, boolean sent) {
        Status status = statusOf(error);
        // Only the first line: gRPC adds Netty's whole pipeline below it.
        String description = status.getDescription() == null
                ? ""
                : status.getDescription().lines().findFirst().orElse("");
        String text = describe(status, description);
        if (description.contains(TOKEN_INVALID) || description.contains(AUTH_STORE_OLD)) {
            return new Failure(Kind.TOKEN, status.getCode(), text);
        }
        return new Failure(kindOf(status.getCode(), description, sent), status.getCode(), text);
    }

    private static Kind kindOf(Status.Code code, String description, boolean sent) {
        return switch (code) {
            case INVALID_ARGUMENT,
                    NOT_FOUND,
                    ALREADY_EXISTS,
                    PERMISSION_DENIED,
                    RESOURCE_EXHAUSTED,
                    FAILED_PRECONDITION,
                    OUT_OF_RANGE,
                    UNIMPLEMENTED,
                    UNAUTHENTICATED -> Kind.REFUSED;
            default -> !sent || description.contains(NO_LEADER) ? Kind.NOT_SENT : Kind.UNKNOWN;
        };
    }

    /** The innermost status that says something: jetcd hides the reason of a failed log-in in the cause. */
    private static Status statusOf(Throwable error) {
        Status status = Status.fromThrowable(error);
        EtcdException own = find(error);
        if (status.getCode() == Status.Code.UNKNOWN && own != null) {
            Status.Code code = Status.Code.valueOf(own.getErrorCode().name());
            return Status.fromCode(code).withDescription(own.getMessage());
        }
        if (status.getCode() == Status.Code.UNAUTHENTICATED && status.getCause() != null) {
            return Status.fromThrowable(status.getCause());
        }
        return status;
    }

    private static @Nullable EtcdException find(Throwable error) {
        for (Throwable each = error; each != null; each = each.getCause()) {
            if (each instanceof EtcdException found) {
                return found;
            }
        }
        return null;
    }

    /** With the innermost reason: gRPC's own words are often no more than "io exception". */
    private static String describe(Status status, String description) {
        String text = status.getCode() + (description.isEmpty() ? "" : ": " + description);
        Throwable innermost = status.getCause();
        while (innermost != null && innermost.getCause() != null) {
            innermost = innermost.getCause();
        }
        return innermost == null || innermost.getMessage() == null ? text : text + " (" + innermost.getMessage() + ")";
    }
}
