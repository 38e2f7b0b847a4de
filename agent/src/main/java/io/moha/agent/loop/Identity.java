package io.moha.agent.loop;

import io.moha.model.Endpoint;
import io.moha.model.NodeId;
import io.moha.model.PromotionRule;
import io.moha.model.Term;
import io.moha.store.Registration;
import java.util.Map;
import java.util.Optional;

/**
 * Who this node is, as far as it does not change while the agent runs.
 *
 * @param api its HTTP as people reach it
 * @param acker whether its acknowledgement may count under loss-less durability
 * @param internalApi its HTTP as the other agents reach it
 */
public record Identity(
        NodeId id,
        String cluster,
        Endpoint internal,
        Endpoint external,
        String api,
        String internalApi,
        String dataCenter,
        PromotionRule rule,
        boolean onlyFollow,
        boolean acker,
        Map<String, String> tags) {
    public Identity {
        tags = Map.copyOf(tags);
    }

    Registration registration(
            boolean master,
            String version,
            PromotionRule inForce,
            boolean follows,
            long leaderLease,
            String serverUuid,
            Optional<Term> followed) {
        return new Registration(
                id.value(),
                internal.toString(),
                external.toString(),
                master,
                api,
                internalApi,
                version,
                dataCenter,
                inForce.text(),
                follows,
                tags,
                leaderLease,
                serverUuid,
                acker && !follows && inForce != PromotionRule.MUST_NOT,
                followed.map(Term::value).orElse(null));
    }
}
