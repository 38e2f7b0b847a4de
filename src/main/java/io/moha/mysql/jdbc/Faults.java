package io.moha.mysql.jdbc;

import io.moha.mysql.DatabaseException;
import io.moha.mysql.DatabaseException.Kind;
import java.sql.SQLException;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Turns what the driver throws into {@link DatabaseException}, without any secret in the text. */
final class Faults {
    static final int TOO_MANY_CONNECTIONS = 1040;
    static final int SPECIFIC_ACCESS_DENIED = 1227;
    static final int READ_ONLY = 1290;
    static final int OFFLINE = 3032;
    /** The statement was ended from outside or by a shutdown: what it did until then is not known. */
    private static final Set<Integer> INTERRUPTED = Set.of(1053, 1079, 1152, 1158, 1159, 1160, 1161, 1317, 3169, 4031);
    /** Wrong account, host, password; locked or expired account; unknown authentication. */
    private static final Set<Integer> ACCESS = Set.of(1044, 1045, 1130, 1251, 1396, 1524, 1698, 1820, 1862, 3118, 3955);

    private final List<String> secrets;

    Faults(List<String> secrets) {
        this.secrets = secrets.stream().filter(secret -> !secret.isEmpty()).toList();
    }

    /** No connection could be made. */
    DatabaseException connecting(String what, SQLException e) {
        int code = e.getErrorCode();
        if (ACCESS.contains(code)) {
            return of(Kind.ACCESS_DENIED, what, e, "");
        }
        if (code == 0 || code == 1053 || isLost(e)) {
            return of(Kind.UNREACHABLE, what, e, "");
        }
        return of(Kind.REFUSED, what, e, hint(code));
    }

    /** A statement failed. */
    DatabaseException executing(String what, SQLException e) {
        if (isLost(e) || INTERRUPTED.contains(e.getErrorCode())) {
            return of(Kind.UNKNOWN, what, e, "");
        }
        return of(Kind.REFUSED, what, e, hint(e.getErrorCode()));
    }

    /** The connection is of no more use after this. */
    static boolean isLost(SQLException e) {
        String state = e.getSQLState();
        boolean communication = state != null && state.startsWith("08") && e.getErrorCode() != TOO_MANY_CONNECTIONS;
        return communication || (e.getErrorCode() == 0 && !(e instanceof java.sql.SQLSyntaxErrorException));
    }

    DatabaseException of(Kind kind, String what, SQLException e, String hint) {
        String text = what + ": " + reason(e) + (hint.isEmpty() ? "" : " (" + hint + ")");
        return new DatabaseException(kind, e.getErrorCode(), text, clean(e));
    }

    /** The deadline passed, and the driver tells how. */
    DatabaseException timedOut(Kind kind, String what, SQLException e) {
        return new DatabaseException(kind, true, what + ": " + reason(e) + " (deadline passed)", clean(e));
    }

    static DatabaseException timedOut(Kind kind, String what) {
        String text = what + ": the deadline passed";
        return new DatabaseException(kind, true, text, new SQLException(text));
    }

    static DatabaseException refused(String text) {
        return new DatabaseException(Kind.REFUSED, 0, text, new SQLException(text));
    }

    private static String hint(int code) {
        return switch (code) {
            case SPECIFIC_ACCESS_DENIED -> "grant it to the agent's account";
            case OFFLINE -> "the agent's account needs CONNECTION_ADMIN";
            case TOO_MANY_CONNECTIONS -> "max_connections is used up";
            default -> "";
        };
    }

    private String reason(SQLException e) {
        String text =
                hideSecrets(String.valueOf(e.getMessage())).lines().findFirst().orElse("");
        if (isLost(e)) {
            Throwable root = e;
            while (root.getCause() != null) {
                root = root.getCause();
            }
            return text + " "
                    + hideSecrets(String.valueOf(root.getMessage()))
                            .lines()
                            .findFirst()
                            .orElse("");
        }
        return text + " [" + e.getErrorCode() + "]";
    }

    /** The server quotes parts of a statement in its errors: the exception itself must not carry a secret further. */
    private Throwable clean(SQLException e) {
        for (@Nullable Throwable t = e; t != null; t = t.getCause()) {
            String text = String.valueOf(t.getMessage());
            if (!hideSecrets(text).equals(text)) {
                return new SQLException(hideSecrets(String.valueOf(e.getMessage())), e.getSQLState(), e.getErrorCode());
            }
        }
        return e;
    }

    private String hideSecrets(String text) {
        String result = text;
        for (String secret : secrets) {
            result = result.replace(secret, "***");
        }
        return result;
    }
}
