#!/usr/bin/env bash
# The gateway behind a real nginx that runs deploy/nginx/stream-gateway.conf with the paths of its origin bound to
# titles, without and with the cache of checks. What else that sample does is nginx.sh's to test.
#
# usage: tests/e2e/nginx_paths.sh [GATEWAY]    the gateway's binary; else $GATEWAY_BINARY
# shellcheck source-path=SCRIPTDIR disable=SC2034,SC2317 # used and called by what is sourced
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/proxy.sh"

begin_proxy nginx "${1:-}" nginx
media=/live
cached=no

write_config() { # port
    local cache=()
    if [[ $cached == yes ]]; then
        cache=(-e 's|# include snippets/stream-gateway-cached|include snippets/stream-gateway-cached|')
        sed -e "s|/var/cache/nginx/|$dir/|" "$samples/stream-gateway-cache.conf" >"$dir/conf.d/cache.conf"
    fi
    sed -e "s|server 127.0.0.1:8080;|server 127.0.0.1:$counter_port;|" \
        -e "s|server 127.0.0.1:9000;|server 127.0.0.1:$origin_port;|" -e "s|listen 80;|listen 127.0.0.1:$1;|" \
        -e "/_log /s|/var/log/nginx/|$dir/|" ${cache[@]+"${cache[@]}"} "$samples/stream-gateway.conf" >"$dir/conf.d/stream-gateway.conf"
    cp "$samples"/snippets/*.conf "$dir/snippets/"
    {
        # Started as root nginx drops its rights, and its workers could not enter this test's folder.
        if [[ $EUID -eq 0 ]]; then printf 'user root;\n'; fi
        printf 'daemon off; worker_processes 1; pid %s/nginx.pid; error_log %s/nginx.log; events { }\n' "$dir" "$dir"
        printf 'http { access_log off; include conf.d/*.conf;'
        printf ' %s_temp_path %s/temp;' client_body "$dir" proxy "$dir" fastcgi "$dir" uwsgi "$dir" scgi "$dir"
        printf ' }\n'
    } >"$dir/nginx.conf"
}

start_run() { # name
    dir=$work/$1.nginx
    mkdir -p "$dir"/{conf.d,snippets,temp}
    proxy_logs=("$dir/stream-gateway.access.log" "$dir/stream-gateway.error.log" "$dir/nginx.log")
}

# A cached allow serves what it was given for, and nothing else.
test_cache() {
    local before segment
    must_create cache tv film
    before=$(authorize_count)
    for segment in 1 2 3 4 5 6 7 8 9; do status --header "X-Stream-Token: $token" "$base$media/film/seg$segment.ts" >/dev/null; done
    note "9 segments in a row cost $(($(authorize_count) - before)) checks"
    check "segments in a row cost fewer checks than there are segments" at_most $(($(authorize_count) - before)) 5
    check "another title isn't let in by the cached answer" equals \
        "$(status --header "X-Stream-Token: $token" "$base$media/other/seg1.ts")" 403
    check "no spelling of a path is let in by the cached answer" equals "$(successful_attacks)" ""
    call --header "X-Stream-Token: $token" "$base$media/film/seg1.ts"
    check "the origin is told who watches, from the cache as well" equals "$(header X-Seen-Session)" "$session_id"
    check "nobody else is let in by the cached answer" equals "$(status "$base$media/film/seg1.ts")" 401
    end_session "$token" "$session_id" >/dev/null
    check "a session that was stopped is refused once the second is over" wait_for 5 segment_is_refused
}

segment_is_refused() {
    [[ $(status --header "X-Stream-Token: $token" "$base$media/film/seg1.ts") == 403 ]]
}

start_run bound
run_proxy "$samples/gateway.json" nginx -c "$dir/nginx.conf" -e "$dir/nginx.log"

e2e_group='cached: ' cached=yes
start_run cached
start_gateway cached --config "$samples/gateway.json" GATEWAY_AUTH_MODE=open GATEWAY_STORE=memory "GATEWAY_AUTHORIZE_MEDIA_PATH=$media/{mediaId}/"
start_counter
start_origin
start_proxy nginx -c "$dir/nginx.conf" -e "$dir/nginx.log"
test_cache
check "no token is in nginx's logs" no_token_in "${proxy_logs[@]}"
end_gateway
stop TERM "$counter_pid"
stop TERM "$origin_pid"
stop TERM "$proxy_pid"
e2e_end
