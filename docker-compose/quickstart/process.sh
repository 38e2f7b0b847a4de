# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # the parts share their variables
# The same cluster as plain processes: the same programs from the cached root file system, ports and files. Part of ./quickstart.

node=$checkout/docker-compose/quickstart/node
programs=(etcd-1 etcd-2 etcd-3 mysqld-1 mysqld-2 mysqld-3 agent-1 agent-2 agent-3 haproxy)

process_preflight() {
    local tool
    for tool in flock setsid awk timeout; do have "$tool" || die "$tool is missing: install util-linux, gawk and coreutils"; done
    [[ $(uname -m) == x86_64 || $(uname -m) == aarch64 ]] || die "no Debian programs for $(uname -m)"
    if [[ ! -f $state/process.env ]]; then check_ports; fi
}

process_images() { "$checkout/docker-compose/images/build" root && echo "  programs: $cache/root-${DEBIAN_SUITE:-sid}"; }

# Without the archive of loaded classes the agents start, too, but take twice as long.
process_agent_image() { ensure_jdk; "$checkout/agent/bin/moha-agent" --make-archive || true; }

# A program of the cached root with that root's own loader and libraries: nothing is installed, no right is needed.
wrapper() {
    local path=$1 loader lib
    loader=$(compgen -G "$root/usr/lib/*-linux-gnu/ld-linux-*.so.*" | head -n 1)
    lib=$(dirname "$loader")
    cat >"$state/programs/${path##*/}" <<WRAPPER
#!/bin/sh
OPENSSL_CONF=$root/etc/ssl/openssl.cnf OPENSSL_MODULES=$lib/ossl-modules
export OPENSSL_CONF OPENSSL_MODULES
exec $loader --library-path $lib:$lib/private --argv0 $path $path "\$@"
WRAPPER
    chmod 700 "$state/programs/${path##*/}"
}

process_settings() {
    local path java
    root=$cache/root-${DEBIAN_SUITE:-sid}
    mkdir -p "$state"/{programs,run,log,data}
    for path in usr/sbin/mysqld usr/bin/mysql usr/bin/etcd usr/bin/etcdctl usr/sbin/haproxy; do wrapper "$root/$path"; done
    if [[ ! -f $state/process.env ]]; then
        # Sockets have short names only (107 bytes), checkouts may be deep.
        short=$(mktemp -d /tmp/moha-run.XXXXXX)
        java=java; [[ -z ${JAVA_HOME:-} ]] || java=$JAVA_HOME/bin/java
        printf 'root=%q\nshort=%q\njava=%q\ntemplate=%q\n' "$root" "$short" "$java" "$(process_template)" >"$state/process.env"
    fi
    put "$state/my.cnf" <"$checkout/etc/my.cnf"
    put "$state/haproxy.cfg" <"$checkout/haproxy/combined.cfg"
}

# A data directory to copy, made once for each version of the programs.
process_template() {
    local version dir
    version=$("$state/programs/mysqld" --no-defaults --version | grep -oE 'Ver [^ ]+' | cut -c 5-)
    dir=$cache/template-$version
    if [[ ! -d $dir/mysql ]]; then
        rm -rf "$dir.new"
        "$state/programs/mysqld" --no-defaults --initialize-insecure --basedir="$root/usr" --datadir="$dir.new" \
            --skip-log-bin --innodb-redo-log-capacity=64M --log-error-verbosity=1 $([[ $EUID != 0 ]] || echo --user=root) \
            >"$work/template.log" 2>&1 || die "mysqld cannot make a data directory: $(tail -n 2 "$work/template.log")"
        rm -rf "$dir.new"/{auto.cnf,*.pem,binlog.*,'#innodb_temp'}
        mv "$dir.new" "$dir"
    fi
    echo "$dir"
}

