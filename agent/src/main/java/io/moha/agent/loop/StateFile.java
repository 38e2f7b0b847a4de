package io.moha.agent.loop;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;

/** A small text that survives a restart of the agent. */
public interface StateFile {
    /** @return empty if nothing was ever written */
    Optional<String> read() throws IOException;

    /** Returns when the text is safe: after a crash there is this text or the one before, whole. */
    void write(String text) throws IOException;

    /** {@code state.json} in a directory that is made if missing; written to a new file, forced to disk, moved in place. */
    static StateFile in(Path directory) throws IOException {
        Files.createDirectories(directory);
        Path file = directory.resolve("state.json");
        return new StateFile() {
            @Override
            public Optional<String> read() throws IOException {
                return Files.exists(file) ? Optional.of(Files.readString(file)) : Optional.empty();
            }

            @Override
            public void write(String text) throws IOException {
                Path fresh = file.resolveSibling("state.json.new");
                Files.deleteIfExists(fresh);
                Files.createFile(
                        fresh, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
                Files.write(fresh, text.getBytes(StandardCharsets.UTF_8));
                try (FileChannel channel = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
                    channel.force(true);
                }
                Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
                try (FileChannel names = FileChannel.open(directory, StandardOpenOption.READ)) {
                    names.force(true);
                }
            }

            @Override
            public String toString() {
                return file.toString();
            }
        };
    }
}
