#!/usr/bin/env bash
# Runs the tests that need a Redis against Valkey 8 instead: the distribution's package, fetched and unpacked
# in a folder of its own, never installed. Debian 12 has it among its backports.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tests/valkey.sh [BUILD]
  BUILD  the folder of a build with tests; by default build/dev, which is built if need be
TEXT
}

fail() {
    printf 'valkey: %s\n' "$*" >&2
    exit 1
}

case ${1:-} in
-h | --help) usage && exit 0 ;;
-*) usage >&2 && exit 2 ;;
esac
[[ $# -le 1 ]] || { usage >&2 && exit 2; }

PATH=$PATH:/usr/sbin:/sbin
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${1:-build/dev}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v apt-get >/dev/null || fail "this is not a Debian-family system; set GATEWAY_TEST_REDIS to a valkey-server and run ctest"

# ---- the package ----

# shellcheck source=/dev/null
read -r distribution release < <(. /etc/os-release && echo "$ID ${VERSION_CODENAME:-}")
suites=("$release")
[[ $release != bookworm ]] || suites+=("$release-backports")

find_mirror() {
    # shellcheck disable=SC2016 # apt's variable
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' "Codename: $release" |
        sort -u | sed -n 1p
}

# An apt whose state is all our own, but for the list of what is installed here.
own_apt() { # arguments of apt-get
    apt-get -q -o "Dir::State=$work/state" -o "Dir::State::status=/var/lib/dpkg/status" \
        -o "Dir::Cache=$work/cache" -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=/dev/null" \
        -o "APT::Sandbox::User=root" -o "Debug::NoLocking=true" "$@"
}

# Fetches valkey-server and what it needs that isn't installed here, and unpacks it all.
fetch() {
    local mirror suite package options='' key=/usr/share/keyrings/$distribution-archive-keyring.gpg
    mirror=$(find_mirror)
    if [[ -z $mirror ]]; then
        apt-get update -q || true
        mirror=$(find_mirror)
    fi
    if [[ -z $mirror ]]; then
        echo "no source of release '$release' among apt's sources"
        return 1
    fi
    if [[ -r $key ]]; then options="[signed-by=$key]"; fi
    mkdir -p "$work"/{root,state/lists/partial,cache/archives/partial}
    for suite in "${suites[@]}"; do
        printf 'deb %s %s %s main\n' "$options" "$mirror" "$suite"
    done >"$work/sources.list"
    own_apt update && own_apt install -y --no-install-recommends --download-only valkey-server || return 1
    for package in "$work"/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$work/root" || return 1
    done
}

fetch >"$work/log" 2>&1 </dev/null || {
    cat "$work/log" >&2
    fail "could not fetch valkey-server; is the network up, and does the mirror in apt's sources carry ${suites[*]}?"
}

# What the tests start instead of redis-server; it counts its starts, so that nobody takes Redis for it.
libraries=$(find "$work/root" -name '*.so*' -printf '%h\n' | sort -u | paste -sd :)
cat >"$work/server" <<SH
#!/bin/sh
echo >>"$work/starts"
LD_LIBRARY_PATH="$libraries" exec "$work/root/usr/bin/valkey-server" "\$@"
SH
chmod +x "$work/server"
version=$("$work/server" --version) || fail "the valkey-server that was fetched doesn't run"
printf '%s\n' "$version"
[[ $version == *" v=8."* ]] || fail "this is no Valkey 8"
: >"$work/starts"

# ---- the tests ----

if [[ ! -e $build/CTestTestfile.cmake ]]; then
    [[ $build == build/dev ]] || fail "no build with tests in $build"
    if ! { cmake --preset dev && cmake --build "$build"; } >"$work/log" 2>&1; then
        cat "$work/log" >&2
        fail "the build failed"
    fi
fi
status=0
GATEWAY_TEST_REDIS=$work/server GATEWAY_NO_SKIP=1 ctest --test-dir "$build" --output-on-failure --no-tests=error \
    -R '^(compat_|test_(contract_|random$|redis_|outage|race|crash$|api_|process_))' </dev/null || status=$?
starts=$(wc -l <"$work/starts")
printf 'valkey: the tests started it %d times\n' "$starts"
[[ $status -eq 0 && $starts -gt 0 ]]
