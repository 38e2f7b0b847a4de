/** What the agent answers over HTTP: a real server and a real agent around a MySQL server that is played in memory. */
@NullMarked
package io.moha.agent.http;

import org.jspecify.annotations.NullMarked;
