package io.moha.moctl;

import io.moha.moctl.command.Moctl;

/** The program. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        System.exit(Moctl.commandLine().execute(args));
    }
}
