/** The values of the domain: what they accept, what they refuse, how GTID sets calculate. Sees {@code model}. */
@NullMarked
package io.moha.model;

import org.jspecify.annotations.NullMarked;
