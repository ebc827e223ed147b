#!/usr/bin/env bash
# Fetches the Debian packages of what the gateway is compared with, and unpacks them into a folder, beside the
# system: nothing is installed, and the nginx of other tests stays as it is. nginx itself is installed already.
#
# usage: fetch.sh FOLDER; ends at once where they are there. Needs no root.
set -euo pipefail

peers=(libnginx-mod-http-lua webdis)
folder=${1:?usage: fetch.sh FOLDER}

if [[ -e $folder/complete ]]; then exit 0; fi
rm -rf "$folder"
mkdir -p "$folder/debs" "$folder/root"
# What they need and this system lacks comes with them.
mapfile -t packages < <(LC_ALL=C apt-get -s --no-install-recommends install "${peers[@]}" |
    sed -n 's/^Inst \([^ ]*\) .*/\1/p')
# Where one is installed already its files are the system's; they are fetched all the same, into one place.
for peer in "${peers[@]}"; do
    [[ " ${packages[*]} " == *" $peer "* ]] || packages+=("$peer")
done
(cd "$folder/debs" && apt-get -q download "${packages[@]}")
for deb in "$folder"/debs/*.deb; do
    dpkg -x "$deb" "$folder/root"
done
touch "$folder/complete"
