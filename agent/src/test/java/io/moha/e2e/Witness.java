package io.moha.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Knows who acknowledged what. Writes to every node all the time, past all proxies, and asks every agent all the time
 * whether it is primary; both answers are kept with the moments of question and answer.
 *
 * <p>At each node one client is impatient (reconnects after 2 s without an answer) and one waits for 30 s: its insert lies
 * in the socket of a frozen server, or is sent again by TCP when the network is back.
 */
final class Witness implements AutoCloseable {
    /**
     * A node acknowledged an insert, or its agent said that it is primary.
     *
     * @param id of the row; 0: the agent's word
     * @param sentAt before the question was sent, monotonic nanoseconds
     * @param at when the answer was here
     */
    record Word(int node, long id, long sentAt, long at) {
        boolean ack() {
            return id != 0;
        }
    }

    /** Words of one node that are forgiven if they came at that time: a documented limit. Monotonic nanoseconds. */
    record Excuse(int node, long from, long until, boolean acks) {
        Excuse(int node, long from, long until) {
            this(node, from, until, true);
        }

        /** The agent may call its node primary at that time; nothing may be acknowledged. */
        static Excuse ofWord(int node, long from, long until) {
            return new Excuse(node, from, until, false);
        }

        boolean covers(Word word) {
            return word.ack() == acks && word.node() == node && word.at() >= from && word.at() <= until;
        }
    }

    private static final AtomicLong IDS = new AtomicLong(System.currentTimeMillis() * 1000);
    private static final int READ_ONLY = 1290;
    private static final int READ_ONLY_TRANSACTION = 1792;

    private final TestCluster cluster;
    private final int nodes;
    private final int primaryAtStart;
    private final long termAtStart;
    private final Queue<Word> words = new ConcurrentLinkedQueue<>();
    private final Set<Connection> open = java.util.concurrent.ConcurrentHashMap.newKeySet();
    private final List<Thread> threads = new ArrayList<>();
    private final AtomicLong acknowledged = new AtomicLong();
    private volatile boolean stopped;

    /** Begins at once; the table of {@link TestCluster#prepareApplication} is there. */
    Witness(TestCluster cluster, int nodes, int primary, long term) {
        this.cluster = cluster;
        this.nodes = nodes;
        this.primaryAtStart = primary;
        this.termAtStart = term;
        for (int n = 1; n <= nodes; n++) {
            int node = n;
            begin("impatient-" + n, () -> write(node, 2000));
            begin("patient-" + n, () -> write(node, 30_000));
            begin("asks-" + n, () -> ask(node));
        }
    }

    private void begin(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
    }

    private void write(int node, int patienceMillis) {
        while (!stopped) {
            try (Connection connection = connect(node, patienceMillis)) {
                open.add(connection);
                try {
                    insert(node, connection);
                } finally {
                    open.remove(connection);
                }
            } catch (SQLException e) {
                pause(50);
            }
        }
    }

    private void insert(int node, Connection connection) throws SQLException {
        try (PreparedStatement insert =
                connection.prepareStatement("INSERT INTO demo.ledger (id, node) VALUES (?, ?)")) {
            while (!stopped) {
                long id = IDS.incrementAndGet();
                insert.setLong(1, id);
                insert.setInt(2, node);
                try {
                    long sentAt = System.nanoTime();
                    insert.executeUpdate();
                    words.add(new Word(node, id, sentAt, System.nanoTime()));
                    acknowledged.incrementAndGet();
                    pause(7);
                } catch (SQLException e) {
                    if (e.getErrorCode() != READ_ONLY && e.getErrorCode() != READ_ONLY_TRANSACTION) {
                        throw e;
                    }
                    pause(25); // read-only: the connection is as good as before
                }
            }
        }
    }