process_where() {
    where_addr=http://127.0.0.1:1330$((6 + $1))
    where_data=$state/data/agent-$1
    where_etcd=http://127.0.0.1:2379,http://127.0.0.1:22379,http://127.0.0.1:32379
    # shellcheck disable=SC1091 # written by process_settings
    where_proxy=$(. "$state/process.env" && echo "$short")/agents.sock
    where_internal=127.0.0.1:330$((6 + $1))
    where_api=$where_addr
    where_secrets=$state/secrets
    where_process=$(printf 'kind = "command"\nstart-command = ["%s", "start", "mysqld", "%s"]\nkill-command = ["%s", "kill", "mysqld", "%s"]\nstatus-command = ["%s", "status", "mysqld", "%s"]' \
        "$node" "$1" "$node" "$1" "$node" "$1")
}

process_faults() {
    cat <<TOML
kill-mysqld = ["$node", "kill", "mysqld", "{n}"]
kill-agent = ["$node", "kill", "agent", "{n}"]
start-agent = ["$node", "start", "agent", "{n}"]
start-mysqld = ["$node", "start", "mysqld", "{n}"]
TOML
}

process_start() {
    local each changed
    mkdir -p "$state"/data/agent-{1,2,3}
    for each in "${programs[@]}"; do
        # A changed configuration needs a new process.
        case $each in
            agent-*) changed=$state/$each/config.toml ;;
            haproxy) changed=$state/haproxy.cfg ;;
            *) changed="" ;;
        esac
        if [[ -n $changed && -f $state/run/$each.pid && $changed -nt $state/run/$each.pid ]]; then "$node" stop "${each%-[123]}" "${each##*-}"; fi
        "$node" start "${each%-[123]}" "${each##*-}" || die "$each could not be started: ./quickstart logs ${each/mysqld/mysql-node}"
    done
}

process_stop() {
    local each short_dir
    [[ -f $state/process.env ]] || return 0
    # The agents first, or they would start their mysqld again. The data goes away: nothing has to be stopped in order.
    for each in agent-1 agent-2 agent-3 haproxy mysqld-1 mysqld-2 mysqld-3 etcd-1 etcd-2 etcd-3; do
        "$node" kill "${each%-[123]}" "${each##*-}" || die "$each could not be ended"
    done
    short_dir=$(. "$state/process.env" && echo "$short")
    case $short_dir in /tmp/moha-run.*) rm -rf "$short_dir" ;; esac
}

process_status() {
    local each pid said
    printf '%-14s %-10s %s\n' PROCESS STATE PID
    for each in "${programs[@]}"; do
        said=$("$node" status "${each%-[123]}" "${each##*-}" || true)
        pid=""
        [[ $said != running ]] || read -r pid _ <"$state/run/$each.pid"
        printf '%-14s %-10s %s\n' "${each/mysqld/mysql-node}" "$said" "$pid"
    done
}

# What is not running, and its last word.
process_trouble() {
    local each
    for each in "${programs[@]}"; do
        if ! "$node" status "${each%-[123]}" "${each##*-}" >/dev/null; then
            note "$each does not run: $(tail -n 1 "$state/log/$each.log" 2>/dev/null | cut -c 1-300)"
        fi
    done
}

process_logs() {
    local file=$state/log/${1/mysql-node/mysqld}.log
    if [[ $2 == 1 ]]; then exec tail -n 100 -f "$file"; fi
    cat "$file"
}

process_sql() { "$state/programs/mysql" --defaults-extra-file="$state/secrets/agent.cnf" -h 127.0.0.1 -P 5000 --connect-timeout=3; }

process_client() {
    local what=$1
    shift
    export PATH=$state/programs:$PATH MOHA_CLIENT=$state/secrets/app.cnf
    if [[ $what == writes ]]; then exec "$checkout/docker-compose/quickstart/writes" 127.0.0.1 5000; fi
    exec mysql --defaults-extra-file="$MOHA_CLIENT" -h 127.0.0.1 -P 5000 "$@" demo
}
