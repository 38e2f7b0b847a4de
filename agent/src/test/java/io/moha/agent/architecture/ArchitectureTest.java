package io.moha.agent.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import io.moha.agent.loop.Clock;
import java.time.Instant;

/** The lines that the package-infos draw. */
@AnalyzeClasses(packages = "io.moha.agent", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule onlyTheWiringSeesTheAdapters = noClasses()
            .that()
            .resideOutsideOfPackage("io.moha.agent")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.moha.store.etcd..",
                    "io.moha.mysql.jdbc..",
                    "io.etcd..",
                    "io.grpc..",
                    "java.sql..",
                    "javax.sql..",
                    "com.mysql..");

    @ArchTest
    static final ArchRule handlersCallNeitherEtcdNorTheDatabase = noClasses()
            .that()
            .resideInAPackage("io.moha.agent.http..")
            .should()
            .dependOnClassesThat()
            .areAssignableTo(io.moha.store.ClusterStore.class)
            .orShould()
            .dependOnClassesThat()
            .areAssignableTo(io.moha.mysql.Database.class)
            .orShould()
            .dependOnClassesThat()
            .areAssignableTo(io.moha.mysql.DatabaseProcess.class);

    @ArchTest
    static final ArchRule onlyHttpSeesUndertow = noClasses()
            .that()
            .resideOutsideOfPackage("io.moha.agent.http..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.undertow..");

    @ArchTest
    static final ArchRule onlyProcessSeesDocker = noClasses()
            .that()
            .resideOutsideOfPackage("io.moha.agent.process..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("com.github.dockerjava..");

    @ArchTest
    static final ArchRule onlyMetricsSeesPrometheus = noClasses()
            .that()
            .resideOutsideOfPackage("io.moha.agent.metrics..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.prometheus..");

    @ArchTest
    static final ArchRule onlyTheWiringSeesTheCommandLineAndTheLogger = noClasses()
            .that()
            .resideOutsideOfPackage("io.moha.agent")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("picocli..", "ch.qos.logback..");

    @ArchTest
    static final ArchRule theLoopSeesNoneOfItsNeighbours = noClasses()
            .that()
            .resideInAPackage("io.moha.agent.loop..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.moha.agent",
                    "io.moha.agent.http..",
                    "io.moha.agent.process..",
                    "io.moha.agent.proxy..",
                    "io.moha.agent.metrics..");

    @ArchTest
    static final ArchRule nobodySeesTheWiring = noClasses()
            .that()
            .resideOutsideOfPackage("io.moha.agent")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.moha.agent");

    @ArchTest
    static final ArchRule packagesSeeEachOtherInOneDirectionOnly =
            slices().matching("io.moha.agent.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule timeIsReadFromTheClockThatTestsCanReplace = noClasses()
            .that()
            .resideInAnyPackage("io.moha.agent.loop..", "io.moha.agent.http..", "io.moha.agent.metrics..")
            .and()
            .areNotAssignableTo(Clock.class)
            .should()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethod(Instant.class, "now");
}
