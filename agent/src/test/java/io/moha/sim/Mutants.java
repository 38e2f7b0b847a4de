package io.moha.sim;

import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/**
 * Deliberate breakages of the product's own source. Each is one change of text in one file, compiled and loaded in place of
 * the original; nothing in the product knows of it. A mutant whose text is no longer found is an error: the list must follow
 * the code.
 */
final class Mutants {
    /** Enough for each mutant below, several times over; see docs/internals/safety.md for what each took. */
    static final int MOST_SEEDS = 6000;

    private static final String DECIDE = "src/main/java/io/moha/decide/";
    private static final String LOOP = "agent/src/main/java/io/moha/agent/loop/";

    /**
     * One breakage.
     *
     * @param world in which it is to be noticed
     */
    record Mutant(String name, String file, String original, String broken, World world) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** What is simulated. The text stands in the table of the documentation. */
    enum World {
        WITH_SWITCH("on"),
        /** The switch alone would hide the breakage: two independent fences are there on purpose. */
        WITHOUT_SWITCH("off"),
        LOSSLESS("lossless"),
        CHANGING("changing");

        private final String text;

        World(String text) {
            this.text = text;
        }
    }

    /**
     * What became of a mutant.
     *
     * @param seeds the last one that was run: the one that caught it, if any did
     */
    record Verdict(Mutant mutant, int seeds, Optional<String> violation) {}

    private Mutants() {}

    private static Mutant mutant(String name, String file, String original, String broken) {
        return new Mutant(name, file, original, broken, World.WITH_SWITCH);
    }

    private static Mutant withoutSwitch(String name, String file, String original, String broken) {
        return new Mutant(name, file, original, broken, World.WITHOUT_SWITCH);
    }

    private static Mutant lossless(String name, String file, String original, String broken) {
        return new Mutant(name, file, original, broken, World.LOSSLESS);
    }

    private static Mutant changing(String name, String file, String original, String broken) {
        return new Mutant(name, file, original, broken, World.CHANGING);
    }

    static List<Mutant> all() {
        List<Mutant> all = new ArrayList<>();
        fence(all);
        lease(all);
        election(all);
        roles(all);
        durability(all);
        return all;
    }

    private static void fence(List<Mutant> all) {
        all.add(withoutSwitch(
                "fence skipped",
                LOOP + "Actor.java",
                "String trouble = fence.killAtOnce() ? \"the database is stuck\" : bySql(fence);",
                "String trouble = \"\";"));
        all.add(mutant(
                "read back left out",
                DECIDE + "Diagnostician.java",
                "                && c.local().fenced()\n                && !c.seen().opening();",
                "                || database.health() != Health.DEAD;"));
        all.add(mutant(
                "super_read_only alone is taken for a fence",
                "src/main/java/io/moha/mysql/DatabaseStatus.java",
                "return readOnly && superReadOnly;",
                "return superReadOnly;"));
        all.add(mutant(
                "resign before the fence is confirmed: a silent database is taken for dead",
                DECIDE + "Diagnostician.java",
                "c.writesStuckTooLong() ? DATABASE_STUCK : DATABASE_SILENT;",
                "c.writesStuckTooLong() ? DATABASE_STUCK : DATABASE_DEAD;"));
        all.add(mutant(
                "a slow disk is taken for a stuck one",
                LOOP + "WriteWatch.java",
                "        if (progress) {\n            commitsSince = 0;",
                "        if (!progress) {\n            commitsSince += 0;"));
        all.add(withoutSwitch(
                "the fence's deadline ignores the slow SQL",
                LOOP + "Actor.java",
                "Math.max(200_000_000L, Math.min(longest.toNanos(), left))",
                "longest.toNanos() * 4"));
        all.add(mutant(
                "a hung database of a restarted agent is left alone",
                DECIDE + "Diagnostician.java",
                "return mayBeOpen(c) ? HUNG_WITHOUT_ROLE : DATABASE_SILENT;",
                "return DATABASE_SILENT;"));
        all.add(mutant(
                "the dead-man's beat outlives the lease",
                LOOP + "AgentLoop.java",
                "policy.fenceBudget().toNanos() / 3",
                "policy.leaseTtl().toNanos()"));
    }

