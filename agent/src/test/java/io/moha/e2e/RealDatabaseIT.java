package io.moha.e2e;

/** Real servers, MySQL 9.7.4. */
class RealDatabaseIT extends RealDatabaseContract {
    RealDatabaseIT() {
        super("databases", Stage.Mysql.V97);
    }
}
