package io.moha.agent.process;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.async.ResultCallback;
import com.github.dockerjava.api.command.InspectContainerResponse;
import com.github.dockerjava.api.command.InspectContainerResponse.ContainerState;
import com.github.dockerjava.api.exception.NotFoundException;
import com.github.dockerjava.api.exception.NotModifiedException;
import com.github.dockerjava.api.model.Event;
import com.github.dockerjava.core.DefaultDockerClientConfig;
import com.github.dockerjava.core.DockerClientImpl;
import com.github.dockerjava.zerodep.ZerodepDockerHttpClient;
import io.moha.mysql.DatabaseProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The database in a container of the Docker Engine. No API version is set: it is negotiated. The engine's answers have no
 * deadline of their own that could be set per call, so each call runs on a thread of its own and is given up in time.
 */
public final class DockerProcess implements DatabaseProcess {
    private static final Logger LOG = LoggerFactory.getLogger(DockerProcess.class);
    private static final Duration CONNECT = Duration.ofSeconds(1);
    /** When a call that was given up lets go of its thread and connection; starting a container can take long. */
    private static final Duration ANSWER = Duration.ofSeconds(30);

    private static final Duration NO_LIMIT = Duration.ofDays(365);
    private static final Duration LOOK_AGAIN = Duration.ofMillis(20);
    private static final Duration RECONNECT = Duration.ofSeconds(1);
    private static final int MOST_CALLS = 8;

