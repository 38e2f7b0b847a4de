/**
 * Tells HAProxy through its runtime API who is primary, at once, or answers its agent-check. The health checks stay, and win where this fails. Sees what the
 * loop has made known ({@code agent.loop.Published}) and nothing of etcd or the database.
 */
@NullMarked
package io.moha.agent.proxy;

import org.jspecify.annotations.NullMarked;
