package io.moha.moctl.command;

import io.moha.moctl.client.Agents;
import io.moha.moctl.config.ConfigException;
import io.moha.moctl.config.ConfigReader;
import io.moha.moctl.config.MoctlConfig;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which cluster: options that every command which talks to agents has. */
final class ClusterOptions {
    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "Configuration. Default: $$MOCTL_CONFIG, ./.moha/moctl.toml, the .moha/moctl.toml of the "
                    + "checkout that moctl was started from, ~/.config/moha/moctl.toml.")
    private @Nullable Path config;

    @Option(
            names = "--agents",
            paramLabel = "URL",
            split = ",",
            description = "Addresses of agents instead of the configured ones, e.g. http://127.0.0.1:13307. One that "
                    + "answers is enough.")
    private @Nullable List<String> agents;

    MoctlConfig load() throws ConfigException {
        List<URI> given = new ArrayList<>();
        if (agents != null) {
            for (String address : agents) {
                given.add(ConfigReader.agentAddress(address));
            }
        }
        Optional<Path> file = file(given.isEmpty());
        MoctlConfig found = file.isPresent()
                ? ConfigReader.read(file.get())
                : new MoctlConfig(Optional.empty(), given, Optional.empty(), Optional.empty());
        return given.isEmpty() ? found : found.withAgents(given);
    }

    Agents connect(MoctlConfig loaded) throws ConfigException {
        return new Agents(loaded.agents(), loaded.token());
    }

    /** For commands that only read: a token that cannot be read is no reason to show nothing. */
    Agents connectReading() throws ConfigException {
        return new Agents(load().agents(), "");
    }

    private Optional<Path> file(boolean needed) throws ConfigException {
        if (config != null) {
            return Optional.of(config);
        }
        String fromEnvironment = System.getenv("MOCTL_CONFIG");
        if (fromEnvironment != null && !fromEnvironment.isBlank()) {
            return Optional.of(Path.of(fromEnvironment));
        }
        List<Path> candidates = new ArrayList<>(List.of(Path.of(".moha", "moctl.toml")));
        String home = System.getProperty("moctl.home", "");
        if (!home.isEmpty()) {
            candidates.add(Path.of(home, ".moha", "moctl.toml"));
        }
        candidates.add(Path.of(System.getProperty("user.home", "."), ".config", "moha", "moctl.toml"));
        Optional<Path> found = ConfigReader.firstOf(candidates);
        if (found.isEmpty() && needed) {
            throw new ConfigException("no configuration found at "
                    + String.join(", ", candidates.stream().map(Path::toString).toList())
                    + ": give --config FILE or --agents http://HOST:PORT");
        }
        return found;
    }
}
