package io.moha.moctl.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Reads secrets from files; they never stand in the configuration itself. */
public final class Secrets {
    private Secrets() {}

    /**
     * The first line of the file, without surrounding blanks.
     *
     * @param key the configuration key that names the file, for the message
     * @throws ConfigException if the file cannot be read or its first line is empty
     */
    public static String read(String key, Path file) throws ConfigException {
        try {
            String secret =
                    Files.readString(file).lines().findFirst().orElse("").strip();
            if (secret.isEmpty()) {
                throw new ConfigException(key + ": " + file + " is empty: its first line is to be the secret");
            }
            return secret;
        } catch (NoSuchFileException e) {
            throw new ConfigException(key + ": " + file + " does not exist", e);
        } catch (IOException e) {
            throw new ConfigException(key + ": " + file + " cannot be read: " + e.getMessage(), e);
        }
    }
}
