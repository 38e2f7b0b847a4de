package io.moha.e2e;

/** On the newest MySQL. */
class FailoverIT extends FailoverScenarios {
    FailoverIT() {
        super("failover", TestCluster.Shape.usual());
    }
}
