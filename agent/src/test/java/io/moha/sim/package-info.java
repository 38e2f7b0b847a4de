/**
 * The simulator: real agents over a simulated etcd, MySQL and network, with virtual time and one seed. Sees the agent's
 * loop and the ports; nothing here starts a process, opens a connection or reads a clock.
 */
@NullMarked
package io.moha.sim;

import org.jspecify.annotations.NullMarked;
