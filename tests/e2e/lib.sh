# shellcheck shell=bash disable=SC2034,SC2154
# What the end-to-end tests share: checks that print a sentence, servers in a folder of their own, media,
# and calls of the player API. To be sourced; sets -euo pipefail, makes $work, and cleans up on exit.
#
# A check is `check "sentence" command…`: ok where the command succeeds. e2e_end, which the test calls
# last, prints the count and ends with 1 where a check failed. The test calls find_gateway and sets $api, the
# address in front of /v1/; functions say which variables they set for it.
set -euo pipefail

e2e_passed=0 e2e_failed=0
e2e_pids=()  # of the servers that run
e2e_group='' # begins every sentence, for a test that runs the same checks several times

# A proxy of the environment is not for 127.0.0.1; settings of the environment are not for this test.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
unset "${!REDIS_@}" STATE_DIRECTORY
for e2e_name in "${!GATEWAY_@}"; do
    [[ $e2e_name == GATEWAY_BINARY || $e2e_name == GATEWAY_NO_SKIP ]] || unset "$e2e_name"
done
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C.UTF-8

work=$(mktemp -d "${TMPDIR:-/tmp}/e2e.XXXXXX")

# ---- Checks ----

# A line of what is known about the check that has just failed.
note() { # text…
    printf '#   %s\n' "$*"
}

check() { # sentence, command…
    local sentence=$e2e_group$1
    shift
    if "$@"; then
        e2e_passed=$((e2e_passed + 1))
        printf 'ok - %s\n' "$sentence"
    else
        e2e_failed=$((e2e_failed + 1))
        printf 'not ok - %s\n' "$sentence"
    fi
}

equals() { # got, wanted
    [[ $1 == "$2" ]] || { note "got '$1', wanted '$2'" && false; }
}

matches() { # got, extended regular expression
    [[ $1 =~ $2 ]] || { note "got '$1', wanted something like '$2'" && false; }
}

at_most() { # got, most
    [[ $1 -le $2 ]] || { note "got $1, wanted at most $2" && false; }
}

at_least() { # got, least
    [[ $1 -ge $2 ]] || { note "got $1, wanted at least $2" && false; }
}

# Succeeds as soon as the command does; fails after so many seconds.
wait_for() { # seconds, command…
    local deadline=$((SECONDS + $1 + 1))
    shift
    until "$@"; do
        if [[ $SECONDS -ge $deadline ]]; then return 1; fi
        sleep 0.05
    done
}

# Gives up on the whole test: it can't be set up.
bail_out() { # why
    printf 'Bail out! %s\n' "$*"
    exit 1
}

# Skips the test where a program is missing, or fails where GATEWAY_NO_SKIP says so.
need_programs() { # program…
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null && continue
        if [[ ${GATEWAY_NO_SKIP:-} == 1 ]]; then bail_out "no $program; run deploy/install-deps.sh --tests"; fi
        printf '1..0 # SKIP no %s\n' "$program"
        exit 77
    done
}

# Sets $gateway, the whole path of the binary.
find_gateway() { # the test's argument that names it, or ""
    gateway=$(realpath "${1:-${GATEWAY_BINARY:?to be set, or the binary to be named as the last argument of ${0##*/}}}")
}

e2e_end() {
    printf '%d checks: %d passed, %d failed\n' $((e2e_passed + e2e_failed)) "$e2e_passed" "$e2e_failed"
    [[ $e2e_failed -eq 0 && $e2e_passed -gt 0 ]] || exit 1
    exit 0
}

e2e_clean_up() {
    local status=$? pid file
    trap - EXIT
    for pid in "${e2e_pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null # what bash says of killed children is no news
    if [[ $status -ne 0 && $status -ne 77 ]]; then
        for file in "$work"/*.log "$work"/*/*.log; do
            if [[ -s $file ]]; then
                printf '# ---- the end of %s ----\n' "${file#"$work"/}"
                tail -n 15 "$file" | cut -c 1-300 | sed 's/^/# /'
            fi
        done
    fi
    rm -rf "$work"
    exit "$status"
}
trap e2e_clean_up EXIT
trap 'exit 1' INT TERM HUP

