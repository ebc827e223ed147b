# shellcheck shell=bash disable=SC2034
# Fresh Debian roots, made by debootstrap, for tests that run as root in namespaces of their own. To be sourced by a
# script that has set -euo pipefail and a function fail.

PATH=$PATH:/usr/sbin:/sbin

# The proxy, if there is one, and how npm reaches its registry are all of the environment that a root is given;
# root_make copies the certificates.
root_environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt)
for root_name in http_proxy https_proxy no_proxy npm_config_registry; do
    if [[ -n ${!root_name:-} ]]; then root_environment+=("$root_name=${!root_name}"); fi
done

# Starts the script again in namespaces of its own, with a folder for roots in $DEBIAN_ROOT_WORK, and ends as that
# does. Mounts and processes end with the inner script however it ends; so there is nothing mounted and nothing
# running when the folder is removed. Does nothing where that has been done.
root_enter() { # the script, its arguments…
    local status=0 tool
    if [[ -n ${DEBIAN_ROOT_WORK:-} ]]; then return; fi
    [[ $EUID -eq 0 ]] || fail "needs root, for debootstrap and chroot"
    for tool in debootstrap git curl jq python3 unshare nsenter; do
        command -v "$tool" >/dev/null || fail "no $tool; run deploy/install-deps.sh --tests --long"
    done
    root_work=$(mktemp -d /var/tmp/debian-root.XXXXXX)
    trap 'rm -rf --one-file-system "$root_work"' EXIT
    DEBIAN_ROOT_WORK=$root_work unshare --mount --pid --fork --kill-child --mount-proc bash "$@" || status=$?
    exit "$status"
}

root_find_mirror() {
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # shellcheck disable=SC2016 # apt's variable
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' \
        "Codename: $codename" | sort -u | sed -n 1p
}

# Prints the mirror in this machine's apt sources.
root_mirror() {
    local mirror
    mirror=$(root_find_mirror)
    if [[ -z $mirror ]]; then
        apt-get update -q >/dev/null || true
        mirror=$(root_find_mirror)
    fi
    [[ -n $mirror ]] || fail "no Debian mirror among apt's sources; name one as the last argument"
    printf '%s\n' "$mirror"
}

# Makes a root whose apt reaches its mirror as this machine's does; to be mounted with root_mount.
root_make() { # release, folder, mirror
    local release=$1 tree=$2 mirror=$3 certificate
    debootstrap --variant=minbase "$release" "$tree" "$mirror" >"$tree.log" 2>&1 || {
        tail -n 30 "$tree.log" >&2
        fail "debootstrap $release failed"
    }
    # Proxies, certificates, checks that are off.
    apt-config dump | grep -E '^Acquire::(http|https|ftp|Check|Retries|ForceIPv)' \
        >"$tree/etc/apt/apt.conf.d/90debian-root" || true
    sed -n -E 's/^Acquire::https.*::(CAInfo|SslCert|SslKey) "(.+)";/\2/Ip' "$tree/etc/apt/apt.conf.d/90debian-root" |
        while read -r certificate; do
            if [[ -r $certificate ]]; then install -D -m 644 "$certificate" "$tree$certificate"; fi
        done
    cp -L /etc/resolv.conf /etc/hosts "$tree/etc/"
    if [[ -r /etc/ssl/certs/ca-certificates.crt ]]; then
        install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/ca-certificates.crt"
    fi
}

root_mount() { # folder
    mount -t proc proc "$1/proc"
    mount -t tmpfs tmpfs "$1/dev/shm"
}
