#!/usr/bin/env bash
# The gateway behind a real HAProxy that runs deploy/haproxy/haproxy.cfg with deploy/haproxy/gateway.json.
#
# usage: tests/e2e/haproxy.sh [GATEWAY]    the gateway's binary; else $GATEWAY_BINARY
# shellcheck source-path=SCRIPTDIR disable=SC2034,SC2317 # used and called by what is sourced
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/proxy.sh"

begin_proxy haproxy "${1:-}" haproxy

write_config() { # port
    sed -e "s|127.0.0.1:8080|127.0.0.1:$counter_port|" -e "s|127.0.0.1:9000|127.0.0.1:$origin_port|" \
        -e "s|log /dev/log local0|log stdout format raw local0|" -e "s|/etc/haproxy/|$samples/|" \
        -e "s|bind :80 |bind 127.0.0.1:$1 |" "$samples/haproxy.cfg" >"$dir/haproxy.cfg"
}

proxy_name=HAProxy dir=$work/haproxy
mkdir "$dir"
proxy_logs=("$dir/proxy.log")
run_proxy "$samples/gateway.json" haproxy -db -f "$dir/haproxy.cfg"
check "a refusal's reason is in HAProxy's log" grep -q 'auth=403 reason=stopped' "${proxy_logs[0]}"
e2e_end
