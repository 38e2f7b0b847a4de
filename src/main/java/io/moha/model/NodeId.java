package io.moha.model;

import java.util.regex.Pattern;

/**
 * The name of one member of the cluster, unique within it.
 *
 * @param value 1 to 64 characters out of letters, digits, dot, underscore and hyphen: it becomes part of an etcd key
 */
public record NodeId(String value) implements Comparable<NodeId> {
    private static final Pattern FORM = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    public NodeId {
        if (!FORM.matcher(value).matches()) {
            throw new IllegalArgumentException("node id '" + value
                    + "' is not usable: take 1 to 64 letters, digits, dots, underscores or hyphens");
        }
    }

    @Override
    public int compareTo(NodeId other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value;
    }
}
