/** The configuration: each key, each default, each mistake and its message. Sees {@code config} and {@code model}. */
@NullMarked
package io.moha.config;

import org.jspecify.annotations.NullMarked;
