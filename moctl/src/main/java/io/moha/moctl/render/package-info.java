/**
 * What people and scripts read: tables, the topology tree, JSON. Pure: values in, text out. Sees {@code client},
 * {@code switchover} and {@code bench} for their results.
 */
@NullMarked
package io.moha.moctl.render;

import org.jspecify.annotations.NullMarked;
