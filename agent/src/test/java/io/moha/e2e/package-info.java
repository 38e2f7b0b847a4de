/**
 * End-to-end tests: real MySQL, real etcd and the real agent program, in containers where a Docker Engine answers and as
 * plain processes elsewhere ({@link io.moha.e2e.Stage}); no fakes. Run by failsafe ({@code mvn verify}); skipped, loudly,
 * where neither can run. See {@link io.moha.e2e.TestCluster}.
 */
@NullMarked
package io.moha.e2e;

import org.jspecify.annotations.NullMarked;
