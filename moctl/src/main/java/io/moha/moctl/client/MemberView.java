package io.moha.moctl.client;

import java.util.Optional;

/**
 * A member as etcd knows it, and what its agent answered.
 *
 * @param member from {@code /cluster}
 * @param status from its own {@code /status}; empty if the agent did not answer
 * @param error why there is no status; empty if there is one
 */
public record MemberView(Member member, Optional<NodeStatus> status, String error) {
    public String id() {
        return member.id();
    }

    /** Reachable, replicating, with nothing of its own. */
    public boolean healthyReplica() {
        return status.map(s -> !s.master() && s.databaseUp() && s.replicating() && !s.diverged())
                .orElse(false);
    }

    public boolean openPrimary() {
        return status.map(NodeStatus::open).orElse(false);
    }

    public String version() {
        return status.map(NodeStatus::version).filter(v -> !v.isEmpty()).orElse(member.version());
    }

    public boolean onlyFollow() {
        return status.map(s -> s.onlyFollow() || s.promotionRule().equals("must_not"))
                .orElse(member.onlyFollow());
    }
}
