package io.moha.e2e;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The ports of one cluster, each the same for the whole life of its owner. They lie below the range from which the kernel
 * takes the ports of outgoing connections (32768 and more): else, while a server is dead, a client that tries to reach it
 * could be given that very port, connect to itself and keep the server from coming back.
 */
final class Ports {
    private static final int FIRST = 24_000;
    private static final int BEYOND = 32_000;
    private static final Set<Integer> TAKEN = ConcurrentHashMap.newKeySet();

    private final Map<String, Integer> ports = new ConcurrentHashMap<>();

    int of(String owner) {
        return ports.computeIfAbsent(owner, o -> take());
    }

    private static int take() {
        for (int tries = 0; tries < 1000; tries++) {
            int port = ThreadLocalRandom.current().nextInt(FIRST, BEYOND);
            if (TAKEN.add(port) && free(port)) {
                return port;
            }
        }
        throw new IllegalStateException("no free port from " + FIRST + " to " + BEYOND);
    }

    private static boolean free(int port) {
        try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            return probe.isBound();
        } catch (IOException e) {
            return false;
        }
    }
}