# ---- Processes ----

# Runs a program in the background; its pid is $started_pid.
start() { # log file, command…
    local log=$1
    shift
    : >>"$log"
    "$@" >>"$log" 2>&1 </dev/null &
    started_pid=$!
    e2e_pids+=("$started_pid")
}

forget() { # pid
    local pid kept=()
    for pid in "${e2e_pids[@]}"; do
        if [[ $pid != "$1" ]]; then kept+=("$pid"); fi
    done
    e2e_pids=("${kept[@]}")
}

has_ended() { # pid
    local stat
    ! { read -r stat <"/proc/$1/stat"; } 2>/dev/null || [[ $stat == *') Z '* ]]
}

# Waits for a child's end, and kills it after 30 s; $ended_status is how it ended.
await() { # pid
    ended_status=0
    wait_for 30 has_ended "$1" || kill -s KILL "$1"
    wait "$1" 2>/dev/null || ended_status=$?
    forget "$1"
}

# Sends a signal and waits for the end, as await does.
stop() { # signal, pid
    kill -s "$1" "$2" 2>/dev/null || true
    await "$2"
}

# Makes a process hang: comes back once none of its threads runs any more, which on a busy machine may be some
# requests after the signal was sent.
freeze() { # pid
    kill -s STOP "$1"
    wait_for 10 stands_still "$1" || bail_out "process $1 doesn't stop"
}

stands_still() { # pid
    ! grep -q $'^State:\t[^T]' "/proc/$1/task/"*/status
}

thaw() { # pid
    kill -s CONT "$1"
}

# A port that was free a moment ago: whoever binds it must be ready to try another.
free_port() {
    python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'
}

# ---- The gateway and its Redis ----

# Starts the gateway on free ports; sets $gateway_pid, $gateway_log and $gateway_port.
start_gateway() { # name, NAME=value… or options of the gateway's
    local name=$1 argument environment=() options=()
    shift
    for argument in "$@"; do
        if [[ $argument == *=* ]]; then environment+=("$argument"); else options+=("$argument"); fi
    done
    gateway_log=$work/$name.gateway.log
    start "$gateway_log" env \
        GATEWAY_PLAYER_LISTEN=127.0.0.1:0 GATEWAY_ADMIN_LISTEN=127.0.0.1:0 GATEWAY_STATE_DIR="$work/$name.state" \
        GATEWAY_LOG_LEVEL=debug ${environment[@]+"${environment[@]}"} \
        "$gateway" ${options[@]+"${options[@]}"}
    gateway_pid=$started_pid
    wait_for 30 gateway_answers || bail_out "the gateway doesn't serve: $(tail -n 3 "$gateway_log")"
}

gateway_answers() {
    ! has_ended "$gateway_pid" || bail_out "the gateway ended: $(tail -n 3 "$gateway_log")"
    gateway_port=$(sed -n -E 's/.*setting=player\.listen address=[^ ]*:([0-9]+).*/\1/p' "$gateway_log")
    [[ -n $gateway_port ]] && [[ $(status "http://127.0.0.1:$gateway_port/readyz") == 200 ]]
}

# Stops a gateway in the orderly way, and looks for what a sanitizer had to say.
end_gateway() {
    stop TERM "$gateway_pid"
    check "the gateway ends cleanly" equals "$ended_status" 0
    check "no sanitizer has anything to report" has_no "(Address|Leak|Undefined|Thread).*Sanitizer|runtime error:" "$gateway_log"
}

# Succeeds where no line of the files matches; prints those that do.
has_no() { # extended regular expression, file…
    local pattern=$1
    shift
    ! grep -E -e "$pattern" -- "$@"
}

