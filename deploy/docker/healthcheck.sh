#!/usr/bin/env bash
# Whether an HTTP server of this container answers as it should; by bash's own sockets, since the image has no curl.
#
# usage: healthcheck.sh ADDRESS PATH STATUS    for example 127.0.0.1:8081 /healthz 200
set -euo pipefail

address=${1:?usage: healthcheck.sh ADDRESS PATH STATUS}
path=${2:?no path}
wanted=${3:?no status}

exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$path" "$address" >&3
read -r -t 2 _ got _ <&3
if [[ $got != "$wanted" ]]; then
    printf '%s%s: %s\n' "$address" "$path" "$got" >&2
    exit 1
fi
