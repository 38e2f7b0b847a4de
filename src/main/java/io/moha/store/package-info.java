/**
 * The port to etcd: a flat key space below one prefix, guarded transactions, leases, a watch that only wakes. The layout
 * of the keys (MoHA's names) and the JSON of their values live here too. Sees {@code model}. Only {@code store.etcd}
 * sees jetcd.
 */
@NullMarked
package io.moha.store;

import org.jspecify.annotations.NullMarked;
