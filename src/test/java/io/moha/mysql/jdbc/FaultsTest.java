package io.moha.mysql.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moha.model.Endpoint;
import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseException.Kind;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Faults, versions and settings, without a server. */
final class FaultsTest {
    private final Faults faults = new Faults(List.of("hush", ""));

    /** Seen on a busy machine: the probe's thread died of it, and its agent went on without seeing anything. */
    @Test
    void aReplicaThatIsConnectedTwiceIsOneAcker() {
        assertThat(SemiSyncProbe.uuids("u1,u2,u1")).containsExactlyInAnyOrder("u1", "u2");
        assertThat(SemiSyncProbe.uuids(null)).isEmpty();
    }

    @Test
    void aSecretThatTheServerQuotesIsNeitherInTheMessageNorInTheTrace() {
        SQLException cause = new SQLException("near 'SOURCE_PASSWORD='hush''", "42000", 1064);
        SQLException quoted = new SQLException("You have an error near 'hush'", "42000", 1064, cause);
        DatabaseException e = faults.executing("following", quoted);
        StringWriter trace = new StringWriter();
        e.printStackTrace(new PrintWriter(trace));

        assertThat(trace.toString()).doesNotContain("hush").contains("near '***'");
        assertThat(e.errorCode()).isEqualTo(1064);
        assertThat(e.kind()).isEqualTo(Kind.REFUSED);
    }

    @Test
    void theKindTellsWhetherTheStatementMayHaveTakenEffect() {
        assertThat(faults.executing("x", new SQLException("read only", "HY000", 1290))
                        .kind())
                .isEqualTo(Kind.REFUSED);
        assertThat(faults.executing("x", new SQLException("lost", "08S01", 0)).kind())
                .isEqualTo(Kind.UNKNOWN);
        assertThat(faults.executing("x", new SQLException("shutdown", "08S01", 1053))
                        .kind())
                .isEqualTo(Kind.UNKNOWN);
        assertThat(faults.executing("x", new SQLException("interrupted", "70100", 1317))
                        .kind())
                .isEqualTo(Kind.UNKNOWN);
        assertThat(faults.connecting("x", new SQLException("refused", "08S01", 0))
                        .kind())
                .isEqualTo(Kind.UNREACHABLE);
        assertThat(faults.connecting("x", new SQLException("denied", "28000", 1045))
                        .kind())
                .isEqualTo(Kind.ACCESS_DENIED);
        assertThat(faults.connecting("x", new SQLException("too many", "08004", 1040))
                        .kind())
                .as("it answers, so it is not unreachable")
                .isEqualTo(Kind.REFUSED);
    }

    @Test
    void statementsAreNamedAsTheVersionKnowsThem() {
        ServerVersion old = ServerVersion.parse("8.0.33");
        ServerVersion current = ServerVersion.parse("9.7.4-2");
        assertThat(old.showBinaryLogStatus()).isEqualTo("SHOW MASTER STATUS");
        assertThat(old.resetBinaryLogs()).isEqualTo("RESET MASTER");
        assertThat(current.showBinaryLogStatus()).isEqualTo("SHOW BINARY LOG STATUS");
        assertThat(current.resetBinaryLogs()).isEqualTo("RESET BINARY LOGS AND GTIDS");
        assertThat(ServerVersion.parse("8.4.0-commercial").showBinaryLogStatus())
                .isEqualTo("SHOW BINARY LOG STATUS");
        assertThat(old.hasSemiSync()).isTrue();
        assertThat(ServerVersion.parse("8.0.25").hasSemiSync()).isFalse();
        assertThat(ServerVersion.parse("8.0.22").supported()).isFalse();
        assertThat(ServerVersion.parse("5.7.44-log").supported()).isFalse();
        assertThat(ServerVersion.parse("8.0.23").supported()).isTrue();
        assertThatThrownBy(() -> ServerVersion.parse("MariaDB")).hasMessageContaining("MariaDB");
    }

    @Test
    void settingsHideThePasswordsAndRefuseWhatTheServerWouldRefuse() {
        Endpoint server = new Endpoint("db", 3306);
        Duration second = Duration.ofSeconds(1);
        JdbcSettings settings = new JdbcSettings(server, "moha", "one", second, "REQUIRED", "repl", "two", true);
        assertThat(settings.toString()).contains("moha@db:3306").doesNotContain("one", "two");
        assertThatThrownBy(
                        () -> new JdbcSettings(server, "moha", "one", second, "REQUIRED", "repl", "x".repeat(33), true))
                .hasMessageContaining("at most 32")
                .hasMessageNotContaining("xx");
        assertThatThrownBy(() -> new JdbcSettings(server, "moha", "one", second, "PREFERRED", "repl", "two", true))
                .hasMessageContaining("PREFERRED");
    }

    @Test
    void literalsSurviveQuotesAndBackslashes() {
        assertThat(Sql.quote("a'b\\c")).isEqualTo("'a''b\\\\c'");
    }
}
