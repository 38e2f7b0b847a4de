package io.moha.moctl.bench;

/** The bench cannot go on. The message says in one sentence why, and what was left as it is. */
public class BenchException extends Exception {
    public BenchException(String message) {
        super(message);
    }

    public BenchException(String message, Throwable cause) {
        super(message, cause);
    }
}
