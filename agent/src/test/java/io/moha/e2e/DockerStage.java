package io.moha.e2e;

import com.github.dockerjava.api.DockerClient;
import com.github.dockerjava.api.exception.NotModifiedException;
import com.github.dockerjava.api.model.Bind;
import com.github.dockerjava.api.model.ExposedPort;
import com.github.dockerjava.api.model.HostConfig;
import com.github.dockerjava.api.model.PortBinding;
import com.github.dockerjava.api.model.Ports.Binding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.testcontainers.DockerClientFactory;

/** Containers on a network of their own, with published ports. The images are those of docker-compose/images. */
final class DockerStage implements Stage {
    private static final String MY_CNF = Directories.CHECKOUT.resolve("etc/my.cnf") + ":/etc/moha/my.cnf:ro";
    private static final String AGENT_IMAGE = "moha/base:sid";
    private static final String AGENT = "/opt/moha/bin/moha-agent";
    private static boolean archived;

    private final String prefix = "e2e-" + UUID.randomUUID().toString().substring(0, 8) + "-";
    private final Mysql mysql;
    private final DockerClient docker;
    private final Directories directories;
    private final String network;
    private final Ports ports = new Ports();
    private final List<String> parts = new ArrayList<>();

    DockerStage(String cluster, Mysql mysql) throws IOException {
        this.mysql = mysql;
        this.docker = DockerClientFactory.instance().client();
        this.directories = new Directories(cluster);
        this.network =
                docker.createNetworkCmd().withName(prefix + "network").exec().getId();
    }

    @Override
    public int port(String part) {
        return ports.of(part);
    }

    @Override
    public String address(String part) {
        return part + ":" + inside(part);
    }

    /** The port inside the container. */
    private static int inside(String part) {
        if (part.startsWith("etcd")) {
            return 2379;
        }
        return part.startsWith("mysql") ? 3306 : 13306;
    }

    @Override
    public AgentPlace agentPlace(String agent, String database) {
        return new AgentPlace(
                "http://0.0.0.0:" + inside(agent),
                "/var/lib/moha",
                "/run/secrets",
                "kind = \"docker\"\nhost-proc = \"/host/proc\"\ncontainer = \"" + prefix + database + "\"");
    }

    @Override
    public void createEtcd(String part, List<String> members) {
        String client = "http://" + address(part);
        List<String> peers = members.stream()
                .map(member -> member + "=http://" + member + ":2380")
                .toList();
        create(
                part,
                "moha/etcd:3.5",
                List.of(),
                List.of(),
                "etcd",
                "--name=" + part,
                "--data-dir=/tmp/etcd",
                "--listen-client-urls=http://0.0.0.0:2379",
                "--advertise-client-urls=" + client,
                "--listen-peer-urls=http://0.0.0.0:2380",
                "--initial-advertise-peer-urls=http://" + part + ":2380",
                "--initial-cluster=" + String.join(",", peers));
    }

    @Override
    public void createMysql(String part, int serverId) {
        create(
                part,
                mysql == Mysql.V97 ? "moha/mysql:9.7" : "moha/mysql:8.0",
                List.of(directories.secrets() + ":/run/secrets:ro", MY_CNF),
                List.of(
                        "MYSQL_ROOT_PASSWORD_FILE=/run/secrets/root",
                        "MOHA_PASSWORD_FILE=/run/secrets/moha",
                        "MOHA_REPL_PASSWORD_FILE=/run/secrets/repl"),
                "--defaults-file=/etc/moha/my.cnf",
                "--server-id=" + serverId,
                "--report-host=" + part,
                "--admin-address=" + part);
    }

    @Override
    public void createAgent(String part, String config) throws IOException {
        Path file = Files.writeString(directories.home().resolve(part + ".toml"), config);
        archive(docker);
        create(
                part,
                AGENT_IMAGE,
                List.of(
                        directories.secrets() + ":/run/secrets:ro",
                        Directories.CHECKOUT.resolve("agent") + ":/opt/moha:ro",
                        file + ":/etc/moha/config.toml:ro",
                        "/var/run/docker.sock:/var/run/docker.sock",
                        "/proc:/host/proc:ro"),
                List.of(),
                AGENT,
                "--config",
                "/etc/moha/config.toml");
    }

    /** The archive of loaded classes that the agent's image has, too: without it a restart takes twice as long. */
    private static synchronized void archive(DockerClient docker) {
        if (archived) {
            return;
        }
        String container = docker.createContainerCmd(AGENT_IMAGE)
                .withCmd(AGENT, "--make-archive")
                .withHostConfig(
                        new HostConfig().withBinds(Bind.parse(Directories.CHECKOUT.resolve("agent") + ":/opt/moha:rw")))
                .exec()
                .getId();
        try {
            docker.startContainerCmd(container).exec();
            int exit = docker.waitContainerCmd(container).start().awaitStatusCode(1, TimeUnit.MINUTES);
            if (exit != 0) {
                System.out.println("no archive of the agent's classes: its restarts are slow here");
            }
            archived = true;
        } finally {
            docker.removeContainerCmd(container).withForce(true).exec();
        }
    }

    private void create(String part, String image, List<String> binds, List<String> environment, String... command) {
        ExposedPort inside = ExposedPort.tcp(inside(part));
        HostConfig host = new HostConfig()
                .withNetworkMode(network)
                .withBinds(binds.stream().map(Bind::parse).toList())
                .withPortBindings(new PortBinding(Binding.bindIpAndPort("127.0.0.1", port(part)), inside));
        docker.createContainerCmd(image)
                .withName(prefix + part)
                .withAliases(part)
                .withHostName(part)
                .withEnv(environment)
                .withCmd(command)
                .withExposedPorts(inside)
                .withHostConfig(host)
                .exec();
        parts.add(part);
        startAgain(part);
    }

    @Override
    public void kill(String part) {
        docker.killContainerCmd(prefix + part).withSignal("KILL").exec();
    }

    @Override
    public void stop(String part) {
        docker.stopContainerCmd(prefix + part).withTimeout(30).exec();
    }

    @Override
    public void startAgain(String part) {
        try {
            docker.startContainerCmd(prefix + part).exec();
        } catch (NotModifiedException e) {
            // It runs.
        }
    }

    @Override
    public void restart(String part) {
        docker.restartContainerCmd(prefix + part).withTimeout(30).exec();
    }

    @Override
    public void pause(String part) {
        docker.pauseContainerCmd(prefix + part).exec();
    }

    @Override
    public void unpause(String part) {
        docker.unpauseContainerCmd(prefix + part).exec();
    }

    @Override
    public void remove(String part) {
        keepLog(part);
        docker.removeContainerCmd(prefix + part)
                .withForce(true)
                .withRemoveVolumes(true)
                .exec();
        parts.remove(part);
    }

    private void keepLog(String part) {
        try {
            Process process = new ProcessBuilder("docker", "logs", prefix + part)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.appendTo(
                            directories.log(part).toFile()))
                    .start();
            process.waitFor(20, TimeUnit.SECONDS);
        } catch (IOException e) {
            System.err.println("the log of " + part + " is lost: " + e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        // The agents first, or they would start their mysqld again.
        List<String> last = new ArrayList<>(parts);
        last.sort((a, b) -> Boolean.compare(b.startsWith("agent"), a.startsWith("agent")));
        for (String part : last) {
            try {
                remove(part);
            } catch (RuntimeException e) {
                System.err.println("cannot remove " + prefix + part + ": " + e);
            }
        }
        docker.removeNetworkCmd(network).exec();
        directories.close();
    }
}
