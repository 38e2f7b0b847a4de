package io.moha.agent.process;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.command.InspectContainerResponse.ContainerState;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.api.exception.NotModifiedException;
import com.github.dockerjava.api.model.Event;
import com.github.dockerjava.core.DefaultDockerClientConfig;
import com.github.dockerjava.core.DockerClientImpl;
import com.github.dockerjava.zerodep.ZerodepDockerHttpClient;
import io.moha.mysql.DatabaseProcess;
import java.io.IOException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The database in a container of the Docker Engine. No API version is set: it is negotiated. */
public final class DockerProcess implements DatabaseProcess {
    private static final Logger LOG = LoggerFactory.getLogger(DockerProcess.class);
    private static final Duration CONNECT = Duration.ofSeconds(1);
    private static final Duration ANSWER = Duration.ofSeconds(3);

    private final String container;
    private final DockerClient client;
    private final DockerClient events;
    private volatile boolean closed;

    /** @param host e.g. {@code unix:///var/run/docker.sock} */
    public DockerProcess(String container, String host) {
        this.container = container;
        this.client = client(host, ANSWER);
        this.events = client(host, Duration.ofDays(365));
    }

    private static DockerClient client(String host, Duration answer) {
        DefaultDockerClientConfig config = DefaultDockerClientConfig.createDefaultConfigBuilder()
                .withDockerHost(host)
                .withDockerTlsVerify(false)
                .build();
        ZerodepDockerHttpClient http = new ZerodepDockerHttpClient.Builder()
                .dockerHost(config.getDockerHost())
                .connectionTimeout(CONNECT)
                .responseTimeout(answer)
                .maxConnections(4)
                .build();
        return DockerClientImpl.getInstance(config, http);
    }

    @Override
    public State state(Duration deadline) {
        try {
            ContainerState state =
                    client.inspectContainerCmd(container).exec().getState();
            if (Boolean.TRUE.equals(state.getRunning()) || Boolean.TRUE.equals(state.getPaused())) {
                return State.RUNNING;
            }
            // "exited", "created" and "dead" have no process; "restarting" will have one again.
            return "exited".equals(state.getStatus()) || "created".equals(state.getStatus()) ? State.DEAD : State.UNKNOWN;
        } catch (NotFoundException e) {
            // A container that does not exist has no process.
            return State.DEAD;
        } catch (RuntimeException e) {
            LOG.warn("Docker Engine gives no state of {}: {}", container, e.toString());
            return State.UNKNOWN;
        }
    }

    @Override
    public void start(Duration deadline) throws ProcessException {
        try {
            client.startContainerCmd(container).exec();
        } catch (NotModifiedException e) {
            LOG.debug("{} runs already", container);
        } catch (RuntimeException e) {
            throw new ProcessException("cannot start container " + container + ": " + e.getMessage(), e);
        }
    }

    @Override
    public void kill(Duration deadline) throws ProcessException {
        long until = System.nanoTime() + deadline.toNanos();
        try {
            client.killContainerCmd(container).withSignal("KILL").exec();
        } catch (RuntimeException e) {
            LOG.warn("killing container {}: {}", container, e.toString());
        }
        while (state(deadline) != State.DEAD) {
            if (System.nanoTime() - until > 0) {
                throw new ProcessException("container " + container + " is not confirmed dead", null);
            }
            try {
                Thread.sleep(20);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new ProcessException("interrupted", e);
            }
        }
    }

    @Override
    public void onExit(Runnable hint) {
        Thread thread = new Thread(() -> watch(hint), "docker-events");
        thread.setDaemon(true);
        thread.start();
    }

    /** Follows the engine's events; comes back by itself when the stream ends. */
    private void watch(Runnable hint) {
        while (!closed) {
            try (ResultCallback.Adapter<Event> stream = events.eventsCmd()
                    .withContainerFilter(container)
                    .withEventFilter("die")
                    .exec(new ResultCallback.Adapter<>() {
                        @Override
                        public void onNext(Event event) {
                            hint.run();
                        }

                        @Override
                        public void onError(Throwable error) {
                            // The engine went away or this agent stops; the loop around this comes back.
                            LOG.debug("docker events: {}", error.toString());
                            super.onComplete();
                        }
                    })) {
                stream.awaitCompletion();
            } catch (IOException | RuntimeException e) {
                LOG.debug("docker events: {}", e.toString());
            } catch (InterruptedException e) {
                return;
            }
            try {
                Thread.sleep(1000);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    @Override
    public boolean controllable() {
        return true;
    }

    @Override
    public void close() {
        closed = true;
        try {
            events.close();
            client.close();
        } catch (IOException e) {
            LOG.debug("closing docker clients: {}", e.toString());
        }
    }
}
