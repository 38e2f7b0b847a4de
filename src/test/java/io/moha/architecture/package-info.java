/** Which package may see which. */
@NullMarked
package io.moha.architecture;

import org.jspecify.annotations.NullMarked;
