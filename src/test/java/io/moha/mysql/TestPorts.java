package io.moha.mysql;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Ports for the servers of tests; another range with -Dmoha.test.first-port=N. */
final class TestPorts {
    private static final int FIRST_PORT = Integer.getInteger("moha.test.first-port", 22010);
    private static final int PORTS = 80;
    private static final Set<Integer> TAKEN = ConcurrentHashMap.newKeySet();
    private static final Map<Integer, FileLock> LOCKS = new ConcurrentHashMap<>();

    private TestPorts() {}

    /**
     * A port that nobody uses or is about to use. Between asking the kernel and mysqld's own bind another test run on this
     * machine could take it: hence the lock file, which ends with this JVM.
     */
    static synchronized int take() throws IOException {
        for (int port = FIRST_PORT; port < FIRST_PORT + PORTS; port++) {
            if (TAKEN.contains(port) || !lock(port)) {
                continue;
            }
            try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                TAKEN.add(port);
                return probe.getLocalPort();
            } catch (IOException e) {
                // Somebody else's.
            }
        }
        throw new IllegalStateException("no free port in " + PORTS + " from " + FIRST_PORT);
    }

    @SuppressWarnings("resource") // kept open on purpose: closing it would give the port away
    private static boolean lock(int port) throws IOException {
        if (LOCKS.containsKey(port)) {
            return true;
        }
        Path file = Path.of(System.getProperty("java.io.tmpdir"), "moha-test-port-" + port + ".lock");
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock();
        if (lock == null) {
            channel.close();
            return false;
        }
        LOCKS.put(port, lock);
        return true;
    }

    static void giveBack(int port) {
        TAKEN.remove(port);
    }
}
