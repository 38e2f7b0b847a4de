package io.moha.moctl.drill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LedgerTest {
    @TempDir
    Path directory;

    private Path file = Path.of("");

    @BeforeEach
    void name() {
        file = directory.resolve("acks");
    }

    @Test
    void whatIsAppendedIsInTheFileWhenTheCallReturnsAndIsReadBack() throws Exception {
        try (Ledger ledger = Ledger.create(file)) {
            ledger.append(7);
            assertThat(Ledger.read(file).contains(7)).isTrue();
            ledger.append(Long.MAX_VALUE);
            ledger.append(-3);
            assertThat(ledger.count()).isEqualTo(3);
            IdSet read = Ledger.read(file); // while it is open, as after a crash
            assertThat(read.size()).isEqualTo(3);
            assertThat(read.contains(Long.MAX_VALUE)).isTrue();
            assertThat(read.contains(-3)).isTrue();
        }
    }

    @Test
    void severalWritersLoseNothing() throws Exception {
        int writers = 8;
        int each = 500;
        try (Ledger ledger = Ledger.create(file)) {
            ExecutorService pool = Executors.newFixedThreadPool(writers);
            List<Future<?>> done = new ArrayList<>();
            for (int w = 0; w < writers; w++) {
                long first = (long) w << 40;
                done.add(pool.submit(() -> {
                    for (int i = 1; i <= each; i++) {
                        ledger.append(first | i);
                    }
                    return null;
                }));
            }
            for (Future<?> f : done) {
                f.get();
            }
            pool.shutdown();
            assertThat(ledger.count()).isEqualTo((long) writers * each);
        }
        IdSet read = Ledger.read(file);
        assertThat(read.size()).isEqualTo((long) writers * each);
        assertThat(read.intervals()).isEqualTo(writers);
    }

    @Test
    void aTornLastRecordIsLeftOutAndTheOthersAreThere() throws Exception {
        try (Ledger ledger = Ledger.create(file)) {
            ledger.append(1);
            ledger.append(2);
        }
        byte[] whole = Files.readAllBytes(file);
        for (int cut = 1; cut < 12; cut++) {
            Files.write(file, Arrays.copyOf(whole, whole.length - cut));
            IdSet read = Ledger.read(file);
            assertThat(read.contains(1)).isTrue();
            assertThat(read.size()).isEqualTo(1);
        }
        whole[whole.length - 1] ^= 1;
        Files.write(file, whole);
        assertThat(Ledger.read(file).size()).isEqualTo(1);
    }

    @Test
    void damageBeforeTheEndIsAnErrorThatNamesItsPlace() throws Exception {
        try (Ledger ledger = Ledger.create(file)) {
            ledger.append(1);
            ledger.append(2);
        }
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 13] ^= 1;
        Files.write(file, bytes);
        assertThatThrownBy(() -> Ledger.read(file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("is damaged at byte 16");
    }

    @Test
    void anotherFileIsNoLedgerAndAnOldLedgerIsNotOverwritten() throws Exception {
        Files.writeString(file, "something else that is long enough");
        assertThatThrownBy(() -> Ledger.read(file)).hasMessageContaining("is no ledger");
        assertThatThrownBy(() -> Ledger.create(file)).isInstanceOf(FileAlreadyExistsException.class);
    }

    @Test
    void aLedgerThatCannotBeWrittenFailsForEverybody() throws Exception {
        Ledger ledger = Ledger.create(file);
        ledger.close();
        assertThatThrownBy(() -> ledger.append(1)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> ledger.append(2)).hasMessageContaining("could not be written before");
        assertThat(ledger.count()).isZero();
    }
}
