package io.moha.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDateTime;

/** Who may see whom. The annotations of NullAway ({@code org.jspecify}) are allowed everywhere. */
@AnalyzeClasses(packages = "io.moha", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule modelSeesOnlyTheJdk = classes()
            .that()
            .resideInAPackage("io.moha.model..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage("java..", "org.jspecify..", "io.moha.model..");

    @ArchTest
    static final ArchRule decideSeesOnlyModel = classes()
            .that()
            .resideInAPackage("io.moha.decide..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                    "java.lang..", "java.util..", "java.time", "org.jspecify..", "io.moha.model..", "io.moha.decide..");

    @ArchTest
    static final ArchRule configSeesOnlyModelAndItself = noClasses()
            .that()
            .resideInAPackage("io.moha.config..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.moha.store..", "io.moha.mysql..", "io.moha.decide..");

    @ArchTest
    static final ArchRule theStoreSeesOnlyModelAndItself = noClasses()
            .that()
            .resideInAPackage("io.moha.store..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.moha.mysql..", "io.moha.decide..", "io.moha.config..");

    @ArchTest
    static final ArchRule theDatabaseSeesOnlyModelAndItself = noClasses()
            .that()
            .resideInAPackage("io.moha.mysql..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.moha.store..", "io.moha.decide..", "io.moha.config..");

    @ArchTest
    static final ArchRule portsDoNotSeeTheirAdapters = noClasses()
            .that()
            .resideInAnyPackage("io.moha.store", "io.moha.mysql")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.moha.store.etcd..", "io.moha.mysql.jdbc..");

    @ArchTest
    static final ArchRule packagesSeeEachOtherInOneDirectionOnly =
            slices().matching("io.moha.(**)").should().beFreeOfCycles();

    @ArchTest
    static final ArchRule theEtcdClientIsSeenOnlyByItsAdapter = noClasses()
            .that()
            .resideOutsideOfPackage("io.moha.store.etcd..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.etcd..", "io.grpc..");

    @ArchTest
    static final ArchRule sqlIsSeenOnlyByItsAdapter = noClasses()
            .that()
            .resideOutsideOfPackage("io.moha.mysql.jdbc..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("java.sql..", "javax.sql..", "com.mysql..");

    @ArchTest
    static final ArchRule decideReadsNoClock = noClasses()
            .that()
            .resideInAPackage("io.moha.decide..")
            .should()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .dependOnClassesThat()
            .belongToAnyOf(Clock.class, Instant.class, LocalDateTime.class);

    @ArchTest
    static final ArchRule decideThrowsNoDiceAndStartsNoThread = noClasses()
            .that()
            .resideInAPackage("io.moha.decide..")
            .should()
            .dependOnClassesThat()
            .areAssignableTo(Thread.class)
            .orShould()
            .dependOnClassesThat()
            .areAssignableTo(java.util.Random.class)
            .orShould()
            .dependOnClassesThat()
            .resideInAnyPackage("java.util.concurrent..")
            .orShould()
            .callMethod(Math.class, "random")
            .orShould()
            .callMethod(java.util.UUID.class, "randomUUID");
}