    private final String container;
    private final DockerClient client;
    private final DockerClient events;
    private final ExecutorService calls =
            new ThreadPoolExecutor(0, MOST_CALLS, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), runnable -> {
                Thread thread = new Thread(runnable, "docker-call");
                thread.setDaemon(true);
                return thread;
            });
    private final CountDownLatch closing = new CountDownLatch(1);
    private final Optional<MainProcess> main;
    private volatile boolean everSeen;

    /**
     * Connects to nothing yet.
     *
     * @param container name or id
     * @param host e.g. {@code unix:///var/run/docker.sock}
     * @param hostProc the host's {@code /proc}, where deaths show earlier; empty: the engine alone is asked
     */
    public DockerProcess(String container, String host, Optional<Path> hostProc) {
        this.container = container;
        this.main = hostProc.map(MainProcess::new);
        this.client = client(host, ANSWER);
        this.events = client(host, NO_LIMIT);
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
                .maxConnections(MOST_CALLS)
                .build();
        return DockerClientImpl.getInstance(config, http);
    }

    @Override
    public State state(Duration deadline) {
        if (main.filter(MainProcess::ended).isPresent()) {
            return State.DEAD;
        }
        try {
            State seen = inspect(deadline);
            // The engine may not have noticed yet.
            return main.filter(MainProcess::ended).isPresent() ? State.DEAD : seen;
        } catch (ProcessException e) {
            if (e.getCause() instanceof NotFoundException) {
                // Gone after it was there: removed, so its process is dead. Never there: a wrong name says nothing.
                return everSeen ? State.DEAD : State.UNKNOWN;
            }
            LOG.debug("{}", e.getMessage());
            return State.UNKNOWN;
        }
    }

    private State inspect(Duration deadline) throws ProcessException {
        InspectContainerResponse seen = call(
                "inspecting",
                deadline,
                () -> client.inspectContainerCmd(container).exec());
        everSeen = true;
        State state = state(seen.getState());
        Long pid = seen.getState().getPidLong();
        if (state == State.RUNNING && pid != null && pid > 0) {
            main.ifPresent(m -> m.runs(pid, seen.getId()));
        }
        return state;
    }

    /** "exited" and "created" have no process; "restarting" will have one again, "paused" still has it. */
    private static State state(ContainerState state) {
        if (Boolean.TRUE.equals(state.getRunning()) || Boolean.TRUE.equals(state.getPaused())) {
            return State.RUNNING;
        }
        boolean over = "exited".equals(state.getStatus()) || "created".equals(state.getStatus());
        return over ? State.DEAD : State.UNKNOWN;
    }

    @Override
    public void start(Duration deadline) throws ProcessException {
        call("starting", deadline, () -> {
            try {
                client.startContainerCmd(container).exec();
            } catch (NotModifiedException e) {
                LOG.debug("container {} runs already", container);
            }
            return true;
        });
    }

    @Override
    public void kill(Duration deadline) throws ProcessException {
        long until = System.nanoTime() + deadline.toNanos();
        String trouble = "";
        main.ifPresent(
                MainProcess::forget); // it may have been started anew since: the end of that one would say nothing
        try {
            // A paused container too: the signal is waiting when the engine resumes it.
            call(
                    "killing",
                    deadline,
                    () -> client.killContainerCmd(container).withSignal("KILL").exec());
        } catch (ProcessException e) {
            trouble = ": " + e.getMessage(); // not running is an error here, and what is wanted
        }
        while (true) {
            long left = until - System.nanoTime();
            if (left <= 0) {
                throw new ProcessException("container " + container + " is not confirmed dead" + trouble, null);
            }
            if (state(Duration.ofNanos(left)) == State.DEAD) {
                return;
            }
            pause(LOOK_AGAIN);
        }
    }

    private <T> T call(String what, Duration deadline, Callable<T> work) throws ProcessException {
        String sentence = what + " container " + container;
        Future<T> answer;
        try {
            answer = calls.submit(work);
        } catch (RejectedExecutionException e) {
            throw new ProcessException(sentence + ": the Docker Engine has not answered " + MOST_CALLS + " calls", e);
        }
        try {
            return answer.get(deadline.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            answer.cancel(true);
            throw new ProcessException(
                    sentence + ": no answer from the Docker Engine in " + deadline.toMillis() + " ms", e);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new ProcessException(sentence + ": " + cause.getMessage(), cause);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ProcessException(sentence + ": interrupted", e);
        }
    }

    @Override
    public void onExit(Runnable hint) {
        Thread thread = new Thread(() -> watch(hint), "docker-events");
        thread.setDaemon(true);
        thread.start();
    }

    /** Follows the engine's events; connects again when the stream ends. */
    private void watch(Runnable hint) {
        try {
            do {
                try (ResultCallback.Adapter<Event> stream = events.eventsCmd()
                        .withContainerFilter(container)
                        .withEventFilter("die", "start")
                        .exec(new Died(hint))) {
                    getToKnow();
                    stream.awaitCompletion();
                } catch (IOException | RuntimeException e) {
                    LOG.debug("docker events: {}", e.toString());
                }
            } while (!closing.await(RECONNECT.toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** So that the end of the process can be noticed without asking the engine. */
    private void getToKnow() {
        if (main.isPresent()) {
            try {
                var unused = inspect(ANSWER);
            } catch (ProcessException e) {
                LOG.debug("{}", e.getMessage());
            }
        }
    }

    private static void pause(Duration duration) throws ProcessException {
        try {
            TimeUnit.NANOSECONDS.sleep(duration.toNanos());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ProcessException("interrupted", e);
        }
    }

    @Override
    public boolean controllable() {
        return true;
    }

    @Override
    public void close() {
        closing.countDown();
        calls.shutdownNow();
        try {
            events.close();
            client.close();
        } catch (IOException e) {
            LOG.debug("closing docker clients: {}", e.toString());
        }
    }

    /** Passes each end of the container on. */
    private final class Died extends ResultCallback.Adapter<Event> {
        private final Runnable hint;

        private Died(Runnable hint) {
            this.hint = hint;
        }

        @Override
        public void onNext(Event event) {
            if ("start".equals(event.getAction())) {
                getToKnow();
            } else {
                hint.run();
            }
        }

        @Override
        public void onError(Throwable error) {
            // The engine went away or this agent stops; the loop around this comes back.
            LOG.debug("docker events: {}", error.toString());
            onComplete();
        }
    }
}
