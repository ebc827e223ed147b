#!/usr/bin/env bash
# Carries out deploy/docker/Dockerfile without a container engine: each FROM is a fresh Debian root, each RUN line is
# run in it as it stands, COPY copies from a clone of HEAD. Then starts what ENTRYPOINT and CMD say, as USER says and
# in a network of its own, asks HEALTHCHECK, and makes it serve and stop. At last compose.py has the services of
# compose.yaml work together, with Debian's nginx and Redis. Part of tests/run.sh --long.
#
# An instruction that this script doesn't know fails it. What it doesn't show: that the base image is what
# debootstrap makes, and what an engine adds (its seccomp filter, dropped capabilities, volumes).
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tests/e2e/dockerfile.sh [MIRROR]
  MIRROR   a Debian mirror; by default the one in this machine's apt sources
TEXT
}

fail() {
    printf 'dockerfile: %s\n' "$*" >&2
    exit 1
}

say() {
    printf 'dockerfile: %4d s  %s\n' "$SECONDS" "$*"
}

case ${1:-} in
-h | --help) usage && exit 0 ;;
-*) usage >&2 && exit 2 ;;
esac
[[ $# -le 1 ]] || { usage >&2 && exit 2; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=tests/debian_root.sh
. "$here/../debian_root.sh"
root_enter "${BASH_SOURCE[0]}" "$@"

repository=$(cd "$here/../.." && pwd -P)
work=$DEBIAN_ROOT_WORK
context=$work/context
dockerfile=$context/deploy/docker/Dockerfile
mirror=${1:-$(root_mirror)}

# ---- The stages ----

declare -A base=() named=()               # the root of each image; the root of each stage with a name
stage='' workdir=/ user=0:0 environment=() # of the stage under way
entrypoint=() command=() health=()         # of the last one

begin_stage() { # the words behind FROM
    local image=$1 release
    [[ $# -eq 1 || ($# -eq 3 && $2 == AS) ]] || fail "FROM $*: not understood"
    [[ $image =~ ^debian:([a-z]+)-slim$ ]] || fail "FROM $image: only Debian's slim images are known here"
    release=${BASH_REMATCH[1]}
    if [[ -z ${base[$image]:-} ]]; then
        base[$image]=$work/base-$release
        root_make "$release" "${base[$image]}" "$mirror"
    fi
    stage=$work/stage-${#named[@]}-${3:-last}
    cp -a "${base[$image]}" "$stage"
    root_mount "$stage"
    named[${3:-last}]=$stage
    workdir=/ user=0:0 environment=("${root_environment[@]}")
    entrypoint=() command=() health=()
}

run_in_stage() { # a shell's command
    chroot --userspec="$user" "$stage" env -i --chdir="$workdir" "${environment[@]}" /bin/sh -c "$1" \
        >"$stage.log" 2>&1 </dev/null || { tail -n 50 "$stage.log" >&2 && fail "RUN failed: $1"; }
}

# A path in the stage, as COPY's target says it.
in_stage() { # path
    if [[ $1 == /* ]]; then printf '%s%s\n' "$stage" "$1"; else printf '%s%s/%s\n' "$stage" "${workdir%/}" "$1"; fi
}

copy() { # COPY's words
    local from=$context target source
    if [[ $1 == --from=* ]]; then
        from=${named[${1#--from=}]:-}
        [[ -n $from ]] || fail "COPY $1: there is no such stage"
        shift
    fi
    [[ $1 != --* ]] || fail "COPY $1: not understood"
    target=$(in_stage "${*: -1}")
    if [[ ${*: -1} == */ || ${*: -1} == . ]]; then mkdir -p "$target"; else mkdir -p "$(dirname "$target")"; fi
    for source in "${@:1:$#-1}"; do
        if [[ -d $from/$source ]]; then
            mkdir -p "$target"
            cp -a "$from/$source/." "$target"
        else
            cp -a "$from/$source" "$target"
        fi
    done
}

# Reads a JSON list of words into an array: the only form of these instructions that is known here.
read_list() { # array's name, JSON
    local -n list=$1
    mapfile -t list < <(jq -r '.[]' <<<"$2")
    [[ ${#list[@]} -gt 0 ]] || fail "$2: not a list of words"
}

carry_out() { # an instruction on one line
    local instruction=${1%%[[:space:]]*} rest=${1#*[[:space:]]} words
    read -r -a words <<<"$rest"
    say "${1:0:110}"
    case $instruction in
    FROM) begin_stage "${words[@]}" ;;
    RUN) run_in_stage "$rest" ;;
    COPY) copy "${words[@]}" ;;
    WORKDIR) workdir=$rest && mkdir -p "$stage$rest" ;;
    ENV) environment+=("${words[@]}") ;;
    USER) user=$rest ;;
    HEALTHCHECK) read_list health "${rest#*CMD }" ;;
    ENTRYPOINT) read_list entrypoint "$rest" ;;
    CMD) read_list command "$rest" ;;
    VOLUME | EXPOSE | STOPSIGNAL) ;;
    *) fail "$instruction: not understood" ;;
    esac
}

