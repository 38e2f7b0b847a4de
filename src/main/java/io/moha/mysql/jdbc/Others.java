package io.moha.mysql.jdbc;

import io.moha.model.Endpoint;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** Connections to other members, one each, a bounded number of them. */
final class Others implements AutoCloseable {
    private static final int MOST = 16;

    private final Function<Endpoint, Line> opener;
    private final Map<Endpoint, Line> lines = new LinkedHashMap<>(MOST, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Endpoint, Line> eldest) {
            if (size() <= MOST) {
                return false;
            }
            eldest.getValue().close();
            return true;
        }
    };

    Others(Function<Endpoint, Line> opener) {
        this.opener = opener;
    }

    synchronized Line to(Endpoint member) {
        return lines.computeIfAbsent(member, opener);
    }

    @Override
    public synchronized void close() {
        lines.values().forEach(Line::close);
        lines.clear();
    }
}
