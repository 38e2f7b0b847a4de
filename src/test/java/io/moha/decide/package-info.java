/** The decision core, asked one observation at a time. Sees {@code decide} and {@code model}; no I/O, no clock. */
@NullMarked
package io.moha.decide;

import org.jspecify.annotations.NullMarked;
