/**
 * Immutable values of the domain: node ids, terms, GTID sets, ballots, endpoints. Every value checks itself when it is
 * made, so that code further in never sees a malformed one. Sees nothing but the JDK.
 */
@NullMarked
package io.moha.model;

import org.jspecify.annotations.NullMarked;
