# The demonstration's pools: what its scripts have in common. Everything they keep lies under run/:
# the pair of `make up` itself, that of `make demo` in run/demo, the five of `make demo-five` in
# run/five. Sourced by the scripts beside it.

tree=$(cd "$(dirname "$0")/.." && pwd)
run=${POLLUX_RUN:-$tree/run}
bin=${POLLUX_BIN:-$tree/build/bin}
runs="$run $run/demo $run/five"
POOLS="atl redmond"
EVERY_POOL="atl redmond tokyo oslo quito"
topology=$tree/demo/topology.conf

# Long enough for a loaded machine; whoever waits says for what.
WAIT_SECONDS=120

name_of() { echo "$1-cs-001.litwareinc.com"; }

# The process of a pool, if it is ours and runs.
pid_of() {
    pid=$(cat "$run/$1/polluxd.pid" 2>/dev/null) || return 1
    case $(readlink "/proc/$pid/exe" 2>/dev/null) in
        "$bin/polluxd" | "$bin/polluxd (deleted)") echo "$pid" ;; # the second: built anew meanwhile
        *) return 1 ;;
    esac
}

# All demonstrations listen at the same ports.
must_be_alone() { # in this folder of runs
    for other in $runs; do
        for pool in $EVERY_POOL; do
            [ "$other" = "${1:-}" ] || [ -z "$(run=$other pid_of "$pool")" ] && continue
            echo "Pools of a demonstration are running (in $other). Stop them first: make down" >&2
            exit 1
        done
    done
}

command_on() { # pool, command, parameters: as an administrator on that pool's machine
    on=$1
    shift
    XDG_STATE_HOME=$run/state POLLUX_SERVER=$run/$on/admin.sock "$bin/pollux" "$@"
}

# --- what those that tell a story print ---

say() { printf '\n%s\n' "$*"; }
show() { # pool, command...
    printf '\n    %s> %s\n' "$1" "$(shift; echo "$*")"
    command_on "$@" | sed 's/^/    /'
}
show_in_shell() { # pool, text
    printf '\n'
    echo "$2" | sed "s/^/    $1: pollux> /"
    command_on "$1" -c "$2" 2>&1 | sed 's/^/    /'
}
finish() { for pool in $POOLS; do stop_pool "$pool"; done; }
begin_story() { # folder: a new one, apart from those of `make up`, which it never touches
    must_be_alone
    run=$1
    rm -rf "$run"
    trap finish EXIT
    trap 'exit 130' INT TERM
}
end_story() { # folder, as it is typed
    if [ -t 0 ] && [ -t 1 ]; then
        trap - EXIT
        say "The pools go on running. \`. $1/env.atl\` lets you give commands; \`make down\` stops them."
    else
        say "That was all; the pools are stopped now."
    fi
}

# --- waiting ---

wait_for() { # what, condition...
    what=$1
    shift
    deadline=$(($(date +%s) + WAIT_SECONDS))
    until "$@"; do
        if [ "$(date +%s)" -ge "$deadline" ]; then
            echo "Gave up waiting $WAIT_SECONDS s for $what. The logs are in $run/*/polluxd.log." >&2
            return 1
        fi
        sleep 0.05
    done
}

mode_of() { # pool, home: what the home is there
    command_on "$1" Get-CsPoolFailOverStatus 2>/dev/null |
        awk -v home="$2" '$1 == "Identity" { here = $3 == home } $1 == "Mode" && here { print $3 }'
}

answers() { command_on "$1" Get-CsComputer >/dev/null 2>&1; }
is_in_mode() { [ "$(mode_of "$1" "$2")" = "$3" ]; }
is_served() { # home: by whichever pool holds it
    for pool in $POOLS; do
        [ "$(mode_of "$pool" "$1")" != Serving ] || return 0
    done
    return 1
}
is_settled() { # home: no pool that has a part in it waits for the other one's word any more
    for pool in $POOLS; do
        [ "$(mode_of "$pool" "$1")" != Rejoining ] || return 1
    done
}
hears_all() { command_on "$1" Get-CsComputer 2>/dev/null | grep -q '^Reachable' &&
    ! command_on "$1" Get-CsComputer 2>/dev/null | grep -q '^Reachable.*False'; }
