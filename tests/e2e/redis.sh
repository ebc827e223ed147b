#!/usr/bin/env bash
# The set-ups of deploy/redis, each started by its script with the configurations and users that operators are
# given: healthy, with users that may do what they must and no more, whole again after a process was killed;
# and the gateway on them, as the user gateway.
#
# usage: tests/e2e/redis.sh standalone|sentinel|cluster [GATEWAY]    the gateway's binary; else $GATEWAY_BINARY
# shellcheck source-path=SCRIPTDIR disable=SC2317 # functions that check and wait_for call are reachable
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# What the gateway is run on here; it may be any of: standalone standalone-tls sentinel sentinel-tls cluster cluster-tls.
gateway_speaks=" standalone sentinel cluster standalone-tls sentinel-tls cluster-tls "

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
deploy=$root/deploy/redis
setup=${1:?usage: redis.sh standalone|sentinel|cluster [GATEWAY]}
find_gateway "${2:-}"

need_programs redis-server redis-cli openssl curl jq python3

case $setup in
standalone) names=(redis-1) ;;
sentinel) names=(redis-1 redis-2 redis-3 sentinel-1 sentinel-2 sentinel-3) ;;
cluster) names=(redis-1 redis-2 redis-3 redis-4 redis-5 redis-6) ;;
*) bail_out "no set-up is called $setup" ;;
esac

# ---- The set-up ----

# The pids that stand in the folder, to be killed where the test is broken off.
own_pids() {
    local name
    for name in "${names[@]}"; do e2e_pids+=("$(<"$dir/$name.pid")"); done
}

# Starts it in a folder of its own; sets $dir and $settings, the gateway's.
start_setup() { # folder, start.sh's options…
    dir=$work/$1
    shift
    # Tests run at the same time, each from another port on; a port that is lost to another is tried no more.
    bash "$deploy/start.sh" "$setup" "$dir" --port $((10000 + RANDOM % 10000)) "$@" >"$work/start.out" 2>"$work/start.log" ||
        bail_out "start.sh failed"
    own_pids
    # What a shell makes of the file, whose values may be quoted.
    mapfile -t settings < <(env -i "$BASH" -c '. "$1" && export -p' _ "$dir/gateway.env" | sed -n 's/^declare -x \(GATEWAY_[A-Z_]*\)="\(.*\)"$/\1=\2/p')
}

# redis-cli as the user operator; in a cluster at the node that has the key.
ask() { # name, words…
    local name=$1
    shift
    timeout 10 "$dir/$name.cli" -c "$@" 2>&1 || true
}

# The same as the user gateway.
ask_as_gateway() { # words…
    local password
    password=$(tail -n 1 "$dir/passwords/gateway")
    # The last user and password that redis-cli is given are those that it takes.
    timeout 10 "$dir/redis-1.cli" -c --user gateway --pass "$password" "$@" 2>&1 || true
}

runs() { # name
    [[ $(readlink "/proc/$(cat "$dir/$1.pid" 2>/dev/null)/cwd") == "$dir/$1" ]]
}

role_is() { # name, role
    [[ $(ask "$1" ROLE | head -n 1) == "$2" ]]
}

# Every process that is refused something by its users tells so in ACL LOG.
nothing_was_refused() {
    local name log none=yes
    for name in "${names[@]}"; do
        log=$(ask "$name" ACL LOG)
        [[ -z $log ]] || { note "$name: $(paste -sd ' ' <<<"$log" | cut -c 1-300)" && none=no; }
    done
    [[ $none == yes ]]
}

forget_refusals() {
    local name
    for name in "${names[@]}"; do ask "$name" ACL LOG RESET >"$work/reset"; done
}

# ---- Checks ----

test_health() {
    local name
    for name in "${names[@]}"; do
        check "$name answers" equals "$(ask "$name" PING)" PONG
        check "$name has its port in its file" equals "$(ask "$name" INFO server | tr -d '\r' | sed -n 's/^tcp_port://p')" \
            "$(<"$dir/$name.port")"
    done
    check "redis-1 is a master" role_is redis-1 master
    check "redis-1 writes an append-only file" matches "$(ask redis-1 CONFIG GET append* | paste -sd ' ')" 'appendfsync everysec.*|appendonly yes'
    check "redis-1 evicts nothing" equals "$(ask redis-1 CONFIG GET maxmemory-policy | tail -n 1)" noeviction
    case $setup in
    sentinel)
        check "a master without replicas in sync takes no writes" equals "$(ask redis-1 CONFIG GET min-replicas-to-write | tail -n 1)" 1
        for name in redis-2 redis-3; do check "$name is a replica" role_is "$name" slave; done
        ;;
    cluster)
        for name in redis-2 redis-3; do check "$name is a master" role_is "$name" master; done
        for name in redis-4 redis-5 redis-6; do check "$name is a replica" role_is "$name" slave; done
        ;;
    esac
}

