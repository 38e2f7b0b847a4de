/** What HAProxy is told. */
@NullMarked
package io.moha.agent.proxy;

import org.jspecify.annotations.NullMarked;
