package io.moha.moctl.bench;

import io.moha.moctl.client.AgentException;
import io.moha.moctl.client.Agents;
import io.moha.moctl.client.ClusterView;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.client.NodeStatus;
import io.moha.moctl.client.Reply;
import java.time.Duration;

/**
 * Gives up what diverged nodes alone have: they are copied from the primary anew. Only for a caller who was told to, and
 * who has written down what they name.
 *
 * @param deadline for each request, and for the copy
 */
public record Rebuild(Agents agents, Watcher watcher, Duration deadline) {
    /**
     * Rebuilds every node that has diverged and waits until the cluster is whole.
     *
     * @throws BenchException if an agent refuses, or it does not become whole in time
     */
    public void diverged() throws BenchException {
        try {
            ClusterView view = agents.view(true);
            for (MemberView member : view.members()) {
                if (member.status().filter(NodeStatus::diverged).isPresent()) {
                    Reply reply = agents.of(member.member()).reinit(member.id(), deadline);
                    if (!reply.done()) {
                        throw new BenchException("cannot rebuild " + member.id() + ": " + reply.text());
                    }
                }
            }
        } catch (AgentException e) {
            throw new BenchException("cannot rebuild the diverged node: " + e.getMessage(), e);
        }
        if (!watcher.awaitRejoined(deadline)) {
            throw new BenchException("a rebuilt node did not come back within " + deadline.toSeconds() + " s");
        }
    }
}
