package io.moha.agent.loop;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Where the agent's threads come from: the machine's, or the simulator's, which runs one at a time in virtual time. */
public interface Threads {
    Logger LOG = LoggerFactory.getLogger(Threads.class);

    /** Starts work that goes on until {@link #stop}. */
    void start(String name, Runnable work);

    /** One thread that does what it is given in order. */
    Executor hand(String name);

    /** Interrupts all. */
    void stop();

    /**
     * Daemon threads.
     *
     * @param onDefect told when work ends by an exception that nobody expected, after it was logged. An agent of which a
     *     part has died sees, or does, nothing of some kind any more, and knows nothing of it: it must end.
     */
    static Threads real(Runnable onDefect) {
        return new Threads() {
            private final List<Thread> threads = new ArrayList<>();
            private final List<ExecutorService> hands = new ArrayList<>();

            @Override
            public void start(String name, Runnable work) {
                Thread thread = daemon(name, work);
                threads.add(thread);
                thread.start();
            }

            @Override
            public Executor hand(String name) {
                ExecutorService hand = Executors.newSingleThreadExecutor(r -> daemon(name, r));
                hands.add(hand);
                return hand;
            }

            @Override
            public void stop() {
                threads.forEach(Thread::interrupt);
                hands.forEach(ExecutorService::shutdownNow);
            }

            private Thread daemon(String name, Runnable work) {
                Thread thread = new Thread(work, name);
                thread.setUncaughtExceptionHandler((t, defect) -> {
                    LOG.error("a defect has ended the agent's thread '{}'", name, defect);
                    onDefect.run();
                });
                thread.setDaemon(true);
                return thread;
            }
        };
    }
}
