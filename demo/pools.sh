# The demonstration's two pools: what `make up`, `make down` and `make demo` have in common.
# Everything they keep lies under run/. Sourced by the scripts beside it.

tree=$(cd "$(dirname "$0")/.." && pwd)
run=${POLLUX_RUN:-$tree/run}
bin=$tree/build/bin
POOLS="atl redmond"

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

command_on() { # pool, command, parameters: as an administrator on that pool's machine
    on=$1
    shift
    POLLUX_SERVER=$run/$on/admin.sock "$bin/pollux" "$@"
}

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
hears_all() { command_on "$1" Get-CsComputer 2>/dev/null | grep -q '^Reachable' &&
    ! command_on "$1" Get-CsComputer 2>/dev/null | grep -q '^Reachable.*False'; }

prepare() {
    umask 077
    for pool in $POOLS; do
        mkdir -p "$run/$pool"
        cp "$tree/demo/$pool.conf" "$run/$pool.conf"
    done
    cp "$tree/demo/topology.conf" "$run/topology.conf"
    [ -e "$run/pki/authority.pem" ] ||
        "$bin/pollux" pki init --dir "$run/pki" --name "Litware demonstration" >/dev/null
    for pool in $POOLS; do
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

has_ended() { ! readlink "/proc/$1/exe" >/dev/null 2>&1; } # a zombie has no program any more

stop_pool() { # pool, signal
    pid=$(pid_of "$1") || true
    if [ -n "${pid:-}" ]; then
        kill "-${2:-TERM}" "$pid"
        wait_for "polluxd of $(name_of "$1") to end" has_ended "$pid"
    fi
    rm -f "$run/$1/polluxd.pid"
}

start_pools() {
    prepare
    for pool in $POOLS; do start_pool "$pool"; done
    for pool in $POOLS; do wait_for "$(name_of "$pool") to answer" runs_and_answers "$pool"; done
}

# The first time there is nothing to serve: publishing the topology creates it.
publish_once() {
    wait_for "the pools to hear each other" hears_all atl
    if command_on atl Get-CsPoolFailOverStatus | grep -q 'was never created'; then
        command_on atl Publish-CsTopology -FileName "$run/topology.conf"
    fi
}

all_serve() {
    wait_for "atl to serve its home" is_in_mode atl "$(name_of atl)" Serving
    wait_for "redmond to serve its home" is_in_mode redmond "$(name_of redmond)" Serving
    wait_for "the Central Management Store" is_in_mode atl central Serving
}
