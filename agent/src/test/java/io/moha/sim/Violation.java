package io.moha.sim;

/** A promise of the protocol that was broken. An error: no handler for the agent's own troubles must swallow it. */
final class Violation extends Error {
    private static final long serialVersionUID = 1;

    Violation(String promise, String what) {
        super(promise + ": " + what, null, false, false);
    }
}
