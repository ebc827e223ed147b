#!/usr/bin/env bash
# Builds the gateway as it is released, fetches the peers, and measures them side by side. Arguments go to bench.py:
# --quick, --only, --json FILE, --svg FILE, …; --help lists them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=build/bench
deploy/install-deps.sh --tests
# The release preset, with the tests' folder, where the benchmark's own programs are.
cmake --preset release -B "$build" -DGATEWAY_TESTS=ON >/dev/null
cmake --build "$build" --target stream-gateway bench_load bench_floor bench_micro bench_viewers >"$build/build.log" ||
    { cat "$build/build.log" && exit 1; }

peers=(--peers "$build/peers")
if ! tests/bench/peers/fetch.sh "$PWD/$build/peers" >"$build/peers.log" 2>&1; then
    printf 'the peers could not be fetched, and are left out: %s\n' "$(tail -n 1 "$build/peers.log")" >&2
    peers=()
fi
exec python3 tests/bench/bench.py --binaries "$build" ${peers[@]+"${peers[@]}"} "$@"
