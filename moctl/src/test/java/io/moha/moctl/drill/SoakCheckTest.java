package io.moha.moctl.drill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.moha.moctl.bench.BenchException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SoakCheckTest {
    @TempDir
    Path directory;

    @Test
    void whatIsInTheTableIsThereAndWhatADivergedNodeNamedIsLostAndTheRestIsMissing() {
        SoakResult.Check check = SoakDrill.compare(ids(1, 2, 3, 4, 5), ids(1, 2, 9), ids(4));
        assertThat(check.checked()).isEqualTo(5);
        assertThat(check.namedLost()).isEqualTo(1);
        assertThat(check.missing()).isEqualTo(2);
        assertThat(check.examples()).containsExactly(3L, 5L);
    }

    @Test
    void rowsWithoutAnAcknowledgementAndNamedRowsThatCameBackAreNoLoss() {
        SoakResult.Check check = SoakDrill.compare(ids(1, 2), ids(1, 2, 3), ids(2));
        assertThat(check.missing()).isZero();
        assertThat(check.namedLost()).isZero();
    }

    @Test
    void aNodeWithMoreRowsThanItNamesKeepsSomeQuiet() {
        assertThat(new NamedLoss("a", "u:1-3", 3, 3, 2).namesAll()).isTrue();
        assertThat(new NamedLoss("a", "u:1-3", 3, 4, 2).namesAll()).isFalse();
    }

    @Test
    void eachFaultIsOneVerbForTheNodesInItsRole() throws Exception {
        Path said = directory.resolve("said");
        Path script = Files.writeString(directory.resolve("fault"), "echo \"$@\" >> " + said + "\n");
        FaultCommand command = new FaultCommand(List.of("sh", script.toString(), "--site=x"));
        List<String> replicas = List.of("b", "c");
        command.strike(FaultKind.PRIMARY_CUT, "a", replicas, 0);
        command.strike(FaultKind.REPLICA_MYSQLD, "a", replicas, 3);
        command.strike(FaultKind.ETCD_LEADER, "a", replicas, 0);
        command.heal();
        assertThat(Files.readAllLines(said))
                .containsExactly(
                        "--site=x cut a", "--site=x kill-mysqld c", "--site=x kill-etcd-leader", "--site=x heal");
        command.strike(FaultKind.REPLICAS_DOWN, "a", replicas, 0);
        assertThat(Files.readAllLines(said)).contains("--site=x kill-host b", "--site=x kill-host c");
    }

    @Test
    void aFaultThatCannotBeMadeSaysWhy() {
        FaultCommand command = new FaultCommand(List.of("ls", "/no-such-thing"));
        assertThatThrownBy(command::heal).isInstanceOf(BenchException.class).hasMessageContaining("No such file");
    }

    private static IdSet ids(long... ids) {
        IdSet set = new IdSet();
        for (long id : ids) {
            set.add(id);
        }
        return set;
    }
}
