# sourced by the benchmarks that use sysbench: needs $checkout, $work (a directory that only its owner can read), $seconds, die()
# shellcheck shell=bash

tables=4 rows=10000

# The port of the open primary, past the proxy: what is measured is the database.
primary_port() {
    local n said
    for n in 1 2 3; do
        said=$(curl -s -m 2 "http://127.0.0.1:1330$((6 + n))/status" | tr -d ' \n' || true)
        if [[ $said == *'"master":true'* && $said == *'"readonly":false'* ]]; then echo "330$((6 + n))"; return; fi
    done
    die "there is no open primary: ./quickstart status"
}

# sysbench oltp_write_only: bench run|prepare|cleanup CLIENTS [OPTION...]; what it says is in $work/out.
# The password reaches it by a file that only its owner can read, never by the command line.
bench() {
    printf 'mysql-host=127.0.0.1\nmysql-port=%s\nmysql-user=app\nmysql-password=%s\nmysql-db=demo\n' \
        "$(primary_port)" "$(<"$checkout/.moha/secrets/app")" >"$work/connection"
    printf 'tables=%s\ntable-size=%s\nthreads=%s\ntime=%s\npercentile=99\n' "$tables" "$rows" "$2" "$seconds" >>"$work/connection"
    sysbench --config-file="$work/connection" --mysql-ignore-errors=all "${@:3}" oltp_write_only "$1" >"$work/out" 2>&1 \
        || die "sysbench $1 failed: $(grep -m 1 -E 'FATAL|error' "$work/out")"
}

# Until the replicas have executed what the last run left behind: it would slow down the next one.
settle() {
    local n waited=0 said
    while :; do
        said=""
        for n in 1 2 3; do said+=$(curl -s -m 2 "http://127.0.0.1:1330$((6 + n))/status" | tr -d ' \n' || true); done
        [[ $said =~ \"backlog\":[1-9] ]] || return 0
        ((++waited <= 300)) || die "the replicas have not caught up within $waited s: moctl status"
        sleep 1
    done
}

require_sysbench() {
    command -v sysbench >/dev/null || die "sysbench is missing: apt-get install sysbench"
    [[ -s $checkout/.moha/secrets/app ]] || die "no quickstart of this checkout runs: ./quickstart brings it up"
}
