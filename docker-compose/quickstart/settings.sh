# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # the parts share their variables
# Secrets, the agents' configurations and moctl's. Everything under .moha, which only its owner can read. Part of ./quickstart.

random_text() {
    local text
    text=$(head -c 512 /dev/urandom | LC_ALL=C tr -dc 'A-Za-z0-9')
    echo "${text:0:28}"
}

secret() { [[ -s $state/secrets/$1 ]] || random_text >"$state/secrets/$1"; }

client_file() { printf '[client]\nuser=%s\npassword="%s"\n' "$2" "$(<"$state/secrets/$1")" >"$state/secrets/$1.cnf"; }

# Replaces a file only when it changes: containers see the file they were started with.
put() {
    local file=$1 content
    content=$(cat)
    if [[ ! -f $file || $(<"$file") != "$content" ]]; then printf '%s\n' "$content" >"$file"; fi
}

write_settings() {
    umask 077
    mkdir -p "$state/secrets"
    chmod 700 "$state" "$state/secrets"
    local name n
    for name in root agent replication app api-token; do secret "$name"; done
    client_file root root
    client_file agent moha
    client_file app app
    echo "$mode" >"$state/mode"
    "${mode}_settings"
    for n in 1 2 3; do
        mkdir -p "$state/agent-$n"
        agent_config "$n" | put "$state/agent-$n/config.toml"
    done
    moctl_config | put "$state/moctl.toml"
}

lease_ttl=${MOHA_LEASE_TTL:-10}
[[ $lease_ttl =~ ^[0-9]+$ && $lease_ttl -ge 5 && $lease_ttl -le 300 ]] || die "MOHA_LEASE_TTL: '$lease_ttl' is no number of seconds from 5 to 300"

# Expects where_* from ${mode}_where.
agent_config() {
    local n=$1
    "${mode}_where" "$n"
    cat <<TOML
# Written by ./quickstart. Every key: docs/reference/configuration.md
cluster-name = "moha"
node-id = "mysql-node-$n"
addr = "$where_addr"
data-dir = "$where_data"
leader-lease-ttl = $lease_ttl
shutdown-threshold = $((lease_ttl < 8 ? 2 : 3))
register-ttl = 5
# The first election waits until all three are there.
bootstrap-expect = 3
etcd-urls = "$where_etcd"
haproxy-sockets = "$where_proxy"
internal-service-host = "$where_internal"
external-service-host = "127.0.0.1:330$((6 + n))"
internal-api-address = "$where_api"
api-token-file = "$where_secrets/api-token"

[db-config]
host = "${where_internal%:*}"
port = ${where_internal##*:}
user = "moha"
password-file = "$where_secrets/agent"
timeout = "1s"
replication_user = "repl"
replication_password_file = "$where_secrets/replication"

[process]
$where_process
TOML
}

moctl_config() {
    cat <<TOML
# Written by ./quickstart, read by moctl.
agents = ["http://127.0.0.1:13307", "http://127.0.0.1:13308", "http://127.0.0.1:13309"]
token-file = "$state/secrets/api-token"

[bench]
user = "app"
password-file = "$state/secrets/app"
inspect-user = "moha"
inspect-password-file = "$state/secrets/agent"
schema = "demo"
writer = "127.0.0.1:5000"

[bench.fault]
TOML
    "${mode}_faults"
}
