package io.moha.mysql.jdbc;

import static io.moha.mysql.jdbc.Databases.LONG;
import static io.moha.mysql.jdbc.Databases.SOON;
import static org.assertj.core.api.Assertions.assertThat;

import io.moha.model.Obstacle;
import io.moha.model.Obstacle.Kind;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.MysqldFixture;
import io.moha.mysql.MysqldFixture.Version;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What stands in the way of a planned change, on real servers. */
final class ObstaclesTest {
    @ParameterizedTest
    @EnumSource(Version.class)
    void aLongTransactionIsFoundWhenItHasChangedSomethingAndCanBeEnded(Version version) throws Exception {
        // InnoDB tells the start of a transaction in the machine's zone, the sessions live in this one.
        try (MysqldFixture server = MysqldFixture.start(version, "--default-time-zone=+05:00");
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            try (Connection reader = server.app();
                    Connection writer = server.app();
                    Statement read = reader.createStatement();
                    Statement write = writer.createStatement()) {
                reader.setAutoCommit(false);
                writer.setAutoCommit(false);
                read.executeQuery("SELECT COUNT(*) FROM demo.t").close();
                write.execute("INSERT INTO demo.t (v) VALUES ('secret'), ('secret')");
                assertThat(db.obstacles(SOON)).as("it may end at once").isEmpty();

                Obstacle found = awaitOne(db);
                assertThat(found.kind()).isEqualTo(Kind.TRANSACTION);
                assertThat(found.seconds()).isBetween(2L, 30L);
                assertThat(found.text())
                        .contains("app@")
                        .contains("2 changed rows")
                        .doesNotContain("secret");

                db.endSessions(List.of(found), SOON);
                Databases.await("it is gone", () -> db.obstacles(SOON).isEmpty());
                db.endSessions(List.of(found), SOON); // once more is harmless
                assertThat(read.execute("DO 1")).as("a reader goes on").isFalse();
                writer.abort(Runnable::run); // closing it would try to roll back
            }
            assertThat(server.ask("SELECT COUNT(*) FROM demo.t")).isEqualTo("0");
            db.closeForWrites(SOON);
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void ddlAndLocksAreFoundAndNamed(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            try (Connection admin = server.admin();
                    Statement statement = admin.createStatement()) {
                statement.execute("LOCK INSTANCE FOR BACKUP");
                assertThat(awaitOne(db).text()).contains("LOCK INSTANCE FOR BACKUP");
                statement.execute("UNLOCK INSTANCE");
                statement.execute("FLUSH TABLES WITH READ LOCK");
                Obstacle lock = awaitOne(db);
                assertThat(lock.kind()).isEqualTo(Kind.READ_LOCK);
                db.endSessions(List.of(lock), SOON);
            }
            CompletableFuture<Void> ddl = CompletableFuture.runAsync(() -> {
                try (Connection app = server.app();
                        Statement statement = app.createStatement()) {
                    statement.execute("CREATE TABLE demo.slow AS SELECT SLEEP(20) AS x");
                } catch (SQLException e) {
                    throw new IllegalStateException(e);
                }
            });
            Obstacle running = awaitOne(db);
            assertThat(running.kind()).isEqualTo(Kind.DDL);
            assertThat(running.what()).startsWith("CREATE ");
            db.endSessions(List.of(running), SOON);
            Databases.await("it was ended", ddl::isCompletedExceptionally);
            Databases.await("nothing is in the way", () -> db.obstacles(SOON).isEmpty());
            db.closeForWrites(LONG);
        }
    }

    private static Obstacle awaitOne(JdbcDatabase db) throws DatabaseException {
        Databases.await("something is in the way", () -> !db.obstacles(SOON).isEmpty());
        List<Obstacle> found = db.obstacles(SOON);
        assertThat(found).hasSize(1);
        return found.get(0);
    }
}
