#!/usr/bin/env bash
# Checks the README's two commands in a fresh Debian: clones HEAD into a root made by debootstrap,
# runs quickstart there until /healthz answers, then tests/run.sh with the dev preset.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tests/clean-clone.sh [RELEASE [MIRROR]]
  RELEASE  bookworm (the default), trixie, …
  MIRROR   a Debian mirror; by default the one in this machine's apt sources
TEXT
}

fail() {
    printf 'clean-clone: %s\n' "$*" >&2
    exit 1
}

say() {
    printf 'clean-clone: %4d s  %s\n' "$SECONDS" "$*"
}

case ${1:-} in
-h | --help) usage && exit 0 ;;
-*) usage >&2 && exit 2 ;;
esac
[[ $# -le 2 ]] || { usage >&2 && exit 2; }

# shellcheck source=tests/debian_root.sh
. "$(dirname "${BASH_SOURCE[0]}")/debian_root.sh"
root_enter "${BASH_SOURCE[0]}" "$@"

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
release=${1:-bookworm}
work=$DEBIAN_ROOT_WORK
tree=$work/root
clone=/opt/stream-gateway # in the root
mirror=${2:-$(root_mirror)}

say "makes a root of Debian $release"
root_make "$release" "$tree" "$mirror"
root_mount "$tree"
git clone -q --no-hardlinks "$repository" "$tree$clone"
if [[ -n $(git -C "$repository" status --porcelain) ]]; then
    say "note: what isn't committed is not tested"
fi

say "deploy/quickstart.sh"
read -r player admin < <(python3 -c '
import socket
ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(p.getsockname()[1] for p in ports))')
chroot "$tree" env -i "${root_environment[@]}" \
    GATEWAY_PLAYER_LISTEN="127.0.0.1:$player" GATEWAY_ADMIN_LISTEN="127.0.0.1:$admin" \
    bash "$clone/deploy/quickstart.sh" >"$work/quickstart.log" 2>&1 </dev/null &
quickstart=$!
answer=
for ((i = 0; i < 1200; i++)); do
    answer=$(curl --noproxy '*' -s -o /dev/null -m 5 -w '%{http_code}' "http://127.0.0.1:$player/healthz") || true
    if [[ $answer == 200 ]] || ! kill -0 "$quickstart" 2>/dev/null; then break; fi
    sleep 1
done
if [[ $answer != 200 ]]; then
    cat "$work/quickstart.log" >&2
    fail "quickstart serves no /healthz (the last answer was $answer)"
fi
say "/healthz answers 200"
kill -TERM "$quickstart"
status=0
wait "$quickstart" || status=$?
if [[ $status -ne 0 ]]; then
    cat "$work/quickstart.log" >&2
    fail "the gateway ended with status $status after SIGTERM"
fi

say "tests/run.sh --preset dev"
chroot "$tree" env -i "${root_environment[@]}" bash "$clone/tests/run.sh" --preset dev </dev/null || fail "tests/run.sh failed"
say "all is well in Debian $release"