test_files() {
    local status=0
    check "all files are the owner's alone" equals "$(find "$dir" -type f -perm /077 | head -n 3)" ""
    bash "$deploy/start.sh" "$setup" "$dir" >"$work/again.log" 2>&1 || status=$?
    check "a folder that isn't empty is refused" equals "$status" 2
    check "the refusal says why" grep -q 'is not empty' "$work/again.log"
}

refused() { # answer
    matches "$1" '^(NOPERM|NOAUTH)'
}

test_users() { # prefix of the keys
    local words name password other
    check "nobody gets in without a password" refused "$(ask_plain PING)"
    check "the default user can't log in" matches "$(ask_plain AUTH default '')" '^WRONGPASS'
    check "a placeholder is no password" matches "$(ask_plain AUTH gateway @gateway@)" '^WRONGPASS'
    check "the gateway may read its keys" equals "$(ask_as_gateway GET "$1session:none")" ""
    check "the gateway may not read a stranger's key" refused "$(ask_as_gateway GET "$1stranger")"
    check "the gateway may not write a stranger's key" refused "$(ask_as_gateway SET "$1sessions" x)"
    check "the gateway's patterns begin where keys do" refused "$(ask_as_gateway GET "x$1session:none")"
    if [[ -n $1 ]]; then check "the gateway may not read what has no prefix" refused "$(ask_as_gateway GET session:none)"; fi
    check "a script may not read a stranger's key" matches \
        "$(ask_as_gateway EVALSHA "$(ask redis-1 SCRIPT LOAD 'return redis.call("GET", ARGV[1])')" 1 "$1session:none" "$1stranger")" \
        'NOPERM|access at least one of the keys|No permissions to access a key'
    check "the gateway may not publish elsewhere" refused "$(ask_as_gateway PUBLISH "$1elsewhere" x)"
    for words in FLUSHALL FLUSHDB 'KEYS *' 'SCAN 0' 'CONFIG GET *' 'CONFIG SET maxmemory 1' 'ACL LIST' SHUTDOWN \
        'REPLICAOF NO ONE' 'SCRIPT FLUSH' 'CLIENT LIST' 'CLUSTER RESET' INFO MONITOR BGSAVE \
        'EVAL return 1 0' 'MIGRATE 127.0.0.1 1 a 0 1' 'REPLCONF capa eof'; do
        # shellcheck disable=SC2086 # several words
        check "the gateway may not $words" refused "$(set -f && ask_as_gateway $words)"
    done
    for name in replica sentinel; do
        password=$(tail -n 1 "$dir/passwords/$name")
        for other in "GET $1session:none" FLUSHALL 'KEYS *' 'CONFIG GET *' 'ACL LIST'; do
            # shellcheck disable=SC2086
            check "$name may not $other" refused "$(set -f && timeout 10 "$dir/redis-1.cli" --user $name --pass "$password" $other 2>&1)"
        done
    done
}

# redis-cli to redis-1 as nobody.
ask_plain() { # words…
    timeout 10 redis-cli -h 127.0.0.1 -p "$(<"$dir/redis-1.port")" "$@" 2>&1 || true
}

test_password_change() {
    local old
    old=$(tail -n 1 "$dir/passwords/gateway")
    echo another-password-of-the-gateway >>"$dir/passwords/gateway"
    bash "$deploy/users.sh" "$dir"
    check "a changed aclfile is read while Redis runs" equals "$(ask redis-1 ACL LOAD)" OK
    check "the new password is good" equals "$(ask_as_gateway PING)" PONG
    check "the old password is still good" equals "$(ask_plain --no-auth-warning --user gateway --pass "$old" PING)" PONG
    sed -i 1d "$dir/passwords/gateway"
    bash "$deploy/users.sh" "$dir"
    ask redis-1 ACL LOAD >"$work/load"
    check "the old password is good no more" matches "$(ask_plain --no-auth-warning --user gateway --pass "$old" PING)" WRONGPASS
    check "the new password stays good" equals "$(ask_as_gateway PING)" PONG
}

