/** Prometheus metrics from the published snapshot: MoHA's four names kept, new ones by the naming rules. */
@NullMarked
package io.moha.agent.metrics;

import org.jspecify.annotations.NullMarked;
