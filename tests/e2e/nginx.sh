#!/usr/bin/env bash
# The gateway behind a real nginx that runs deploy/nginx/stream-gateway.conf, with real HLS and a real
# client, on the embedded store and on Redis.
#
# usage: tests/e2e/nginx.sh [GATEWAY]    the gateway's binary; else $GATEWAY_BINARY
#
# Only addresses and paths of the sample are replaced, on the lines that it marks with EDIT. nginx reaches
# the gateway through count_connections.py, which counts the connections.
# shellcheck source-path=SCRIPTDIR disable=SC2317 # functions that check and wait_for call are reachable
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/proxy.sh"

begin_proxy nginx "${1:-}" nginx ffmpeg ffprobe redis-server
post_status=405 # these are files
foreign_bearer=eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmF0dXJl

# ---- nginx and what stands around it ----

# The sample as this machine needs it; all that is changed stands on lines marked EDIT.
write_config() { # port
    local sample=$samples/stream-gateway.conf copy=$dir/conf.d/stream-gateway.conf
    sed -e "s|server 127.0.0.1:8080;|server 127.0.0.1:$counter_port;|" \
        -e "s|server 127.0.0.1:9000;|server unix:$dir/origin.sock;|" \
        -e "s|listen 80;|listen 127.0.0.1:$1;|" \
        -e "s|root /srv/media;|root $work/media;|" \
        -e "/_log /s|/var/log/nginx/|$dir/|" "$sample" >"$copy"
    cp "$samples"/snippets/*.conf "$dir/snippets/"
    changed_lines=$(diff "$sample" "$copy" | grep -c '^<') || true
    changed_unmarked=$(diff "$sample" "$copy" | grep '^<' | grep -v '# EDIT') || true
}

# An nginx.conf as a distribution's package has it, and an origin that shows what it was told.
write_nginx_conf() {
    # Started as root nginx drops its rights, and its workers could not enter this test's folder.
    if [[ $EUID -eq 0 ]]; then printf 'user root;\n'; fi
    cat <<CONF
daemon off;
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/nginx.log;
events {
    worker_connections 512;
}
http {
    access_log off;
    client_body_temp_path $dir/temp/body;
    proxy_temp_path $dir/temp/proxy;
    fastcgi_temp_path $dir/temp/fastcgi;
    uwsgi_temp_path $dir/temp/uwsgi;
    scgi_temp_path $dir/temp/scgi;
    log_format origin '"\$request" "\$http_cookie" "\$http_authorization" "\$http_referer" "\$http_x_stream_token"';
    include conf.d/*.conf;
    server {
        listen unix:$dir/origin.sock;
        access_log $dir/origin.access.log origin;
        location /live/ {
            root $work/media;
            add_header Access-Control-Allow-Origin "*" always;
            add_header X-Seen-Uri \$request_uri always;
            add_header X-Seen-Session \$http_x_stream_session always;
            add_header X-Seen-User \$http_x_stream_user always;
            add_header X-Seen-Family \$http_x_stream_family always;
            add_header X-Seen-Device \$http_x_stream_device always;
            add_header X-Seen-Media \$http_x_stream_media always;
            add_header X-Seen-Reason \$http_x_stream_reason always;
            add_header X-Seen-Token "\$http_x_stream_token\$http_authorization\$http_cookie" always;
            add_header X-Seen-Request-Id \$http_x_request_id always;
        }
    }
}
CONF
}

# Starts nginx before the gateway; sets $dir and $access_log, and what start_proxy sets.
start_nginx() { # name
    dir=$work/$1.nginx
    mkdir -p "$dir"/{conf.d,snippets,temp}
    access_log=$dir/stream-gateway.access.log
    start_counter
    write_nginx_conf >"$dir/nginx.conf"
    start_proxy nginx -c "$dir/nginx.conf" -e "$dir/nginx.log"
}

stop_nginx() {
    stop TERM "$counter_pid"
    stop TERM "$proxy_pid"
}

# ---- Playing with curl ----

test_refusals() {
    local segment=$base/vod/film/seg000.ts

    call "$segment"
    check "a segment without a token is a 401" equals "$got_status" 401
    check "a 401 says in X-Stream-Reason that there was no token" equals "$(header X-Stream-Reason)" missing_token
    check "a 401 is a small problem document" equals \
        "$(header Content-Type) $(member '"\(.status) \(.code) \(.title)"')" \
        "application/problem+json 401 missing_token Missing token"
    check "a 401 says what is missing in WWW-Authenticate" equals "$(header WWW-Authenticate)" Bearer

    must_create refusals tv film
    call --header "X-Stream-Token: $(forged_token)" "$segment"
    check "a forged token is a 401" equals "$got_status $(header X-Stream-Reason) $(member .code)" \
        "401 invalid_token invalid_token"
    call --header "X-Stream-Token: $token" "$segment"
    check "a segment with a token is sent" equals "$got_status" 200
    check "a segment is sent whole" cmp -s "$work/body" "$work/media/vod/film/seg000.ts"
    check "a segment is sent with its content type" equals "$(header Content-Type)" video/mp2t
    check "a segment is sent without a reason or a challenge" equals "$(header X-Stream-Reason)$(header WWW-Authenticate)" ""
    check "a segment that isn't there is a 404" equals \
        "$(status --header "X-Stream-Token: $token" "$base/vod/film/none.ts")" 404

    check "a stop through nginx is a 204" equals "$(end_session "$token" "$session_id")" 204
    call --header "X-Stream-Token: $token" "$segment"
    check "after the stop the segment is a 403" equals "$got_status" 403
    check "a 403 says in X-Stream-Reason how the session ended" equals "$(header X-Stream-Reason)" stopped
    check "a 403 is a small problem document, too" equals \
        "$(header Content-Type) $(member '"\(.status) \(.code) \(.reason)"')" \
        "application/problem+json 403 session_ended stopped"
}

test_token_sources() {
    local where
    must_create sources tv film
    for where in vod live; do
        local segment=$base/$where/film/seg001.ts
        check "$where: the token is taken from X-Stream-Token" equals \
            "$(status --header "X-Stream-Token: $token" "$segment")" 200
        check "$where: the token is taken from Authorization: Bearer" equals \
            "$(status --header "Authorization: Bearer $token" "$segment")" 200
        check "$where: the token is taken from the query" equals "$(status "$segment?x=1&stream_token=$token")" 200
        check "$where: the token is taken from the cookie, among others" equals \
            "$(status --cookie "a=b; stream_token=$token; c=d" "$segment")" 200
        check "$where: an app's own bearer doesn't shadow the token in the query" equals \
            "$(status --header "Authorization: Bearer $foreign_bearer" "$segment?stream_token=$token")" 200
        check "$where: a header that is no token doesn't shadow the cookie" equals \
            "$(status --header "X-Stream-Token: none" --cookie "stream_token=$token" "$segment")" 200
    done
    check "a client's own X-Original-URI is not looked at" equals \
        "$(status --header "X-Original-URI: /vod/film/seg001.ts?stream_token=$token" "$base/vod/film/seg001.ts")" 401
    check "a Referer with a token opens nothing" equals \
        "$(status --referer "$base/vod/film/index.m3u8?stream_token=$token" "$base/vod/film/seg001.ts")" 401
}

test_next_segment() {
    local number statuses=''
    must_create next tv film
    for number in 000 001 002 003 004; do
        statuses+="$(status --header "X-Stream-Token: $token" "$base/vod/film/seg$number.ts") "
        if [[ $number == 002 ]]; then end_session "$token" "$session_id" >/dev/null; fi
    done
    check "the very next segment after a stop is refused" equals "$statuses" "200 200 200 403 403 "

    must_create next tv film
    check "a page that closes stops its session with sendBeacon" equals \
        "$(status --header 'Content-Type: text/plain' --data bye "$api/v1/sessions/$token/stop")" 204
    check "after sendBeacon the next segment is refused" equals "$(status "$base/vod/film/seg001.ts?stream_token=$token")" 403
}

# ---- Playing with ffmpeg ----

# Plays a playlist to its end; prints how many frames came.
play() { # address, a header or ""
    local headers=()
    if [[ -n $2 ]]; then headers=(-headers "$2"$'\r\n'); fi
    timeout 60 ffprobe -v error ${headers[@]+"${headers[@]}"} -count_packets \
        -show_entries stream=nb_read_packets -of default=nw=1:nk=1 "$1" 2>"$work/player.log" | head -n 1
}

test_playback() {
    local before

    must_create player tv film
    before=$(connections)
    check "ffmpeg plays the film, with the token in a header" equals \
        "$(play "$base/vod/film/index.m3u8" "X-Stream-Token: $token")" 300
    check "a whole film costs at most 1 new connection to the gateway" at_most $(($(connections) - before)) 1
    check "ffmpeg plays the film from the origin, with the token in the cookie" equals \
        "$(play "$base/live/film/index.m3u8" "Cookie: stream_token=$token")" 300
    # As a packager writes it for players that can set no header.
    sed "s/\.ts\$/.ts?stream_token=$token/" "$work/media/vod/film/index.m3u8" >"$work/media/vod/film/query.m3u8"
    check "ffmpeg plays the film, with the token in the query of playlist and segments" equals \
        "$(play "$base/vod/film/query.m3u8?stream_token=$token" "")" 300

    check "ffmpeg is refused without a token" equals "$(play "$base/vod/film/index.m3u8" "")" ""
    check "ffmpeg is refused with a 401" grep -q "401 Unauthorized" "$work/player.log"
    end_session "$token" "$session_id" >/dev/null
    check "ffmpeg is refused after the stop" equals "$(play "$base/vod/film/index.m3u8" "X-Stream-Token: $token")" ""
    check "ffmpeg is refused with a 403" grep -q "403 Forbidden" "$work/player.log"
}

# Prints a line for each of this player's segments, in the log's order: "sent" or the status of a refusal;
# and "stop" where the session was stopped.
cut_log() { # user agent, request id of the stop
    jq -r --arg agent "$1" --arg stop "$2" '
        if .requestId == $stop then "stop"
        elif .agent == $agent and (.path | endswith(".ts")) then (if .status < 300 then "sent" else .status end)
        else empty end' "$access_log"
}

has_played() { # user agent, segments
    [[ $(cut_log "$1" none | grep -c sent) -ge $2 ]]
}

test_playback_is_cut() {
    local agent=cut-test after frames

    must_create cut tv film
    start "$dir/ffmpeg.log" ffmpeg -nostdin -hide_banner -loglevel warning -user_agent "$agent" \
        -headers "X-Stream-Token: $token"$'\r\n' -re -i "$base/vod/film/index.m3u8" \
        -progress "$dir/progress" -f null -
    local player_pid=$started_pid
    wait_for 20 has_played "$agent" 8 || bail_out "ffmpeg doesn't play"
    call --request DELETE --header "X-Stream-Token: $token" --header "X-Request-Id: cut.it" "$api/v1/sessions/$session_id"
    check "a session is stopped while ffmpeg plays" equals "$got_status" 204
    await "$player_pid"
    after=$(cut_log "$agent" cut.it | sed '1,/stop/d')
    # One request may have been let through before the stop, and be logged after it.
    check "its next segments are refused with a 403" at_least "$(grep -c 403 <<<"$after" || true)" 2
    check "no segment is sent after the stop" at_most "$(grep -c sent <<<"$after" || true)" 1
    check "no segment is sent after a refused one" equals "$(sed '1,/403/d' <<<"$after" | sort -u | tr '\n' ' ')" "403 "
    frames=$(sed -n 's/^frame=//p' "$dir/progress" | tail -n 1)
    check "the picture ends early" at_most "${frames:-300}" 250
}

# ---- What HTTP has beside GET ----

test_methods() {
    local segment=$base/vod/film/seg002.ts size before
    must_create methods tv film
    size=$(stat -c %s "$work/media/vod/film/seg002.ts")

    call --head --header "X-Stream-Token: $token" "$segment"
    check "HEAD is answered with the segment's length" equals "$got_status $(header Content-Length)" "200 $size"
    check "HEAD without a token is a 401" equals "$(status --head "$segment")" 401
    call --range 10-19 --header "X-Stream-Token: $token" "$segment"
    check "a range is sent" equals "$got_status $(header Content-Range)" "206 bytes 10-19/$size"

    head -c 500000 /dev/zero >"$work/upload"
    local post=(--max-time 5 --data-binary "@$work/upload")
    check "a POST with a body is not held up by the check" equals \
        "$(status "${post[@]}" --header "X-Stream-Token: $token" "$segment")" 405
    check "a chunked POST is not held up by the check" equals \
        "$(status "${post[@]}" --header 'Transfer-Encoding: chunked' --header "X-Stream-Token: $token" "$segment")" 405
    check "a POST on its way to the origin is not held up by the check" equals \
        "$(status "${post[@]}" --header "X-Stream-Token: $token" "$base/live/film/seg002.ts")" 405
    check "a POST without a token is refused at once" equals "$(status "${post[@]}" "$segment")" 401

    before=$(authorize_count)
    call --request OPTIONS --header "Origin: $origin_cors" --header 'Access-Control-Request-Method: GET' \
        --header 'Access-Control-Request-Headers: x-stream-token,range' "$segment"
    check "a preflight on media is a 204" equals "$got_status" 204
    check "the gateway isn't asked about a preflight" equals "$(authorize_count)" "$before"
    check "a preflight lets the page's origin in, with cookies" equals \
        "$(header Access-Control-Allow-Origin) $(header Access-Control-Allow-Credentials)" "$origin_cors true"
    check "a preflight allows GET and HEAD" matches "$(header Access-Control-Allow-Methods)" 'GET.*HEAD'
    check "a preflight allows the token's header and ranges" matches "$(header Access-Control-Allow-Headers)" 'Range.*X-Stream-Token'
    check "a preflight may be kept for two hours" equals "$(header Access-Control-Max-Age)" 7200
    call --request OPTIONS --header "Origin: https://elsewhere.example" --header 'Access-Control-Request-Method: GET' "$segment"
    check "a preflight from elsewhere is given nothing" equals "$(header Access-Control-Allow-Origin)$(header Access-Control-Allow-Methods)" ""
    call --request OPTIONS --header "Origin: $origin_cors" --header 'Access-Control-Request-Method: POST' "$api/v1/sessions"
    check "a preflight on the API is a 204" equals "$got_status $(header Access-Control-Allow-Origin)" "204 $origin_cors"

    call --header "Origin: $origin_cors" --header "X-Stream-Token: $token" "$base/live/film/seg002.ts"
    check "media has the CORS headers once, whatever the origin server says" equals \
        "$got_status $(header Access-Control-Allow-Origin) $(header Access-Control-Allow-Credentials)" "200 $origin_cors true"
    check "a page may read why it was refused" matches "$(header Access-Control-Expose-Headers)" 'Retry-After.*X-Stream-Reason'
    check "the answer says that it differs by origin" equals "$(header Vary)" Origin
    check "media has no preflight's headers" equals "$(header Access-Control-Max-Age)" ""
    call --header "Origin: $origin_cors" "$segment"
    check "a refusal has the CORS headers too" equals "$got_status $(header Access-Control-Allow-Origin)" "401 $origin_cors"
}

# ---- Who watches ----

test_identity() {
    local forged=(--header 'X-Stream-User: evil' --header 'X-Stream-Family: evil' --header 'X-Stream-Session: evil'
        --header 'X-Stream-Device: evil' --header 'X-Stream-Media: evil' --header 'X-Stream-Reason: evil'
        --header 'X_Stream_User: evil' --header 'x-stream-user: evil')
    local segment=$base/live/film/seg003.ts credentials=()
    if [[ -n $api_key ]]; then credentials=(--header "Authorization: Bearer $api_key"); fi
    call --json '{"userId":"Zoë 100%","familyId":"the Smiths","deviceId":"tv/1","mediaId":"film"}' \
        ${credentials[@]+"${credentials[@]}"} "$api/v1/sessions"
    token=$(member .token) session_id=$(member .sessionId)
    printf '%s\n' "$token" >>"$work/tokens"

    call "${forged[@]}" --header "X-Stream-Token: $token" "$segment"
    check "the origin is told who watches, and a client can't lie to it" equals \
        "$(header X-Seen-Session) $(header X-Seen-User) $(header X-Seen-Family) $(header X-Seen-Device) $(header X-Seen-Media)" \
        "$session_id Zo%C3%AB%20100%25 the%20Smiths tv/1 film"
    check "a client can't pass X-Stream-Reason to the origin" equals "$(header X-Seen-Reason)" ""
    check "the origin isn't given the token" equals "$(header X-Seen-Token)" ""
    call --cookie "stream_token=$token" --header "Authorization: Bearer $token" "$segment?a=1&stream_token=$token&_HLS_msn=3"
    check "the origin isn't given the token from the query, and is given the rest of the query" equals \
        "$got_status $(header X-Seen-Token) $(header X-Seen-Uri)" "200  /live/film/seg003.ts?a=1&_HLS_msn=3"
    call "$segment?stream_token=$token"
    check "a query with nothing but the token is gone at the origin" equals "$(header X-Seen-Uri)" "/live/film/seg003.ts"
    call "$segment?stream_token=$token&a=1&stream_token=$token"
    check "a token that comes twice isn't given to the origin either" equals "$got_status $(header X-Seen-Uri)" "200 /live/film/seg003.ts"
    check "identity headers alone let nobody watch" equals "$(status "${forged[@]}" "$segment")" 401
}

# ---- The player API ----

test_api() {
    local device sessions ids
    if [[ -n $api_key ]]; then
        local key=$api_key
        api_key='' create keyless tv film
        check "a create without an API key is a 401" equals "$got_status $(member .code)" "401 unauthorized"
        api_key=$key
    fi
    create api tv film --header 'X-Request-Id: from.the-client_1'
    check "a create through nginx is a 201" equals "$got_status $(header Location)" "201 /v1/sessions/$session_id"
    check "a client's X-Request-Id comes back, once" equals "$(header X-Request-Id)" from.the-client_1
    check "a client's X-Request-Id is in the gateway's log" grep -q 'id=from.the-client_1' "$gateway_log"
    call --header "X-Stream-Token: $token" --header 'X-Request-Id: a.segment-1' "$base/live/film/seg004.ts"
    check "X-Request-Id passes through media, and to the origin" equals "$(header X-Request-Id) $(header X-Seen-Request-Id)" "a.segment-1 a.segment-1"
    check "X-Request-Id of media is in the gateway's log" grep -q 'route=/v1/authorize .*id=a.segment-1' "$gateway_log"
    call --header "X-Stream-Token: $token" --header 'X-Request-Id: not "one"' "$base/vod/film/seg004.ts"
    check "an X-Request-Id that isn't well-formed is replaced" matches "$(header X-Request-Id)" '^[0-9a-f]{32}$'
    call --request POST --header "X-Stream-Token: $token" "$api/v1/sessions/$session_id/heartbeat"
    check "a heartbeat is a 200" equals "$got_status $(member .sessionId)" "200 $session_id"
    call --header "X-Stream-Token: $token" "$api/v1/sessions/$session_id"
    check "a session can be read" equals "$got_status $(member .mediaId)" "200 film"
    call --json @"$work/upload" "$api/v1/sessions"
    check "a create that is too large is a 413 in the gateway's words" equals "$got_status $(member .code)" "413 payload_too_large"

    create devices tv film && create devices tv film && create devices tv film
    check "a third stream on a device is a 409" equals "$got_status $(member '"\(.code) \(.max) \(.sessions | length)"')" \
        "409 device_limit 2 2"
    for device in 1 1 2 2 3 3 4 4 5 5; do
        create family "device $device" film
        sessions+="$got_status " ids=$session_id
    done
    check "a family has ten streams" equals "$sessions" "201 201 201 201 201 201 201 201 201 201 "
    local tenth=$token
    create family "device 6" film
    check "a family's eleventh stream is a 409" equals "$got_status $(member '"\(.code) \(.max) \(.active) \(.sessions | length)"')" \
        "409 family_limit 10 10 10"
    check "the tenth stream may watch" equals "$(status --header "X-Stream-Token: $tenth" "$base/vod/film/seg000.ts")" 200
    check "the tenth stream is stopped" equals "$(end_session "$tenth" "$ids")" 204
    create family "device 6" film
    check "after that there is room for another" equals "$got_status" 201

    for path in /v1/authorize /v1/authorize/x /v1/%61uthorize /v1/x/../authorize /v1//authorize /_stream_gateway/authorize; do
        check "$path is not for the outside" equals "$(status --path-as-is --header "X-Stream-Token: $token" "$base$path")" 404
    done
}

# ---- Without an answer ----

check_unavailable() { # sentence
    local before=$EPOCHREALTIME milliseconds
    call --header "Origin: $origin_cors" "$base/vod/film/seg005.ts?stream_token=$token"
    milliseconds=$(((${EPOCHREALTIME/./} - ${before/./}) / 1000))
    note "$1: $got_status in $milliseconds ms"
    check "$1: a segment is a 503" equals "$got_status" 503
    check "$1: the 503 has Retry-After" matches "$(header Retry-After)" '^[1-9][0-9]*$'
    check "$1: the 503 comes quickly" at_most "$milliseconds" 4500
    check "$1: the 503 is a small problem document" equals "$(header Content-Type) $(member .code)" "application/problem+json store_unavailable"
    check "$1: the 503 can be read by a page" equals "$(header Access-Control-Allow-Origin)" "$origin_cors"
}

segment_is_sent() {
    [[ $(status --header "X-Stream-Token: $token" "$base/vod/film/seg005.ts") == 200 ]]
}

test_gateway_hangs() {
    must_create hangs tv film
    freeze "$gateway_pid"
    check_unavailable "the gateway hangs"
    thaw "$gateway_pid"
    check "segments are sent again as soon as the gateway goes on" wait_for 10 segment_is_sent
}

test_redis_hangs() {
    must_create hangs tv film
    freeze "$redis_pid"
    check_unavailable "Redis hangs"
    thaw "$redis_pid"
    check "segments are sent again as soon as Redis goes on" wait_for 20 segment_is_sent
}

test_gateway_is_gone() {
    must_create gone tv film
    end_gateway
    check_unavailable "the gateway closes connections"
    stop TERM "$counter_pid"
    check_unavailable "nobody listens"
    create gone tv film
    check "nobody listens: a create is a 503 with Retry-After" equals "$got_status $(header Retry-After)" "503 1"
}

# ---- Logs ----

test_logs() {
    check "nginx's access log is JSON, a line a request" equals "$(jq -c .status "$access_log" 2>&1 | grep -c '^[0-9]*$')" "$(wc -l <"$access_log")"
    check "the access log has the path of a segment" grep -q '"path":"/vod/film/seg001.ts"' "$access_log"
    check "the access log has the path of a stop, without the token that was in it" grep -q '"path":"/v1/sessions/(token)/stop"' "$access_log"
    check "the access log has nothing of any query" has_no '\?|stream_token' "$access_log"
    check "the access log says why a segment was refused" grep -q '"status":403,.*"auth":"403","reason":"stopped"' "$access_log"
    check "the access log says that the gateway didn't answer" grep -q '"status":503,.*"auth":"50[0-9]' "$access_log"
    check "no token is in nginx's logs" no_token_in "$dir"/stream-gateway.*.log "$dir/nginx.log"
    check "no token is in the origin's log" no_token_in "$dir/origin.access.log"
    check "no token is in the gateway's log" no_token_in "$gateway_log"
    check "nginx itself has nothing to complain of" has_no '\[(alert|emerg|crit)\]' "$dir"/*.log
}

# ---- The runs ----

test_all() {
    test_refusals
    test_token_sources
    test_next_segment
    test_playback
    test_playback_is_cut
    test_connections
    test_methods
    test_identity
    test_api
}

run_embedded() {
    local reason status=0
    e2e_group='embedded: '
    reason=$("$gateway" --config "$samples/gateway.json" --check 2>&1) || status=$?
    check "gateway.json without an API key doesn't start" equals "$status" 2
    check "gateway.json without an API key says what is missing" matches "$reason" 'auth\.mode.*auth\.api_keys'

    api_key=secret-of-the-test
    start_gateway embedded --config "$samples/gateway.json" "GATEWAY_AUTH_API_KEYS=backend:$api_key" GATEWAY_STORE=memory
    start_nginx embedded
    check "of the sample only addresses and paths were changed" equals "$changed_lines lines, $changed_unmarked" "6 lines, "
    test_all
    test_gateway_hangs
    test_gateway_is_gone
    test_logs
    check "the API key is in no log" has_no "$api_key" "$dir"/*.log "$gateway_log"
    stop_nginx
}

run_redis() {
    e2e_group='redis: ' api_key=''
    start_redis redis
    # Time enough for a slow machine, and less than nginx gives it.
    start_gateway redis --config "$samples/gateway.json" GATEWAY_AUTH_MODE=open GATEWAY_STORE=redis \
        "GATEWAY_REDIS_URL=$redis_url" GATEWAY_REDIS_ON_OUTAGE=deny GATEWAY_AUTHORIZE_TIMEOUT_MS=1500
    start_nginx redis
    test_all
    test_client_address
    test_smuggling nginx
    test_redis_hangs
    test_logs
    end_gateway
    stop_nginx
    stop TERM "$redis_pid"
}

run_unsaid() {
    e2e_group='auth.mode not set: ' api_key=''
    start_gateway unsaid GATEWAY_STORE=memory
    start_nginx unsaid
    create family tv film
    check "a create through nginx is a 401 that names the setting" matches "$got_status $(member .detail)" '^401 .*auth\.mode'
    end_gateway
    stop_nginx
}

make_hls "$work/media/vod/film"
ln -s vod "$work/media/live"
run_embedded
run_redis
run_unsaid
e2e_end