    private static void lease(List<Mutant> all) {
        all.add(mutant(
                "lease counted from the reply",
                LOOP + "LeaseKeeper.java",
                "lease = new Lease(before.id(), sentAt, true);",
                "lease = new Lease(before.id(), clock.now(), true);"));
        all.add(withoutSwitch(
                "the role goes on after the lease ran out",
                DECIDE + "Context.java",
                "                && seen.now() < policy.fenceAt(seen.lease().sentAt());",
                "                && seen.now() > 0;"));
        all.add(mutant(
                "the published role does not end by the clock",
                LOOP + "Published.java",
                "return state.phase() == Phase.PRIMARY\n                && now - fenceAt < 0",
                "return state.phase() == Phase.PRIMARY"));
    }

    private static void election(List<Mutant> all) {
        all.add(mutant(
                "whoever has seen the key has seen the primary alive",
                DECIDE + "Context.java",
                "return state.phase() == Phase.PRIMARY || (connected && primaryReady());",
                "return cluster().holder().isPresent();"));
        all.add(mutant(
                "the shorter GTID set wins",
                DECIDE + "Ranking.java",
                "strictlyContains(other, candidate)",
                "strictlyContains(candidate, other)"));
        all.add(mutant(
                "promote before the relay log is drained",
                DECIDE + "Diagnostician.java",
                "        if (!c.drained()) {\n            return age(c)",
                "        if (!c.drained() && c.seen().now() < 0) {\n            return age(c)"));
        all.add(mutant(
                "ballot with a running receiver",
                DECIDE + "Diagnostician.java",
                "        if (!c.receiverStopped()) {\n            return RECEIVER_RUNS;",
                "        if (!c.receiverStopped() && c.seen().now() < 0) {\n            return RECEIVER_RUNS;"));
        all.add(mutant(
                "a shorter set overtakes a live voter",
                DECIDE + "Context.java",
                "lacksWhatALiveVoterHas() ? policy.drainTimeout().toNanos() : 0",
                "lacksWhatALiveVoterHas() ? 0 : 0"));
        all.add(mutant(
                "neither the followed term nor who made a transaction counts in the ranking",
                DECIDE + "Ranking.java",
                "b -> lastTermOf(b.received(), left), Comparator.reverseOrder())\n                .thenComparingLong(b -> byHand.apply(b).count() - b.received().count())",
                "b -> lastTermOf(GtidSet.EMPTY, left), Comparator.reverseOrder())"));
    }

    private static void roles(List<Mutant> all) {
        all.add(mutant(
                "a winner whose relay log lost its tail goes on",
                DECIDE + "Diagnostician.java",
                "if (!c.lostOfItsBallot().isEmpty()) {",
                "if (c.lostOfItsBallot().count() < 0) {"));
        all.add(mutant(
                "repoint undrained",
                DECIDE + "Diagnostician.java",
                "        if (!c.drained()) {\n            return BACKLOG;",
                "        if (!c.drained() && c.seen().now() < 0) {\n            return BACKLOG;"));
        all.add(mutant(
                "an errant node follows",
                DECIDE + "Observation.java",
                "GtidSet lacking = mine.subtract(executed);",
                "GtidSet lacking = mine.subtract(mine);"));
        all.add(mutant(
                "a replica follows a winner that may lack what it has",
                DECIDE + "Context.java",
                "                        .filter(b -> b.received().contains(local().received()))\n",
                ""));
        all.add(mutant(
                "term not compared",
                "src/main/java/io/moha/store/Keys.java",
                "new Txn.ValueIs(TERM, term.toString())",
                "new Txn.CreateRevisionIs(\"nothing\", 0)"));
        all.add(mutant(
                "a promise is not kept",
                DECIDE + "Context.java",
                "        return seen.promisedUntil() != 0\n",
                "        return seen.promisedUntil() == 1\n"));
        all.add(mutant(
                "a restarted agent forgets its promise",
                LOOP + "LocalState.java",
                "        if (length.toMillis() != content.promisedMillis()) {\n",
                "        if (length.isNegative()) {\n"));
        all.add(mutant(
                "without etcd the promise of one member will do",
                LOOP + "Failsafe.java",
                "answers.values().stream().allMatch(a -> a.getNow(false))",
                "answers.values().stream().anyMatch(a -> a.getNow(false))"));
        all.add(mutant(
                "repoint under an old term",
                DECIDE + "Diagnostician.java",
                "        if (c.term().compareTo(c.latestTerm()) < 0) {\n            return TERM_WENT_BACK;\n        }\n        if (!c.seen().registered",
                "        if (!c.seen().registered"));
        all.add(mutant(
                "a hand-over is guarded by neither its intent nor the key's revision",
                LOOP + "HandingOver.java",
                "List<Guard> saidByMe = new ArrayList<>(guards);\n        saidByMe.add(new Txn.ModRevisionIs(Keys.REQUEST, said.getAsLong()));",
                "List<Guard> saidByMe = List.of(guards.get(0), guards.get(2));"));
        all.add(mutant(
                "a hand-over does not close the old primary",
                LOOP + "HandingOver.java",
                "            database.closeForWrites(order.within());\n        } finally {\n            closedAt = clock.now();\n        }\n"
                        + "        GtidSet executed = database.executedWhenClosed(StoreActor.CALL);",
                "        } finally {\n            closedAt = clock.now();\n        }\n"
                        + "        GtidSet executed = database.probe(StoreActor.CALL).executed();"));
        all.add(mutant(
                "a hand-over goes by what was executed before the old primary was closed",
                LOOP + "HandingOver.java",
                "GtidSet executed = database.executedWhenClosed(StoreActor.CALL);",
                "GtidSet executed = sources.status().get().orElseThrow().executed();"));
    }

