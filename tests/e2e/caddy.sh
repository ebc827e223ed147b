#!/usr/bin/env bash
# The gateway behind a real Caddy that runs deploy/caddy/Caddyfile with deploy/caddy/gateway.json.
#
# usage: tests/e2e/caddy.sh [GATEWAY]    the gateway's binary; else $GATEWAY_BINARY
# shellcheck source-path=SCRIPTDIR disable=SC2034,SC2317 # used and called by what is sourced
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/proxy.sh"

begin_proxy caddy "${1:-}" caddy

write_config() { # port
    sed -e "s|127.0.0.1:8080|127.0.0.1:$counter_port|" -e "s|127.0.0.1:9000|127.0.0.1:$origin_port|" \
        -e "s|admin localhost:2019|admin off|" -e "s|/var/log/caddy/|$dir/|" \
        -e "s|^http://stream.example.com {|http://127.0.0.1:$1 {\n\tbind 127.0.0.1|" "$samples/Caddyfile" >"$dir/Caddyfile"
}

proxy_name=Caddy dir=$work/caddy
mkdir "$dir"
export HOME=$dir XDG_DATA_HOME=$dir XDG_CONFIG_HOME=$dir # where Caddy keeps what it remembers
proxy_logs=("$dir/stream-gateway.access.log" "$dir/proxy.log")
run_proxy "$samples/gateway.json" caddy run --config "$dir/Caddyfile" --adapter caddyfile
check "a refusal's reason is in Caddy's log" grep -q '"X-Stream-Reason":\["stopped"\]' "${proxy_logs[0]}"
e2e_end
