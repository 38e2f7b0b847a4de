/** The JDBC side of the port, tried on real servers of both versions. */
@NullMarked
package io.moha.mysql.jdbc;

import org.jspecify.annotations.NullMarked;
