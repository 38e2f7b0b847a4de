/**
 * Measures the write gap of a change of primary against a running cluster, and checks after every round that nobody
 * else accepted writes meanwhile and that all nodes end with the same data. Writers, table and
 * judgement serve the drill, too. With it the only code of moctl that sees {@code java.sql}. Sees {@code client}, {@code config} and {@code switchover}.
 */
@NullMarked
package io.moha.moctl.bench;

import org.jspecify.annotations.NullMarked;