    /** Without TLS: a frozen server must not double the timeouts, and handshakes must not eat the machine. */
    private Connection connect(int node, int patienceMillis) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", "app");
        properties.setProperty("password", TestCluster.APP_PASSWORD);
        properties.setProperty("sslMode", "DISABLED");
        properties.setProperty("allowPublicKeyRetrieval", "true");
        properties.setProperty("connectTimeout", "1000");
        properties.setProperty("socketTimeout", Integer.toString(patienceMillis));
        return DriverManager.getConnection(
                "jdbc:mysql://127.0.0.1:" + cluster.port(cluster.mysql(node)) + "/", properties);
    }

    private void ask(int node) {
        HttpClient client =
                HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(1)).build();
        HttpRequest request = HttpRequest.newBuilder(
                        URI.create("http://127.0.0.1:" + cluster.port(cluster.agent(node)) + "/masterCheck"))
                .timeout(Duration.ofSeconds(60)) // an answer that comes when a frozen agent wakes counts
                .build();
        while (!stopped) {
            try {
                long sentAt = System.nanoTime();
                int code = client.send(request, HttpResponse.BodyHandlers.discarding())
                        .statusCode();
                if (code == 200) {
                    words.add(new Word(node, 0, sentAt, System.nanoTime()));
                }
            } catch (java.io.IOException e) {
                pause(50);
            } catch (InterruptedException e) {
                return;
            }
            pause(25);
        }
    }

    /** One more that asks this node's agent. If that is frozen, the question lies in its socket until it wakes. */
    void askAnew(int node) {
        begin("asks-anew-" + node, () -> ask(node));
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Inserts that any node has acknowledged. */
    long count() {
        return acknowledged.get();
    }

    /** Stops writing and asking. */
    void stop() {
        stopped = true;
        for (Connection connection : open) {
            try {
                connection.abort(Runnable::run);
            } catch (SQLException e) {
                // It is closed then.
            }
        }
        threads.forEach(Thread::interrupt);
        for (Thread thread : threads) {
            try {
                thread.join(5000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private List<Word> inOrder() {
        List<Word> all = new ArrayList<>(words);
        all.sort(Comparator.comparingLong(Word::at));
        return all;
    }

    /** When a node last acknowledged before the given moment; 0 if it did not. */
    long lastAck(int node, long before) {
        return words.stream()
                .filter(w -> w.ack() && w.node() == node && w.at() < before)
                .mapToLong(Word::at)
                .max()
                .orElse(0);
    }

    /** When another node than the given one first acknowledged an insert sent after the given moment; 0 if none did. */
    long firstAckElsewhere(int node, long after) {
        return words.stream()
                .filter(w -> w.ack() && w.node() != node && w.sentAt() > after)
                .mapToLong(Word::at)
                .min()
                .orElse(0);
    }

    List<Word> acks(int node, long after) {
        return inOrder().stream()
                .filter(w -> w.ack() && w.node() == node && w.at() > after)
                .toList();
    }

    /**
     * How often a node's agent that was asked after the given moment said that it is primary. For one that was frozen give the
     * moment from which on it was: whoever had asked before may have been all but answered by then.
     */
    long claims(int node, long askedAfter) {
        return words.stream()
                .filter(w -> !w.ack() && w.node() == node && w.sentAt() > askedAfter)
                .count();
    }

    /** The longest time without an acknowledged insert anywhere, milliseconds. */
    long longestGapMillis() {
        long longest = 0;
        long last = 0;
        for (Word word : inOrder()) {
            if (word.ack()) {
                longest = last == 0 ? 0 : Math.max(longest, word.at() - last);
                last = word.at();
            }
        }
        return longest / 1_000_000;
    }

    /** The nodes that were primary, term by term, from the beginning of this witness on. */
    List<Integer> reigns() {
        List<Integer> primaries = new ArrayList<>(List.of(primaryAtStart));
        for (JsonNode change : anyHistory()) {
            if (change.get("term").asLong() > termAtStart) {
                String id = change.get("new_primary").asText();
                primaries.add(1, Integer.parseInt(id.substring(id.lastIndexOf('-') + 1)));
            }
        }
        return primaries;
    }

    private JsonNode anyHistory() {
        RuntimeException last = new IllegalStateException("no nodes");
        for (int n = 1; n <= nodes; n++) {
            try {
                return cluster.history(n);
            } catch (RuntimeException e) {
                last = e;
            }
        }
        throw last;
    }

    /**
     * The judgement: once a node has acknowledged anything in a term, no other node may acknowledge what is sent after that
     * moment, nor call itself primary, until a later term of its own.
     *
     * @param primaries {@link #reigns}
     * @return one sentence for each violation
     */
    List<String> violations(List<Integer> primaries, List<Excuse> excuses) {
        return judge(inOrder(), primaries, excuses);
    }

    static List<String> judge(List<Word> inOrder, List<Integer> primaries, List<Excuse> excuses) {
        List<String> violations = new ArrayList<>();
        int term = 0;
        long beganAt = Long.MIN_VALUE;
        for (Word word : inOrder) {
            if (word.node() == primaries.get(term) || excuses.stream().anyMatch(e -> e.covers(word))) {
                continue;
            }
            boolean reignedBefore = primaries.subList(0, term).contains(word.node());
            if (reignedBefore && word.sentAt() <= beganAt) {
                continue; // asked before the new term began, answered late
            }
            int next = primaries.subList(term + 1, primaries.size()).indexOf(word.node());
            if (next >= 0) {
                term += next + 1;
                beganAt = word.at();
            } else {
                violations.add("node-" + word.node()
                        + (word.ack() ? " acknowledged " + word.id() : " called itself primary")
                        + ", asked " + (word.sentAt() - beganAt) / 1_000_000 + " ms and answered "
                        + (word.at() - beganAt) / 1_000_000 + " ms after the first word of node-" + primaries.get(term)
                        + " in its term (primaries: " + primaries + ")");
            }
        }
        return violations;
    }

    /** Acknowledged rows that are not in the table of the given node. */
    Set<Long> missingOn(int node) throws SQLException {
        Set<Long> missing = new HashSet<>();
        words.stream().filter(Word::ack).forEach(w -> missing.add(w.id()));
        missing.removeAll(cluster.ledger(node));
        return missing;
    }

    @Override
    public void close() {
        stop();
    }
}
