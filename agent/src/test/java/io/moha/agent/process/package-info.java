/** The ways to control a database process, tried on real processes and containers. */
@NullMarked
package io.moha.agent.process;

import org.jspecify.annotations.NullMarked;
