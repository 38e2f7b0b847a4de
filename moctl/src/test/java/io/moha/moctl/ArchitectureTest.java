package io.moha.moctl;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The lines that the package-infos draw. */
@AnalyzeClasses(packages = "io.moha.moctl", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule ONLY_THE_CLIENT_SPEAKS_HTTP = noClasses()
            .that()
            .resideOutsideOfPackage("..client..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("java.net.http..");

    @ArchTest
    static final ArchRule ONLY_BENCH_AND_DRILL_SPEAK_SQL = noClasses()
            .that()
            .resideOutsideOfPackages("..bench..", "..drill..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("java.sql..");

    @ArchTest
    static final ArchRule ONLY_COMMANDS_SEE_PICOCLI = noClasses()
            .that()
            .resideOutsideOfPackages("..command..", "io.moha.moctl")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("picocli..");

    @ArchTest
    static final ArchRule THE_CLIENT_SEES_NOBODY = noClasses()
            .that()
            .resideInAnyPackage("..moctl.client..", "..moctl.config..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "..moctl.render..",
                    "..moctl.command..",
                    "..moctl.bench..",
                    "..moctl.drill..",
                    "..moctl.switchover..");

    @ArchTest
    static final ArchRule NOBODY_SEES_THE_COMMANDS_OR_RENDERS = noClasses()
            .that()
            .resideInAnyPackage("..moctl.bench..", "..moctl.drill..", "..moctl.switchover..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("..moctl.render..", "..moctl.command..");

    @ArchTest
    static final ArchRule MOCTL_KNOWS_THE_AGENTS_BY_HTTP_ONLY = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.moha.store..", "io.moha.mysql..", "io.moha.decide..", "io.moha.agent..", "io.etcd..");
}
