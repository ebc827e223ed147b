# shellcheck shell=bash disable=SC2034,SC2154
# What the tests of proxies share: what stands around a proxy, and the checks that each must pass. To be
# sourced after lib.sh.
#
# The test begins with begin_proxy, and sets $dir, a folder for this run; $proxy_logs, the files that must hold no
# token; and what it wants otherwise of the following.

media=/vod                          # the folder in front of mediaIds that its settings bind
proxy_name=''                       # as the README's tables name it
post_status=200                     # what a POST on a segment is answered with, where the check allows it
origin_cors=https://www.example.com # an origin that the samples' CORS lists have

proxy_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

# Sets $samples, the folder of the proxy's sample, and $gateway, and needs the programs that the test runs.
begin_proxy() { # folder in deploy, the test's argument that names the gateway (or ""), programs of its own…
    samples=$(cd "$proxy_here/../../deploy/$1" && pwd -P)
    find_gateway "$2"
    shift 2
    need_programs "$@" curl jq python3
}

# ---- What stands around it ----

# Starts the counter of connections in front of the gateway; sets $counter_pid and $counter_port.
start_counter() {
    : >"$dir/connections"
    : >"$dir/counter.log"
    start "$dir/counter.log" python3 "$proxy_here/count_connections.py" "$gateway_port" "$dir/connections"
    counter_pid=$started_pid
    wait_for 10 test -s "$dir/counter.log" || bail_out "the counter of connections doesn't start"
    counter_port=$(head -n 1 "$dir/counter.log")
}

# Starts the origin; sets $origin_pid, $origin_port and $origin_log.
start_origin() {
    origin_log=$dir/origin.heads
    : >"$dir/origin.log"
    start "$dir/origin.log" python3 "$proxy_here/origin.py" "$origin_log"
    origin_pid=$started_pid
    wait_for 10 test -s "$dir/origin.log" || bail_out "the origin doesn't start"
    origin_port=$(head -n 1 "$dir/origin.log")
}

# Starts the proxy, which `write_config PORT` has written the configuration of, on a free port; sets $proxy_pid,
# $base and $api.
start_proxy() { # command…
    local attempt port
    for attempt in 1 2 3 4 5; do
        port=$(free_port)
        base=http://127.0.0.1:$port api=$base
        write_config "$port"
        start "$dir/proxy.log" "$@"
        proxy_pid=$started_pid
        if wait_for 10 proxy_answers; then return; fi
        note "attempt $attempt to start the proxy at port $port failed"
        stop KILL "$proxy_pid"
    done
    bail_out "the proxy doesn't start: $(tail -n 3 "$dir/proxy.log")"
}

proxy_answers() {
    ! has_ended "$proxy_pid" && [[ $(status "$base/nothing-here") == 404 ]]
}

connections() {
    stat -c %s "$dir/connections"
}

# How many checks the gateway has answered.
authorize_count() {
    grep -c 'route=/v1/authorize' "$gateway_log" || true
}

# ---- The checks ----

# Prints $token with one character changed.
forged_token() {
    local other=A
    if [[ ${token:100:1} == "$other" ]]; then other=B; fi
    printf '%s' "${token:0:100}$other${token:101}"
}

test_verdicts() {
    local segment=$base$media/film/seg1.ts
    call "$segment"
    check "a segment without a token is a 401 that says so" equals \
        "$got_status $(header X-Stream-Reason)" "401 missing_token"
    must_create verdicts tv film
    call --header "X-Stream-Token: $(forged_token)" "$segment"
    check "a forged token is a 401" equals "$got_status $(header X-Stream-Reason)" "401 invalid_token"
    call --header "X-Stream-Token: $token" "$segment"
    check "a segment with a token is sent" equals "$got_status $got_body" "200 media"
    check "the token is taken from Authorization" equals "$(status --header "Authorization: Bearer $token" "$segment")" 200
    check "the token is taken from the cookie" equals "$(status --cookie "a=b; stream_token=$token" "$segment")" 200
    check "the token is taken from the query" equals "$(status "$segment?x=1&stream_token=$token")" 200
    check "the token is taken from the path" equals "$(status "$base/s/$token$media/film/seg1.ts")" 200
    check "a parameter that is no token doesn't shadow one" equals "$(status "$segment?stream_token=x&stream_token=$token")" 200
    check "another title is a 403" equals \
        "$(call --header "X-Stream-Token: $token" "$base$media/other/seg1.ts" && echo "$got_status $(header X-Stream-Reason)")" "403 forbidden"
    check "HEAD is answered" equals "$(status --head --header "X-Stream-Token: $token" "$segment")" 200
    check "a POST with a body isn't held up" equals \
        "$(status --max-time 5 --data body --header "X-Stream-Token: $token" "$segment")" "$post_status"
    check "a stop is a 204" equals "$(end_session "$token" "$session_id")" 204
    call --header "X-Stream-Token: $token" "$segment"
    check "the very next segment is a 403 that says why" equals "$got_status $(header X-Stream-Reason)" "403 stopped"
}

