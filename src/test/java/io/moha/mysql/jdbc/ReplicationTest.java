package io.moha.mysql.jdbc;

import static io.moha.mysql.jdbc.Databases.LONG;
import static io.moha.mysql.jdbc.Databases.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.moha.model.GtidSet;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseException.Kind;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.DatabaseStatus.Receiver;
import io.moha.mysql.DatabaseStatus.Replica;
import io.moha.mysql.MysqldFixture;
import io.moha.mysql.MysqldFixture.Version;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Two servers: following, standing still, forgetting, cloning; and the tripwire. */
final class ReplicationTest {
    @ParameterizedTest
    @EnumSource(Version.class)
    void aFencedReplicaFollowsStandsStillAndForgets(Version version) throws Exception {
        try (MysqldFixture primary = MysqldFixture.start(version);
                MysqldFixture replica = MysqldFixture.start(version, "--general-log=ON", "--log-output=FILE");
                JdbcDatabase source = Databases.on(primary);
                JdbcDatabase db = Databases.on(replica)) {
            Databases.makePrimary(source, primary);
            Databases.insert(primary);
            GtidSet written = source.probe(SOON).executed();

            db.follow(primary.endpoint(), LONG);
            assertThat(source.awaitExecutedOn(replica.endpoint(), written, LONG))
                    .isTrue();
            DatabaseStatus following = db.probe(SOON);
            assertThat(following.superReadOnly()).isTrue();
            assertThat(following.hasUserData()).isTrue();
            Replica channel = following.replica().orElseThrow();
            assertThat(channel.source()).isEqualTo(primary.endpoint());
            assertThat(channel.receiver()).isEqualTo(Receiver.RUNNING);
            assertThat(channel.applierRunning()).isTrue();
            assertThat(channel.retrieved()).isEqualTo(written);
            assertThat(channel.secondsBehind()).isBetween(0L, 5L);
            assertThat(channel.receiverError() + channel.applierError()).isEmpty();

            db.stopReceiver(SOON);
            Databases.insert(primary);
            Replica still = db.probe(SOON).replica().orElseThrow();
            assertThat(still.receiver()).isEqualTo(Receiver.STOPPED);
            assertThat(still.applierRunning()).isTrue();
            assertThat(still.retrieved()).isEqualTo(written);
            db.stopReceiver(SOON); // once more is harmless

            GtidSet more = source.probe(SOON).executed();
            assertThat(source.executedOn(replica.endpoint(), SOON)).isEqualTo(written);
            assertThat(source.awaitExecutedOn(replica.endpoint(), more, Duration.ofMillis(300)))
                    .isFalse();
            assertThat(source.purgedOn(replica.endpoint(), SOON).isEmpty()).isTrue();

            db.startReplication(SOON);
            assertThat(source.awaitExecutedOn(replica.endpoint(), more, LONG)).isTrue();

            db.forgetSource(LONG);
            DatabaseStatus alone = db.probe(SOON);
            assertThat(alone.replica()).isEmpty();
            assertThat(alone.executed()).isEqualTo(more);
            assertThat(alone.superReadOnly()).isTrue();
            assertNoSecretIn(replica);
            assertNoWarningAboutHeartbeat(replica);
        }
    }

    private static void assertNoSecretIn(MysqldFixture server) throws Exception {
        try (var files = Files.list(server.home().resolve("data"))) {
            Path general =
                    files.filter(f -> f.toString().endsWith(".log")).findFirst().orElseThrow();
            assertThat(Files.readString(general))
                    .contains("CHANGE REPLICATION SOURCE TO")
                    .contains("SOURCE_PASSWORD = <secret>")
                    .doesNotContain("\\secret")
                    .doesNotContain("\\\\secret");
        }
        assertThat(server.log()).doesNotContain("\\secret");
    }

