#!/usr/bin/env bash
# Makes the secrets that compose.yaml mounts, where there are none yet: secrets/ beside this script, or in DIR.
#
# The folder is its owner's alone. What is in it and containers read as users of their own must be readable by
# everybody there: an engine mounts such files with the rights that they have here.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
if [[ $# -gt 1 || ${1:-} == -* ]]; then
    printf 'usage: deploy/docker/secrets.sh [DIR]\n' >&2
    exit 2
fi
dir=${1:-$here/secrets}

umask 077
mkdir -p "$dir"
chmod 0700 "$dir"

random_hex() { # bytes
    od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

# Keeps a secret that is there.
make() { # name, secret
    if [[ ! -s $dir/$1 ]]; then printf '%s\n' "$2" >"$dir/$1"; fi
}

bash "$here/../redis/users.sh" "$dir/redis" >/dev/null
make tokens-keys "$(random_hex 32)"
make api-keys "backend:$(random_hex 24)"
make admin-token "$(random_hex 24)"
make redis-url "redis://gateway:$(tail -n 1 "$dir/redis/passwords/gateway")@redis:6379/0"

chmod 0755 "$dir/redis" "$dir/redis/passwords"
chmod 0644 "$dir"/{tokens-keys,api-keys,admin-token,redis-url} "$dir"/redis/{users.acl,passwords/gateway}
printf 'secrets are in %s; callers of create present %s\n' "$dir" "$dir/api-keys (what stands behind the colon)"
