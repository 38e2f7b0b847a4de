/** Wiring: configuration, ports, loop and HTTP become one program. Sees everything; nothing sees it. */
@NullMarked
package io.moha.agent;

import org.jspecify.annotations.NullMarked;