# Starts Redis; sets $redis_pid and $redis_url.
start_redis() { # name
    local dir=$work/$1.redis
    mkdir "$dir"
    start "$dir/redis.log" redis-server --port 0 --unixsocket "$dir/redis.sock" --dir "$dir" --save '' --appendonly no
    redis_pid=$started_pid redis_url=unix://$dir/redis.sock
    wait_for 10 test -S "$dir/redis.sock" || bail_out "redis-server doesn't serve: $(tail -n 3 "$dir/redis.log")"
}

# ---- HTTP ----

# curl as all calls here use it: no proxy, no settings of the user's, an end in any case.
fetch() { # curl's arguments…
    curl --disable --noproxy '*' --silent --max-time 20 "$@"
}

# The status of an answer; 000 where there was none.
status() { # curl's arguments…
    fetch --output /dev/null --write-out '%{http_code}' "$@" || true
}

# One call: status and body go to $got_status and $got_body, the head to the file $work/head.
call() { # curl's arguments…
    : >"$work/head"
    : >"$work/body"
    got_status=$(fetch --dump-header "$work/head" --output "$work/body" --write-out '%{http_code}' "$@") || true
    got_body=$(tr -d '\0' <"$work/body")
}

# A header of the last call, its values joined by "|" where it came more than once.
header() { # name
    tr -d '\r' <"$work/head" | awk -v name="$1" '
        tolower(substr($0, 1, length(name) + 1)) == tolower(name) ":" {
            value = substr($0, length(name) + 2)
            sub(/^ +/, "", value)
            values = values (seen++ ? "|" : "") value
        }
        END { print values }'
}

# A member of the last call's body; "null" where it isn't there.
member() { # jq's path
    jq -r "$1" <<<"$got_body" 2>/dev/null || echo "not JSON"
}

# Creates a session at $api, with $api_key where there is one; where that is a 201, $token and
# $session_id are its. Each family has devices of its own.
api_key=''
create() { # family, device, media, curl's arguments…
    local family=$1 device=$2 media=$3
    shift 3
    local credentials=()
    if [[ -n $api_key ]]; then credentials=(--header "Authorization: Bearer $api_key"); fi
    call --json "{\"userId\":\"user of $family\",\"familyId\":\"$family\",\"deviceId\":\"$device of $family\",\"mediaId\":\"$media\"}" \
        ${credentials[@]+"${credentials[@]}"} "$@" "$api/v1/sessions"
    if [[ $got_status == 201 ]]; then
        token=$(member .token) session_id=$(member .sessionId)
        printf '%s\n' "$token" >>"$work/tokens"
    fi
}

must_create() { # as create
    create "$@"
    [[ $got_status == 201 ]] || bail_out "a create was refused with $got_status: ${got_body:0:200}"
}

# Ends a session; prints the status.
end_session() { # token, sessionId
    status --request DELETE --header "X-Stream-Token: $1" "$api/v1/sessions/$2"
}

# Whether a file holds a token that this test was given.
no_token_in() { # file…
    [[ -s $work/tokens ]] || { note "no token was made" && return 1; }
    ! grep -l -F -f "$work/tokens" -- "$@"
}

# ---- Media ----

# Makes a film: index.m3u8 and 60 segments of 0.2 s, seg000.ts and so on.
make_hls() { # folder
    mkdir -p "$1"
    ffmpeg -nostdin -hide_banner -loglevel error -f lavfi -i testsrc=size=128x72:rate=25 -t 12 \
        -c:v mpeg2video -g 5 -b:v 60k -f hls -hls_time 0.2 -hls_list_size 0 -hls_playlist_type vod \
        -hls_segment_filename "$1/seg%03d.ts" "$1/index.m3u8" || bail_out "ffmpeg makes no HLS"
    [[ -s $1/seg059.ts ]] || bail_out "ffmpeg made fewer segments than thought: $(ls "$1")"
}
