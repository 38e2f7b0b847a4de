package io.moha.e2e;

/** The same promises on MySQL 8.0.33, the oldest that is tested. */
class FailoverMysql80IT extends FailoverScenarios {
    FailoverMysql80IT() {
        super("failover-8.0", TestCluster.Shape.usual().mysql(Stage.Mysql.V80));
    }
}
