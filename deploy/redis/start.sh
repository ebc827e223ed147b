#!/usr/bin/env bash
# Starts a Redis set-up on 127.0.0.1 from the configurations beside this script, for trying out and for tests.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: deploy/redis/start.sh standalone|sentinel|cluster DIR [options]
  standalone         redis-1
  sentinel           redis-1, the master; redis-2 and redis-3, its replicas; sentinel-1, -2, -3
  cluster            redis-1, -2, -3, masters; redis-4, -5, -6, a replica of each
  DIR                everything goes there; made, or empty
  --port BASE        ports are the first free ones from BASE (7000) on; a cluster also takes port + 10000
  --server BINARY    redis-server, or a path, or valkey-server
  --tls              TLS only; makes a CA and certificates in DIR/tls
  --prefix PREFIX    the gateway's redis.prefix

Prints the gateway's settings, which are also in DIR/gateway.env, when all is ready. For each process there are
  DIR/NAME.pid       its pid              DIR/NAME.conf, DIR/NAME.log, DIR/NAME/  configuration, log, data
  DIR/NAME.port      its port             DIR/NAME.start                          starts it again
  DIR/NAME.cli       redis-cli to it, as the user operator: DIR/redis-1.cli INFO replication
deploy/redis/stop.sh DIR stops them all. Exit code 2: nothing was started; 1: it failed, and was stopped.
TEXT
}

refuse() {
    printf 'start.sh: %s\n' "$*" >&2
    exit 2
}

fail() {
    printf 'start.sh: %s\n' "$*" >&2
    exit 1
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
server=redis-server base=7000 tls=no prefix='' positional=()
while [[ $# -gt 0 ]]; do
    case $1 in
    --port | --server | --prefix)
        [[ $# -ge 2 ]] || refuse "$1 needs a value"
        case $1 in
        --port) base=$2 ;;
        --server) server=$2 ;;
        --prefix) prefix=$2 ;;
        esac
        shift
        ;;
    --tls) tls=yes ;;
    -h | --help) usage && exit 0 ;;
    -*) refuse "unknown option $1" ;;
    *) positional+=("$1") ;;
    esac
    shift
