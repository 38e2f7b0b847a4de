package io.moha.mysql.jdbc;

import static io.moha.mysql.jdbc.Databases.LONG;
import static io.moha.mysql.jdbc.Databases.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseException.Kind;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.MysqldFixture;
import io.moha.mysql.MysqldFixture.Version;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Probing, closing and opening one server. */
final class FenceTest {
    @ParameterizedTest
    @EnumSource(Version.class)
    void aFreshServerIsFencedEmptyAndWithoutSource(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            DatabaseStatus status = db.probe(SOON);

            assertThat(status.version()).startsWith(version == Version.V97 ? "9." : "8.0.");
            assertThat(status.serverUuid()).isEqualTo(server.ask("SELECT @@server_uuid"));
            assertThat(status.superReadOnly()).isTrue();
            assertThat(status.readOnly()).isTrue();
            assertThat(status.offlineMode()).isFalse();
            assertThat(status.writable()).isFalse();
            assertThat(status.hasUserData()).isFalse();
            assertThat(status.executed().isEmpty()).isTrue();
            assertThat(status.replica()).isEmpty();
            assertThat(status.binlogFormat()).isEqualTo("ROW");
            assertThat(status.binlogFile()).startsWith("binlog.");
            assertThat(status.binlogPosition()).isPositive();
            assertThat(status.deadManArmed()).isFalse();
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void anOpenedServerTakesWritesAndTheAgentItselfCreatedNoGtid(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            db.probe(SOON);
            db.openForWrites(Databases.ALLOWANCE, () -> true, LONG);
            db.beat(Databases.ALLOWANCE, SOON);

            DatabaseStatus open = db.probe(SOON);
            assertThat(open.writable()).isTrue();
            assertThat(open.deadManArmed()).isTrue();
            assertThat(open.executed().isEmpty()).isTrue();

            server.execute("CREATE DATABASE demo", "CREATE TABLE demo.t (id INT AUTO_INCREMENT PRIMARY KEY, v TEXT)");
            Databases.insert(server);
            DatabaseStatus written = db.probe(SOON);
            assertThat(written.hasUserData()).isTrue();
            assertThat(written.executed().count()).isEqualTo(3);
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void bothRungsOfTheFenceHold(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            db.probe(SOON);
            Databases.makePrimary(db, server);
            try (Connection session = server.app();
                    Statement statement = session.createStatement()) {
                statement.execute("INSERT INTO demo.t (v) VALUES ('before')");

                db.closeToApplications(SOON);
                assertThatThrownBy(() -> statement.execute("INSERT INTO demo.t (v) VALUES ('after')"))
                        .isInstanceOf(SQLException.class);
                assertThatThrownBy(server::app).hasMessageContaining("offline mode");

                db.closeForWrites(SOON);
                DatabaseStatus closed = db.probe(SOON);
                assertThat(closed.superReadOnly()).isTrue();
                assertThat(closed.offlineMode()).isTrue();

                db.openToApplications(SOON);
                assertThatThrownBy(() -> Databases.insert(server)).hasMessageContaining("read-only");
                assertThat(server.ask("SELECT COUNT(*) FROM demo.t")).isEqualTo("1");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void theFenceWorksWhenNoConnectionIsLeft(Version version) throws Exception {
        List<Connection> all = new ArrayList<>();
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            db.probe(SOON);
            Databases.awaitAllConnections(server);
            server.execute("SET GLOBAL max_connections=10");
            int more = 10;
            while (more-- > 0) {
                try {
                    all.add(server.app());
                } catch (SQLException e) {
                    break;
                }
            }
            assertThatThrownBy(server::app).hasMessageContaining("Too many connections");

            db.closeForWrites(SOON); // first, because the other rung would free connections
            db.closeToApplications(SOON);

            DatabaseStatus closed = db.probe(SOON);
            assertThat(closed.superReadOnly()).isTrue();
            assertThat(closed.offlineMode()).isTrue();
        } finally {
            for (Connection connection : all) {
                connection.close();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void aHangingReadOnlyStatementEndsAtItsDeadlineAndDoesNotHoldUpTheFirstRung(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            db.probe(SOON);
            try (Connection session = server.app();
                    Statement statement = session.createStatement()) {
                statement.execute("LOCK TABLES demo.t WRITE"); // super_read_only waits for it

                long from = System.nanoTime();
                DatabaseException hung =
                        catchThrowableOfType(DatabaseException.class, () -> db.closeForWrites(Duration.ofMillis(700)));
                assertThat(hung.kind()).isEqualTo(Kind.UNKNOWN);
                assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofMillis(1500));

                db.closeToApplications(SOON); // ends that session, and with it the lock
                db.closeForWrites(SOON);
                assertThat(db.probe(SOON).superReadOnly()).isTrue();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void openingStopsAtOnceWhenTheNodeMayNotWriteAnyMore(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            AtomicInteger asked = new AtomicInteger();
            db.openForWrites(Databases.ALLOWANCE, () -> asked.incrementAndGet() > 0, LONG);
            db.closeForWrites(SOON);
            int statements = asked.get();
            assertThat(statements).isGreaterThan(3);

            server.execute("SET GLOBAL super_read_only=OFF", "DROP DATABASE moha", "SET GLOBAL super_read_only=ON");
            for (int allowed = 0; allowed < statements; allowed++) {
                AtomicInteger left = new AtomicInteger(allowed);
                DatabaseException refused = catchThrowableOfType(
                        DatabaseException.class,
                        () -> db.openForWrites(Databases.ALLOWANCE, () -> left.getAndDecrement() > 0, LONG));
                if (refused == null) {
                    continue; // what was installed by the rounds before makes this one shorter
                }
                assertThat(refused.kind()).isEqualTo(Kind.REFUSED);
                assertThat(db.probe(SOON).superReadOnly()).isTrue();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void everyCallEndsAtItsDeadlineOnAFrozenServer(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            db.probe(SOON);
            Databases.awaitAllConnections(server);
            server.freeze();
            try {
                assertUnknownWithin(Duration.ofMillis(300), () -> db.probe(Duration.ofMillis(300)));
                assertUnknownWithin(Duration.ofMillis(300), () -> db.closeToApplications(Duration.ofMillis(300)));
                assertUnknownWithin(Duration.ofMillis(300), () -> db.beat(Databases.ALLOWANCE, Duration.ofMillis(300)));
                // Not connected any more: the kernel still accepts, the handshake never comes.
                long from = System.nanoTime();
                DatabaseException e =
                        catchThrowableOfType(DatabaseException.class, () -> db.probe(Duration.ofMillis(300)));
                assertThat(e.kind()).isEqualTo(Kind.UNREACHABLE);
                assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(Duration.ofMillis(800));
            } finally {
                server.thaw();
            }
            // What was sent before the freeze takes effect after it: that is why its outcome was UNKNOWN.
            Databases.await(db, "the probe works again", DatabaseStatus::offlineMode);
        }
    }

    private static void assertUnknownWithin(
            Duration limit, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        long from = System.nanoTime();
        DatabaseException e = catchThrowableOfType(DatabaseException.class, call);
        assertThat(e.kind()).isEqualTo(Kind.UNKNOWN);
        assertThat(Duration.ofNanos(System.nanoTime() - from)).isLessThan(limit.plusMillis(500));
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void aRestartedServerIsFoundFencedByTheNextCalls(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            assertThat(db.probe(SOON).writable()).isTrue();
            server.kill9();
            assertThat(catchThrowableOfType(DatabaseException.class, () -> db.probe(SOON))
                            .kind())
                    .isEqualTo(Kind.UNREACHABLE);
            server.restart();

            DatabaseStatus status = db.probe(SOON);
            assertThat(status.superReadOnly()).isTrue();
            assertThat(status.executed().count()).isEqualTo(2);
            db.closeToApplications(SOON); // on a kept connection that is broken: tried again on a new one
            db.closeForWrites(SOON);
            assertThat(db.probe(SOON).offlineMode()).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void inSteadyStateAProbeIsTwoStatements(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            db.probe(SOON);
            String before =
                    "SELECT SUM(count_star) FROM performance_schema.events_statements_summary_by_user_by_event_name"
                            + " WHERE user='moha' AND event_name LIKE 'statement/sql/%'";
            Databases.awaitAllConnections(server);
            long from = Long.parseLong(server.ask(before));
            long start = System.nanoTime();
            for (int i = 0; i < 100; i++) {
                db.probe(SOON);
            }
            long micros = (System.nanoTime() - start) / 100_000;
            System.out.println("a probe of " + version + " takes " + micros + " us");
            assertThat(Long.parseLong(server.ask(before)) - from).isBetween(200L, 204L);
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void accountsThatTheFenceTreatsWronglyAreNamed(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            assertThat(db.accountWarnings(SOON))
                    .as("the agent's account may not look")
                    .isEmpty();
            server.execute("SET GLOBAL super_read_only=0", "GRANT SELECT ON mysql.* TO moha");
            assertThat(db.accountWarnings(SOON))
                    .singleElement()
                    .asString()
                    .contains("'admin'@'%' holds CONNECTION_ADMIN and SUPER");
            server.execute("REVOKE CONNECTION_ADMIN ON *.* FROM repl");
            assertThat(db.accountWarnings(SOON))
                    .anySatisfy(w -> assertThat(w).contains("'repl'@'%' lacks CONNECTION_ADMIN"));
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void faultsSayHowSureTheCallerMayBe(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version)) {
            JdbcSettings good = Databases.settings(server.endpoint());
            JdbcSettings wrong = new JdbcSettings(
                    good.server(), "moha", "not-this-one", good.connectTimeout(), "REQUIRED", "repl", "r", true);
            try (JdbcDatabase db = new JdbcDatabase(wrong)) {
                DatabaseException e = catchThrowableOfType(DatabaseException.class, () -> db.probe(SOON));
                assertThat(e.kind()).isEqualTo(Kind.ACCESS_DENIED);
                assertThat(e).hasMessageContaining("moha").hasMessageNotContaining("not-this-one");
            }
            server.execute(
                    "SET GLOBAL super_read_only=0",
                    "SET sql_log_bin=0",
                    "REVOKE SYSTEM_VARIABLES_ADMIN ON *.* FROM moha",
                    "SET GLOBAL super_read_only=1");
            try (JdbcDatabase db = new JdbcDatabase(good)) {
                DatabaseException e = catchThrowableOfType(DatabaseException.class, () -> db.probe(SOON));
                assertThat(e.kind()).isEqualTo(Kind.REFUSED);
                assertThat(e).hasMessageContaining("SYSTEM_VARIABLES_ADMIN").hasMessageContaining("grant");
            }
            server.kill9();
            try (JdbcDatabase db = new JdbcDatabase(good)) {
                DatabaseException e = catchThrowableOfType(DatabaseException.class, () -> db.probe(SOON));
                assertThat(e.kind()).isEqualTo(Kind.UNREACHABLE);
                assertThat(e).hasMessageContaining("refused");
            }
        }
    }
}