test_identity() {
    local name forged=() segment=$base$media/film/seg2.ts
    for name in Session User Family Device Media Reason; do
        forged+=(--header "X-Stream-$name: evil" --header "x-stream-${name,,}: evil" --header "X_Stream_$name: evil")
    done
    must_create "the Smiths" tv/1 film
    check "identity headers alone let nobody watch" equals "$(status "${forged[@]}" "$segment")" 401
    call "${forged[@]}" --header "X-Stream-Token: $token" "$segment"
    check "the origin is told who watches" equals \
        "$(header X-Seen-Session) $(header X-Seen-User) $(header X-Seen-Family) $(header X-Seen-Device) $(header X-Seen-Media)" \
        "$session_id user%20of%20the%20Smiths the%20Smiths tv/1%20of%20the%20Smiths film"
    check "a client's own X-Stream-Reason goes no further" equals "$(header X-Seen-Reason)" ""
    check "no forged header came to the origin" has_no evil "$origin_log"
    call --cookie "stream_token=$token" --header "Authorization: Bearer $token" --header "X-Stream-Token: $token" \
        --referer "$segment?stream_token=$token" "$segment?a=1&stream_token=$token"
    check "the origin isn't given the token in a header" equals "$got_status $(header X-Seen-Token)" "200 "
    call "$base/s/$token$media/film/seg2.ts?a=1&stream_token=$token"
    check "the origin isn't given the token in the path" equals "$got_status $(header X-Served-Path)" "200 $media/film/seg2.ts"
    check "the origin was given no token at all" no_token_in "$origin_log"
}

# A client's own original address must not be believed, whatever the header.
test_own_address() {
    local name own=()
    must_create own tv film
    for name in X-Original-URI X-Forwarded-Uri X-Original-URL X-Envoy-Original-Path X-Original-Uri X-Rewrite-Url; do
        own+=(--header "$name: $media/film/seg1.ts")
    done
    check "another title is forbidden, whatever address the client says" equals \
        "$(status "${own[@]}" --header "X-Stream-Token: $token" "$base$media/other/seg1.ts")" 403
    own=("${own[@]//film/other}")
    check "the own title is allowed, whatever address the client says" equals \
        "$(status "${own[@]}" --header "X-Stream-Token: $token" "$base$media/film/seg1.ts")" 200
}

# The ways to spell another title's path that servers are known to fall for.
attacks() {
    local attack
    for attack in \
        /film/../other/ /film/%2e%2e/other/ /film/.%2e/other/ /film/%2E./other/ /film/..%2fother/ \
        /film/%2e%2e%2fother/ /film%2f..%2fother/ /film/..%5cother/ '/film/..\other/' /film/%5c../other/ /film//../other/ \
        /film/./../other/ /film/%2e/%2e%2e/other/ '/film/..;/other/' '/film/..;a=b/other/' '/film/%2e%2e%3b/other/' \
        /film/%252e%252e/other/ /film/..%252fother/ /film/%252e%252e%252fother/ /film/..%255cother/ \
        /film/%25252e%25252e/other/ /film/%c0%ae%c0%ae/other/ /film/%u002e%u002e/other/ /film/..%00/other/ \
        /film/..%0d%0a/other/ '/film/#/../../other/' '/film/..?/other/' '/film/%3f/../other/' '/other/../film/../other/' \
        /./film/../other/ //film/../other/ /film/a/../../other/ /film/a/..%2f../other/ /other%2f..%2ffilm/ '/other;/film/' \
        /%6fther/ /oth%65r/ /OTHER/ /film/..%09/other/ '/film/.. /other/' /film/%%32e%%32e/other/ /film/..//other/; do
        printf '%s%sseg1.ts\n' "$media" "$attack"
    done
    printf '%s\n' "/x/..$media/other/seg1.ts" "/$media/other/seg1.ts" "$media//other/seg1.ts" "$media/film/..$media/other/seg1.ts" \
        "${media/vod/%76od}/other/seg1.ts" "${media^^}/other/seg1.ts" "/s/x$media/other/seg1.ts" "/s/x/../..$media/other/seg1.ts" \
        "/s/x/s/y$media/other/seg1.ts" "/s//$media/other/seg1.ts" "/s/x//$media/other/seg1.ts" "/%73/x$media/other/seg1.ts" \
        "/s/x$media/film/%252e%252e/other/seg1.ts" "/s/x$media/film/../other/seg1.ts" "/s/x$media/film/%2e%2e/other/seg1.ts" \
        "/s/%2e%2e$media/other/seg1.ts" "/s/x%2f..$media/other/seg1.ts" "/s/x$media/film/%3f/%252e%252e/%252e%252e/other/seg1.ts" \
        "$media/film/../../s/x$media/other/seg1.ts" "http://elsewhere$media/film/../other/seg1.ts" "$base$media/film/../other/seg1.ts" "$base$media/other/seg1.ts"
}

