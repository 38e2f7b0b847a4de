package io.moha.e2e;

/**
 * The same promises on plain processes, where the agents drive their servers by configured commands; also where containers
 * can run. ({@code ./verify} leaves it out where {@link FailoverIT} runs on processes anyway.)
 */
class FailoverProcessIT extends FailoverScenarios {
    FailoverProcessIT() {
        super("failover-process", TestCluster.Shape.usual().on(Stage.Kind.PROCESS));
    }
}
