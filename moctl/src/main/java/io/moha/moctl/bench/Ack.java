package io.moha.moctl.bench;

/**
 * One acknowledged insert. Times are {@code System.nanoTime} of this process, so that all writers share one clock.
 *
 * @param node the node that took it; empty if it went through the proxy and has not been resolved yet
 * @param proxied whether it went through the proxy
 * @param id of the row
 * @param sentAt just before the statement was sent
 * @param ackedAt just after its success came back
 */
public record Ack(String node, boolean proxied, long id, long sentAt, long ackedAt) {
    public Ack {
        if (ackedAt < sentAt) {
            throw new IllegalArgumentException("acknowledged before it was sent: " + id);
        }
    }

    /** The same with the node that took it. */
    public Ack takenBy(String server) {
        return new Ack(server, proxied, id, sentAt, ackedAt);
    }
}
