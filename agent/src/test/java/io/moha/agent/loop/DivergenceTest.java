package io.moha.agent.loop;

import static org.assertj.core.api.Assertions.assertThat;

import io.moha.model.GtidSet;
import io.moha.model.Term;
import io.moha.store.SwitchRecord;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DivergenceTest {
    private static final String UUID = "aaaaaaaa-0000-0000-0000-000000000001:";
    private static final GtidSet ERRANT = GtidSet.parse(UUID + "9-12");

    private static SwitchRecord record(long term, String durability, String executed) {
        return new SwitchRecord(
                "20261122T031207.114Z",
                term,
                "failover",
                "",
                "n1",
                "n2",
                "binlog.000001",
                157,
                UUID + executed,
                "",
                Map.of(),
                List.of(),
                durability,
                null,
                null);
    }

    private static GtidSet proven(SwitchRecord... records) {
        return Divergence.neverAcknowledged(List.of(records), new Term(3), ERRANT);
    }

    @Test
    void whatTheWinnerOfALosslessElectionDidNotHaveWasNeverAcknowledged() {
        assertThat(proven(record(4, "lossless", "1-8"))).isEqualTo(ERRANT);
    }

    @Test
    void whatTheWinnerHadAndThePrimaryOfNowLacksMayHaveBeenAcknowledged() {
        assertThat(proven(record(4, "lossless", "1-10"))).isEqualTo(GtidSet.parse(UUID + "11-12"));
    }

    @Test
    void anotherElectionProvesNothing() {
        assertThat(proven(record(4, "async", "1-8"))).isEqualTo(GtidSet.EMPTY);
        assertThat(proven(record(5, "lossless", "1-8"), record(3, "lossless", "1-8")))
                .as("the one that ended this node's term is gone")
                .isEqualTo(GtidSet.EMPTY);
    }
}
