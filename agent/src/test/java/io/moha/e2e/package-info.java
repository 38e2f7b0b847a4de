/**
 * End-to-end tests: real MySQL, real etcd and the real agent program in containers; no fakes. Run by failsafe
 * ({@code mvn verify}); skipped, loudly, where no Docker Engine answers. See {@link io.moha.e2e.TestCluster}.
 */
@NullMarked
package io.moha.e2e;

import org.jspecify.annotations.NullMarked;
