/** Real MySQL servers for tests, and tests of the port's values. */
@NullMarked
package io.moha.mysql;

import org.jspecify.annotations.NullMarked;
