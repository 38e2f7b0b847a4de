package io.moha.moctl.render;

import java.util.ArrayList;
import java.util.List;

/** Columns of text, as wide as their longest cell. Colour never changes the layout. */
public final class Table {
    /** How a row stands out on a terminal. */
    public enum Tone {
        PLAIN(""),
        GOOD("\u001b[32m"),
        BAD("\u001b[31m"),
        HEAD("\u001b[1m");

        private final String code;

        Tone(String code) {
            this.code = code;
        }

        /** The text in this tone; unchanged without colour. */
        public String paint(String text, boolean colour) {
            return colour && !code.isEmpty() ? code + text + "\u001b[0m" : text;
        }
    }

    private record Row(Tone tone, List<String> cells) {}

    private final int columns;
    private final List<Row> rows = new ArrayList<>();

    public Table(String... head) {
        this.columns = head.length;
        rows.add(new Row(Tone.HEAD, List.of(head)));
    }

    /** @throws IllegalArgumentException if there are not as many cells as heads */
    public Table row(Tone tone, String... cells) {
        if (cells.length != columns) {
            throw new IllegalArgumentException(cells.length + " cells for " + columns + " columns");
        }
        rows.add(new Row(tone, List.of(cells)));
        return this;
    }

    /** Lines without trailing blanks, each ended by a newline. */
    public String render(boolean colour) {
        int[] width = new int[columns];
        for (Row row : rows) {
            for (int i = 0; i < columns; i++) {
                width[i] = Math.max(width[i], row.cells().get(i).length());
            }
        }
        StringBuilder out = new StringBuilder();
        for (Row row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < columns; i++) {
                String cell = row.cells().get(i);
                line.append(cell).append(" ".repeat(width[i] - cell.length() + 2));
            }
            out.append(row.tone().paint(line.toString().stripTrailing(), colour))
                    .append('\n');
        }
        return out.toString();
    }
}