# Each instruction on a line of its own: without comments, continued lines joined.
instructions() {
    sed -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' "$dockerfile" | sed -e ':a' -e '/\\$/{N;s/\\\n[[:space:]]*/ /;ba' -e '}'
}

git clone -q --no-hardlinks "$repository" "$context"
if [[ -n $(git -C "$repository" status --porcelain) ]]; then say "note: what isn't committed is not tested"; fi
# What .dockerignore keeps from an engine must not be there for COPY either.
while read -r kept; do
    mkdir -p "$work/sent/$(dirname "$kept")" && cp -a "$context/$kept" "$work/sent/$kept"
done < <(sed -n 's/^!//p' "$dockerfile.dockerignore")
instructions >"$work/instructions" && mv "$context" "$work/tree" && mv "$work/sent" "$context"
while IFS= read -r line; do
    carry_out "$line"
done <"$work/instructions"

# ---- The container ----

# Runs a command in the container: its root, its user, its network.
exec_in() { # command…
    nsenter --net="/proc/$pid/ns/net" chroot --userspec="$user" "$stage" env -i "${environment[@]}" "$@"
}

await() { # seconds, what, command…
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        if [[ $SECONDS -ge $deadline ]] || ! kill -0 "$pid" 2>/dev/null; then
            cat "$work/container.log" >&2
            fail "$what"
        fi
        sleep 0.1
    done
}

is_healthy() {
    exec_in timeout 3 "${health[@]}" 2>>"$work/health.log"
}

# shellcheck disable=SC2016 # jq's
network='import fcntl, os, socket, struct, sys
lo = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8914, lo)  # SIOCSIFFLAGS
os.execvp(sys.argv[1], sys.argv[1:])'

[[ $user != 0* ]] || fail "the container would run as root"
key=0123456789abcdef0123456789abcdef
unshare --net python3 -c "$network" chroot --userspec="$user" "$stage" env -i "${environment[@]}" \
    GATEWAY_AUTH_API_KEYS="backend:$key" "${entrypoint[@]}" "${command[@]}" >"$work/container.log" 2>&1 </dev/null &
pid=$!
await 30 "it doesn't become healthy" is_healthy
say "healthy, as user ${user}: ${health[*]}"
[[ $(stat -c %u:%g "/proc/$pid") == "$user" ]] || fail "it runs as $(stat -c %u:%g "/proc/$pid"), not as $user"
answer=$(nsenter --net="/proc/$pid/ns/net" curl --disable --noproxy '*' -s -m 5 -o /dev/null -w '%{http_code}' \
    -H "Authorization: Bearer $key" http://127.0.0.1:8080/v1/sessions \
    --json '{"userId":"ada","familyId":"lovelace","deviceId":"tv-1","mediaId":"blue-planet"}') || true
[[ $answer == 201 ]] || fail "a create is answered with $answer"
say "a create is answered with 201"
if exec_in timeout 3 bash /usr/local/bin/healthcheck.sh 127.0.0.1:8081 /nothing 200 2>/dev/null; then
    fail "the health check takes a 404 for health"
fi
kill -STOP "$pid"
if is_healthy; then fail "the health check takes a process that hangs for a healthy one"; fi
kill -CONT "$pid"
await 10 "it doesn't become healthy again" is_healthy
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
[[ $status -eq 0 ]] || { cat "$work/container.log" >&2 && fail "it ended with status $status after SIGTERM"; }
say "it stopped cleanly; the image's root has $(du -sxm --exclude=./proc "$stage" | cut -f 1) MB, $(du -sxm "${base[debian:trixie-slim]}" | cut -f 1) of them Debian's"

# ---- The services of compose.yaml ----

stage=$work/compose
cp -a --one-file-system "${named[last]}" "$stage"
root_mount "$stage"
workdir=/ user=0:0
say "Debian's nginx and Redis beside the gateway"
run_in_stage 'apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nginx redis-server python3-yaml'
mv "$work/tree" "$stage/opt/stream-gateway"
cp "$here/compose.py" "$stage/opt/"
unshare --net python3 -c "$network" chroot "$stage" env -i "${root_environment[@]}" \
    python3 /opt/compose.py /opt/stream-gateway </dev/null || fail "compose.yaml's services don't work together"
say "all is well"
