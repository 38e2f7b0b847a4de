/**
 * The planned change of primary: pre-flight, read-only, catch-up, hand-over, and the way back from every step before
 * the hand-over. Sees {@code client} and {@code io.moha.model}; prints nothing.
 */
@NullMarked
package io.moha.moctl.switchover;

import org.jspecify.annotations.NullMarked;
