/**
 * The operator's command line. It holds no state and no rights of its own: it asks the agents over HTTP and shows what
 * they say. Sees the commands only.
 */
@NullMarked
package io.moha.moctl;

import org.jspecify.annotations.NullMarked;
