/**
 * The port to one MySQL server: what it says of itself, and the few statements that change its role. Sees {@code model}.
 * Only {@code mysql.jdbc} sees java.sql.
 */
@NullMarked
package io.moha.mysql;

import org.jspecify.annotations.NullMarked;
