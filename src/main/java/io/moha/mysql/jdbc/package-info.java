/**
 * MySQL over JDBC: the only code that sees java.sql and Connector/J. One connection a role, opened ahead and kept, every
 * call cut off at its deadline, no pool (a health probe must see each connect fail). Sees {@code model} and the port in
 * {@code mysql}.
 */
@NullMarked
package io.moha.mysql.jdbc;

import org.jspecify.annotations.NullMarked;