hears() { # pool, another one
    command_on "$1" Get-CsComputer -Identity "$(name_of "$2")" 2>/dev/null | grep -q '^Reachable.*True'
}
misses() { ! hears "$@"; }
finds_central_at() { # pool, and the pool that holds the Central Management Store
    command_on "$1" Get-CsManagementConnection 2>/dev/null |
        grep -q "^PoolFqdn *: $(name_of "$2")\$"
}

# --- life ---

prepare() { # pools; each machine has the same configuration but for its name
    umask 077
    mkdir -p "$run"
    [ -e "$run/topology.conf" ] || cp "$topology" "$run/topology.conf"
    [ -e "$run/pki/authority.pem" ] ||
        "$bin/pollux" pki init --dir "$run/pki" --name "Litware demonstration" >/dev/null
    for pool in "$@"; do
        mkdir -p "$run/$pool/files"
        sed "s/\\<atl\\>/$pool/g" "$tree/demo/atl.conf" >"$run/$pool.conf"
        [ -e "$run/pki/$(name_of "$pool").pem" ] ||
            "$bin/pollux" pki issue "$(name_of "$pool")" --pool "$(name_of "$pool")" \
                --dir "$run/pki" >/dev/null
        echo "export POLLUX_SERVER='$run/$pool/admin.sock' PATH=\"$bin:\$PATH\"" >"$run/env.$pool"
    done
}

start_pool() {
    [ -n "$(pid_of "$1")" ] && return 0
    setsid "$bin/polluxd" --config "$run/$1.conf" >>"$run/$1/polluxd.log" 2>&1 </dev/null &
    echo $! >"$run/$1/polluxd.pid"
}

runs_and_answers() { # a process that ended will never answer: say so at once
    answers "$1" && return 0
    if [ -z "$(pid_of "$1")" ]; then
        sleep 0.2 # between fork and exec it is not polluxd yet
        [ -n "$(pid_of "$1")" ] && return 1
        echo "polluxd of $(name_of "$1") ended; the end of its log:" >&2
        tail -n 3 "$run/$1/polluxd.log" >&2
        exit 1
    fi
    return 1
}

# With all its threads: the last one lets go of the store.
has_ended() {
    [ -d "/proc/$1" ] || return 0
    grep -q '^State:.*zombie' "/proc/$1/status" 2>/dev/null &&
        [ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -le 1 ]
}

stop_pool() { # pool, signal
    pid=$(pid_of "$1") || true
    if [ -n "${pid:-}" ]; then
        kill "-${2:-TERM}" "$pid"
        wait_for "polluxd of $(name_of "$1") to end" has_ended "$pid"
    fi
    rm -f "$run/$1/polluxd.pid"
}

start_pools() { # pools
    prepare "$@"
    for pool in "$@"; do start_pool "$pool"; done
    for pool in "$@"; do wait_for "$(name_of "$pool") to answer" runs_and_answers "$pool"; done
}

# The first time there is nothing to serve: publishing the topology creates it.
publish_once() {
    wait_for "the pools to hear each other" hears_all atl
    if command_on atl Get-CsPoolFailOverStatus | grep -q 'was never created'; then
        command_on atl Publish-CsTopology -FileName "$run/topology.conf"
    fi
}

all_serve() {
    for home in $POOLS; do
        wait_for "somebody to serve the home of $home" is_served "$(name_of "$home")"
    done
    wait_for "the Central Management Store" is_served central
    for home in $POOLS; do
        wait_for "the copy of the home of $home" is_settled "$(name_of "$home")"
    done
    wait_for "the copy of the Central Management Store" is_settled central
}