ask_sentinel() { # words…
    timeout 10 redis-cli -h 127.0.0.1 -p "$(<"$dir/sentinel-1.port")" "$@" 2>&1 || true
}

test_sentinel_users() {
    local words
    check "anybody may ask a sentinel for the master" equals "$(ask_sentinel SENTINEL GET-MASTER-ADDR-BY-NAME stream | tail -n 1)" \
        "$(<"$dir/redis-1.port")"
    for words in 'SENTINEL FAILOVER stream' 'SENTINEL SET stream quorum 1' 'SENTINEL REMOVE stream' 'SENTINEL CONFIG GET *' \
        SHUTDOWN 'PUBLISH __sentinel__:hello x' 'ACL LIST'; do
        # shellcheck disable=SC2086
        check "nobody may $words without a password" refused "$(set -f && ask_sentinel $words)"
    done
}

# Every command that a script calls must be one of the gateway user's: one that no test meets, too.
test_scripts_commands() {
    local command missing=''
    for command in $(grep -ohE "redis\.p?call\('[A-Z]+'" "$root"/gateway/store/scripts/*.lua "$root"/gateway/store/scripts/lib/*.lua |
        sed "s/.*('//; s/'//" | sort -u | tr '[:upper:]' '[:lower:]'); do
        sed -n '/^user gateway/,/^user replica/p' "$deploy/users.acl" | grep -qE -- "\+$command( |\$)" || missing+=" $command"
    done
    check "users.acl has every command of the gateway's scripts" equals "$missing" ""
}

event_is_told() { # type
    ask redis-1 XRANGE "$keys"stream_events - + | grep -qx "$1"
}

# A gateway on the set-up that lets nobody in without Redis, however slow that is on a busy machine; sets $api.
start_strict() { # name, the sessions' TTL
    start_gateway "$1" GATEWAY_STORE=redis GATEWAY_REDIS_ON_OUTAGE=deny GATEWAY_AUTH_MODE=open \
        GATEWAY_SESSION_TTL="$2" GATEWAY_SESSION_HEARTBEAT_INTERVAL=1 GATEWAY_SESSION_HEARTBEAT_MIN_INTERVAL=0 \
        GATEWAY_REDIS_TIMEOUT_MS=5000 GATEWAY_AUTHORIZE_TIMEOUT_MS=5000 "${settings[@]}"
    api=http://127.0.0.1:$gateway_port
}

end_strict() {
    end_gateway
    check "the gateway's log has no NOPERM" has_no NOPERM "$gateway_log"
}

# What a viewer does, on the gateway. No session may expire meanwhile, on however busy a machine.
test_round_trip() {
    local old
    start_strict "$1" 300
    create family tv film
    check "a create is a 201" equals "$got_status" 201
    keys=$2
    if [[ $setup == cluster ]]; then keys+="{${session_id:0:2}}:"; fi
    check "the session stands in Redis" matches "$(ask redis-1 GET "${keys}session:$session_id")" '"mediaId":"film"'
    check "a heartbeat is a 200" equals \
        "$(status --request POST --header "X-Stream-Token: $token" "$api/v1/sessions/$session_id/heartbeat")" 200
    check "an authorize is a 200" equals "$(status --header "X-Stream-Token: $token" "$api/v1/authorize")" 200
    check "a zap is a 200" equals \
        "$(status --json '{"mediaId":"other"}' --header "X-Stream-Token: $token" "$api/v1/sessions/$session_id/heartbeat")" 200
    check "the family's list is a 200" equals \
        "$(status --header "X-Stream-Token: $token" "$api/v1/families/family/sessions")" 200
    ask redis-1 DEL "${keys}session:$session_id" >"$work/deleted"
    check "a session whose key is lost comes back by a heartbeat" equals \
        "$(status --request POST --header "X-Stream-Token: $token" "$api/v1/sessions/$session_id/heartbeat")" 200
    check "a stop is a 204" equals "$(end_session "$token" "$session_id")" 204
    call --header "X-Stream-Token: $token" "$api/v1/authorize"
    check "an authorize after the stop is a 403" equals "$got_status $(header X-Stream-Reason)" "403 stopped"

    must_create family tv film
    old=$session_id
    must_create family tv film
    create family tv film
    check "a third stream on the device is refused" equals "$got_status $(member .code)" "409 device_limit"
    call --json '{"userId":"u","familyId":"family","deviceId":"tv of family","mediaId":"film","onLimit":"evict_oldest"}' \
        "$api/v1/sessions"
    check "a third stream on the device evicts the oldest, where it asks for it" equals "$got_status" 201
    check "the one evicted left its reason" matches "$(ask redis-1 GET "${keys}session_end:$old")" replaced
    end_strict

    start_strict "$1-sweeps" 1
    must_create family phone film
    check "sessions that fall silent are swept" wait_for 20 event_is_told expired
    end_strict
}

# A process that was killed comes back by its own script, and is what it ought to be.
test_kill() {
    local name master=redis-1 replicas=()
    # By a script, and more than one key: only so it is a transaction in the append-only file.
    ask redis-1 EVAL 'for i = 1, 2 do redis.call("SET", KEYS[i], "yes") end' 2 "{MZ}:kept" "{MZ}:other" >"$work/kept"
    # With min-replicas-to-write the master knows; elsewhere nobody must have it but itself.
    ask redis-1 WAIT 1 1000 >"$work/kept"
    case $setup in
    sentinel) replicas=(redis-2 redis-3) ;;
    cluster) for name in redis-4 redis-5 redis-6; do
        if [[ $(ask "$name" ROLE | sed -n 3p) == "$(<"$dir/redis-1.port")" ]]; then replicas=("$name"); fi
    done ;;
    esac
    check "a process that runs isn't started twice" fails "$dir/redis-1.start"
    kill -KILL "$(<"$dir/redis-1.pid")"
    check "redis-1 is killed" wait_for 10 fails runs redis-1
    if [[ ${#replicas[@]} -gt 0 ]]; then
        check "another becomes master" wait_for 30 one_is_master
        master=$new_master
        check "the new master takes writes" wait_for 20 takes_writes
    fi
    "$dir/redis-1.start"
    own_pids
    check "redis-1 is back as what it is now" wait_for 30 role_is redis-1 "$([[ $master == redis-1 ]] && echo master || echo slave)"
    check "what was written is still there" equals "$(ask "$master" GET "{MZ}:kept")" yes
}

one_is_master() {
    for new_master in "${replicas[@]}"; do
        if role_is "$new_master" master; then return; fi
    done
    return 1
}

takes_writes() {
    [[ $(ask "$new_master" SET "{MZ}:more" yes) == OK ]]
}

fails() { # command…
    ! "$@" 2>/dev/null
}

test_stop() {
    local name left='' pids=()
    for name in "${names[@]}"; do pids+=("$(<"$dir/$name.pid")"); done
    check "stop.sh succeeds" bash "$deploy/stop.sh" "$dir"
    for name in "${pids[@]}"; do
        has_ended "$name" || left+=" $name"
        forget "$name"
    done
    check "stop.sh leaves no process" equals "$left" ""
    check "stop.sh leaves no pid file" equals "$(find "$dir" -name '*.pid')" ""
    check "stop.sh may be run again" bash "$deploy/stop.sh" "$dir"
}

run_plain() {
    e2e_group="$setup: "
    start_setup plain
    test_health
    test_files
    if [[ $gateway_speaks == *" $setup "* ]]; then test_round_trip plain ''; fi
    check "nobody was refused anything until now" nothing_was_refused
    test_users "$([[ $setup != cluster ]] || echo '{MZ}:')"
    if [[ $setup == standalone ]]; then test_password_change; fi
    if [[ $setup == sentinel ]]; then test_sentinel_users; fi
    forget_refusals
    test_kill
    check "nobody was refused anything since, either" nothing_was_refused
    test_stop
}

run_tls() {
    e2e_group="$setup, TLS and a prefix: "
    start_setup tls --tls --prefix 'stage*:'
    test_health
    if [[ $gateway_speaks == *" $setup-tls "* ]]; then test_round_trip tls 'stage*:'; fi
    check "nobody was refused anything until now" nothing_was_refused
    check "without TLS there is no answer" fails grep -q PONG <<<"$(ask_plain PING)"
    check "without a certificate there is no answer" fails grep -q -E 'PONG|NOAUTH' \
        <<<"$(ask_plain --tls --cacert "$dir/tls/ca.crt" PING)"
    check "the gateway may read its keys" equals \
        "$(ask_as_gateway GET "stage*:$([[ $setup != cluster ]] || echo '{MZ}:')session:none")" ""
    check "the prefix is no pattern" refused "$(ask_as_gateway GET "stageX:$([[ $setup != cluster ]] || echo '{MZ}:')session:none")"
    test_stop
}

test_scripts_commands
run_plain
run_tls
e2e_end
