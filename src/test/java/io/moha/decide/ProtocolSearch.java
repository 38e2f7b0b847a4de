package io.moha.decide;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/** Breadth-first search over all interleavings of a model; the first violation it finds is one of the shortest. */
final class ProtocolSearch {
    private static final int WORDS = ProtocolState.WORDS;

    /**
     * @param complete whether every state was looked at
     * @param laterOpen states in which a later primary than the first is open and everything is acknowledged
     * @param violation what went wrong, and the steps that lead to it
     */
    record Result(
            int states,
            long transitions,
            int depth,
            boolean complete,
            int laterOpen,
            int asked,
            Optional<Violation> violation) {}

    record Violation(String what, List<String> steps, String state) {}

    private final ProtocolModel model;
    private final ProtocolCore core;
    private final int most;
    private long[] states = new long[WORDS << 16];
    private int[] parents = new int[1 << 16];
    private int[] table = new int[1 << 18];
    private int count;
    private long transitions;
    private final long[] packed = new long[WORDS];

    ProtocolSearch(ProtocolFlaw flaw, ProtocolModel.Bounds bounds, int most) {
        this.core = new ProtocolCore(flaw);
        this.model = new ProtocolModel(core, bounds);
        this.most = most;
    }

    Result run() {
        add(model.first(), -1);
        ProtocolState state = new ProtocolState();
        int laterOpen = 0;
        int depth = 0;
        int endOfDepth = 1;
        for (int at = 0; at < count; at++) {
            if (at == endOfDepth) {
                depth++;
                endOfDepth = count;
            }
            state.unpack(states, at * WORDS);
            String wrong = ProtocolModel.violation(state);
            if (!wrong.isEmpty()) {
                return result(depth, false, laterOpen, Optional.of(new Violation(wrong, steps(at), state.toString())));
            }
            if (count >= most) {
                return result(depth, false, laterOpen, Optional.empty());
            }
            int holder = state.get(ProtocolState.Global.HOLDER);
            boolean later = holder != 0
                    && state.get(ProtocolState.Global.TERM) > 1
                    && state.is(holder, ProtocolState.Local.WRITABLE);
            laterOpen += later && state.get(ProtocolState.Global.ACKNOWLEDGED) == 3 ? 1 : 0;
            int from = at;
            model.successors(state, (next, step) -> {
                transitions++;
                add(next, from);
            });
        }
        return result(depth, true, laterOpen, Optional.empty());
    }

    private Result result(int depth, boolean complete, int laterOpen, Optional<Violation> violation) {
        return new Result(count, transitions, depth, complete, laterOpen, core.asked(), violation);
    }

    private void add(ProtocolState state, int parent) {
        state.pack(packed);
        int slot = slot(packed, 0);
        while (table[slot] != 0) {
            if (same(table[slot] - 1)) {
                return;
            }
            slot = (slot + 1) & (table.length - 1);
        }
        if ((count + 1) * WORDS > states.length) {
            states = Arrays.copyOf(states, states.length / 2 * 3 / WORDS * WORDS);
            parents = Arrays.copyOf(parents, states.length / WORDS);
        }
        System.arraycopy(packed, 0, states, count * WORDS, WORDS);
        parents[count] = parent;
        table[slot] = ++count;
        if (count > table.length / 3 * 2) {
            grow();
        }
    }

    private boolean same(int index) {
        int from = index * WORDS;
        for (int i = 0; i < WORDS; i++) {
            if (states[from + i] != packed[i]) {
                return false;
            }
        }
        return true;
    }

    private int slot(long[] words, int from) {
        long hash = 0;
        for (int i = 0; i < WORDS; i++) {
            hash = (hash ^ words[from + i]) * 0x9E3779B97F4A7C15L;
            hash ^= hash >>> 29;
        }
        return (int) (hash ^ (hash >>> 32)) & (table.length - 1);
    }

    private void grow() {
        table = new int[table.length * 2];
        for (int i = 0; i < count; i++) {
            int slot = slot(states, i * WORDS);
            while (table[slot] != 0) {
                slot = (slot + 1) & (table.length - 1);
            }
            table[slot] = i + 1;
        }
    }

    private List<String> steps(int last) {
        Deque<Integer> path = new ArrayDeque<>();
        for (int at = last; at >= 0; at = parents[at]) {
            path.addFirst(at);
        }
        List<String> steps = new ArrayList<>();
        ProtocolState state = new ProtocolState();
        long[] wanted = new long[WORDS];
        long[] found = new long[WORDS];
        int before = -1;
        for (int at : path) {
            if (before >= 0) {
                state.unpack(states, before * WORDS);
                System.arraycopy(states, at * WORDS, wanted, 0, WORDS);
                int number = steps.size();
                model.successors(state, (next, step) -> {
                    next.pack(found);
                    if (steps.size() == number && Arrays.equals(found, wanted)) {
                        steps.add(step.get());
                    }
                });
            }
            before = at;
        }
        return steps;
    }
}
