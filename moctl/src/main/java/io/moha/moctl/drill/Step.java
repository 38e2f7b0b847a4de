package io.moha.moctl.drill;

import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;

/**
 * One round of a plan. It says roles, not nodes: who is primary then, nobody knows beforehand.
 *
 * @param faults one or two
 * @param replica which replica the first fault on one replica hits, counted among the replicas by id, modulo their number;
 *     a second one hits the next
 * @param delay from the moment the cluster is whole and written to, to the first fault
 * @param between from the first fault to the second
 * @param hold how long a fault lasts that leaves the primary alone
 */
public record Step(List<FaultKind> faults, int replica, Duration delay, Duration between, Duration hold) {
    public Step {
        if (faults.isEmpty() || faults.size() > 2) {
            throw new IllegalArgumentException(faults.size() + " faults in a round: one or two");
        }
        faults = List.copyOf(faults);
    }

    /** The kinds, joined by a plus sign. */
    public String text() {
        return faults.stream().map(FaultKind::text).collect(Collectors.joining("+"));
    }

    boolean hitsPrimary() {
        return faults.stream().anyMatch(f -> f.role() == FaultKind.Role.PRIMARY);
    }
}
