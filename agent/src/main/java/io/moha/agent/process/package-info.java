/**
 * The database's process behind its port: a container by docker-java, configured commands, or a child of the agent. Sees
 * the port in {@code mysql}; only this package sees docker-java.
 */
@NullMarked
package io.moha.agent.process;

import org.jspecify.annotations.NullMarked;
