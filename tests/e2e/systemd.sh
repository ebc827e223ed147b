#!/usr/bin/env bash
# deploy/systemd: a unit that systemd understands and rates well, a user, secrets by credentials; and the gateway at
# work under what the unit lets it do.
#
# usage: tests/e2e/systemd.sh [GATEWAY]    the gateway's binary; else $GATEWAY_BINARY
# shellcheck source-path=SCRIPTDIR disable=SC2317 # functions that check and wait_for call are reachable
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
deploy=$(cd "$here/../../deploy/systemd" && pwd -P)
binary=$(realpath "${1:-${GATEWAY_BINARY:?usage: systemd.sh GATEWAY, or set GATEWAY_BINARY}}")
unit=$deploy/stream-gateway.service

need_programs systemd-analyze systemd-sysusers redis-server curl jq python3 cc

# ---- What systemd makes of the files ----

# Whether systemd has nothing to say about the unit with its drop-in, the binary's own path apart.
verifies() {
    local dir=$work/units said
    mkdir -p "$dir/stream-gateway.service.d"
    sed "s|^ExecStart=stream-gateway|ExecStart=$binary|" "$unit" >"$dir/stream-gateway.service"
    cp "$deploy/secrets.conf" "$dir/stream-gateway.service.d/"
    said=$(SYSTEMD_UNIT_PATH=$dir: systemd-analyze verify "$dir/stream-gateway.service" 2>&1 |
        grep -F stream-gateway) || true
    equals "$said" ''
}

# The exposure that systemd rates it with, in tenths.
exposure() {
    systemd-analyze security --no-pager --offline=true "$1" |
        sed -n -E 's/.*Overall exposure level.*: ([0-9]+)\.([0-9]+) .*/\1\2/p'
}

makes_the_user() {
    mkdir -p "$work/root/etc"
    systemd-sysusers --root="$work/root" "$deploy/stream-gateway.sysusers" >"$work/sysusers.log" 2>&1 &&
        matches "$(grep ^stream-gateway: "$work/root/etc/passwd")" '/usr/sbin/nologin$'
}

# Whether the drop-in names each variable with its credential, and the gateway reads such a file.
reads_credentials() {
    local name variable line count=0
    mkdir "$work/credentials"
    echo "backend:0123456789abcdef" >"$work/credentials/api-keys"
    printf '%064d\n' 7 >"$work/credentials/tokens-keys"
    echo "operator:0123456789abcdef" >"$work/credentials/admin-token"
    echo "redis://127.0.0.1:6379/0" >"$work/credentials/redis-url"
    local environment=()
    while read -r line; do
        name=${line##*%d/} variable=${line%%=*}
        grep -q "^LoadCredential=$name:/etc/stream-gateway/$name\$" "$deploy/secrets.conf" ||
            { note "no LoadCredential= for $name" && return 1; }
        environment+=("$variable=$work/credentials/$name")
        count=$((count + 1))
    done < <(sed -n 's/^Environment=//p' "$deploy/secrets.conf")
    equals "$count" 4 &&
        env "${environment[@]}" "$binary" --config "$deploy/gateway.json" --check
}

check "systemd understands the unit and its drop-in" verifies
rated=$(exposure "$unit")
note "systemd-analyze security rates the unit $((rated / 10)).$((rated % 10)); this is systemd $(systemd-analyze --version | sed -n 's/^systemd \([0-9]*\).*/\1/p')"
check "its exposure is rated below 2.0" at_most "${rated:-100}" 19
check "systemd-sysusers makes its user, whom nobody logs in as" makes_the_user
check "each secret of the drop-in is one that the gateway reads" reads_credentials

# ---- The gateway within the unit's bounds ----

# A host's name is looked up, too: that opens sockets of its own.
printf '#!/bin/sh\nexec python3 %q %q %q "$@"\n' "$here/confine.py" "$unit" "$binary" >"$work/confined"
chmod +x "$work/confined"
gateway=$work/confined

is_confined() { # pid
    matches "$(tr '\n' ' ' </proc/"$1"/status)" 'NoNewPrivs:.1 .*Seccomp:.2 '
}

serves() {
    must_create lovelace tv blue-planet
    equals "$(status --header "X-Stream-Token: $token" "$api/v1/authorize")" 200 &&
        equals "$(status --request POST --header "X-Stream-Token: $token" "$api/v1/sessions/$session_id/heartbeat")" 200 &&
        equals "$(end_session "$token" "$session_id")" 204 &&
        equals "$(status --header "X-Stream-Token: $token" "$api/v1/authorize")" 403
}

start_gateway embedded
api=http://127.0.0.1:$gateway_port
check "the gateway runs within the unit's bounds" is_confined "$gateway_pid"
check "it serves on its embedded store" serves
end_gateway

redis_port=$(free_port)
redis_answers() {
    redis-cli -p "$redis_port" ping >/dev/null 2>&1
}
start "$work/redis.log" redis-server --bind 127.0.0.1 --port "$redis_port" --save '' --appendonly no
wait_for 10 redis_answers || bail_out "redis-server doesn't serve"
start_gateway redis GATEWAY_REDIS_URL="redis://localhost:$redis_port/0"
api=http://127.0.0.1:$gateway_port
is_on_redis() {
    matches "$(fetch "$api/readyz")" '"kind":"redis","state":"up"'
}
check "it reaches Redis by the name of its host" wait_for 10 is_on_redis
check "it serves on Redis" serves
end_gateway
check "nothing was refused that it has wanted" has_no 'Operation not permitted|Permission denied' "$work"/*.gateway.log
e2e_end
