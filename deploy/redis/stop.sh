#!/usr/bin/env bash
# Stops what start.sh started in a folder; data and logs stay.
#
# usage: deploy/redis/stop.sh DIR
set -euo pipefail

[[ $# -eq 1 && -d $1 ]] || { printf 'usage: deploy/redis/stop.sh DIR, the folder that start.sh was given\n' >&2 && exit 2; }
dir=$(cd "$1" && pwd -P)

# A pid may be another's by now: ours works in its own folder below DIR.
runs() { # name
    local pid
    pid=$(cat "$dir/$1.pid" 2>/dev/null) && [[ $(readlink "/proc/$pid/cwd") == "$dir/$1" ]]
}

# Sends a signal to all that run; succeeds where none did.
signal_all() { # signal
    local name none=yes
    for name in "${names[@]}"; do
        runs "$name" || continue
        none=no
        kill -s "$1" "$(<"$dir/$name.pid")" 2>/dev/null || true
    done
    [[ $none == yes ]]
}

names=()
for file in "$dir"/*.pid; do
    name=${file##*/}
    if [[ -e $file ]]; then names+=("${name%.pid}"); fi
done
[[ ${#names[@]} -gt 0 ]] || exit 0

signal_all TERM || true
signal_all CONT || true # one that was stopped gets its TERM only then
deadline=$((SECONDS + 11))
until signal_all 0; do
    if [[ $SECONDS -ge $deadline ]]; then signal_all KILL || true; fi
    sleep 0.05
done
for name in "${names[@]}"; do rm -f "$dir/$name.pid"; done