done
[[ ${#positional[@]} -eq 2 ]] || { usage >&2 && exit 2; }
setup=${positional[0]} dir=${positional[1]}
[[ $setup =~ ^(standalone|sentinel|cluster)$ ]] || refuse "no set-up is called $setup: standalone, sentinel, cluster"
[[ $base =~ ^[1-9][0-9]{0,4}$ && $base -ge 1024 && $base -le 55000 ]] || refuse "--port must be 1024 to 55000, not $base"

# Debian has redis-server in /usr/bin; a plain user's PATH lacks the directories of others.
PATH=$PATH:/usr/local/sbin:/usr/sbin
server=$(command -v "$server") || refuse "there is no such server; deploy/install-deps.sh --tests installs redis-server"
server=$(realpath -s "$server")
cli=${server%-server}-cli # valkey-server's is valkey-cli
[[ $cli != "$server" && -x $cli ]] || cli=$(command -v redis-cli) || refuse "there is no redis-cli; deploy/install-deps.sh --tests installs it"

umask 077
mkdir -p "$dir" || refuse "can't make $dir"
dir=$(cd "$dir" && pwd -P)
# It goes into configurations and scripts as it is.
[[ $dir =~ ^[A-Za-z0-9/._+,:=-]+$ ]] || refuse "DIR must be of letters, digits and /._+,:=- alone: $dir"
[[ -z $(ls -A "$dir") ]] || refuse "$dir is not empty"

# From here on a failure stops what was started; logs stay in DIR.
stop_all() {
    local status=$? file
    trap - EXIT
    if [[ $status -ne 0 ]]; then
        for file in "$dir"/*.log; do
            if [[ -s $file ]]; then printf -- '---- %s ----\n%s\n' "$file" "$(tail -n 5 "$file")" >&2; fi
        done
        bash "$here/stop.sh" "$dir"
    fi
    exit "$status"
}
trap stop_all EXIT
trap 'exit 1' INT TERM HUP

# Succeeds as soon as the command does; fails after so many seconds.
wait_for() { # seconds, command…
    local deadline=$((SECONDS + $1 + 1))
    shift
    until "$@"; do
        if [[ $SECONDS -ge $deadline ]]; then return 1; fi
        sleep 0.05
    done
}

# ---- Files ----

users=(--prefix "$prefix")
if [[ $setup == cluster ]]; then users+=(--cluster); fi
bash "$here/users.sh" "${users[@]}" "$dir" || exit

password() { # user
    tail -n 1 "$dir/passwords/$1"
}

# A sample as this folder needs it: paths, passwords, ports, the first master.
master_port=0
install_conf() { # sample, name, port
    sed -E -e "s|/etc/redis/stream-gateway/|$dir/|" \
        -e "s|^dir .*|dir $dir/$2|" \
        -e "s|^(tls-)?port [1-9].*|\1port $3|" \
        -e "s|^(sentinel monitor stream 127.0.0.1) [0-9]+|\1 $master_port|" \
        -e "s|@replica@|$(password replica)|; s|@sentinel@|$(password sentinel)|" "$here/$1"
}

# The configuration of a process; TLS comes last, since it turns the port off.
write_conf() { # sample, name, port
    install_conf "$1" "$2" "$3" >"$dir/$2.conf"
    if [[ $tls == yes ]]; then install_conf tls.conf "$2" "$3" >>"$dir/$2.conf"; fi
}

# A CA, a certificate for the servers, which log in with it at each other, and one for the gateway.
make_certificates() {
    local name
    mkdir "$dir/tls"
    cd "$dir/tls"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
        -subj "/CN=stream-gateway test CA" -keyout ca.key -out ca.crt
    for name in server gateway; do
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" -keyout $name.key -out $name.csr
        printf 'extendedKeyUsage=clientAuth%s\n' "$([[ $name == gateway ]] || printf ',serverAuth\nsubjectAltName=IP:127.0.0.1,DNS:localhost')" >extensions
        openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile extensions -out $name.crt
    done
    rm -f -- *.csr extensions
    cd "$here"
}

# Scripts that start one process again, and that talk to it.
write_scripts() { # name, server's options…
    local name=$1 words=()
    shift
    cat >"$dir/$name.start" <<SCRIPT
#!/bin/sh
# Starts $name, unless it runs; doesn't wait until it answers.
cd "$dir/$name" || exit
if [ "\$(readlink "/proc/\$(cat ../$name.pid 2>/dev/null)/cwd")" = "$dir/$name" ]; then
    echo "$name runs already" >&2
    exit 1
fi
setsid "$server" ../$name.conf $* </dev/null >>../$name.log 2>&1 &
echo \$! >../$name.pid
SCRIPT
    if [[ $tls == yes ]]; then words=(--tls --cacert "$dir/tls/ca.crt" --cert "$dir/tls/gateway.crt" --key "$dir/tls/gateway.key"); fi
    cat >"$dir/$name.cli" <<SCRIPT
#!/bin/sh
REDISCLI_AUTH=\$(tail -n 1 "$dir/passwords/operator") && export REDISCLI_AUTH
exec "$cli" -h 127.0.0.1 -p "\$(cat "$dir/$name.port")" --user operator --no-auth-warning ${words[*]} "\$@"
SCRIPT
    chmod 700 "$dir/$name.start" "$dir/$name.cli"
}

# ---- Processes ----

is_taken() { # port
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The next free port; sets $port.
next_port() {
    while port=$base base=$((base + 1)) && { is_taken "$port" || { [[ $setup == cluster ]] && is_taken $((port + 10000)); }; }; do :; done
    [[ $port -le 55535 ]] || fail "there is no free port"
}

ask() { # name, words…
    local name=$1
    shift
    timeout 5 "$dir/$name.cli" "$@" 2>&1 || true
}

runs() { # name
    [[ $(readlink "/proc/$(<"$dir/$1.pid")/cwd") == "$dir/$1" ]]
}

# Between its birth and its first look at the configuration a server's folder is its own already.
has_started() { # name
    ! runs "$1" || [[ $(ask "$1" PING) == PONG ]]
}

# Starts a process, at another port where somebody took the one that was free a moment ago; sets $port.
start_process() { # name, sample, server's options…
    local name=$1 sample=$2
    shift 2
    while :; do
        next_port
        rm -rf "${dir:?}/$name" "$dir/$name.log"
        mkdir "$dir/$name"
        echo "$port" >"$dir/$name.port"
        write_conf "$sample" "$name" "$port"
        if [[ $name != redis-1 && $sample == replicated.conf ]]; then
            printf 'replicaof 127.0.0.1 %s\n' "$master_port" >>"$dir/$name.conf"
        fi
        write_scripts "$name" "$@"
        "$dir/$name.start"
        wait_for 15 has_started "$name" || fail "$name doesn't answer"
        if runs "$name"; then return; fi
        grep -q 'Address already in use' "$dir/$name.log" || fail "$name ended"
    done
}

info_has() { # name, section, lines…
    local info line
    info=$(ask "$1" INFO "$2" | tr -d '\r')
    shift 2
    for line in "$@"; do
        grep -qx -- "$line" <<<"$info" || return
    done
}

# ---- The set-ups ----

for file in common.conf replication.conf; do
    install_conf $file redis 0 >"$dir/$file"
done
scheme=redis settings=()
if [[ $tls == yes ]]; then
    command -v openssl >/dev/null || refuse "--tls needs openssl"
    make_certificates >"$dir/openssl.log" 2>&1 || fail "openssl made no certificates: $(tail -n 1 "$dir/openssl.log")"
    scheme=rediss
    settings+=("GATEWAY_REDIS_TLS_CA=$dir/tls/ca.crt" "GATEWAY_REDIS_TLS_CERT=$dir/tls/gateway.crt" "GATEWAY_REDIS_TLS_KEY=$dir/tls/gateway.key")
fi
if [[ -n $prefix ]]; then settings+=("GATEWAY_REDIS_PREFIX=$(printf %q "$prefix")"); fi

start_standalone() {
    start_process redis-1 standalone.conf
    master_port=$port
}

# Whether a sentinel knows all the others, and enough of them to fail over.
knows_all() { # name
    local master
    master=$(ask "$1" SENTINEL MASTER stream | paste -sd ' ')
    [[ $master == *"num-slaves 2 "* && $master == *"num-other-sentinels 2 "* && $(ask "$1" SENTINEL CKQUORUM stream) == OK* ]]
}

start_sentinel() {
    local i sentinels=()
    start_process redis-1 replicated.conf
    master_port=$port
    for i in 2 3; do start_process redis-$i replicated.conf; done
    wait_for 20 info_has redis-1 replication 'min_slaves_good_slaves:2' || fail "the replicas don't come in sync"
    for i in 1 2 3; do
        start_process sentinel-$i sentinel.conf --sentinel
        sentinels+=("127.0.0.1:$port")
    done
    for i in 1 2 3; do wait_for 20 knows_all sentinel-$i || fail "sentinel-$i doesn't know all others"; done
    settings+=("GATEWAY_REDIS_SENTINELS=$(IFS=, && echo "${sentinels[*]}")" GATEWAY_REDIS_SENTINEL_MASTER=stream)
}

is_in_cluster() { # name
    local info
    info=$(ask "$1" CLUSTER INFO | tr -d '\r')
    [[ $info == *cluster_state:ok* && $info == *cluster_slots_ok:16384* && $info == *cluster_known_nodes:6* ]]
}

start_cluster() {
    local i nodes=()
    for i in 1 2 3 4 5 6; do
        start_process redis-$i cluster.conf
        nodes+=("127.0.0.1:$port")
    done
    master_port=$(<"$dir/redis-1.port")
    timeout 60 "$dir/redis-1.cli" --cluster create "${nodes[@]}" --cluster-replicas 1 --cluster-yes >"$dir/create.log" 2>&1 ||
        fail "the cluster isn't made: $(tail -n 3 "$dir/create.log")"
    for i in 1 2 3 4 5 6; do wait_for 20 is_in_cluster redis-$i || fail "redis-$i isn't in the cluster"; done
    for i in 4 5 6; do wait_for 20 info_has redis-$i replication master_link_status:up || fail "redis-$i isn't in sync"; done
    settings+=(GATEWAY_REDIS_CLUSTER=true)
}

start_"$setup"
settings=("GATEWAY_REDIS_URL=$scheme://gateway:$(password gateway)@127.0.0.1:$master_port/0" ${settings[@]+"${settings[@]}"})
printf 'export %s\n' "${settings[@]}" | tee "$dir/gateway.env"
