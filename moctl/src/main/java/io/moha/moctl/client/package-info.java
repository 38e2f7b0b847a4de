/**
 * The HTTP client for the agents: one request, one deadline, one outcome (done, refused, unknown). The only code of
 * moctl that sees {@code java.net.http}. Sees {@code io.moha.model} and Jackson.
 */
@NullMarked
package io.moha.moctl.client;

import org.jspecify.annotations.NullMarked;
