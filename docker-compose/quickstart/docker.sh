# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # the parts share their variables
# The cluster as containers. Part of ./quickstart.

no_engine=""
compose_file=$checkout/docker-compose/docker-compose.yml

engine_answers() { have docker && timeout 10 docker info >/dev/null 2>&1; }

on_debian() { [[ -r /etc/os-release ]] && grep -qiE '^(ID|ID_LIKE)=.*(debian|ubuntu)' /etc/os-release && have apt-get; }

start_dockerd() {
    local log=/var/log/dockerd-moha.log i pid=""
    if [[ -d /run/systemd/system ]]; then
        systemctl start docker >/dev/null 2>&1 || true
    else
        note "starting dockerd (log: $log)"
        # Its own session and no descriptor of ours: it stays when this script ends.
        setsid nohup dockerd >"$log" 2>&1 </dev/null 9>&- &
        pid=$!
    fi
    for ((i = 0; i < 60; i++)); do
        if engine_answers; then return 0; fi
        if [[ -n $pid ]] && ! kill -0 "$pid" 2>/dev/null; then break; fi
        sleep 0.5
    done
    no_engine="dockerd does not come up"
    if [[ -n $pid && -f $log ]]; then no_engine+=": $(tail -n 1 "$log" | cut -c 1-200)"; fi
    return 1
}

ensure_compose() {
    if docker compose version >/dev/null 2>&1; then compose=(docker compose); return 0; fi
    if have docker-compose; then compose=(docker-compose); return 0; fi
    if [[ $EUID == 0 ]] && on_debian; then
        note "installing docker-compose"
        if apt_install docker-compose-v2 2>/dev/null >&2 || apt_install docker-compose; then
            if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
            return 0
        fi
    fi
    no_engine="docker-compose is missing"
    return 1
}

# True when containers can be run; installs and starts the engine where it may. no_engine says why not.
ensure_engine() {
    if engine_answers; then ensure_compose; return; fi
    if [[ -n ${DOCKER_HOST:-} ]]; then no_engine="DOCKER_HOST=$DOCKER_HOST does not answer"; return 1; fi
    if [[ $EUID != 0 ]]; then
        if ! have docker; then no_engine="docker is not installed, and only root can install it"
        elif [[ -S /var/run/docker.sock && ! -w /var/run/docker.sock ]]; then
            no_engine="$(id -un) may not use /var/run/docker.sock (add the user to the group docker, or use sudo)"
        else no_engine="the engine does not run, and only root can start it"; fi
        return 1
    fi
    if ! have dockerd; then
        if ! on_debian; then no_engine="not installed; this script installs it on Debian and Ubuntu only"; return 1; fi
        note "installing Docker Engine (docker.io)"
        if ! apt_install docker.io iptables; then no_engine="docker.io cannot be installed"; return 1; fi
    fi
    # The client is a package of its own in newer releases.
    if ! have docker && ! apt_install docker-cli; then no_engine="the docker command cannot be installed"; return 1; fi
    start_dockerd && ensure_compose
}

ours() { docker ps -aq --filter label=com.docker.compose.project=moha; }

# Containers of the project moha that another checkout started.
foreign() {
    local id dir
    for id in $(ours); do
        dir=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project.working_dir"}}' "$id" 2>/dev/null || true)
        if [[ -n $dir && $dir != "$checkout/docker-compose" ]]; then echo "${dir%/docker-compose}"; return; fi
    done
}

docker_preflight() {
    local other
    other=$(foreign)
    [[ -z $other ]] || die "the cluster of another checkout runs on this machine: $other/quickstart down"
    if [[ -n $(ours) && ! -d $state/secrets ]]; then
        die "containers of an earlier cluster exist, but not their secrets (.moha): ./quickstart down first"
    fi
    if [[ -z $(ours) ]]; then
        if [[ ! -d $state/secrets && -n $(docker volume ls -q --filter label=com.docker.compose.project=moha) ]]; then
            die "volumes of an earlier cluster exist, but not their secrets (.moha): ./quickstart down first"
        fi
        check_ports
    fi
}

# ---------------------------------------------------------------- images

