#!/usr/bin/env bash
# The gateway's metrics as Prometheus takes them: what promtool says of a scrape, of deploy/prometheus and of its alerts;
# then a Prometheus that scrapes a live gateway on Redis, and answers what the dashboard asks.
#
# usage: tests/e2e/metrics.sh [GATEWAY]    the gateway's binary; else $GATEWAY_BINARY
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2317 # the dollars are Grafana's; functions that check and wait_for call are reachable
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
samples=$root/deploy/prometheus
dashboard=$root/deploy/grafana/stream-gateway.json
gateway=$(realpath "${1:-${GATEWAY_BINARY:?usage: metrics.sh GATEWAY, or set GATEWAY_BINARY}}")
secret=a-secret-of-the-test

need_programs promtool prometheus redis-server curl jq python3

# ---- What needs no gateway ----

promtool_says() { # promtool's arguments…
    promtool "$@" >"$work/promtool.out" 2>&1 || { sed 's/^/# /' "$work/promtool.out" && false; }
}

printf '%s' "$secret" >"$work/token"
check "the rules are sound" promtool_says check rules "$samples/alerts.yml"
check "each alert fires when it should" promtool_says test rules "$samples/alerts_test.yml"
every_alert_is_tested() {
    ! grep -o 'alert: .*' "$samples/alerts.yml" | sed 's/alert: //' | while read -r alert; do
        awk -v alert="$alert" '$0 ~ "alertname: " alert "$" { named = 1 } named && /exp_labels/ { fires = 1 }
            /alertname: / && $0 !~ alert "$" { named = 0 } END { exit !fires }' "$samples/alerts_test.yml" || echo "# $alert"
    done | grep .
}
check "and there is a test in which it does" every_alert_is_tested

# ---- A scrape ----

start_redis main
start_gateway main "GATEWAY_REDIS_URL=$redis_url" "GATEWAY_ADMIN_TOKEN=prometheus:$secret"
api=http://127.0.0.1:$gateway_port
admin_port=$(sed -n -E 's/.*setting=admin\.listen address=[^ ]*:([0-9]+).*/\1/p' "$gateway_log")

watch() { # one viewer comes, watches, and goes
    must_create "$1" tv film
    [[ $(status --header "X-Stream-Token: $token" "$api/v1/authorize") == 200 ]]
    call --request POST --header "X-Stream-Token: $token" "$api/v1/sessions/$session_id/heartbeat"
    [[ $(end_session "$token" "$session_id") == 204 ]]
}
for viewer in 1 2 3; do watch "family $viewer"; done
must_create full tv film
must_create full tv film
create full tv film
check "a third stream on a device is refused" equals "$got_status" 409

metrics=http://127.0.0.1:$admin_port/metrics
check "metrics want the token" equals "$(status "$metrics")" 401
call --header "Authorization: Bearer $secret" "$metrics"
check "with it they are there" equals "$got_status" 200
check "promtool has nothing to say of them" promtool_says check metrics <"$work/body"
check "they hold no token" no_token_in "$work/body"

# ---- Prometheus itself ----

sed -e "s|/etc/prometheus/stream-gateway.token|$work/token|" -e "s|127.0.0.1:8081|127.0.0.1:$admin_port|" \
    -e 's|scrape_interval: 15s|scrape_interval: 1s|' -e 's|evaluation_interval: 15s|evaluation_interval: 1s|' \
    -e 's|scrape_timeout: 5s|scrape_timeout: 1s|' "$samples/prometheus.yml" >"$work/prometheus.yml"
cp "$samples/alerts.yml" "$work/alerts.yml"
check "the configuration is sound" promtool_says check config "$work/prometheus.yml"

prometheus_port=$(free_port)
start "$work/prometheus.log" prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
    --web.listen-address="127.0.0.1:$prometheus_port"
prometheus_pid=$started_pid

# The values of a query, one a line; fails where Prometheus doesn't answer it.
query() { # PromQL
    fetch --get --data-urlencode "query=$1" "http://127.0.0.1:$prometheus_port/api/v1/query" |
        jq -er 'if .status == "success" then .data.result[]?.value[1] // empty else error(.error) end'
}
is_scraped() { # at least so often
    ! has_ended "$prometheus_pid" || bail_out "prometheus ended: $(tail -n 3 "$work/prometheus.log")"
    [[ $(query 'count_over_time(stream_gateway_sessions_active[5m])' 2>/dev/null || echo 0) -ge $1 ]]
}
wait_for 60 is_scraped 3 || bail_out "Prometheus gets no metrics"
check "Prometheus scrapes the gateway" equals "$(query 'up{job="stream-gateway"}')" 1
check "and has what happened: sessions" equals "$(query stream_gateway_sessions_active)" 2
check "creates" equals "$(query 'stream_gateway_creates_total{code="ok"}')" 5
check "denials" equals "$(query 'stream_gateway_denials_total{cause="device_limit"}')" 1
check "ends" equals "$(query 'stream_gateway_session_ends_total{reason="stopped"}')" 3

# The dashboard's queries, as Grafana would send them.
mapfile -t queries < <(jq -r '.panels[].targets[]?.expr' "$dashboard" | sed -e 's/\$__rate_interval/1m/g' \
    -e 's/\$__range/5m/g' -e 's/\$job/stream-gateway/g' -e 's/\$instance/.*/g')
check "the dashboard has queries" at_least "${#queries[@]}" 40
answers_all() {
    local each failed=0
    for each in "${queries[@]}"; do
        query "$each" >/dev/null 2>"$work/query.err" || [[ ! -s $work/query.err ]] || { note "$each: $(<"$work/query.err")" && failed=1; }
    done
    return "$failed"
}
check "Prometheus answers each" answers_all
# Those that end in `> 0` may well have nothing to show.
shows_something() {
    local each failed=0
    for each in "${queries[@]}"; do
        [[ $each == *'> 0' || -n $(query "$each" 2>/dev/null) ]] || { note "nothing: $each" && failed=1; }
    done
    return "$failed"
}
check "and has something to show for it" shows_something
check "no alert fires" equals "$(query 'ALERTS{alertstate="firing"}')" ''

stop TERM "$prometheus_pid"
end_gateway
e2e_end
