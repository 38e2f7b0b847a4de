package io.moha.mysql.jdbc;

import com.mysql.cj.conf.PropertySet;
import com.mysql.cj.protocol.StandardSocketFactory;
import java.net.Socket;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Hands each TCP socket that Connector/J makes to whoever is connecting on this thread, so that a deadline can cut it
 * underneath TLS and the tripwire can wait on it. Public with a public constructor because Connector/J creates it.
 */
public final class TappedSocketFactory extends StandardSocketFactory {
    private static final ThreadLocal<@Nullable Consumer<Socket>> TAP = new ThreadLocal<>();

    public TappedSocketFactory() {}

    /** Sets who gets the sockets made on this thread from now on; null for nobody. */
    static void tap(@Nullable Consumer<Socket> taker) {
        if (taker == null) {
            TAP.remove();
        } else {
            TAP.set(taker);
        }
    }

    @Override
    protected Socket createSocket(PropertySet properties) {
        Socket socket = super.createSocket(properties);
        Consumer<Socket> taker = TAP.get();
        if (taker != null) {
            taker.accept(socket);
        }
        return socket;
    }
}
