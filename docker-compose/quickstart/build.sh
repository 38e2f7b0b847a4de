# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # the parts share their variables
# The programs (Maven) and the images or binaries, whatever is missing. Part of ./quickstart.

programs_current() {
    local jar
    for jar in "$checkout/agent/target/moha-agent.jar" "$checkout/moctl/target/moha-moctl.jar"; do
        [[ -f $jar ]] || return 1
        [[ -z $(find "$checkout/pom.xml" "$checkout"/{src,agent,moctl}/pom.xml "$checkout/src/main" "$checkout/agent/src/main" \
            "$checkout/moctl/src/main" -type f -newer "$jar" -print -quit 2>/dev/null) ]] || return 1
    done
    [[ -d $checkout/agent/target/lib ]]
}

java_ok() {
    local java=java
    [[ -z ${JAVA_HOME:-} ]] || java=$JAVA_HOME/bin/java
    have "$java" || return 1
    local major
    major=$("$java" -version 2>&1 | sed -nE '1s/.*version "([0-9]+).*/\1/p')
    [[ ${major:-0} -ge 17 ]]
}

ensure_jdk() {
    if java_ok && { have javac || [[ -n ${JAVA_HOME:-} && -x $JAVA_HOME/bin/javac ]]; }; then return; fi
    if [[ $EUID == 0 ]] && have apt-get; then
        note "no JDK 17 or newer: installing Debian's default-jdk-headless"
        apt_install default-jdk-headless >/dev/null || true
    fi
    java_ok || die "a JDK 17 or newer is needed to build the programs: install one, or set JAVA_HOME"
}

apt_install() {
    local log=$work/apt.log
    export DEBIAN_FRONTEND=noninteractive
    if ! apt-get -qq install -y --no-install-recommends "$@" >"$log" 2>&1; then
        apt-get -qq update >>"$log" 2>&1 || true
        if ! apt-get -qq install -y --no-install-recommends "$@" >>"$log" 2>&1; then
            note "apt-get install $* failed: $(grep -E '^E:' "$log" | head -n 1)"
            return 1
        fi
    fi
}

build_programs() {
    if programs_current; then note "agent and moctl are built"; return; fi
    ensure_jdk
    note "building agent and moctl with Maven (the first time this fetches libraries: some minutes)"
    local log=$work/build.log
    if ! (cd "$checkout" && ./mvnw -q -B -DskipTests package) >"$log" 2>&1; then
        grep -E 'ERROR' "$log" | head -n 15 >&2
        die "the build failed; everything it said: $(keep build.log)"
    fi
    programs_current || touch "$checkout/agent/target/moha-agent.jar" "$checkout/moctl/target/moha-moctl.jar"
}

# The images (or the binaries) are fetched while Maven works: one waits for the network, the other for the processor.
build_all() {
    step "Building what is missing"
    local log=$work/images.log pid
    ("${mode}_images") >"$log" 2>&1 &
    pid=$!
    build_programs
    if ! wait "$pid"; then
        cat "$log" >&2
        die "the programs to run could not be had; the reason is above"
    fi
    cat "$log"
    "${mode}_agent_image"
}
