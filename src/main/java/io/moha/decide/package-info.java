/**
 * The decision core: an observation in, a decision out. Pure: no I/O, no clock, no thread, no randomness, so that a test
 * or a simulator can put every question to it. Sees {@code model} only.
 *
 * <p>Read it in this order: {@link io.moha.decide.Phase} (where a node can be), {@link io.moha.decide.Diagnosis} (what
 * can be the matter), {@link io.moha.decide.Diagnostician} (how the matter is found), {@link io.moha.decide.Table} (what
 * is done about it), {@link io.moha.decide.Ranking} (who becomes primary).
 *
 * <p>The core is level-triggered: it keeps no list of steps done, but looks at what was read back and names the next
 * step. An action whose outcome is unknown therefore needs no special path: the next observation tells.
 */
@NullMarked
package io.moha.decide;

import org.jspecify.annotations.NullMarked;
