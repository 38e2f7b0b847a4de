/**
 * A ledger checker under a random schedule of faults against a running cluster: every write that was acknowledged is on
 * disk outside the cluster, and must be found in it however the cluster was broken. Sees {@code bench}, {@code client} and
 * {@code config}.
 */
@NullMarked
package io.moha.moctl.drill;

import org.jspecify.annotations.NullMarked;
