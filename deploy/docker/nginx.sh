#!/bin/sh
# Makes /etc/nginx/conf.d/stream-gateway.conf of deploy/nginx/stream-gateway.conf when the nginx container starts:
# fills in what is marked EDIT there and is this set-up's to say, and leaves the rest alone. Ends with 1 where a line
# isn't there any more.
#
#   STREAM_GATEWAYS      the gateways' player listeners, host:port, with blanks between them
#   STREAM_SERVER_NAME   the server's name
set -eu

source=${1:-/etc/stream-gateway/stream-gateway.conf}
target=${2:-/etc/nginx/conf.d/stream-gateway.conf}

servers=
for gateway in $STREAM_GATEWAYS; do
    servers="$servers server $gateway;"
done

# Puts one line in another's place; there must be exactly one that begins so.
edit() { # how the line begins, what it becomes
    if [ "$(grep -c "^ *$1" "$target")" -ne 1 ]; then
        echo "nginx.sh: no line, or more than one, begins with $1 in $source" >&2
        exit 1
    fi
    sed -i "s|^\( *\)$1.*|\1$2|" "$target"
}

cp "$source" "$target"
edit 'server 127\.0\.0\.1:8080;' "${servers# }"
edit 'server_name ' "server_name $STREAM_SERVER_NAME;"
edit 'access_log ' 'access_log /dev/stdout stream_gateway;'
edit 'error_log ' 'error_log /dev/stderr crit;'
