package io.moha.agent;

import io.moha.agent.process.CommandProcess;
import io.moha.agent.process.DockerProcess;
import io.moha.agent.process.ForkProcess;
import io.moha.agent.process.NoProcess;
import io.moha.config.AgentConfig;
import io.moha.mysql.DatabaseProcess;

/** Chooses how the database's process is controlled. */
final class Processes {
    private Processes() {}

    static DatabaseProcess of(AgentConfig settings) {
        AgentConfig.Control control = settings.control();
        return switch (control.kind()) {
            case DOCKER -> new DockerProcess(control.container(), control.dockerHost(), control.hostProc());
            case COMMAND -> new CommandProcess(control.startCommand(), control.killCommand(), control.statusCommand());
            case FORK -> new ForkProcess(control.forkFile(), control.forkArgs(), settings.dataDir());
            case NONE -> new NoProcess();
        };
    }
}
