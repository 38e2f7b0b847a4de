package io.moha.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GtidSetTest {
    private static final String A = "aaaaaaaa-0000-0000-0000-000000000001";
    private static final String B = "bbbbbbbb-0000-0000-0000-000000000002";

    /** Writes {@code a} and {@code b} for the two servers. */
    private static String written(String shorthand) {
        return shorthand.replaceAll("\\ba:", A + ":").replaceAll("\\bb:", B + ":");
    }

    private static GtidSet set(String shorthand) {
        return GtidSet.parse(written(shorthand));
    }

    // Reading and printing.

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "a:1                          | a:1",
                "a:1-5                        | a:1-5",
                "a:5-5                        | a:5",
                "a:1-3:5                      | a:1-3:5",
                "a:7:1-3:5                    | a:1-3:5:7",
                "a:1-3:4-6                    | a:1-6",
                "a:1-5:3-9                    | a:1-9",
                "a:1-9:3-5                    | a:1-9",
                "a:2:1                        | a:1-2",
                "a:1-3,a:4                    | a:1-4",
                "b:1,a:1                      | a:1,b:1",
                "a:1-5:tag1:1-3:7             | a:1-5:tag1:1-3:7",
                "a:tag1:1-3:7                 | a:tag1:1-3:7",
                "a:tag1:1,a:1-5               | a:1-5:tag1:1",
                "a:tag_b:1:tag_a:2            | a:tag_a:2:tag_b:1",
                "a:tag1:1-2,a:tag1:3          | a:tag1:1-3",
                "a:TAG1:1                     | a:tag1:1",
                "a:1-9223372036854775807      | a:1-9223372036854775807",
                "a:9223372036854775806:9223372036854775807 | a:9223372036854775806-9223372036854775807",
                ",a:1,,                       | a:1"
            })
    void isPrintedSortedMergedAndInLowerCase(String given, String printed) {
        assertThat(set(given)).hasToString(written(printed)).isEqualTo(set(printed));
        assertThat(set(given)).hasSameHashCodeAs(set(printed));
    }

    @Test
    void whiteSpaceLineBreaksAndCaseDoNotMatter() {
        String asServerPrintsIt = A + ":1-3:5,\n" + B + ":1-9";
        String byHand = " " + A.toUpperCase(java.util.Locale.ROOT) + " : 1 - 3 : 5 ,\r\n\t" + B + ":1-9 \n";
        assertThat(GtidSet.parse(byHand)).isEqualTo(GtidSet.parse(asServerPrintsIt));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "\n", ","})
    void nothingIsTheEmptySet(String text) {
        assertThat(GtidSet.parse(text)).isSameAs(GtidSet.EMPTY);
        assertThat(GtidSet.EMPTY.isEmpty()).isTrue();
        assertThat(GtidSet.EMPTY).hasToString("");
        assertThat(GtidSet.EMPTY.count()).isZero();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "a:1,x:1-2     | x:1-2",
                "a:1,a         | aaaaaaaa-0000-0000-0000-000000000001",
                "a:1,b:        | bbbbbbbb-0000-0000-0000-000000000002:",
                "a:1,b:tag     | bbbbbbbb-0000-0000-0000-000000000002:tag",
                "a:1,b:1:tag   | bbbbbbbb-0000-0000-0000-000000000002:1:tag",
                "a:1,b:0       | '0'",
                "a:1,b:0-4     | '0-4'",
                "a:1,b:5-4     | '5-4'",
                "a:1,b:1-      | '1-'",
                "a:1,b:-1      | '-1'",
                "a:1,b:1--2    | '1--2'",
                "a:1,b:1-2-3   | '1-2-3'",
                "a:1,b:+1      | '+1'",
                "a:1,b:1 2     | '1 2'",
                "a:1,b:1x      | '1x'",
                "a:1,b:tag-1:1 | 'tag-1'",
                "a:1,b:a23456789012345678901234567890123:1 | a23456789012345678901234567890123",
                "a:1,b:9223372036854775808 | '9223372036854775808'"
            })
    void namesThePartThatIsMalformed(String given, String named) {
        String text = given.equals("a:1,a") ? A + ":1," + A : written(given);
        assertThatThrownBy(() -> GtidSet.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("GTID set part")
                .hasMessageContaining(named);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "aaaaaaaa00000000000000000000000001:1",
                "aaaaaaaa-0000-0000-0000-00000000000:1",
                "gaaaaaaa-0000-0000-0000-000000000001:1"
            })
    void refusesWhatIsNoServerUuid(String text) {
        assertThatThrownBy(() -> GtidSet.parse(text)).hasMessageContaining("is not a server uuid");
    }

    // Calculating.

    @ParameterizedTest
    @CsvSource({
        "a:1-9,         a:1-9,    true",
        "a:1-9,         a:2-8,    true",
        "a:1-9,         a:9-10,   false",
        "a:1-3:5-9,     a:3-5,    false",
        "a:1-3:5-9,     a:2:6-7,  true",
        "a:1-9,         b:1,      false",
        "a:1-9,         a:tag:1,  false",
        "a:1-9:tag:1-3, a:tag:2,  true",
        "a:tag:1-9,     a:1,      false",
        "a:1-9,         '',       true",
        "'',            a:1,      false",
        "'',            '',       true"
    })
    void containsEveryTransactionOrNot(String larger, String smaller, boolean contained) {
        assertThat(set(larger).contains(set(smaller))).isEqualTo(contained);
    }

    @ParameterizedTest
    @CsvSource({
        "a:1-3,     a:4-6,     a:1-6",
        "a:1-3,     a:5-6,     a:1-3:5-6",
        "a:1-3,     a:tag:4,   a:1-3:tag:4",
        "a:1,       '',        a:1",
        "'',        a:1,       a:1"
    })
    void unionHasWhatEitherHas(String one, String other, String union) {
        assertThat(set(one).union(set(other))).isEqualTo(set(union));
    }

    @ParameterizedTest
    @CsvSource({
        "a:1-9,     a:4-6,     a:1-3:7-9",
        "a:1-9,     a:1-9,     ''",
        "a:1-9,     a:1,       a:2-9",
        "a:1-9,     a:9,       a:1-8",
        "a:1-9,     a:2:4:6,   a:1:3:5:7-9",
        "a:1-3:7-9, a:3-7,     a:1-2:8-9",
        "a:1-9,     a:tag:1-9, a:1-9",
        "a:1-9,     b:1-9,     a:1-9"
    })
    void subtractLeavesWhatTheOtherDoesNotHave(String from, String what, String rest) {
        assertThat(set(from).subtract(set(what))).isEqualTo(set(rest));
    }

    @Test
    void calculatesUpToTheLargestNumber() {
        GtidSet all = set("a:1-9223372036854775807");
        GtidSet last = set("a:9223372036854775807");
        assertThat(all.subtract(last)).isEqualTo(set("a:1-9223372036854775806"));
        assertThat(all.subtract(last).union(last)).isEqualTo(all);
        assertThat(all.contains(last)).isTrue();
        assertThat(all.count()).isEqualTo(Long.MAX_VALUE);
        assertThat(all.union(set("b:1-3")).count()).isEqualTo(Long.MAX_VALUE);
        assertThat(all.union(set("a:tag:1")).countOf(A)).isEqualTo(Long.MAX_VALUE);
    }

    /** Every third transaction: no two touch. */
    private static GtidSet manyGaps(int intervals) {
        StringBuilder text = new StringBuilder(A);
        for (long i = 1; i <= intervals; i++) {
            text.append(':').append(3 * i);
        }
        return GtidSet.parse(text.toString());
    }

    @Test
    void manyGapsCostNoMoreThanAWalkOverThem() {
        int intervals = 200_000;
        GtidSet gaps = manyGaps(intervals);
        GtidSet all = set("a:1-" + (3 * intervals + 1));
        org.junit.jupiter.api.Assertions.assertTimeoutPreemptively(java.time.Duration.ofSeconds(20), () -> {
            assertThat(all.contains(gaps)).isTrue();
            assertThat(gaps.contains(gaps)).isTrue();
            assertThat(gaps.contains(all)).isFalse();
            assertThat(all.subtract(gaps).count()).isEqualTo(2L * intervals + 1);
            assertThat(all.intersect(gaps)).isEqualTo(gaps);
            assertThat(gaps.subtract(gaps)).isEqualTo(GtidSet.EMPTY);
            assertThat(all.subtract(gaps).union(gaps)).isEqualTo(all);
        });
    }

    @Test
    void countsByServerOverAllItsTags() {
        GtidSet some = set("a:1-5:9:tag:1-2,b:7");
        assertThat(some.count()).isEqualTo(9);
        assertThat(some.countOf(A)).isEqualTo(8);
        assertThat(some.countOf(B.toUpperCase(java.util.Locale.ROOT))).isEqualTo(1);
        assertThat(some.countOf("cccccccc-0000-0000-0000-000000000003")).isZero();
        assertThat(some.uuids()).containsExactly(A, B);
    }

    // Against a set of single transactions, which cannot be wrong.

    private static final List<String> SOURCES = List.of(A + ":", A + ":tag:", B + ":");

    private static GtidSet parsed(Set<String> transactions, Random random) {
        List<String> parts = new ArrayList<>(transactions);
        java.util.Collections.shuffle(parts, random);
        return GtidSet.parse(String.join(",", parts));
    }

    private static Set<String> someTransactions(Random random) {
        Set<String> some = new TreeSet<>();
        int density = 1 + random.nextInt(10);
        for (String source : SOURCES) {
            for (int number = 1; number <= 12; number++) {
                if (random.nextInt(10) < density) {
                    some.add(source + number);
                }
            }
        }
        return some;
    }

    @Test
    void agreesWithASetOfSingleTransactions() {
        for (int seed = 0; seed < 2000; seed++) {
            Random random = new Random(seed);
            Set<String> left = someTransactions(random);
            Set<String> right = random.nextInt(4) == 0
                    ? left.stream().filter(t -> random.nextBoolean()).collect(Collectors.toCollection(TreeSet::new))
                    : someTransactions(random);
            GtidSet one = parsed(left, random);
            GtidSet other = parsed(right, random);
            String seeded = "seed " + seed;

            Set<String> union = new TreeSet<>(left);
            union.addAll(right);
            Set<String> rest = new TreeSet<>(left);
            rest.removeAll(right);
            Set<String> common = new TreeSet<>(left);
            common.retainAll(right);
            assertThat(one.union(other)).as(seeded).isEqualTo(parsed(union, random));
            assertThat(one.subtract(other)).as(seeded).isEqualTo(parsed(rest, random));
            assertThat(one.intersect(other)).as(seeded).isEqualTo(parsed(common, random));
            assertThat(one.contains(other)).as(seeded).isEqualTo(left.containsAll(right));
            assertThat(one.count()).as(seeded).isEqualTo(left.size());
            assertThat(one.isEmpty()).as(seeded).isEqualTo(left.isEmpty());
            assertThat(one.equals(other)).as(seeded).isEqualTo(left.equals(right));
            assertThat(GtidSet.parse(one.toString())).as(seeded).isEqualTo(one);
        }
    }
}
