# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # the parts share their variables
# Words for people, waiting, and looking at the cluster from outside. Part of ./quickstart.

if [[ -n ${MOHA_CACHE:-} ]]; then cache=$MOHA_CACHE
elif [[ $EUID == 0 ]]; then cache=/var/cache/moha
else cache=${XDG_CACHE_HOME:-$HOME/.cache}/moha; fi
export MOHA_CACHE=$cache

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' plain=$'\e[0m'; else bold="" plain=""; fi

step() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }
note() { printf '  %s\n' "$*"; }
die() { trap - ERR; printf 'quickstart: %s\n' "$*" >&2; exit 1; }
trap 'die "line $LINENO of ${BASH_SOURCE[0]##*/} failed: $BASH_COMMAND"' ERR

# The log of what failed survives, under a name that is told.
keep() { mv "$work/$1" "${TMPDIR:-/tmp}/moha-$1"; echo "${TMPDIR:-/tmp}/moha-$1"; }

# One up or down at a time in this checkout; $work is for what is only needed while it runs.
with_lock() {
    exec 9<"$checkout"
    flock -n 9 || die "another ./quickstart is at work in this checkout"
    work=$(mktemp -d "${TMPDIR:-/tmp}/moha-quickstart.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    "$1"
}

have() { command -v "$1" >/dev/null 2>&1; }

# http_get PORT PATH: status line and body from this machine, within two seconds. Needs no curl.
http_get() {
    timeout 2 bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
        printf "GET %s HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" "$2" >&3
        cat <&3' _ "$1" "$2" 2>/dev/null
}

port_open() { timeout 1 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1"' _ "$1" 2>/dev/null; }

agent_status() { http_get "1330$((6 + $1))" /status | tr -d '\r\n' || true; }

# text_of KEY JSON: a text field of one flat JSON object.
text_of() { grep -oE "\"$1\" ?: ?\"[^\"]*\"" <<<"$2" | head -n 1 | sed -E 's/^"[^"]*" ?: ?"(.*)"$/\1/' || true; }
true_in() { grep -qE "\"$1\" ?: ?true" <<<"$2"; }

role_of() {
    if [[ -z $1 ]]; then echo "no agent"
    elif true_in master "$1" && ! true_in readonly "$1"; then echo primary
    elif true_in master "$1"; then echo holder
    elif true_in io_thread_ok "$1" && true_in sql_thread_ok "$1"; then echo replica
    else text_of state "$1" | tr '[:upper:]' '[:lower:]'; fi
}

# The ports of the cluster that another program holds; only asked while nothing of ours runs.
check_ports() {
    local port taken=()
    for port in 2379 3307 3308 3309 5000 5001 7000 13307 13308 13309; do
        if port_open "$port"; then taken+=("$port"); fi
    done
    [[ ${#taken[@]} == 0 ]] || die "in use on 127.0.0.1 by another program: port ${taken[*]} (find it with: ss -ltnp)"
}

wait_for_cluster() {
    local n began=$SECONDS limit=${MOHA_WAIT:-120} member roles line last=""
    while true; do
        roles=()
        for n in 1 2 3; do
            member=$(agent_status "$n")
            roles+=("$(role_of "$member")")
        done
        line="node 1: ${roles[0]:-?}, node 2: ${roles[1]:-?}, node 3: ${roles[2]:-?}"
        if [[ $line != "$last" ]]; then note "$(printf '%3ds  %s' $((SECONDS - began)) "$line")"; last=$line; fi
        if [[ $(printf '%s\n' "${roles[@]}" | sort | tr '\n' ' ') == "primary replica replica " ]]; then break; fi
        if [[ $((SECONDS - began)) -ge $limit ]]; then
            note "not there after $limit s; what the agents say:"
            for n in 1 2 3; do note "mysql-node-$n: $(text_of because "$(agent_status "$n")" || true)"; done
            "${mode}_trouble"
            die "the cluster did not come up: ./quickstart logs agent-1 (and agent-2, agent-3, mysql-node-1, ...) shows why"
        fi
        sleep 0.3
    done
    began=$SECONDS
    until http_get 7000 '/;csv' | grep '^primary,mysql-node-[123],.*,UP' >/dev/null; do
        [[ $((SECONDS - began)) -lt 20 ]] || die "HAProxy does not see the primary: ./quickstart logs haproxy"
        sleep 0.1
    done
}

# The account and the schema go through the writer port: they are replicated like any other write.
demo_account() {
    local password
    password=$(<"$state/secrets/app")
    local began=$SECONDS
    until "${mode}_sql" >"$work/demo.log" 2>&1 <<SQL
CREATE SCHEMA IF NOT EXISTS demo;
CREATE USER IF NOT EXISTS app@'%' IDENTIFIED BY '$password';
GRANT ALL ON demo.* TO app@'%';
CREATE TABLE IF NOT EXISTS demo.writes (id BIGINT AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), node VARCHAR(60) NOT NULL DEFAULT '');
SQL
    do
        [[ $((SECONDS - began)) -lt 15 ]] || die "the demo account cannot be made: $(tail -n 1 "$work/demo.log")"
        sleep 0.5
    done
}

screen() {
    local n member primary="" term="" version=""
    for n in 1 2 3; do
        member=$(agent_status "$n")
        if [[ $(role_of "$member") == primary ]]; then
            primary=mysql-node-$n; version=$(text_of version "$member")
            term=$(grep -oE '"term" ?: ?[0-9]+' <<<"$member" | grep -oE '[0-9]+')
        fi
    done
    local kill_it="docker kill $primary"
    [[ $mode == docker ]] || kill_it="docker-compose/quickstart/node kill mysqld ${primary##*-}"
    cat <<SCREEN

${bold}The cluster is up:${plain} three MySQL $version servers, $primary is the primary (term $term); $1 s, mode $mode

  writes           127.0.0.1:5000     HAProxy, always the primary
  reads            127.0.0.1:5001     HAProxy, the replicas
  MySQL            127.0.0.1:3307 3308 3309         mysql-node-1 2 3
  agents           http://127.0.0.1:13307 13308 13309   /status /cluster /history /metrics
  HAProxy's page   http://127.0.0.1:7000
  etcd             127.0.0.1:2379
  demo account     app, schema demo, password in .moha/secrets/app

${bold}Try:${plain}
  1. See it:           moctl/bin/moctl topology
  2. Break it:         ./quickstart writes            (in a second terminal, shows each gap in the writes)
                       $kill_it
                       moctl/bin/moctl history
  3. Move the primary: moctl/bin/moctl switch

Take it away: ./quickstart down
SCREEN
}
