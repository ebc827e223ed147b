#!/usr/bin/env bash
# What is shipped: the release preset's binary has its hardening, and `cmake --install` puts everything where it
# belongs.
#
# usage: tests/e2e/release.sh FOLDER    where the release is built; kept, so that the next run is quick
# shellcheck source-path=SCRIPTDIR disable=SC2317 # functions that check and wait_for call are reachable
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
build=${1:?usage: release.sh FOLDER}

need_programs cmake readelf objdump python3

build_release() {
    (cd "$root" && cmake --preset release -B "$build") >"$work/configure.log" 2>&1 &&
        cmake --build "$build" >"$work/build.log" 2>&1
}

installs() {
    env DESTDIR="$work/root" cmake --install "$build" --prefix /usr >"$work/install.log" 2>&1
}

installed_files() {
    (cd "$work/root" && find . -type f | sort | tr '\n' ' ')
}

# Whether the tree's file came through as it is.
is_the_same() { # installed, in the tree
    cmp "$work/root/usr/$1" "$root/$2"
}

check "what tells a hardened program from others misses nothing" python3 "$here/hardening.py" --self
check "the release preset builds" build_release
check "it installs" installs
check "the release has its hardening" python3 "$here/hardening.py" "$work/root/usr/bin/stream-gateway"
check "it runs" matches "$("$work/root/usr/bin/stream-gateway" --version)" '^stream-gateway [0-9]+\.[0-9]+\.[0-9]+$'
check "nothing else is installed than what there is to be" equals "$(installed_files)" \
    "./usr/bin/stream-gateway ./usr/lib/systemd/system/stream-gateway.service ./usr/lib/sysusers.d/stream-gateway.conf \
./usr/share/doc/stream-gateway/gateway.json ./usr/share/doc/stream-gateway/systemd/gateway.json \
./usr/share/doc/stream-gateway/systemd/secrets.conf "
check "the unit is the tree's" is_the_same lib/systemd/system/stream-gateway.service deploy/systemd/stream-gateway.service
check "so is the user's file" is_the_same lib/sysusers.d/stream-gateway.conf deploy/systemd/stream-gateway.sysusers
e2e_end
