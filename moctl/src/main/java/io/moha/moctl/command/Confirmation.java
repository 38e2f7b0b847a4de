package io.moha.moctl.command;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Asks before something that cannot be taken back. */
final class Confirmation {
    private Confirmation() {}

    /**
     * Whether the answer is yes.
     *
     * @param yes given beforehand: nobody is asked
     */
    static boolean given(CommandSpec spec, boolean yes, String question) {
        if (yes) {
            return true;
        }
        // Said by the launcher: what System.console() means differs between versions of Java.
        if (!Boolean.getBoolean("moctl.terminal")) {
            throw new ParameterException(spec.commandLine(), "there is no terminal to ask at: give --yes");
        }
        spec.commandLine().getErr().print(question + " [y/N] ");
        spec.commandLine().getErr().flush();
        try (BufferedReader terminal = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            String answer = terminal.readLine();
            return answer != null && List.of("y", "yes").contains(answer.strip().toLowerCase(Locale.ROOT));
        } catch (IOException e) {
            return false;
        }
    }
}