# Tries each attack; prints those by which a careless origin served what is not the session's own.
successful_attacks() {
    local attack served
    while read -r attack; do
        call --header "X-Stream-Token: $token" --request-target "$attack" "$base/"
        served=$(header X-Served-Path)
        if [[ -n $served && $served != "$media"/film/* ]]; then printf '%s as %s\n' "$attack" "$served"; fi
    done < <(attacks)
}

test_attacks() {
    must_create attacks tv film
    check "no spelling of a path brings another title than the session's own ($(attacks | wc -l) tried)" \
        equals "$(successful_attacks)" ""
    call --header "X-Stream-Token: $token" --request-target "$media/film/a%20b/se%67%2b1.ts" "$base/"
    check "an encoded path is sent as what it stands for" equals "$got_status $(header X-Served-Path)" "200 $media/film/a%20b/seg%2B1.ts"
    call --request-target "/s/$token$media/film/a%20b/se%67%2b1.ts" "$base/"
    check "so is one behind a token" equals "$got_status $(header X-Served-Path)" "200 $media/film/a%20b/seg%2B1.ts"
}

# Without the binding, the same attacks must be seen to succeed: else they prove nothing.
test_attacks_unbound() {
    must_create unbound tv film
    local count
    count=$(successful_attacks | wc -l)
    note "without authorize.media_path $count of $(attacks | wc -l) attacks bring the other title"
    check "without authorize.media_path the attacks succeed" at_least "$count" 5
}

# Fetches 50 segments; checks what the answers were, and how many connections to the gateway were new.
fifty() { # statuses wanted, sentence, curl's arguments…
    local wanted=$1 sentence=$2 before statuses new
    shift 2
    before=$(connections)
    statuses=$(status --write-out '%{http_code}\n' "$@" "$base$media/film/seg[000-049].ts" | sort | uniq -c | tr -s ' ')
    new=$(($(connections) - before))
    note "$sentence:$statuses, new connections: $new"
    check "$sentence: 50 times $wanted" equals "$statuses" " 50 $wanted"
    check "$sentence: at most 1 new connection" at_most "$new" 1
}

test_connections() {
    local old
    must_create connections tv film
    fifty 200 "50 segments" --header "X-Stream-Token: $token"
    old=$token
    must_create connections tv film
    end_session "$token" "$session_id" >/dev/null
    fifty 401 "50 segments without a token"
    fifty 403 "50 segments of a stopped session" --header "X-Stream-Token: $token"
    fifty 200 "50 segments, HEAD" --head --header "X-Stream-Token: $old"
    fifty "$post_status" "50 POSTs with a body" --data body --header "X-Stream-Token: $old"
    check "the connections are counted at all" at_least "$(connections)" 1
}

test_cors() {
    local before segment=$base$media/film/seg3.ts
    before=$(authorize_count)
    call --request OPTIONS --header "Origin: $origin_cors" --header 'Access-Control-Request-Method: GET' \
        --header 'Access-Control-Request-Headers: x-stream-token,range' "$segment"
    check "a preflight is a 204 that lets the page's origin in, with cookies" equals \
        "$got_status $(header Access-Control-Allow-Origin) $(header Access-Control-Allow-Credentials)" "204 $origin_cors true"
    check "a preflight allows the token's header, for two hours" matches \
        "$(header Access-Control-Allow-Headers) $(header Access-Control-Max-Age)" 'Range.*X-Stream-Token 7200'
    check "the gateway isn't asked about a preflight" equals "$(authorize_count)" "$before"
    call --request OPTIONS --header 'Origin: https://elsewhere.example' --header 'Access-Control-Request-Method: GET' "$segment"
    check "a preflight from elsewhere is given nothing" equals "$(header Access-Control-Allow-Origin)$(header Access-Control-Allow-Methods)" ""
    must_create cors tv film
    call --header "Origin: $origin_cors" --header "X-Stream-Token: $token" "$segment"
    check "media has the CORS headers once, whatever the origin server says" equals \
        "$got_status $(header Access-Control-Allow-Origin)" "200 $origin_cors"
    call --header "Origin: $origin_cors" "$segment"
    check "a refusal can be read by a page, too" matches \
        "$got_status $(header Access-Control-Allow-Origin) $(header Access-Control-Expose-Headers)" "401 $origin_cors .*X-Stream-Reason"
}

test_player_api() {
    local path
    create player tv film
    check "a create is a 201" equals "$got_status $(header Location)" "201 /v1/sessions/$session_id"
    call --request POST --header "X-Stream-Token: $token" "$api/v1/sessions/$session_id/heartbeat"
    check "a heartbeat is a 200" equals "$got_status $(member .sessionId)" "200 $session_id"
    check "sendBeacon stops a session by the token in its path" equals \
        "$(status --header 'Content-Type: text/plain' --data bye "$api/v1/sessions/$token/stop")" 204
    for path in /v1/authorize /v1/authorize/x /v1/%61uthorize /v1/x/../authorize /v1//authorize /healthz / /other; do
        check "$path is not for the outside" matches "$(status --path-as-is --header "X-Stream-Token: $token" "$base$path")" '^40[04]$'
    done
}

# Requests that proxy and gateway could read in two ways: tests/hostile has them. $SMUGGLING_RESULTS: where the README's
# table is made from.
test_smuggling() { # the proxy's name
    check "no request means one thing to $1 and another to the gateway" python3 "$proxy_here/../hostile/smuggling.py" \
        "$1" "$gateway_port" "${base##*:}" "$gateway_log" ${SMUGGLING_RESULTS:+"$SMUGGLING_RESULTS"}
}

test_client_address() {
    status --header 'X-Forwarded-For: 198.51.100.91' --header 'Forwarded: for=198.51.100.92' \
        --header 'X-Real-IP: 198.51.100.93' "$api/v1/sessions/AAAAAAAAAAAAAAAAAAAAAA" >/dev/null
    status --header 'X-Forwarded-For: 198.51.100.91' --header 'Forwarded: for=198.51.100.92' "$base$media/film/seg1.ts" >/dev/null
    check "the gateway's log names the client" grep -q 'client=127\.0\.0\.1 ' "$gateway_log"
    check "a client can't say itself who it is" has_no 'client=198\.51\.100' "$gateway_log"
}

check_unavailable() { # sentence
    local before=$EPOCHREALTIME milliseconds
    call --header "Origin: $origin_cors" --header "X-Stream-Token: $token" "$base$media/film/seg4.ts"
    milliseconds=$(((${EPOCHREALTIME/./} - ${before/./}) / 1000))
    note "$1: $got_status in $milliseconds ms"
    check "$1: a segment is a 503 with Retry-After, which a page can read" equals \
        "$got_status $(header Retry-After) $(header Access-Control-Allow-Origin)" "503 1 $origin_cors"
    check "$1: the 503 comes before long" at_most "$milliseconds" 8000
}

segment_is_sent() {
    [[ $(status --header "X-Stream-Token: $token" "$base$media/film/seg4.ts") == 200 ]]
}

# The last test of a gateway: it is ended.
test_without_gateway() {
    must_create away tv film
    freeze "$gateway_pid"
    check_unavailable "the gateway hangs"
    thaw "$gateway_pid"
    check "segments are sent again as soon as the gateway goes on" wait_for 10 segment_is_sent
    end_gateway
    check_unavailable "the gateway closes connections"
    stop TERM "$counter_pid"
    check_unavailable "nobody listens"
}

test_proxy_logs() { # a path that must be in the first of $proxy_logs
    check "the proxy's log has a segment's path" grep -q -F "$1" "${proxy_logs[0]}"
    check "no token is in the proxy's logs" no_token_in "${proxy_logs[@]}"
    check "no query is in the proxy's logs" has_no 'stream_token' "${proxy_logs[@]}"
    check "no token is in the gateway's log" no_token_in "$gateway_log"
    check "no token came to the origin" no_token_in "$origin_log"
}

# All of them, over a proxy with its own sample of settings; then the attacks where nothing is bound.
run_proxy() { # the sample of settings, command of the proxy…
    local settings=$1
    shift
    start_gateway bound --config "$settings" GATEWAY_AUTH_MODE=open GATEWAY_STORE=memory GATEWAY_AUTHORIZE_TIMEOUT_MS=1000 \
        "GATEWAY_AUTHORIZE_MEDIA_PATH=$media/{mediaId}/"
    start_counter
    start_origin
    start_proxy "$@"
    test_verdicts
    test_identity
    test_own_address
    test_attacks
    test_connections
    test_cors
    test_player_api
    test_client_address
    test_smuggling "$proxy_name"
    test_without_gateway
    test_proxy_logs "$media/film/seg1.ts"
    stop TERM "$proxy_pid"
    stop TERM "$origin_pid"

    jq 'del(.authorize.media_path)' "$settings" >"$work/unbound.json"
    start_gateway unbound --config "$work/unbound.json" GATEWAY_AUTH_MODE=open GATEWAY_STORE=memory
    start_counter
    start_origin
    start_proxy "$@"
    test_attacks_unbound
    end_gateway
    stop TERM "$counter_pid"
    stop TERM "$origin_pid"
    stop TERM "$proxy_pid"
}
