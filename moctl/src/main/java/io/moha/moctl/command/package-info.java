/** The commands, one class each: parse, call, render, exit code. Sees every other package of moctl. */
@NullMarked
package io.moha.moctl.command;

import org.jspecify.annotations.NullMarked;
