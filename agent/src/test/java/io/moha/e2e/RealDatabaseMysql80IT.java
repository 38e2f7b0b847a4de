package io.moha.e2e;

/** Real servers, MySQL 8.0.33, the oldest that is tested. */
class RealDatabaseMysql80IT extends RealDatabaseContract {
    RealDatabaseMysql80IT() {
        super("databases-8.0", Stage.Mysql.V80);
    }
}
