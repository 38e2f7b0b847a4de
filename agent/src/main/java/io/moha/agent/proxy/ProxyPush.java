package io.moha.agent.proxy;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps one HAProxy in step with this agent. When this node becomes primary the proxy is told so within milliseconds, and that the
 * others are not; when it is no primary any more, that, too. Once a second the primary looks whether the proxy still knows: one
 * that was restarted is corrected. Nothing is safer for it and nothing less safe: a database that must not be written is closed,
 * and the proxy's own health checks say the same a moment later.
 */
public final class ProxyPush implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(ProxyPush.class);
    private static final Duration LOOK = Duration.ofSeconds(1);
    private static final Duration REQUEST = Duration.ofMillis(500);
    /** HAProxy's {@code srv_op_state}: 0 is down, the others carry traffic or begin to. */
    private static final int DOWN = 0;

    private final RuntimeApi proxy;
    private final String backend;
    private final String me;
    private final BooleanSupplier primary;
    private final Supplier<Set<String>> members;
    private final Semaphore bell = new Semaphore(0);
    /** As it was when the bell was last rung; only the loop's thread. */
    private boolean seen;
    /** As the proxy was last told; only this thread. */
    private boolean wasPrimary;

    private String trouble = "";

    /**
     * @param where {@code host:port} or the path of the socket
     * @param backend whose servers, named like the nodes, carry the checks of {@code /masterCheck}
     * @param me this node
     * @param primary whether this node is the open primary at this very moment
     * @param members all nodes of the cluster, as far as this agent knows
     */
    public ProxyPush(String where, String backend, String me, BooleanSupplier primary, Supplier<Set<String>> members) {
        this.proxy = new RuntimeApi(where, REQUEST);
        this.backend = backend;
        this.me = me;
        this.primary = primary;
        this.members = members;
    }

    /** Something may have changed. Called by one thread, the loop's; does not block. */
    public void look() {
        boolean now = primary.getAsBoolean();
        if (now != seen) {
            seen = now;
            bell.release();
        }
    }

    @Override
    public void run() {
        while (!Thread.currentThread().isInterrupted()) {
            try {
                // Rung or not: after a second it looks all the same.
                boolean rung = bell.tryAcquire(LOOK.toMillis(), TimeUnit.MILLISECONDS);
                LOG.trace("looking, rung: {}", rung);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
            bell.drainPermits();
            turn();
        }
    }

    /** One look, and one correction if it is needed. Visible to tests. */
    void turn() {
        boolean now = primary.getAsBoolean();
        if (!now && !wasPrimary) {
            return;
        }
        try {
            Map<String, Boolean> wanted = new TreeMap<>();
            if (now) {
                members.get().forEach(node -> wanted.put(node, false));
            }
            wanted.put(me, now);
            correct(wanted, wasPrimary == now);
            wasPrimary = now;
            said("");
        } catch (IOException e) {
            said(String.valueOf(e.getMessage()));
        }
    }

    /** @param look whether to ask first and to say only what differs; else all is said at once */
    private void correct(Map<String, Boolean> wanted, boolean look) throws IOException {
        Map<String, Boolean> known = look ? known() : Map.of();
        List<String> commands = new ArrayList<>();
        // The way to the old primary is closed before the one to the new is opened.
        for (boolean up : new boolean[] {false, true}) {
            wanted.forEach((node, should) -> {
                boolean told = look && Objects.equals(known.get(node), should);
                boolean unknown = look && !known.containsKey(node);
                if (should == up && !told && !unknown) {
                    commands.add("set server " + backend + "/" + node + " health " + (should ? "up" : "down"));
                }
            });
        }
        if (commands.isEmpty()) {
            return;
        }
        String answer = proxy.ask(String.join(";", commands)).strip();
        LOG.info("told HAProxy at {}: {}", proxy, String.join("; ", commands));
        if (!answer.isEmpty()) {
            throw new IOException("HAProxy said: " + answer.replaceAll("\\s+", " "));
        }
    }

    /** Which servers the proxy takes for up. Those it does not have are left out. */
    private Map<String, Boolean> known() throws IOException {
        Map<String, Boolean> known = new HashMap<>();
        String answer = proxy.ask("show servers state " + backend);
        for (String line : answer.split("\n", -1)) {
            // be_id be_name srv_id srv_name srv_addr srv_op_state ...
            String[] fields = line.strip().split(" ", -1);
            if (fields.length > 5 && fields[0].matches("\\d+")) {
                known.put(fields[3], Integer.parseInt(fields[5]) != DOWN);
            }
        }
        if (known.isEmpty()) {
            throw new IOException("HAProxy has no backend '" + backend + "' with servers: "
                    + answer.strip().replaceAll("\\s+", " "));
        }
        return known;
    }

    private void said(String now) {
        if (!now.equals(trouble)) {
            trouble = now;
            if (now.isEmpty()) {
                LOG.info("HAProxy at {} listens again", proxy);
            } else {
                LOG.warn("HAProxy at {} could not be told ({}); its health checks find out by themselves", proxy, now);
            }
        }
    }
}
