package io.moha.moctl.drill;

import io.moha.moctl.bench.BenchException;
import io.moha.moctl.bench.Commands;
import java.util.ArrayList;
import java.util.List;

/**
 * The hook that breaks and mends: the configured words, then a verb, then a node's id where the verb needs one.
 *
 * @param words program and first arguments
 */
public record FaultCommand(List<String> words) {
    public FaultCommand {
        words = List.copyOf(words);
        if (words.isEmpty()) {
            throw new IllegalArgumentException("the fault command is empty");
        }
    }

    /**
     * Strikes; all its targets at once.
     *
     * @param replicas in the order of their ids
     * @param replica which one a fault on one replica hits, modulo their number
     */
    void strike(FaultKind kind, String primary, List<String> replicas, int replica) throws BenchException {
        List<List<String>> commands = new ArrayList<>();
        switch (kind.role()) {
            case PRIMARY -> commands.add(line(kind.verb(), primary));
            case ONE_REPLICA -> commands.add(line(kind.verb(), replicas.get(replica % replicas.size())));
            case EVERY_REPLICA -> replicas.forEach(r -> commands.add(line(kind.verb(), r)));
            case NO_NODE -> commands.add(line(kind.verb()));
        }
        Commands.runTogether(commands);
    }

    /** Everything is mended that any verb has broken; harmless where nothing is. */
    void heal() throws BenchException {
        Commands.runTogether(List.of(line("heal")));
    }

    private List<String> line(String... more) {
        List<String> line = new ArrayList<>(words);
        line.addAll(List.of(more));
        return line;
    }
}
