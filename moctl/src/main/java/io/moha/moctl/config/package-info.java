/**
 * {@code moctl.toml} to validated records; every complaint names file, key and what to write instead. Sees
 * {@code io.moha.model} and Jackson.
 */
@NullMarked
package io.moha.moctl.config;

import org.jspecify.annotations.NullMarked;
