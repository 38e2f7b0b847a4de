/**
 * The agent's {@code config.toml}: read, checked and turned into immutable records. A mistake ends in one message that
 * names the file, the key, the value and the fix. Sees {@code model}.
 */
@NullMarked
package io.moha.config;

import org.jspecify.annotations.NullMarked;
