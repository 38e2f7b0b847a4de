package io.moha.moctl.drill;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class IdSetTest {
    @Test
    void aMillionNumbersInARowAreOneInterval() {
        IdSet ids = new IdSet();
        for (long id = 1; id <= 1_000_000; id++) {
            assertThat(ids.add(id)).isTrue();
        }
        assertThat(ids.intervals()).isEqualTo(1);
        assertThat(ids.size()).isEqualTo(1_000_000);
        assertThat(ids.add(500)).isFalse();
    }

    @Test
    void agreesWithAPlainSetWhateverIsAdded() {
        for (long seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            IdSet a = new IdSet();
            IdSet b = new IdSet();
            Set<Long> plainA = fill(a, random);
            Set<Long> plainB = fill(b, random);
            Set<Long> union = new HashSet<>(plainA);
            union.addAll(plainB);
            IdSet both = a.union(b);
            assertThat(both.size()).isEqualTo(union.size());
            Set<Long> onlyA = new HashSet<>(plainA);
            onlyA.removeAll(plainB);
            assertThat(a.countMissingIn(b)).isEqualTo(onlyA.size());
            assertThat(a.missingIn(b, 1000)).containsExactlyInAnyOrderElementsOf(onlyA);
            assertThat(a.missingIn(b, 2)).hasSize(Math.min(2, onlyA.size()));
            for (long id = -2; id < 70; id++) {
                assertThat(a.contains(id)).isEqualTo(plainA.contains(id));
                assertThat(both.contains(id)).isEqualTo(union.contains(id));
            }
        }
    }

    private static Set<Long> fill(IdSet ids, Random random) {
        Set<Long> plain = new HashSet<>();
        int count = random.nextInt(60);
        for (int i = 0; i < count; i++) {
            long id = random.nextInt(64);
            assertThat(ids.add(id)).isEqualTo(plain.add(id));
        }
        assertThat(ids.size()).isEqualTo(plain.size());
        return plain;
    }
}
