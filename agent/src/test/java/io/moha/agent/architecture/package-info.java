/** Which package of the agent may see which. */
@NullMarked
package io.moha.agent.architecture;

import org.jspecify.annotations.NullMarked;
