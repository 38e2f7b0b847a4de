package io.moha.decide;

import java.util.List;

/**
 * What to do now.
 *
 * @param next what to remember
 * @param actions in order; none is started while an earlier one of the same hand is under way
 * @param because one sentence for people: the log line, the status field and the test's expectation
 */
public record Decision(NodeState next, Diagnosis diagnosis, List<Action> actions, String because) {
    public Decision {
        actions = List.copyOf(actions);
    }
}
