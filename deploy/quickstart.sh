#!/usr/bin/env bash
# Installs what is needed, builds stream-gateway and runs it on the embedded store (or on Redis,
# where REDIS_URL says so); --no-run stops after the build, all else is passed to the gateway.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
gateway=$root/build/release/stream-gateway

run=yes arguments=()
for argument in "$@"; do
    case $argument in
    --no-run) run=no ;;
    *) arguments+=("$argument") ;;
    esac
done

bash "$root/deploy/install-deps.sh"

# In a shell of its own: the gateway's arguments may name files relative to where the caller is.
(cd "$root" && cmake --workflow --preset release)

player=${GATEWAY_PLAYER_LISTEN:-127.0.0.1:8080}
admin=${GATEWAY_ADMIN_LISTEN:-127.0.0.1:8081}
cat <<TEXT

built    $gateway
listens  player API on http://$player, health for operators on http://$admin
try      curl -i http://$player/v1/sessions --json '{"userId":"u1","familyId":"f1","deviceId":"d1","mediaId":"m1"}'

TEXT

if [[ $run == yes ]]; then
    exec "$gateway" ${arguments[@]+"${arguments[@]}"}
fi
