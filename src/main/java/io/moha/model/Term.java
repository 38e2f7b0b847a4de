package io.moha.model;

/**
 * Counts the changes of primary. Term 0 means that no primary has ever been elected.
 *
 * @param value not negative
 */
public record Term(long value) implements Comparable<Term> {
    public static final Term NONE = new Term(0);

    public Term {
        if (value < 0) {
            throw new IllegalArgumentException("term " + value + " is negative");
        }
    }

    public Term next() {
        return new Term(value + 1);
    }

    @Override
    public int compareTo(Term other) {
        return Long.compare(value, other.value);
    }

    @Override
    public String toString() {
        return Long.toString(value);
    }
}