    private static void durability(List<Mutant> all) {
        String list = "src/main/java/io/moha/model/AckList.java";
        all.add(lossless(
                "acknowledge without being listed",
                DECIDE + "Context.java",
                "return local().semiSync().acknowledges() != listed();",
                "return !local().semiSync().acknowledges();"));
        all.add(lossless(
                "a term begins without a floor",
                DECIDE + "Durable.java",
                "                candidates(),\n                c.local().executed());",
                "                candidates(),\n                GtidSet.EMPTY);"));
        all.add(lossless(
                "a quorum of one less", list, "return ackers.size() - acks + 1;", "return ackers.size() - acks;"));
        all.add(lossless(
                "nodes that are not listed count", list, "ackers.contains(b.node()) && counts(b)", "counts(b)"));
        all.add(
                lossless(
                        "commits stop waiting before the list says so",
                        DECIDE + "Durable.java",
                        "boolean promised = list.binding() && list.acks() > 0;",
                        "boolean promised = list.binding() && list.acks() > 0 && connected(list.ackers()).size() >= list.acks();"));
        all.add(lossless(
                "the winner need not have everything",
                DECIDE + "Diagnostician.java",
                "? MY_TURN : NOT_EVERYTHING",
                "? MY_TURN : MY_TURN"));
        all.add(lossless(
                "an acker that has voted receives again without taking its ballot back",
                DECIDE + "Diagnostician.java",
                "|| (c.listed() && c.ballotUnsure())",
                "&& false"));
        all.add(lossless(
                "ackers replace a primary while they still receive from it",
                DECIDE + "Diagnostician.java",
                "    private static Diagnosis election(Context c) {\n        if (!c.receiverStopped()) {",
                "    private static Diagnosis election(Context c) {\n        if (false) {"));
        all.add(lossless(
                "ackers repoint before they have executed what they received",
                DECIDE + "Diagnostician.java",
                "        if (!c.drained()) {\n            return BACKLOG;\n        }\n",
                ""));
        all.add(changing(
                "the list of before is left binding under async",
                DECIDE + "Durable.java",
                "return list.binding() || !list.ackers().isEmpty() ? Optional.of(async()) : Optional.empty();",
                "return Optional.empty();"));
    }

    /** Runs seeds from the first on against the mutant until one catches it. */
    static Verdict hunt(Mutant mutant, int firstSeed, int mostSeeds) throws Exception {
        Path classes = Files.createTempDirectory("mutant");
        try {
            compile(mutant, classes);
            try (Loader loader = new Loader(classes)) {
                return hunt(mutant, loader, firstSeed, mostSeeds);
            }
        } finally {
            delete(classes);
        }
    }

