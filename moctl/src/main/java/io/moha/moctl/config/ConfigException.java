package io.moha.moctl.config;

/** The configuration cannot be used. The message is one sentence for people: file, key, and what to write instead. */
public class ConfigException extends Exception {
    public ConfigException(String message) {
        super(message);
    }

    public ConfigException(String message, Throwable cause) {
        super(message, cause);
    }
}
