#!/usr/bin/env bash
# Makes the aclfiles of Redis and Sentinel from users.acl and sentinel.acl, and passwords where there are none
# yet: DIR/users.acl, DIR/sentinel.acl, DIR/passwords/{gateway,replica,sentinel,operator}, readable by the
# owner alone.
#
# Every line of a file in passwords/ is a password that is good. To change one while all runs: append a line,
# run this, ACL LOAD on each Redis and Sentinel, give the new one to those who log in, delete the old line, run
# this, ACL LOAD.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/redis/users.sh [--cluster] [--prefix PREFIX] DIR
  --cluster         the keys have their partition's tag in front: {xx}:session:…
  --prefix PREFIX   the gateway's redis.prefix
TEXT
}

refuse() {
    printf 'users.sh: %s\n' "$*" >&2
    exit 2
}

tag='' prefix='' dir=''
while [[ $# -gt 0 ]]; do
    case $1 in
    --cluster) tag='{??}:' ;;
    --prefix)
        [[ $# -ge 2 ]] || refuse "--prefix needs a prefix"
        prefix=$2
        shift
        ;;
    -h | --help) usage && exit 0 ;;
    -*) refuse "unknown option $1" ;;
    *)
        [[ -z $dir ]] || refuse "one folder, not also $1"
        dir=$1
        ;;
    esac
    shift
done
[[ -n $dir ]] || { usage >&2 && exit 2; }
# An aclfile has no way to quote.
[[ $prefix != *[[:space:][:cntrl:]]* ]] || refuse "a prefix with a space in it can't stand in an aclfile"

umask 077
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
[[ ! $dir -ef $here ]] || refuse "DIR must be another folder than that of the templates"
mkdir -p "$dir/passwords"
# shellcheck disable=SC2001 # a class of characters, each to be kept
channel=$(sed 's/[][*?\\]/\\&/g' <<<"$prefix") # they are patterns to Redis
prefix=$channel$tag

# Prints the hashes of a user's passwords as the aclfile has them: "#hash #hash".
hashes() { # user
    local file=$dir/passwords/$1 password separator=''
    if [[ ! -s $file ]]; then od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$file" && echo >>"$file"; fi
    while read -r password; do
        [[ ${#password} -ge 16 ]] || refuse "$file has a password of less than 16 characters"
        printf '%s#%s' "$separator" "$(printf '%s' "$password" | sha256sum | cut -d ' ' -f 1)"
        separator=' '
    done <"$file"
}

# Puts a user's lines into one, and values for what stands between two @.
compile() { # file
    local text user
    text=$(awk '
        /^[ \t]*(#|$)/ { next }
        /^user / { if (line != "") print line; line = $0; next }
        { sub(/^[ \t]+/, " "); line = line $0 }
        END { print line }' "$1")
    for user in gateway replica sentinel operator; do
        text=${text//"#@$user@"/"$(hashes "$user")"}
    done
    text=${text//@channel@/"$channel"}
    printf '%s\n' "${text//@prefix@/"$prefix"}"
}

for file in users.acl sentinel.acl; do
    compile "$here/$file" >"$dir/$file.new"
    # Run again by root, it must stay readable to Redis.
    if [[ -e $dir/$file ]]; then chown --reference="$dir/$file" "$dir/$file.new"; fi
    mv "$dir/$file.new" "$dir/$file"
done
