#!/usr/bin/env bash
# The operator's console in a real Chromium, on a real gateway with Redis, which is stopped and goes on in between;
# with GATEWAY_LONG=1 on the embedded store, too. Screenshots stay in the folder given.
#
# usage: tests/browser/run.sh [GATEWAY [FOLDER]]    the binary; else $GATEWAY_BINARY. The folder: build/browser
# shellcheck source-path=SCRIPTDIR/../e2e
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
gateway=${1:-${GATEWAY_BINARY:?usage: run.sh GATEWAY [FOLDER], or set GATEWAY_BINARY}}
gateway=$(realpath "$gateway")
folder=${2:-$here/../../build/browser}

need_programs chromium node npm redis-server curl jq python3

# Debian's Chromium, and no browser of playwright's; modules as package-lock.json names them.
install_modules() {
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd -P)
    if ! cmp -s "$here/package-lock.json" "$folder/installed.json"; then
        cp "$here/package.json" "$here/package-lock.json" "$folder/"
        (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >"$work/npm.log" 2>&1 ||
            bail_out "npm ci failed: $(tail -n 5 "$work/npm.log")"
        cp "$here/package-lock.json" "$folder/installed.json"
    fi
}

# The tests on one store: each prints lines of its own, and counts as one check.
run_on() { # store, NAME=value… of the gateway
    local store=$1 status=0 admin
    shift
    start_gateway "$store" GATEWAY_ADMIN_TOKEN=tester:console-test-token "$@"
    admin=$(sed -n -E 's/.*setting=admin\.listen address=[^ ]*:([0-9]+).*/\1/p' "$gateway_log")
    TEST_STORE=$store TEST_PLAYER=http://127.0.0.1:$gateway_port TEST_ADMIN=http://127.0.0.1:$admin \
        TEST_TOKEN=console-test-token TEST_REDIS_PID=${redis_pid:-} TEST_FOLDER=$folder TEST_WORK=$work \
        node "$here/console.mjs" </dev/null || status=$?
    check "the console on the store $store" equals "$status" 0
    end_gateway
}

install_modules
# Of the two stores Redis has the outage too; the pages are the same on the other.
if [[ ${GATEWAY_LONG:-} == 1 ]]; then run_on memory GATEWAY_STORE=memory; fi
start_redis redis
run_on redis GATEWAY_REDIS_URL="$redis_url" GATEWAY_REDIS_TIMEOUT_MS=300
run_on deny GATEWAY_REDIS_URL="$redis_url" GATEWAY_REDIS_TIMEOUT_MS=300 GATEWAY_REDIS_ON_OUTAGE=deny
e2e_end
