package io.moha.moctl.config;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * {@code moctl.toml}.
 *
 * @param file where it was read from; empty if everything came from the command line
 * @param agents addresses of some agents; any one that answers is enough
 * @param tokenFile first line is the bearer token for requests that change something
 * @param bench for {@code moctl bench} only
 */
public record MoctlConfig(
        Optional<Path> file, List<URI> agents, Optional<Path> tokenFile, Optional<BenchConfig> bench) {
    public MoctlConfig {
        agents = List.copyOf(agents);
    }

    /** The same with other agents. */
    public MoctlConfig withAgents(List<URI> others) {
        return new MoctlConfig(file, others, tokenFile, bench);
    }

    /**
     * The bearer token; empty if none is configured.
     *
     * @throws ConfigException if the file cannot be read or holds nothing
     */
    public String token() throws ConfigException {
        return tokenFile.isPresent() ? Secrets.read("token-file", tokenFile.get()) : "";
    }
}
