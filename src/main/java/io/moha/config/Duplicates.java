package io.moha.config;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds the key that stands twice in a table: TOML's parser says only that there is one. */
final class Duplicates {
    private static final Pattern TABLE = Pattern.compile("\\s*\\[+\\s*([^\\]]+?)\\s*\\].*");
    private static final Pattern KEY = Pattern.compile("\\s*[\"']?([A-Za-z0-9_-]+)[\"']?\\s*=.*");

    private Duplicates() {}

    /** @return trouble and fix, naming the key and its lines; empty if none is found */
    static String describe(String content) {
        Map<String, List<Integer>> seen = new HashMap<>();
        String table = "";
        String[] lines = content.split("\n", -1);
        for (int i = 0; i < lines.length; i++) {
            Matcher header = TABLE.matcher(lines[i].stripTrailing());
            Matcher key = KEY.matcher(lines[i].stripTrailing());
            if (header.matches()) {
                table = "[" + header.group(1) + "] ";
            } else if (key.matches()) {
                String name = table + key.group(1);
                List<Integer> places = seen.computeIfAbsent(name, k -> new ArrayList<>());
                places.add(i + 1);
                if (places.size() == 2) {
                    return "key '" + name + "': is given twice, in line " + places.get(0) + " and in line "
                            + places.get(1) + "; keep one of them";
                }
            }
        }
        return "";
    }
}
