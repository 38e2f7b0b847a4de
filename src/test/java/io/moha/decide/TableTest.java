package io.moha.decide;

import static io.moha.decide.Diagnosis.*;
import static org.assertj.core.api.Assertions.assertThat;

import io.moha.decide.Observation.Health;
import io.moha.model.AckList;
import io.moha.model.Durability;
import io.moha.model.NodeId;
import io.moha.model.Term;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TableTest {
    private static final String BEGIN = "<!-- states: generated from Table.transitions(), checked by TableTest -->";
    private static final String END = "<!-- states: end -->";
    private static final Path PAGE = Path.of("..", "docs", "internals", "states.md");

    private static final Set<Diagnosis> ON_THE_LADDER = EnumSet.of(FENCE_PENDING, FENCE_CONFIRMED);
    private static final Set<Diagnosis> HOLDING = EnumSet.of(
            LEASE_RAN_OUT,
            ROLE_LOST,
            KEY_GONE,
            STORE_WENT_BACK,
            TERM_WENT_BACK,
            DATABASE_DEAD,
            LOOK_AGAIN,
            DATABASE_STUCK,
            DATABASE_SILENT);
    private static final Set<Diagnosis> DRAINED = EnumSet.of(
            WISH_READ_ONLY,
            CLOSED,
            OPEN_UNANNOUNCED,
            SERVING,
            UNREGISTERED,
            ALONE,
            NOT_ALONE,
            WAIT_DIFFERS,
            LIST_DUE,
            STRANGER,
            COMMITS_STUCK,
            HANDING_OVER,
            HAND_OVER_IN_DOUBT);
    private static final Set<Diagnosis> PROMOTING =
            EnumSet.of(BALLOT_SHRUNK, UNDRAINED, DRAIN_OVERDUE, SOURCE_REMAINS, NO_EVIDENCE, OPENED_FIRST);
    private static final Set<Diagnosis> READ_ONLY = EnumSet.of(
            WISH_READ_WRITE, WRITABLE_AGAINST_WISH, HAND_OVER_WANTED, HAND_OVER_IN_DOUBT, WAIT_DIFFERS, LIST_DUE, HELD);

    /** What Diagnostician can find in the phase. */
    private static Set<Diagnosis> possible(Phase phase) {
        Set<Diagnosis> found = EnumSet.noneOf(Diagnosis.class);
        switch (phase) {
            case FENCING -> found.addAll(ON_THE_LADDER);
            case PROMOTING -> {
                found.addAll(HOLDING);
                found.addAll(DRAINED);
                found.addAll(PROMOTING);
            }
            case PRIMARY -> {
                found.addAll(HOLDING);
                found.addAll(DRAINED);
                found.addAll(Set.of(ISOLATED, HAND_OVER_WANTED, SOURCE_REMAINS, NO_EVIDENCE));
            }
            case READ_ONLY -> {
                found.addAll(HOLDING);
                found.addAll(READ_ONLY);
            }
            case STARTING, FOLLOWING, VOTING, FENCED, DIVERGED, JOINING -> {
                found.addAll(withoutRole());
                // What was read back once in this agent's life stays fenced while it is silent.
                if (phase != Phase.STARTING) {
                    found.remove(HUNG_WITHOUT_ROLE);
                }
            }
        }
        return found;
    }

    /** All that is not about a role held or a fence climbed: a new diagnosis lands here until it is sorted in. */
    private static Set<Diagnosis> withoutRole() {
        Set<Diagnosis> found = EnumSet.allOf(Diagnosis.class);
        found.removeAll(ON_THE_LADDER);
        found.removeAll(PROMOTING);
        found.removeAll(READ_ONLY);
        found.removeAll(DRAINED);
        found.removeAll(Set.of(LEASE_RAN_OUT, ISOLATED, ROLE_LOST, KEY_GONE, DATABASE_STUCK));
        found.add(UNREGISTERED);
        return found;
    }

    @ParameterizedTest
    @EnumSource(Phase.class)
    void hasARowForEveryDiagnosisOfThePhaseAndForNoOther(Phase phase) {
        Set<Diagnosis> rows = EnumSet.noneOf(Diagnosis.class);
        for (Diagnosis diagnosis : Diagnosis.values()) {
            if (Table.has(phase, diagnosis)) {
                rows.add(diagnosis);
            }
        }
        assertThat(rows).isEqualTo(possible(phase));
    }

    @ParameterizedTest
    @EnumSource(Phase.class)
    void everyObservationIsAnsweredAndEveryDiagnosisCanBeMet(Phase phase) {
        Random random = new Random(5);
        Set<Diagnosis> met = EnumSet.noneOf(Diagnosis.class);
        Set<Diagnosis> silent = EnumSet.noneOf(Diagnosis.class);
        for (int i = 0; i < 400_000; i++) {
            NodeState state = new NodeState(
                    phase,
                    ObservationBuilder.START,
                    new Term(random.nextInt(8) == 0 ? 4 : random.nextInt(3) == 0 ? 0 : 3),
                    random.nextBoolean(),
                    Optional.empty(),
                    "",
                    random.nextInt(8) == 0 ? 22 : 0,
                    0);
            Decision decision = Decider.decide(state, anything(random), DeciderTest.POLICY);
            met.add(decision.diagnosis());
            if (decision.because().isBlank()) {
                silent.add(decision.diagnosis());
            }
        }
        // Patience runs out between two decisions only: elections are walked through in DeciderTest.
        assertThat(possible(phase)).containsAll(met);
        assertThat(met).containsAll(possible(phase));
        assertThat(silent).as("decisions without a sentence for people").isEmpty();
    }

    private static Observation anything(Random random) {
        ObservationBuilder some = new ObservationBuilder().term(random.nextInt(10) == 0 ? 0 : 3);
        Duration later = Duration.ofSeconds(random.nextInt(5) == 0 ? 40 : 0);
        some.after(later).leaseSentAt(ObservationBuilder.START + (random.nextInt(8) == 0 ? 0 : later.toNanos()));
        switch (random.nextInt(8)) {
            case 0, 1, 2 -> some.nobodyHolds();
            case 3, 4 -> some.heldByMe();
            case 5 -> some.heldByMeUnder(5);
            default -> some.announced("n2", random.nextInt(4) == 0 ? 2 : 3);
        }
        switch (random.nextInt(5)) {
            case 0 -> some.noChannel();
            case 2 -> some.sourceAway("n2", Duration.ofSeconds(60));
            case 1 -> some.channel("n3", random.nextBoolean(), random.nextBoolean());
            default -> some.channel("n2", random.nextBoolean(), random.nextBoolean());
        }
        Health health = List.of(Health.DEAD, Health.SILENT, Health.HUNG, Health.LOOKING, Health.ANSWERING)
                .get(Math.min(4, random.nextInt(13)));
        some.health(health, Duration.ofSeconds(random.nextBoolean() ? 0 : 60));
        database(random, some);
        etcd(random, some);
        durability(random, some);
        return some.build();
    }

    private static void database(Random random, ObservationBuilder some) {
        maybe(random, 4, () -> some.executed(Ballots.gtids("1-9")));
        maybe(random, 8, () -> some.has(Ballots.gtids("")));
        maybe(random, 4, () -> some.primaryHas(Ballots.gtids("1-8")));
        maybe(random, 4, () -> some.primaryPurged(Ballots.gtids("1-12")));
        maybe(random, 8, some::notCompared);
        maybe(random, 4, some::noUserData);
        maybe(random, 3, some::open);
        maybe(random, 9, some::halfFenced);
        maybe(random, 3, some::offline);
        maybe(random, 9, some::openingUnderWay);
    }

    private static void etcd(Random random, ObservationBuilder some) {
        maybe(random, 4, some::wishReadOnly);
        maybe(random, 6, () -> some.wishHandOverTo("n3"));
        maybe(random, 9, some::handingOver);
        maybe(random, 3, () -> some.handedOver(Ballots.gtids(random.nextInt(4) == 0 ? "1-11" : "1-10")));
        maybe(random, 9, some::wishRebuild);
        maybe(random, 9, some::notRegistered);
        maybe(random, 5, () -> some.singlePoint(random.nextBoolean() ? "n1" : "n2"));
        maybe(random, 3, () -> some.aloneFor(Duration.ofSeconds(60)));
        maybe(random, 5, () -> some.extendedFor(Duration.ofSeconds(3)));
        maybe(random, 5, () -> some.promisedFor(Duration.ofSeconds(3)));
        maybe(random, 9, some::storeNeverAnswered);
        maybe(random, 9, () -> some.storeDoubt("it was restored"));
        maybe(random, 9, () -> some.announced("n3", 5));
        maybe(random, 9, some::storeChangedSince);
        maybe(random, 2, () -> some.announced("n1", 3));
        maybe(random, 2, some::evidence);
        maybe(random, 3, () -> some.lastPrimary("n1").noChannel().announced("n1", 3));
        maybe(random, 3, () -> some.live("n1"));
        long coming = 4;
        maybe(random, 2, () -> some.vote(Ballots.ballot("n1", coming, Ballots.gtids("1-10")), 31));
        maybe(random, 12, () -> some.vote(Ballots.ballot("n1", coming - 1, Ballots.gtids("1-12")), 30));
        maybe(random, 6, () -> some.vote(Ballots.cold(Ballots.ballot("n1", coming, Ballots.gtids("1-10"))), 31));
        maybe(
                random,
                6,
                () -> some.vote(
                        Ballots.unfit(Ballots.ballot("n1", coming, Ballots.gtids("1-10")), "only follows"), 31));
        maybe(random, 4, () -> some.vote(Ballots.ballot("n2", coming, Ballots.gtids("1-11")), 32));
    }

    private static void durability(Random random, ObservationBuilder some) {
        maybe(random, 4, () -> some.wants(new Durability(true, 1, random.nextBoolean())));
        maybe(random, 3, () -> some.waitsFor(1, random.nextInt(3) > 0 ? "n3" : "n4"));
        maybe(random, 3, () -> some.waitsFor(2, "n4"));
        maybe(random, 6, some::acknowledges);
        maybe(
                random,
                4,
                () -> some.vote(Ballots.unfit(Ballots.ballot("n3", 4, Ballots.gtids("1-12")), "only follows"), 33));
        maybe(random, 3, () -> some.suspectedFor(Duration.ofSeconds(random.nextInt(3))));
        maybe(random, 3, () -> some.commitsStuckFor(Duration.ofSeconds(2)));
        maybe(random, 9, () -> some.storeReadAgo(Duration.ofSeconds(3)));
        maybe(random, 4, () -> some.awayFor("n3", Duration.ofSeconds(20)));
        maybe(random, 3, () -> {
            String primary = random.nextBoolean() ? "n1" : "n2";
            Set<String> ackers = random.nextInt(3) == 0 ? Set.of("n3") : Set.of("n1", "n3");
            some.sync(new AckList(
                    new Term(random.nextInt(4) == 0 ? 2 : 3),
                    new NodeId(primary),
                    Ballots.UUID,
                    random.nextInt(4) != 0,
                    random.nextInt(5) == 0 ? 0 : 1,
                    ObservationBuilder.nodes(ackers.toArray(String[]::new)),
                    Ballots.gtids(random.nextInt(3) == 0 ? "1-12" : "1-8")));
        });
    }

    private static void maybe(Random random, int oneIn, Runnable change) {
        if (random.nextInt(oneIn) == 0) {
            change.run();
        }
    }

    @Test
    void theDiagramInTheDocumentationIsTheTable() throws IOException {
        String wanted = diagram();
        assertThat(PAGE).exists();
        String page = Files.readString(PAGE);
        assertThat(page).contains(BEGIN, END);
        String found = page.substring(page.indexOf(BEGIN), page.indexOf(END) + END.length());
        assertThat(found)
                .as("%s is out of date; paste this over the block:%n%s", PAGE, wanted)
                .isEqualTo(wanted);
    }

    private static String diagram() {
        StringBuilder text = new StringBuilder(BEGIN).append("\n```mermaid\nstateDiagram-v2\n    [*] --> STARTING\n");
        Table.transitions()
                .forEach((arrow, diagnoses) -> text.append("    ")
                        .append(arrow)
                        .append(" : ")
                        .append(String.join(", ", diagnoses))
                        .append('\n'));
        return text.append("```\n").append(END).toString();
    }
}
