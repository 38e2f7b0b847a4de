/**
 * etcd behind the port {@link io.moha.store.ClusterStore}: one jetcd client an endpoint, a real deadline in every gRPC
 * call, no blind retry of a transaction, a watch that re-makes itself. The only package that may see jetcd, gRPC and
 * Netty. Sees {@code store}.
 */
@NullMarked
package io.moha.store.etcd;

import org.jspecify.annotations.NullMarked;
