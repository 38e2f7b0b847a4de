/**
 * HTTP at the edge: MoHA's endpoints and the health endpoints for load balancers. Handlers answer from the published
 * snapshot and the clock; they make no call to the database or to etcd. MoHA's words (master, slave) live here.
 */
@NullMarked
package io.moha.agent.http;

import org.jspecify.annotations.NullMarked;
