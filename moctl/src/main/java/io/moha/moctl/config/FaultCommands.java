package io.moha.moctl.config;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How {@code moctl bench} breaks and mends one node: program and arguments, run without a shell. In each argument
 * {@code {node}} stands for the node's id and {@code {n}} for the digits at its end. Empty means not configured.
 *
 * @param killMysqld SIGKILL to mysqld
 * @param killAgent SIGKILL to the agent
 * @param startAgent starts the agent again
 * @param startMysqld starts mysqld again
 */
public record FaultCommands(
        List<String> killMysqld, List<String> killAgent, List<String> startAgent, List<String> startMysqld) {
    public static final FaultCommands NONE = new FaultCommands(List.of(), List.of(), List.of(), List.of());
    private static final Pattern DIGITS = Pattern.compile("\\d+$");

    public FaultCommands {
        killMysqld = List.copyOf(killMysqld);
        killAgent = List.copyOf(killAgent);
        startAgent = List.copyOf(startAgent);
        startMysqld = List.copyOf(startMysqld);
    }

    /** The command with its placeholders filled in for one node. */
    public static List<String> forNode(List<String> command, String node) {
        Matcher digits = DIGITS.matcher(node);
        String number = digits.find() ? digits.group() : "";
        return command.stream()
                .map(arg -> arg.replace("{node}", node).replace("{n}", number))
                .toList();
    }
}
