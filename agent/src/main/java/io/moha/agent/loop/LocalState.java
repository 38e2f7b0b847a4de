package io.moha.agent.loop;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.moha.model.Term;
import io.moha.store.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * The little that must survive a restart of the agent: the last term it followed or held, whether an operator made it
 * only-follow, and whether it has promised its primary to take part in no election, for how many milliseconds at most.
 */
final class LocalState {
    @JsonIgnoreProperties(ignoreUnknown = true)
    private record Content(
            @JsonProperty("term") long term,
            @JsonProperty("only_follow") boolean onlyFollow,
            @JsonProperty("promised_millis") long promisedMillis) {}

    private final StateFile file;
    private Content content;

    private LocalState(StateFile file, Content content) {
        this.file = file;
        this.content = content;
    }

    /**
     * @param directory is made if missing
     * @throws IOException if it cannot be read or made; also if the file's content is not understood: guessing a term
     *     could repoint to an old primary
     */
    static LocalState open(Path directory) throws IOException {
        return open(StateFile.in(directory));
    }

    /** @throws IOException if it cannot be read; also if the content is not understood */
    static LocalState open(StateFile file) throws IOException {
        Optional<String> text = file.read();
        if (text.isEmpty()) {
            Content nothing = new Content(0, false, 0);
            LocalState fresh = new LocalState(file, nothing);
            fresh.write(nothing);
            return fresh;
        }
        try {
            return new LocalState(file, Json.read(text.get(), Content.class));
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    file + " is damaged (" + e.getMessage()
                            + "); if this node may forget which term it followed, delete the file",
                    e);
        }
    }

    synchronized Term term() {
        return new Term(content.term());
    }

    synchronized boolean onlyFollow() {
        return content.onlyFollow();
    }

    /** Returns when the term is on the disk. */
    synchronized void keep(Term term) throws IOException {
        if (term.value() != content.term()) {
            write(new Content(term.value(), content.onlyFollow(), content.promisedMillis()));
        }
    }

    synchronized void keepOnlyFollow(boolean onlyFollow) throws IOException {
        if (onlyFollow != content.onlyFollow()) {
            write(new Content(content.term(), onlyFollow, content.promisedMillis()));
        }
    }

    /** For how long at most this node promised to take part in no election; zero if that is over. */
    synchronized Duration promise() {
        return Duration.ofMillis(content.promisedMillis());
    }

    /** Returns when the promise is on the disk; zero if it is over. */
    synchronized void keepPromise(Duration length) throws IOException {
        if (length.toMillis() != content.promisedMillis()) {
            write(new Content(content.term(), content.onlyFollow(), length.toMillis()));
        }
    }

    /** What could not be written does not count: it is tried again when it is asked for again. */
    private void write(Content next) throws IOException {
        file.write(Json.write(next));
        content = next;
    }
}
