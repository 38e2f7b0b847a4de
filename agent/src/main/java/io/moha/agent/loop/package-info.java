/**
 * Observe, decide, act, publish: one thread owns the node's state; helpers watch etcd, the lease and the database and do
 * what was decided, each on a thread of its own, and only wake the loop. Sees {@code model}, {@code decide}, the ports in
 * {@code store} and {@code mysql}, and {@code config}; no jetcd, no java.sql.
 */
@NullMarked
package io.moha.agent.loop;

import org.jspecify.annotations.NullMarked;
