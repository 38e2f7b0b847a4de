package io.moha.mysql.jdbc;

import static io.moha.mysql.jdbc.Databases.LONG;
import static io.moha.mysql.jdbc.Databases.SOON;
import static org.assertj.core.api.Assertions.assertThat;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The server fences itself when its agent is gone. */
final class DeadManTest {
    private static final Duration ALLOWANCE = Duration.ofSeconds(3);
    /** The event runs once a second; the rest is for a loaded machine. */
    private static final Duration EVENT = Duration.ofMillis(1000 + 700);

    @ParameterizedTest
    @EnumSource(Version.class)
    void writesStopWhenTheBeatRunsOutAndCanBeOpenedAgainAndStopAgain(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            db.probe(SOON);
            Databases.makePrimary(db, server);
            db.openForWrites(ALLOWANCE, () -> true, LONG);
            for (int round = 1; round <= 3; round++) {
                Duration open = writeUntilClosed(db, server);
                System.out.println(version + ": writes stopped " + open.toMillis() + " ms after the last beat");
                assertThat(open).isBetween(ALLOWANCE.minusMillis(50), ALLOWANCE.plus(EVENT));
                DatabaseStatus closed = Databases.await(db, "fenced", DatabaseStatus::superReadOnly);
                assertThat(closed.offlineMode()).isTrue();
                assertThat(closed.deadManArmed()).isTrue();

                DatabaseException late = catchThrowableOfType(DatabaseException.class, () -> db.beat(ALLOWANCE, SOON));
                assertThat(late.kind())
                        .as("a beat does not open the server again")
                        .isEqualTo(Kind.REFUSED);
                db.closeForWrites(SOON); // as a demotion would

                db.openForWrites(ALLOWANCE, () -> true, LONG);
                assertThat(db.probe(SOON).writable()).isTrue();
            }
            assertOnlyTheApplicationWrote(server);
        }
    }

    /** The agent beats for a while, then goes silent. Returns how long after the last beat the last write succeeded. */
    private static Duration writeUntilClosed(JdbcDatabase db, MysqldFixture server) throws Exception {
        long lastBeat = System.nanoTime();
        long start = lastBeat;
        long lastWrite = 0;
        try (Connection app = server.app();
                Statement statement = app.createStatement()) {
            while (true) {
                if (System.nanoTime() - start < TimeUnit.SECONDS.toNanos(4)
                        && System.nanoTime() - lastBeat > TimeUnit.MILLISECONDS.toNanos(500)) {
                    lastBeat = System.nanoTime();
                    db.beat(ALLOWANCE, SOON);
                }
                statement.execute("INSERT INTO demo.t (v) VALUES ('x')");
                lastWrite = System.nanoTime();
            }
        } catch (SQLException closed) {
            assertThat(lastBeat - start)
                    .as("it stayed open while it was beaten")
                    .isGreaterThan(3_000_000_000L);
            return Duration.ofNanos(lastWrite - lastBeat);
        }
    }

    private static void assertOnlyTheApplicationWrote(MysqldFixture server) {
        long inserts = Long.parseLong(server.ask("SELECT COUNT(*) FROM demo.t"));
        String executed = server.ask("SELECT @@gtid_executed");
        assertThat(executed).as("two DDL statements and the inserts").endsWith(":1-" + (inserts + 2));
        assertThat(server.ask("SELECT @@server_uuid")).isEqualTo(executed.substring(0, 36));
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void aRestartedServerWhoseSchedulerWasOffIsArmedAgain(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version, "--event-scheduler=OFF");
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            server.kill9();
            server.restart();
            db.probe(SOON);
            db.closeForWrites(SOON);
            db.openForWrites(ALLOWANCE, () -> true, LONG);
            assertThat(db.probe(SOON).deadManArmed()).isTrue();

            DatabaseStatus closed = Databases.await(db, "fenced by itself", status -> !status.writable());
            assertThat(closed.offlineMode()).isTrue();
            Databases.await(db, "closed for writes too", DatabaseStatus::superReadOnly);
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void aBeatThatWasHeldUpByAFrozenServerDoesNotOpenTheWindowAgain(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            db.probe(SOON);
            Databases.awaitAllConnections(server);
            db.openForWrites(Duration.ofSeconds(1), () -> true, LONG);
            long armed = System.nanoTime();
            server.freeze();
            DatabaseException held = catchThrowableOfType(
                    DatabaseException.class, () -> db.beat(Duration.ofSeconds(60), Duration.ofMillis(200)));
            assertThat(held.kind()).isEqualTo(Kind.UNKNOWN);
            Databases.await(
                    "the allowance is over", () -> System.nanoTime() - armed > TimeUnit.MILLISECONDS.toNanos(1500));
            server.thaw();

            Databases.await(db, "fenced by itself", status -> status.offlineMode() && status.superReadOnly());
        }
    }

    /** Seed 1126 of the simulator: the allowance began when the frozen server went on, and ended after the lease. */
    @ParameterizedTest
    @EnumSource(Version.class)
    void aBeatThatWaitedInAFrozenServerEndsWhenItWasMeantTo(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            db.probe(SOON);
            Databases.awaitAllConnections(server);
            db.openForWrites(Duration.ofSeconds(20), () -> true, LONG);
            long asked = System.nanoTime();
            String before = server.ask("SELECT UTC_TIMESTAMP(6)");
            server.freeze();
            Duration allowance = Duration.ofSeconds(25);
            CompletableFuture<Void> beat = CompletableFuture.runAsync(() -> {
                try {
                    db.beat(allowance, LONG);
                } catch (DatabaseException e) {
                    throw new IllegalStateException(e);
                }
            });
            long sent = System.nanoTime();
            Databases.await("the beat waits", () -> System.nanoTime() - sent > TimeUnit.SECONDS.toNanos(2));
            server.thaw();
            beat.get(20, TimeUnit.SECONDS);

            long latest = (sent - asked + allowance.toNanos() + TimeUnit.SECONDS.toNanos(1)) / 1000;
            assertThat(server.ask("SELECT runs_out > TIMESTAMP'" + before + "' + INTERVAL 20 SECOND FROM moha.beat"))
                    .as("it was moved on")
                    .isEqualTo("1");
            assertThat(server.ask("SELECT runs_out <= TIMESTAMP'" + before + "' + INTERVAL " + latest
                            + " MICROSECOND FROM moha.beat"))
                    .as("and not further than it was asked for")
                    .isEqualTo("1");
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void aSwitchThatIsArmedForAnotherServerDoesNothing(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            // What a clone or a dump of the primary would carry to this server.
            server.execute(
                    "SET sql_log_bin=0",
                    "UPDATE moha.beat SET server_uuid='11111111-1111-1111-1111-111111111111', runs_out='2000-01-01'");
            assertThat(db.probe(SOON).writable()).isTrue();
            String executions = "SELECT last_executed FROM information_schema.events WHERE event_name='dead_man'";
            awaitThreeExecutions(server, executions);

            assertThat(server.ask("SELECT @@read_only + @@offline_mode")).isEqualTo("0");
        }
    }

    private static void awaitThreeExecutions(MysqldFixture server, String executions) {
        for (int i = 0; i < 3; i++) {
            String last = server.ask(executions);
            Databases.await("the event runs", () -> !server.ask(executions).equals(last));
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void aReplicaWithAnExpiredSwitchIsLeftAlone(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            db.closeForWrites(SOON);
            server.execute(
                    "SET sql_log_bin=0",
                    "SET GLOBAL super_read_only=OFF",
                    "UPDATE moha.beat SET runs_out='2000-01-01'");
            // read_only is on, super_read_only off: as in the middle of a promotion
            awaitThreeExecutions(
                    server, "SELECT last_executed FROM information_schema.events WHERE event_name='dead_man'");
            assertThat(server.ask("SELECT @@offline_mode + @@super_read_only")).isEqualTo("0");
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void withoutTheSwitchTheServerStaysOpenAndAnOldEventIsRemoved(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase with = Databases.on(server)) {
            Databases.makePrimary(with, server);
            with.closeForWrites(SOON);
            JdbcSettings s = Databases.settings(server.endpoint());
            JdbcSettings off = new JdbcSettings(
                    s.server(),
                    s.user(),
                    s.password(),
                    s.connectTimeout(),
                    s.sslMode(),
                    s.replicationUser(),
                    s.replicationPassword(),
                    false);
            try (JdbcDatabase db = new JdbcDatabase(off)) {
                db.openForWrites(Duration.ofMillis(10), () -> true, LONG);
                db.beat(Duration.ofMillis(10), SOON);

                DatabaseStatus status = db.probe(SOON);
                assertThat(status.writable()).isTrue();
                assertThat(status.deadManArmed()).isFalse();
                assertThat(server.ask("SELECT COUNT(*) FROM information_schema.events WHERE event_schema='moha'"))
                        .isEqualTo("0");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void aServerWhoseClockWasSetBackDoesNotStayOpen(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            // Seen from a clock that was set back an hour, the last beat lies an hour ahead.
            server.execute("SET sql_log_bin=0", "UPDATE moha.beat SET runs_out = runs_out + INTERVAL 1 HOUR");
            Databases.await(db, "fenced by itself", status -> status.offlineMode() && status.superReadOnly());
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void aServerWithoutAnEventSchedulerIsNotOpened(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version, "--event-scheduler=DISABLED");
                JdbcDatabase db = Databases.on(server)) {
            DatabaseException e =
                    catchThrowableOfType(DatabaseException.class, () -> db.openForWrites(ALLOWANCE, () -> true, LONG));
            assertThat(e.kind()).isEqualTo(Kind.REFUSED);
            assertThat(e).hasMessageContaining("event-scheduler");
            assertThat(db.probe(SOON).superReadOnly()).isTrue();
        }
    }
}
