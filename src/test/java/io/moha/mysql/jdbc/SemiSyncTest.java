package io.moha.mysql.jdbc;

import static io.moha.mysql.jdbc.Databases.LONG;
import static io.moha.mysql.jdbc.Databases.SOON;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.moha.model.GtidSet;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseException.Kind;
import io.moha.mysql.DatabaseStatus;
import io.moha.mysql.DatabaseStatus.SemiSync;
import io.moha.mysql.MysqldFixture;
import io.moha.mysql.MysqldFixture.Version;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Servers whose configuration loads no plugin, and settings that somebody changes by hand. */
final class SemiSyncTest {
    @ParameterizedTest
    @EnumSource(Version.class)
    void pluginsAreInstalledOnAFencedServerWithTheAgentsPrivilegesAndWithoutATransaction(Version version)
            throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            assertThat(db.probe(SOON).semiSync()).isEqualTo(SemiSync.OFF);
            db.awaitAckers(0, SOON);
            db.acknowledge(false, SOON);
            assertThat(plugins(server))
                    .as("nothing is installed to be switched off")
                    .isEqualTo("0");

            long from = System.nanoTime();
            db.awaitAckers(2, SOON);
            db.acknowledge(true, SOON);
            System.out.println(
                    version + ": installing both plugins took " + (System.nanoTime() - from) / 1_000_000 + " ms");
            DatabaseStatus status = db.probe(SOON);
            assertThat(status.semiSync()).isEqualTo(new SemiSync(2, Set.of(), Set.of(), 0, true, false));
            assertThat(status.fenced()).isTrue();
            assertThat(status.executed()).isEqualTo(GtidSet.EMPTY);

            server.execute(
                    "SET GLOBAL super_read_only=OFF",
                    "UNINSTALL PLUGIN rpl_semi_sync_source",
                    "UNINSTALL PLUGIN rpl_semi_sync_replica");
            assertThat(db.probe(SOON).semiSync()).as("taken away by hand").isEqualTo(SemiSync.OFF);
        }
    }

    private static String plugins(MysqldFixture server) {
        return server.ask("SELECT COUNT(*) FROM information_schema.plugins WHERE plugin_name LIKE 'rpl_semi%'");
    }

    @ParameterizedTest
    @EnumSource(Version.class)
    void settingsThatLetACommitReturnUnacknowledgedDoNotCountAsWaitingAndAreMended(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version);
                JdbcDatabase db = Databases.on(server)) {
            Databases.makePrimary(db, server);
            db.awaitAckers(1, SOON);
            assertThat(db.probe(SOON).semiSync().waitFor()).isEqualTo(1);
            for (String harm : new String[] {
                "rpl_semi_sync_source_wait_point=AFTER_COMMIT",
                "rpl_semi_sync_source_wait_no_replica=OFF",
                "rpl_semi_sync_source_timeout=10000",
                "rpl_semi_sync_source_enabled=OFF"
            }) {
                server.execute("SET GLOBAL " + harm);
                assertThat(db.probe(SOON).semiSync().waitFor()).as(harm).isZero();
                db.awaitAckers(1, SOON);
                assertThat(db.probe(SOON).semiSync().waitFor()).as(harm).isEqualTo(1);
            }
            // One that has timed out is enabled, and waits for nobody until a replica comes.
            server.execute("SET GLOBAL rpl_semi_sync_source_timeout=50");
            server.execute("CREATE DATABASE timed_out");
            assertThat(server.ask(STATUS)).isEqualTo("OFF");
            db.awaitAckers(1, SOON);
            assertThat(server.ask(STATUS)).isEqualTo("ON");
            db.awaitAckers(3, SOON);
            assertThat(db.probe(SOON).semiSync().waitFor()).isEqualTo(3);
        }
    }

    private static final String STATUS = "SELECT variable_value FROM performance_schema.global_status"
            + " WHERE variable_name='Rpl_semi_sync_source_status'";

    @ParameterizedTest
    @EnumSource(Version.class)
    void aServerThatThrowsItsRelayLogAwayMayNotAcknowledge(Version version) throws Exception {
        try (MysqldFixture server = MysqldFixture.start(version, "--relay-log-recovery=1", "--sync-relay-log=10000");
                JdbcDatabase db = Databases.on(server)) {
            DatabaseException e = catchThrowableOfType(DatabaseException.class, () -> db.acknowledge(true, SOON));
            assertThat(e.kind()).isEqualTo(Kind.REFUSED);
            assertThat(e).hasMessageContaining("relay_log_recovery");
            assertThat(db.probe(SOON).semiSync()).isEqualTo(SemiSync.OFF);
            db.acknowledge(false, SOON);
        }
    }

    /** docs/internals/relay-log.md */
    @ParameterizedTest
    @EnumSource(Version.class)
    void whatWasAcknowledgedAndNotExecutedSurvivesACrashOnlyWithoutRelayLogRecovery(Version version) throws Exception {
        for (String options : new String[] {"0/1", "0/10000", "1/1"}) {
            boolean recovery = options.startsWith("1/");
            try (MysqldFixture primary = MysqldFixture.start(version);
                    MysqldFixture replica = MysqldFixture.start(
                            version,
                            "--relay-log-recovery=" + (recovery ? 1 : 0),
                            "--sync-relay-log=" + options.substring(2));
                    JdbcDatabase source = Databases.on(primary);
                    JdbcDatabase db = Databases.on(replica)) {
                Databases.makePrimary(source, primary);
                db.follow(primary.endpoint(), LONG);
                GtidSet first = source.probe(SOON).executed();
                assertThat(source.awaitExecutedOn(replica.endpoint(), first, LONG))
                        .isTrue();
                replica.execute("STOP REPLICA SQL_THREAD");
                for (int i = 0; i < 100; i++) {
                    Databases.insert(primary);
                }
                GtidSet all = source.probe(SOON).executed();
                Databases.await(db, "all is received", s -> s.received().contains(all));
                replica.kill9();
                replica.restart();
                GtidSet left = Databases.await(db, "it answers", s -> true).received();
                System.out.println(version + ", relay_log_recovery/sync_relay_log " + options + ": of "
                        + all.subtract(first).count() + " received transactions "
                        + left.subtract(first).count() + " are left");
                assertThat(left).isEqualTo(recovery ? first : all);
                db.startApplier(SOON);
                Databases.await(
                        db, "what is left is executed", s -> s.executed().equals(left));
            }
        }
    }
}