registry_answers() {
    local code
    if ! have curl; then return 1; fi
    code=$(curl -s -o /dev/null -m 4 -w '%{http_code}' https://registry-1.docker.io/v2/ 2>/dev/null || true)
    [[ $code == 200 || $code == 401 ]]
}

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

# image_for VARIABLE OFFICIAL LOCAL TARGET: a given image, else what is there, else the official one, else a local build.
image_for() {
    local given=${!1:-} official=$2 local_image=$3 target=$4
    if [[ -n $given ]]; then
        have_image "$given" || docker pull -q "$given" >/dev/null || { echo "$1=$given cannot be pulled" >&2; return 1; }
        echo "$given"; return
    fi
    if [[ $local_images == 0 ]]; then
        if have_image "$official"; then echo "$official"; return; fi
        if ! have_image "$local_image" && registry_answers; then
            echo "  pulling $official" >&2
            if docker pull -q "$official" >/dev/null; then echo "$official"; return; fi
            echo "  $official cannot be pulled: building $local_image" >&2
        fi
    fi
    "$checkout/docker-compose/images/build" "$target" || return 1
    echo "$local_image"
}

docker_images() {
    local mysql etcd haproxy
    mysql=$(image_for MYSQL_IMAGE mysql:9.7 moha/mysql:9.7 mysql) || return 1
    etcd=$(image_for ETCD_IMAGE quay.io/coreos/etcd:v3.5.21 moha/etcd:3.5 etcd) || return 1
    haproxy=$(image_for HAPROXY_IMAGE haproxy:3.2 moha/haproxy:3.2 haproxy) || return 1
    printf 'MYSQL_IMAGE=%s\nETCD_IMAGE=%s\nHAPROXY_IMAGE=%s\n' "$mysql" "$etcd" "$haproxy" >"$work/images"
    echo "  images: $mysql, $etcd, $haproxy"
}

docker_agent_image() {
    if [[ -n ${AGENT_IMAGE:-} ]]; then echo "AGENT_IMAGE=$AGENT_IMAGE" >>"$work/images"; return; fi
    # The agent needs a Java runtime below it: the local base if it is there, else the registry's, else the base is made.
    local jre=eclipse-temurin:21-jre base=moha/base:sid
    if [[ $local_images == 0 ]] && ! have_image $base; then
        if have_image $jre || { registry_answers && docker pull -q $jre >/dev/null; }; then base=$jre; fi
    fi
    AGENT_BASE=$base "$checkout/docker-compose/images/build" agent || die "the agent's image could not be built"
    echo "AGENT_IMAGE=moha/agent:dev" >>"$work/images"
}

# ---------------------------------------------------------------- settings

# Three bytes of a free /24: not routed on this machine, not used by another Docker network.
free_net() {
    local candidate used
    used=$(docker network ls -q | xargs -r docker network inspect --format '{{range .IPAM.Config}}{{.Subnet}} {{end}}' 2>/dev/null || true)
    used+=" $( (ip -4 route 2>/dev/null || cat /proc/net/route) || true)"
    for candidate in 172.28.77 172.29.77 172.30.77 10.77.33 10.177.33 192.168.177; do
        if ! grep -qE "(^|[^0-9.])(${candidate//./\\.}\.|${candidate%.*}\.0\.0/)" <<<"$used"; then echo "$candidate"; return; fi
    done
    die "no free network of the ones tried: set MOHA_NET to the first three bytes of one, for example MOHA_NET=10.9.8"
}

docker_settings() {
    local net=${MOHA_NET:-} sock=/var/run/docker.sock
    if [[ -z $net && -f $state/compose.env ]]; then net=$(sed -n 's/^MOHA_NET=//p' "$state/compose.env"); fi
    if [[ -z $net ]]; then net=$(free_net); fi
    case ${DOCKER_HOST:-} in unix://*) sock=${DOCKER_HOST#unix://} ;; esac
    { echo "MOHA_NET=$net"
      echo "MOHA_STATE=$state"
      echo "MOHA_DOCKER_SOCK=$sock"
      cat "$work/images"; } | put "$state/compose.env"
    put "$state/my.cnf" <"$checkout/etc/my.cnf"
    put "$state/haproxy.cfg" <"$checkout/haproxy/combined.cfg"
    put "$state/moha-mysql-entrypoint" <"$checkout/docker-compose/images/mysql/entrypoint"
    # Read inside the containers by users that are not the owner; the directory around them stays closed.
    chmod 644 "$state/my.cnf" "$state/haproxy.cfg" "$state/moha-mysql-entrypoint"
}

docker_where() {
    where_addr=http://0.0.0.0:13306
    where_data=/var/lib/moha
    where_etcd=http://etcd-1:2379,http://etcd-2:2379,http://etcd-3:2379
    where_proxy=haproxy:9999
    where_internal=mysql-node-$1:3306
    where_api=http://agent-$1:13306
    where_secrets=/run/secrets/moha
    where_process=$(printf 'kind = "docker"\ncontainer = "mysql-node-%s"\nhost-proc = "/host/proc"' "$1")
}

docker_faults() {
    cat <<'TOML'
kill-mysqld = ["docker", "kill", "mysql-node-{n}"]
kill-agent = ["docker", "kill", "agent-{n}"]
start-agent = ["docker", "start", "agent-{n}"]
start-mysqld = ["docker", "start", "mysql-node-{n}"]
TOML
}

# ---------------------------------------------------------------- running

compose() { "${compose[@]}" --env-file "$state/compose.env" -p moha -f "$compose_file" "$@"; }

# A changed configuration file changes a label, and with it the container is made anew.
config_labels() {
    local n
    echo "HAPROXY_CONFIG=$(sha256sum <"$state/haproxy.cfg" | cut -c 1-16)"
    for n in 1 2 3; do echo "AGENT_${n}_CONFIG=$(sha256sum <"$state/agent-$n/config.toml" | cut -c 1-16)"; done
}

docker_start() {
    { grep -vE '^(HAPROXY|AGENT_[123])_CONFIG=' "$state/compose.env"; config_labels; } >"$work/compose.env"
    put "$state/compose.env" <"$work/compose.env"
    local log=$work/compose.log
    if ! compose up -d --remove-orphans >"$log" 2>&1; then
        grep -vE '^(Creating|Starting|Recreating) .*(done|\.\.\.)$' "$log" | tail -n 8 >&2
        die "docker-compose up failed; everything it said: $(keep compose.log)"
    fi
}

docker_stop() {
    local other
    other=$(foreign)
    [[ -z $other ]] || die "the cluster that runs belongs to another checkout: $other/quickstart down"
    local ids
    ids=$(ours)
    # What quickstart/fault has cut off would be cut off in the next cluster, too: its rules go by address.
    if [[ $EUID == 0 ]] && have iptables && iptables -w 10 -n -L MOHA-FAULT >/dev/null 2>&1; then
        iptables -w 10 -D DOCKER-USER -j MOHA-FAULT 2>/dev/null || true
        iptables -w 10 -F MOHA-FAULT && iptables -w 10 -X MOHA-FAULT || true
    fi
    # The data goes away, so nothing has to be written to it in order.
    if [[ -n $ids ]]; then xargs docker rm -fv <<<"$ids" >/dev/null; fi
    docker volume ls -q --filter label=com.docker.compose.project=moha | xargs -r docker volume rm >/dev/null
    docker network ls -q --filter label=com.docker.compose.project=moha | xargs -r docker network rm >/dev/null
}

docker_status() {
    docker ps -a --filter label=com.docker.compose.project=moha --format '{{.Names}}\t{{.Status}}\t{{.Image}}' | sort \
        | awk -F '\t' 'BEGIN {printf "%-14s %-28s %s\n", "CONTAINER", "STATE", "IMAGE"} {printf "%-14s %-28s %s\n", $1, $2, $3}'
}

# What is not running, and its last word.
docker_trouble() {
    local id
    for id in $(docker ps -aq --filter label=com.docker.compose.project=moha --filter status=exited \
        --filter status=restarting --filter status=dead --filter status=created); do
        note "$(docker inspect --format '{{.Name}} is {{.State.Status}}, exit code {{.State.ExitCode}}' "$id"): $(docker logs --tail 1 "$id" 2>&1 | cut -c 1-300)"
    done
}

docker_logs() {
    if [[ $2 == 1 ]]; then exec docker logs --tail 100 -f "$1"; fi
    docker logs "$1" 2>&1
}

# SQL from standard input as the agent's account, through the writer port.
docker_sql() {
    docker run --rm -i --network moha_moha --entrypoint mysql -v "$state/secrets/agent.cnf:/run/client.cnf:ro" \
        "$(sed -n 's/^MYSQL_IMAGE=//p' "$state/compose.env")" --defaults-extra-file=/run/client.cnf -h haproxy -P 5000 --connect-timeout=3
}

docker_client() {
    local what=$1 image run tty=() net
    shift
    image=$(sed -n 's/^MYSQL_IMAGE=//p' "$state/compose.env")
    net=$(sed -n 's/^MOHA_NET=//p' "$state/compose.env")
    if [[ -t 0 && -t 1 ]]; then tty=(-t); fi
    run=(docker run --rm -i --init "${tty[@]}" --network moha_moha -v "$state/secrets/app.cnf:/run/client.cnf:ro"
        -v "$checkout/docker-compose/quickstart/writes:/usr/local/bin/moha-writes:ro")
    if [[ $what == writes ]]; then
        exec "${run[@]}" --entrypoint bash "$image" /usr/local/bin/moha-writes "$net.41" 5000
    fi
    exec "${run[@]}" --entrypoint mysql "$image" --defaults-extra-file=/run/client.cnf -h "$net.41" -P 5000 "$@" demo
}
