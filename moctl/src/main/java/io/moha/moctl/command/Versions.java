package io.moha.moctl.command;

import picocli.CommandLine.IVersionProvider;

/** The version in the jar's manifest. */
final class Versions implements IVersionProvider {
    static String own() {
        String version = Versions.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }

    @Override
    public String[] getVersion() {
        return new String[] {"moctl " + own()};
    }
}
