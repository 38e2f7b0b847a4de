package io.moha.moctl.client;

/** An agent did not give a usable answer to a question. The message names the address and the reason, in one line. */
public class AgentException extends Exception {
    public AgentException(String message) {
        super(message);
    }

    public AgentException(String message, Throwable cause) {
        super(message, cause);
    }
}
