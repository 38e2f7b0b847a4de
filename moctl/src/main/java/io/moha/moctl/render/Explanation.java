package io.moha.moctl.render;

import com.fasterxml.jackson.databind.JsonNode;
import io.moha.moctl.client.MemberView;
import io.moha.moctl.client.NodeStatus;
import java.util.Optional;

/** {@code moctl explain}: who would be elected, and why the others would not. */
public final class Explanation {
    private Explanation() {}

    /**
     * @param explained what an agent's {@code /explain} says
     * @param only one node, and what its agent says of itself; empty for all
     */
    public static String render(JsonNode explained, Optional<MemberView> only, boolean colour) {
        StringBuilder out = new StringBuilder();
        String primary = explained.path("primary").asText();
        if (!primary.isEmpty()) {
            out.append(primary)
                    .append(" is primary in term ")
                    .append(explained.path("term").asText())
                    .append(". If it were lost now:\n");
        }
        out.append(explained.path("because").asText()).append('\n');
        Table table = new Table("", "NODE", "WHY");
        for (JsonNode candidate : explained.path("candidates")) {
            String id = candidate.path("node").asText();
            if (only.isEmpty() || only.get().id().equals(id)) {
                int rank = candidate.path("rank").asInt();
                Table.Tone tone = rank == 1 ? Table.Tone.GOOD : rank == 0 ? Table.Tone.BAD : Table.Tone.PLAIN;
                table.row(
                        tone,
                        rank == 0 ? "-" : rank + ".",
                        id,
                        candidate.path("why").asText());
            }
        }
        out.append('\n').append(table.render(colour));
        only.ifPresent(m -> out.append('\n').append(ofItself(m)));
        return out.toString();
    }

    private static String ofItself(MemberView member) {
        Optional<NodeStatus> status = member.status();
        if (status.isEmpty()) {
            return member.id() + ": its agent does not answer: " + member.error() + "\n";
        }
        StringBuilder out = new StringBuilder(member.id() + " is "
                + status.get().state() + ": " + status.get().because() + "\n");
        status.get().problems().forEach(p -> out.append("  ").append(p).append('\n'));
        return out.toString();
    }
}
