package io.moha.store.etcd;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * How to reach etcd.
 *
 * @param urls one {@code http://host:port} or {@code https://host:port} for each etcd server; the port defaults to 2379
 * @param prefix root path and cluster name, such as {@code /moha/demo}; keys lie below {@code prefix/}
 * @param username user of etcd, together with the password
 * @param password its password; never shown by {@link #toString()}
 * @param caFile PEM certificates to trust for {@code https}; without it those of the Java runtime
 * @param certFile PEM certificate (chain) of this client, together with the key
 * @param keyFile PEM key (PKCS#8) of this client
 */
public record EtcdSettings(
        List<String> urls,
        String prefix,
        Optional<String> username,
        Optional<String> password,
        Optional<Path> caFile,
        Optional<Path> certFile,
        Optional<Path> keyFile) {

    private static final int DEFAULT_PORT = 2379;

    /** @throws IllegalArgumentException naming what is wrong and what to write instead */
    public EtcdSettings {
        urls = urls.stream().map(EtcdSettings::checkedUrl).distinct().toList();
        if (urls.isEmpty()) {
            throw new IllegalArgumentException("no etcd URL given; write at least one, such as http://127.0.0.1:2379");
        }
        while (prefix.endsWith("/")) {
            prefix = prefix.substring(0, prefix.length() - 1);
        }
        if (prefix.isBlank()) {
            throw new IllegalArgumentException("the etcd prefix is empty; it is <etcd-root-path>/<cluster-name>");
        }
        if (username.isPresent() != password.isPresent()) {
            throw new IllegalArgumentException("etcd user name and password must be given together");
        }
        if (username.filter(String::isEmpty).isPresent()
                || password.filter(String::isEmpty).isPresent()) {
            throw new IllegalArgumentException("etcd user name and password must not be empty");
        }
        if (certFile.isPresent() != keyFile.isPresent()) {
            throw new IllegalArgumentException("etcd client certificate and key must be given together");
        }
    }

    /** Without authentication and TLS. */
    public static EtcdSettings plain(List<String> urls, String prefix) {
        return new EtcdSettings(
                urls, prefix, Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());
    }

    private static String checkedUrl(String text) {
        URI uri;
        try {
            uri = new URI(text.strip());
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(badUrl(text), e);
        }
        boolean schemeKnown = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
        if (!schemeKnown || uri.getHost() == null || uri.getPort() == 0 || uri.getPort() > 65535) {
            throw new IllegalArgumentException(badUrl(text));
        }
        int port = uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort();
        return uri.getScheme() + "://" + uri.getHost() + ":" + port;
    }

    private static String badUrl(String text) {
        return "'" + text + "' is no etcd URL; write http://host:port or https://host:port";
    }

    /** Without the password. */
    @Override
    public String toString() {
        return "EtcdSettings[urls=" + urls + ", prefix=" + prefix + ", username=" + username.orElse("") + ", password="
                + (password.isPresent() ? "***" : "") + ", caFile=" + caFile + ", certFile=" + certFile + ", keyFile="
                + keyFile + "]";
    }
}
