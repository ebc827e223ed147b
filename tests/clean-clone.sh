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

PATH=$PATH:/usr/sbin:/sbin
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
release=${1:-bookworm}
mirror=${2:-}

# ---- outside: everything that has to be undone is undone here ----

if [[ -z ${CLEAN_CLONE_WORK:-} ]]; then
    [[ $EUID -eq 0 ]] || fail "needs root, for debootstrap and chroot"
    for tool in debootstrap git curl python3 unshare; do
        command -v "$tool" >/dev/null || fail "no $tool; run deploy/install-deps.sh --tests --long"
    done
    work=$(mktemp -d /var/tmp/clean-clone.XXXXXX)
    trap 'rm -rf --one-file-system "$work"' EXIT
    # Mounts and processes of the root live in namespaces, which end with the inner script however
    # it ends; so there is nothing mounted and nothing running when the folder is removed.
    status=0
    CLEAN_CLONE_WORK=$work unshare --mount --pid --fork --kill-child --mount-proc \
        bash "${BASH_SOURCE[0]}" "$@" || status=$?
    exit "$status"
fi

# ---- inside ----

work=$CLEAN_CLONE_WORK
tree=$work/root
clone=/opt/stream-gateway # in the root

# The proxy, if there is one, and how npm reaches its registry are all of the environment that the root is given.
# make_root copies the certificates.
environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt)
for name in http_proxy https_proxy no_proxy npm_config_registry; do
    if [[ -n ${!name:-} ]]; then environment+=("$name=${!name}"); fi
done

in_root() { # command…
    chroot "$tree" env -i "${environment[@]}" "$@"
}

find_mirror() {
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # shellcheck disable=SC2016 # apt's variable
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' \
        "Codename: $codename" | sort -u | sed -n 1p
}

make_root() {
    local certificate
    debootstrap --variant=minbase "$release" "$tree" "$mirror" >"$work/debootstrap.log" 2>&1 || {
        tail -n 30 "$work/debootstrap.log" >&2
        fail "debootstrap $release failed"
    }
    mount -t proc proc "$tree/proc"
    mount -t tmpfs tmpfs "$tree/dev/shm"
    # How this machine's apt reaches its mirror: proxies, certificates, checks that are off.
    apt-config dump | grep -E '^Acquire::(http|https|ftp|Check|Retries|ForceIPv)' \
        >"$tree/etc/apt/apt.conf.d/90clean-clone" || true
    sed -n -E 's/^Acquire::https.*::(CAInfo|SslCert|SslKey) "(.+)";/\2/Ip' "$tree/etc/apt/apt.conf.d/90clean-clone" |
        while read -r certificate; do
            if [[ -r $certificate ]]; then install -D -m 644 "$certificate" "$tree$certificate"; fi
        done
    cp -L /etc/resolv.conf /etc/hosts "$tree/etc/"
    if [[ -r /etc/ssl/certs/ca-certificates.crt ]]; then
        install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/ca-certificates.crt"
    fi
}

if [[ -z $mirror ]]; then
    mirror=$(find_mirror)
    if [[ -z $mirror ]]; then
        apt-get update -q >/dev/null || true
        mirror=$(find_mirror)
    fi
    [[ -n $mirror ]] || fail "no Debian mirror among apt's sources; name one as the second argument"
fi

say "makes a root of Debian $release"
make_root
git clone -q --no-hardlinks "$repository" "$tree$clone"
if [[ -n $(git -C "$repository" status --porcelain) ]]; then
    say "note: what isn't committed is not tested"
fi

say "deploy/quickstart.sh"
read -r player admin < <(python3 -c '
import socket
ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(p.getsockname()[1] for p in ports))')
chroot "$tree" env -i "${environment[@]}" \
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
in_root bash "$clone/tests/run.sh" --preset dev </dev/null || fail "tests/run.sh failed"
say "all is well in Debian $release"
