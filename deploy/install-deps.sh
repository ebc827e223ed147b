#!/usr/bin/env bash
# Installs what building stream-gateway needs, and with --tests what its tests need.
#
# Run again it finds everything in place and ends at once, without root and without the network.
# On a release whose libmicrohttpd or hiredis is too old (Debian 12) it builds Debian 13's source
# packages of the two into /usr/local; everywhere else the distribution's packages do.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/install-deps.sh [--tests] [--long]
  --tests   also what tests/run.sh needs: criterion, redis, nginx, caddy, haproxy, ffmpeg, chromium, …
  --long    also what tests/run.sh --long and --fuzz need: debootstrap, clang (includes --tests)
TEXT
}

fail() {
    printf 'install-deps: %s\n' "$*" >&2
    exit 1
}

packages=(
    build-essential cmake ninja-build pkgconf
    libuv1-dev libjansson-dev libsodium-dev libjwt-dev uthash-dev
    libgnutls28-dev libssl-dev # what libmicrohttpd and hiredis do TLS with
    curl jq # for the README's tour
)
test_packages=(libcriterion-dev redis-server redis-tools openssl nginx caddy haproxy slowhttptest ffmpeg prometheus python3 chromium systemd)
# Another vendor's nodejs brings its own npm, and can't stand beside Debian's.
if ! command -v npm >/dev/null; then test_packages+=(nodejs npm); fi
long_packages=(debootstrap git clang libclang-rt-dev llvm)

# pkg-config name, oldest version that will do, Debian's package, Debian's source package
libraries=(
    "libmicrohttpd 1.0 libmicrohttpd-dev libmicrohttpd"
    "hiredis       1.1 libhiredis-dev    hiredis"
    "hiredis_ssl   1.1 libhiredis-dev    hiredis"
)
# The release whose source packages stand in for libraries that are too old.
source_release=trixie

with_tests=no with_long=no
for argument in "$@"; do
    case $argument in
    --tests) with_tests=yes ;;
    --long) with_tests=yes with_long=yes ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
    esac
done
if [[ $with_tests == yes ]]; then packages+=("${test_packages[@]}"); fi
if [[ $with_long == yes ]]; then packages+=("${long_packages[@]}"); fi

# A plain user's PATH lacks the directories of ldconfig and of what dpkg calls.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    fail "this is not a Debian-family system; install by its own means:
  a C17 compiler, cmake 3.25 or newer, ninja, pkg-config, libuv, jansson, libsodium, libjwt 1.x, uthash, GnuTLS,
  OpenSSL, libmicrohttpd 1.0 or newer (with GnuTLS), hiredis 1.1 or newer (with hiredis_ssl)
  and for the tests: criterion, redis-server, openssl, nginx with auth_request, caddy, haproxy with Lua, slowhttptest, ffmpeg, prometheus
  with promtool, chromium, node 18 or newer with npm, curl, jq, python3, systemd-analyze and systemd-sysusers
then build with: cmake --workflow --preset release"
fi

# ---- what is missing ----

is_usable() { # pkg-config name, version
    pkg-config --atleast-version="$2" "$1" 2>/dev/null
}

# Prints those of the given packages that are not installed, one a line.
missing_packages() {
    local installed
    installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null | sed -n 's/^.i //p') || true
    printf '%s\n' "$@" | grep -vxF "$installed" || true
}

mapfile -t missing < <(missing_packages "${packages[@]}")
lacking=() # entries of the table of libraries
for library in "${libraries[@]}"; do
    read -r name version _ <<<"$library"
    is_usable "$name" "$version" || lacking+=("$library")