    private static Verdict hunt(Mutant mutant, Loader loader, int firstSeed, int mostSeeds) throws Exception {
        Class<?> simulation = loader.loadClass(Simulation.class.getName());
        Method run = switch (mutant.world()) {
            case LOSSLESS -> simulation.getMethod("runLossless", long.class, Consumer.class);
            case CHANGING -> simulation.getMethod("runChanging", long.class, Consumer.class);
            case WITH_SWITCH, WITHOUT_SWITCH -> simulation.getMethod("run", long.class, boolean.class, Consumer.class);
        };
        AtomicLong next = new AtomicLong(firstSeed);
        AtomicLong first = new AtomicLong(Long.MAX_VALUE);
        AtomicReference<String> violation = new AtomicReference<>("");
        int threads = Runtime.getRuntime().availableProcessors();
        ExecutorService workers = Executors.newFixedThreadPool(threads);
        for (int i = 0; i < threads; i++) {
            workers.execute(() -> {
                for (long seed = next.getAndIncrement();
                        seed < firstSeed + mostSeeds && seed < first.get();
                        seed = next.getAndIncrement()) {
                    String said = run(run, seed, mutant.world());
                    synchronized (violation) {
                        if (!said.isEmpty() && seed < first.get()) {
                            first.set(seed);
                            violation.set(said);
                        }
                    }
                }
            });
        }
        workers.shutdown();
        if (!workers.awaitTermination(20, TimeUnit.MINUTES)) {
            throw new IllegalStateException(mutant + ": the simulator does not end");
        }
        boolean caught = first.get() != Long.MAX_VALUE;
        return new Verdict(
                mutant,
                (int) Math.min(first.get(), (long) firstSeed + mostSeeds - 1),
                caught ? Optional.of(String.valueOf(violation.get())) : Optional.empty());
    }

    /** @return the violation; empty if there was none */
    private static String run(Method run, long seed, World world) {
        try {
            Object result = run.getParameterCount() == 2
                    ? run.invoke(null, seed, null)
                    : run.invoke(null, seed, world == World.WITH_SWITCH, null);
            Object said = result.getClass().getMethod("violation").invoke(result);
            return ((Optional<?>) said).map(Object::toString).orElse("");
        } catch (InvocationTargetException e) {
            return "defect: " + e.getCause();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void compile(Mutant mutant, Path classes) throws IOException {
        Path file = checkout().resolve(mutant.file());
        String source = Files.readString(file);
        int at = source.indexOf(mutant.original());
        if (at < 0 || source.indexOf(mutant.original(), at + 1) >= 0) {
            throw new IllegalStateException("mutant '" + mutant + "': its text must be in " + file + " exactly once");
        }
        Path broken = classes.resolve(file.getFileName());
        Files.writeString(broken, source.replace(mutant.original(), mutant.broken()));
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        String path = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        StringWriter complaints = new StringWriter();
        boolean good = compiler.getTask(
                        complaints,
                        null,
                        null,
                        List.of("-nowarn", "-proc:none", "-d", classes.toString(), "-cp", path),
                        null,
                        compiler.getStandardFileManager(null, null, null).getJavaFileObjects(broken))
                .call();
        if (!good) {
            throw new IllegalStateException("mutant '" + mutant + "' does not compile:\n" + complaints);
        }
    }

    /** The page that tells by which seed, counted from 1, each mutant was caught. */
    static Path page() {
        return checkout().resolve("docs/internals/safety.md");
    }

    private static Path checkout() {
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.exists(at.resolve("haproxy")) && Files.exists(at.resolve("pom.xml"))) {
                return at;
            }
        }
        throw new IllegalStateException("not inside a checkout");
    }

    private static void delete(Path directory) {
        try (var files = Files.walk(directory)) {
            files.sorted(java.util.Comparator.reverseOrder())
                    .forEach(f -> f.toFile().delete());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Loads all of io.moha anew, the mutant's classes first. */
    private static final class Loader extends URLClassLoader {
        Loader(Path mutant) throws Exception {
            super(urls(mutant), Mutants.class.getClassLoader());
        }

        private static URL[] urls(Path mutant) throws Exception {
            Set<URI> places = new LinkedHashSet<>();
            places.add(mutant.toUri());
            for (Class<?> each :
                    List.of(Simulation.class, io.moha.agent.loop.Agent.class, io.moha.model.GtidSet.class)) {
                places.add(
                        each.getProtectionDomain().getCodeSource().getLocation().toURI());
            }
            List<URL> urls = new ArrayList<>();
            for (URI place : places) {
                urls.add(place.toURL());
            }
            return urls.toArray(new URL[0]);
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith("io.moha.")) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded == null ? findClass(name) : loaded;
            }
        }
    }

    /**
     * Prints the table of the documentation.
     *
     * @param only part of a name; empty for all
     */
    static void table(String only) throws Exception {
        System.out.println("| mutant | switch | caught by seed | first violation |\n|---|---|---|---|");
        for (Mutant mutant : all()) {
            if (mutant.name().contains(only)) {
                Verdict verdict = hunt(mutant, 1, MOST_SEEDS);
                System.out.printf(
                        "| %s | %s | %s | %s |%n",
                        mutant,
                        mutant.world().text,
                        verdict.violation().isPresent() ? verdict.seeds() : "NOT in " + verdict.seeds(),
                        verdict.violation().orElse(""));
            }
        }
    }
}
