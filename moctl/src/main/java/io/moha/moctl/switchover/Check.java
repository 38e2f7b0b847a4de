package io.moha.moctl.switchover;

/**
 * One line of the pre-flight.
 *
 * @param ok whether the change may go on
 * @param what the condition, as a statement
 * @param detail what was seen
 */
public record Check(boolean ok, String what, String detail) {}