done
if [[ ${#missing[@]} -eq 0 && ${#lacking[@]} -eq 0 ]]; then
    exit 0
fi

# ---- installing packages ----

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Runs a command whose output is of interest only if it fails.
quietly() { # what it is doing, command…
    local what=$1 started=$SECONDS
    shift
    printf 'install-deps: %s … ' "$what"
    if "$@" >"$work/log" 2>&1 </dev/null; then
        printf '%d s\n' $((SECONDS - started))
    else
        printf 'failed\n'
        cat "$work/log" >&2
        return 1
    fi
}

if [[ $EUID -eq 0 ]]; then
    as_root() { "$@"; }
elif command -v sudo >/dev/null; then
    as_root() { sudo -- "$@"; }
    # Asks for the password before output goes to a log.
    as_root true || fail "sudo refused; as root, run: $0 $*"
else
    fail "neither root nor sudo; as root, run: $0 $*"
fi

# The distribution's services are not to start, tests start their own servers: systemctl obeys
# SYSTEMD_OFFLINE, and where no init runs (containers, chroots) Debian's scripts start nothing.
apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 \
        apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}

# A source that can't be reached is no failure to apt-get update, nor always to us: what counts
# is whether the packages are then found. It is only named when they aren't.
quietly "apt-get update" as_root apt-get update -q ||
    fail "apt-get update failed; is the network up, and are apt's sources in order?"
update_problems=$(grep -E '^(W|E|Err):' "$work/log") || true

candidate_version() { # package
    LC_ALL=C apt-cache policy "$1" | sed -n 's/^ *Candidate: //p'
}

sources=() # source packages to build
for library in "${lacking[@]}"; do
    read -r name version package source <<<"$library"
    candidate=$(candidate_version "$package")
    # A package that apt doesn't know is left to apt-get install to complain about.
    if [[ $candidate != [0-9]* ]] || dpkg --compare-versions "$candidate" ge "$version"; then
        [[ " ${missing[*]} " == *" $package "* ]] || missing+=("$package")
    else
        [[ " ${sources[*]} " == *" $source "* ]] || sources+=("$source")
    fi
done

if [[ ${#missing[@]} -gt 0 ]]; then
    printf 'install-deps: %s\n' "packages: ${missing[*]}"
    quietly "apt-get install" apt_install "${missing[@]}" ||
        fail "apt-get install failed${update_problems:+; before it, apt-get update had said:
$update_problems}"
fi

# ---- building what the release has too old ----

# Print apt's sources of this machine, those of the release's own suites, as sources of
# $source_release's source packages: same mirror, same options, same keys. One awk program for
# each of apt's two formats.
# shellcheck disable=SC2016 # the dollars are awk's
rewrite_suite='
    function rewritten(suite) { # "" for a suite that is not one of the release'\''s own
        if (suite == from) return to
        if (suite == from "-updates") return to "-updates"
        if (suite == from "-security") return to "-security"
        return ""
    }
    function has(words, word) { return index(" " words " ", " " word " ") > 0 }
'
# shellcheck disable=SC2016
rewrite_list='
    /^[ \t]*deb[ \t]/ && !/cdrom:/ {
        sub(/#.*/, "")
        options = ""
        if (match($0, /^[ \t]*deb[ \t]+\[[^]]*\]/)) {
            options = substr($0, 1, RLENGTH)
            rest = substr($0, RLENGTH + 1)
            sub(/^[^[]*/, "", options)
            $0 = "deb " rest
        }
        components = ""
        for (i = 4; i <= NF; i++) components = components " " $i
        if (rewritten($3) != "" && has(components, "main"))
            print "deb-src", options, $2, rewritten($3), "main"
    }
'
# shellcheck disable=SC2016
rewrite_deb822='
    BEGIN { RS = ""; FS = "\n" }
    {
        split("", value)
        kept = field = suites = ""
        for (i = 1; i <= NF; i++) {
            if ($i ~ /^#/) continue
            text = $i
            if ($i !~ /^[ \t]/) {
                field = tolower($i)
                sub(/[ \t]*:.*/, "", field)
                sub(/^[^:]*:/, "", text)
            }
            gsub(/[ \t]+/, " ", text)
            if (field ~ /^(types|suites|components|enabled)$/) value[field] = value[field] " " text
            else kept = kept $i "\n"
        }
        count = split(value["suites"], suite, / +/)
        for (i = 1; i <= count; i++) if (rewritten(suite[i]) != "") suites = suites " " rewritten(suite[i])
        if (suites != "" && has(value["types"], "deb") && has(value["components"], "main") &&
            tolower(value["enabled"]) !~ /no|false|off|disable|without|0/)
            print "Types: deb-src\nSuites:" suites "\nComponents: main\n" kept
    }
'

# Writes them where apt reads them: a folder for Dir::Etc::sourceparts.
write_sources() { # this machine's release, folder
    local list='' parts='' file
    eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)" # parts ends in /
    for file in "$list" "$parts"*.list; do
        if [[ -r $file ]]; then awk -v from="$1" -v to="$source_release" "$rewrite_suite$rewrite_list" "$file"; fi
    done >"$2/debian.list"
    for file in "$parts"*.sources; do
        if [[ -r $file ]]; then awk -v from="$1" -v to="$source_release" "$rewrite_suite$rewrite_deb822" "$file"; fi
    done >"$2/debian.sources"
    [[ -s $2/debian.list || -s $2/debian.sources ]]
}

# Fetches and unpacks source packages with an apt whose state is all our own.
fetch_sources() { # source packages…
    local apt=(
        apt-get -q
        -o "Dir::State=$work/state" -o "Dir::State::status=/var/lib/dpkg/status" -o "Dir::Cache=$work/cache"
        -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$work/sources"
        -o "APT::Sandbox::User=root" # apt's own user may not enter a private folder
    )
    # Other vendors' sources were rewritten with Debian's and may well fail here.
    "${apt[@]}" update || true
    (cd "$work/src" && "${apt[@]}" source --only-source "$@")
}

# In these, && does what set -e does not do inside a condition.

build_libmicrohttpd() {
    ./configure --prefix=/usr/local --enable-https=yes \
        --disable-doc --disable-examples --disable-tools --disable-curl --disable-nls &&
        make -j"$(nproc)" &&
        as_root make install
}

# The two paths are said because hiredis would take LIBRARY_PATH, gcc's own variable, for its own.
build_hiredis() {
    local settings=(PREFIX=/usr/local LIBRARY_PATH=lib INCLUDE_PATH=include/hiredis USE_SSL=1)
    make -j"$(nproc)" "${settings[@]}" &&
        as_root make "${settings[@]}" install
}

build() ( # source package; in a shell of its own, for the folder and the variables
    unset DESTDIR
    cd "$work/src/$1"-*/ &&
        eval "$(DEB_BUILD_MAINT_OPTIONS=hardening=+bindnow dpkg-buildflags --export=sh)" &&
        "build_$1" &&
        as_root ldconfig
)

if [[ ${#sources[@]} -gt 0 ]]; then
    # shellcheck source=/dev/null
    read -r distribution release < <(. /etc/os-release && echo "$ID ${VERSION_CODENAME:-}")
    [[ $distribution == debian || $distribution == raspbian ]] ||
        fail "this release's ${sources[*]} is too old: use Debian 12 or newer or Ubuntu 24.04 or newer,
or install libmicrohttpd 1.0 and hiredis 1.1 (or newer) so that pkg-config finds them"
    mkdir -p "$work"/{sources,src,state/lists/partial,cache/archives/partial}
    write_sources "$release" "$work/sources" ||
        fail "no source of release '$release' among apt's sources, so none to take ${sources[*]} from"
    quietly "fetch $source_release's sources of ${sources[*]}" fetch_sources "${sources[@]}" ||
        fail "could not fetch ${sources[*]}; is the network up, and does the mirror in apt's sources carry $source_release?"
    for source in "${sources[@]}"; do
        quietly "build $source" build "$source" || fail "building $source failed, see above"
    done
fi

for library in "${libraries[@]}"; do
    read -r name version _ <<<"$library"
    is_usable "$name" "$version" ||
        fail "installed $name, but $(command -v pkg-config) finds none of $version or newer;
if that is not the distribution's pkg-config, set PKG_CONFIG_PATH=/usr/local/lib/pkgconfig"
done