    private static void assertNoWarningAboutHeartbeat(MysqldFixture server) {
        assertThat(server.log()).doesNotContain("heartbeat period");
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void aPromotedReplicaTakesOverAndTheOldPrimaryFollowsIt(Version version) throws Exception {
        try (MysqldFixture one = MysqldFixture.start(version);
                MysqldFixture two = MysqldFixture.start(version, "--replica-net-timeout=1");
                JdbcDatabase first = Databases.on(one);
                JdbcDatabase second = Databases.on(two)) {
            Databases.makePrimary(first, one);
            second.follow(one.endpoint(), LONG);
            assertThat(first.awaitExecutedOn(two.endpoint(), first.probe(SOON).executed(), LONG))
                    .isTrue();
            second.stopReceiver(SOON);
            Databases.insert(one);
            first.closeToApplications(SOON);
            first.closeForWrites(SOON);
            second.startReplication(SOON);
            GtidSet all = first.probe(SOON).executed();
            assertThat(first.awaitExecutedOn(two.endpoint(), all, LONG))
                    .as("offline_mode does not keep the last transactions from the replica")
                    .isTrue();

            second.stopReceiver(SOON);
            second.forgetSource(SOON);
            long from = System.nanoTime();
            second.openForWrites(Databases.ALLOWANCE, () -> true, LONG);
            System.out.println(version + ": opening for writes took " + (System.nanoTime() - from) / 1_000_000 + " ms");
            Databases.insert(two);

            first.openToApplications(SOON);
            first.follow(two.endpoint(), LONG);
            GtidSet newest = second.probe(SOON).executed();
            assertThat(second.awaitExecutedOn(one.endpoint(), newest, LONG)).isTrue();
            assertThat(first.probe(SOON).writable()).isFalse();
            assertNoWarningAboutHeartbeat(two);
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void aRunningApplierGoesOnWhileTheReceiverTurnsToAnotherSource(Version version) throws Exception {
        try (MysqldFixture one = MysqldFixture.start(version);
                MysqldFixture two = MysqldFixture.start(version);
                MysqldFixture three = MysqldFixture.start(version);
                JdbcDatabase first = Databases.on(one);
                JdbcDatabase second = Databases.on(two);
                JdbcDatabase third = Databases.on(three)) {
            Databases.makePrimary(first, one);
            second.follow(one.endpoint(), LONG);
            third.follow(one.endpoint(), LONG);
            executedOn(first, two, first);
            executedOn(first, three, first);
            String applier = three.ask(APPLIER);

            one.kill9();
            second.stopReceiver(SOON);
            second.openForWrites(Databases.ALLOWANCE, () -> true, LONG);
            third.follow(two.endpoint(), LONG);
            Databases.insert(two);
            executedOn(second, three, second);
            assertThat(third.probe(SOON).replica().orElseThrow().source()).isEqualTo(two.endpoint());
            assertThat(three.ask(APPLIER)).as("the applier was not stopped").isEqualTo(applier);
            second.forgetSource(LONG); // as a new primary does when its replicas follow
            Databases.insert(two);
            executedOn(second, three, second);

            // After a crash of the replica its relay log begins anew, at the new source.
            three.kill9();
            Databases.insert(two);
            three.restart();
            third.startReplication(LONG);
            executedOn(second, three, second);
            String next = three.ask(APPLIER);
            third.follow(two.endpoint(), LONG);
            Databases.insert(two);
            executedOn(second, three, second);
            assertThat(three.ask(APPLIER)).as("nor the second time").isEqualTo(next);
        }
    }

    /** STOP REPLICA would wait 60 s for the rest, which never comes. */
    @ParameterizedTest
    @EnumSource(Version.class)
    void halfATransactionOfTheOldSourceIsRolledBackByTheApplierThatGoesOn(Version version) throws Exception {
        try (MysqldFixture one = MysqldFixture.start(version);
                MysqldFixture two = MysqldFixture.start(version);
                MysqldFixture three = MysqldFixture.start(version);
                JdbcDatabase first = Databases.on(one);
                JdbcDatabase second = Databases.on(two);
                JdbcDatabase third = Databases.on(three)) {
            Databases.makePrimary(first, one);
            one.execute("CREATE TABLE demo.big (id INT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB)");
            second.follow(one.endpoint(), LONG);
            third.follow(one.endpoint(), LONG);
            executedOn(first, two, first);
            executedOn(first, three, first);
            second.stopReceiver(SOON);

            GtidSet received = third.probe(SOON).received();
            long space = Long.parseLong(status(three, "Relay_Log_Space"));
            CompletableFuture<Void> writes = CompletableFuture.runAsync(() -> bigTransaction(one));
            Databases.await(
                    "a part has come", () -> Long.parseLong(status(three, "Relay_Log_Space")) > space + 1_000_000);
            third.stopReceiver(LONG);
            writes.join();
            assertThat(third.probe(SOON).received())
                    .as("the transaction has not been received as a whole")
                    .isEqualTo(received);
            one.kill9();

            second.openForWrites(Databases.ALLOWANCE, () -> true, LONG);
            third.follow(two.endpoint(), LONG);
            Databases.insert(two);
            executedOn(second, three, second);
            assertThat(three.ask("SELECT COUNT(*) FROM demo.big")).isEqualTo("0");
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void whoOpensBeforeItForgetsItsSourceKeepsNoLocksOfHalfATransaction(Version version) throws Exception {
        try (MysqldFixture one = MysqldFixture.start(version);
                MysqldFixture two = MysqldFixture.start(version);
                JdbcDatabase first = Databases.on(one);
                JdbcDatabase second = Databases.on(two)) {
            Databases.makePrimary(first, one);
            one.execute("CREATE TABLE demo.big (id INT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB)");
            second.follow(one.endpoint(), LONG);
            executedOn(first, two, first);
            long space = Long.parseLong(status(two, "Relay_Log_Space"));
            CompletableFuture<Void> writes = CompletableFuture.runAsync(() -> bigTransaction(one));
            Databases.await(
                    "a part has come", () -> Long.parseLong(status(two, "Relay_Log_Space")) > space + 30_000_000);
            second.stopReceiver(LONG);
            writes.join();
            one.kill9();

            // Rolling back may take longer than one try; the agent tries again, too.
            Databases.await("it is open", () -> {
                try {
                    second.openForWrites(Databases.ALLOWANCE, () -> true, LONG);
                    return true;
                } catch (DatabaseException e) {
                    assertThat(e).hasMessageContaining("after its coordinator was killed");
                    return false;
                }
            });
            try (Connection app = two.app();
                    Statement statement = app.createStatement()) {
                statement.execute("SET lock_wait_timeout=3, innodb_lock_wait_timeout=3");
                statement.execute("TRUNCATE demo.big");
            }
            assertThat(second.probe(SOON).writable()).isTrue();
        }
    }

    /** 128 MB in one transaction. */
    private static void bigTransaction(MysqldFixture server) {
        try (Connection app = server.app();
                Statement statement = app.createStatement()) {
            app.setAutoCommit(false);
            for (int i = 0; i < 16; i++) {
                statement.execute("INSERT INTO demo.big (v) VALUES (REPEAT('x', 8000000))");
            }
            app.commit();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String status(MysqldFixture replica, String column) throws SQLException {
        try (Connection admin = replica.admin();
                Statement statement = admin.createStatement();
                ResultSet row = statement.executeQuery("SHOW REPLICA STATUS")) {
            row.next();
            return row.getString(column);
        }
    }

    private static final String APPLIER = "SELECT thread_id FROM performance_schema.threads"
            + " WHERE name IN ('thread/sql/replica_sql', 'thread/sql/slave_sql')";

    /** Waits until the replica has executed what the other has. */
    private static void executedOn(JdbcDatabase asking, MysqldFixture replica, JdbcDatabase all)
            throws DatabaseException {
        GtidSet written = all.probe(SOON).executed();
        assertThat(asking.awaitExecutedOn(replica.endpoint(), written, LONG)).isTrue();
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void withoutTlsEverythingWorksToo(Version version) throws Exception {
        try (MysqldFixture primary = MysqldFixture.start(version);
                MysqldFixture replica = MysqldFixture.start(version);
                JdbcDatabase source = withoutTls(primary);
                JdbcDatabase db = withoutTls(replica)) {
            Databases.makePrimary(source, primary);
            db.follow(primary.endpoint(), LONG);
            GtidSet written = source.probe(SOON).executed();
            assertThat(source.awaitExecutedOn(replica.endpoint(), written, LONG))
                    .isTrue();
        }
    }

    private static JdbcDatabase withoutTls(MysqldFixture server) {
        JdbcSettings s = Databases.settings(server.endpoint());
        return new JdbcDatabase(new JdbcSettings(
                s.server(),
                s.user(),
                s.password(),
                s.connectTimeout(),
                "DISABLED",
                s.replicationUser(),
                s.replicationPassword(),
                true));
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void startingReplicationWithoutASourceIsRefused(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            assertThat(catchThrowableOfType(DatabaseException.class, () -> db.startReplication(SOON))
                            .kind())
                    .isEqualTo(Kind.REFUSED);
            db.stopReceiver(SOON);
            db.forgetSource(SOON);
            assertThat(db.probe(SOON).replica()).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void anEmptyServerTakesAllDataOfADonorWhoseOldBinaryLogsAreGone(Version version) throws Exception {
        try (MysqldFixture primary = MysqldFixture.start(version);
                MysqldFixture joiner = MysqldFixture.start(version, "--general-log=ON", "--log-output=FILE");
                JdbcDatabase source = Databases.on(primary);
                JdbcDatabase db = Databases.on(joiner)) {
            Databases.makePrimary(source, primary);
            Databases.insert(primary);
            primary.execute("FLUSH BINARY LOGS", "PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 HOUR");
            GtidSet all = source.probe(SOON).executed();
            assertThat(db.purgedOn(primary.endpoint(), SOON)).isEqualTo(all);
            String uuid = joiner.ask("SELECT @@server_uuid");

            db.cloneFrom(primary.endpoint(), Duration.ofSeconds(60));
            joiner.awaitExit(); // nothing here restarts it: it has shut down
            joiner.restart();

            DatabaseStatus status = Databases.await(db, "the clone answers", s -> true);
            assertThat(status.executed()).isEqualTo(all);
            assertThat(status.superReadOnly()).isTrue();
            assertThat(status.serverUuid()).isEqualTo(uuid);
            assertThat(status.deadManArmed())
                    .as("armed for the donor, not for its copy")
                    .isFalse();
            assertThat(source.probe(SOON).executed())
                    .as("the donor got no GTID from it")
                    .isEqualTo(all);
            db.follow(primary.endpoint(), LONG);
            Databases.insert(primary);
            assertThat(source.awaitExecutedOn(
                            joiner.endpoint(), source.probe(SOON).executed(), LONG))
                    .isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void theHistoryOfAnEmptyServerCanBeForgotten(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            server.execute("SET GLOBAL super_read_only=OFF", "CREATE USER someone", "SET GLOBAL super_read_only=ON");
            assertThat(db.probe(SOON).executed().isEmpty()).isFalse();

            db.forgetHistory(SOON);

            assertThat(db.probe(SOON).executed().isEmpty()).isTrue();
            assertThat(db.probe(SOON).superReadOnly()).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void theTripwireTellsOfADeadServerWithinMilliseconds(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            CompletableFuture<Long> broken = new CompletableFuture<>();
            CompletableFuture<Long> closed = new CompletableFuture<>();
            try (AutoCloseable wire = db.tripwire(() -> broken.complete(System.nanoTime()), SOON)) {
                db.tripwire(() -> closed.complete(System.nanoTime()), SOON).close();
                db.probe(SOON);
                assertThat(broken).isNotDone();
                long killed = System.nanoTime();
                server.kill9();
                long micros = (broken.get(5, TimeUnit.SECONDS) - killed) / 1000;
                System.out.println(version + ": the tripwire broke " + micros + " us after SIGKILL");
                assertThat(micros).isLessThan(500_000);
            }
            assertThat(closed).as("closed by hand: nobody is told").isNotDone();
        }
    }
}
