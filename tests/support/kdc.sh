#!/usr/bin/env bash
# kdc.sh start|stop|status|env DIR: an MIT KDC for the realm EXAMPLE.TEST on a loopback port.
#
# Everything lives in DIR; nothing in /etc is read or written. `start` is idempotent; it prints
# DIR/env, a file to source:
#   KRB5_CONFIG, KRB5_KDC_PROFILE, KRB5CCNAME, KDC_PORT
#   KEYTAB_HTTP    HTTP/localhost, every AES etype
#   KEYTAB_HOST    host/localhost, every AES etype
#   KEYTAB_ETYPES  HTTP/kNsM.localhost for N, M of 17 18 19 20: its key has etype N only, and its
#                  tickets a session key of etype M
#   KEYTAB_ALL     all of them
#   KEYTAB_RC4     HTTP/kNsM.localhost for N, M of 18 23, but for both 18: RC4 keys, RC4 sessions
#   KRB5_CONFIG_RC4   for clients that may use RC4 besides; the one above permits AES alone
# Users: alice (password alice-pw), bob (bob-pw), jürgen (juergen-pw), sl/ash@at in one component
# (odd-pw).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
realm=EXAMPLE.TEST
PATH=$PATH:/usr/sbin

usage() {
    echo "usage: kdc.sh start|stop|status|env DIR" >&2
    exit 2
}
[ $# -eq 2 ] || usage
command=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)

running() {
    local pid
    pid=$(cat "$dir/kdc.pid" 2>/dev/null) || return 1
    # The pid may have been given to another program since.
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = krb5kdc ] && grep -qzF "$dir" "/proc/$pid/environ" 2>/dev/null
}

client_config() {
    local port=$1 permitted=$2
    cat <<EOF
[libdefaults]
    default_realm = $realm
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    forwardable = true
    permitted_enctypes = $permitted
    allow_rc4 = true
[realms]
    $realm = {
        kdc = 127.0.0.1:$port
    }
[domain_realm]
    localhost = $realm
    .localhost = $realm
EOF
}

write_config() {
    local port=$1
    local aes='aes256-cts aes128-cts aes256-sha2 aes128-sha2'
    client_config "$port" "$aes" >"$dir/krb5.conf"
    client_config "$port" "$aes arcfour-hmac" >"$dir/krb5-rc4.conf"
    cat >"$dir/kdc.conf" <<EOF
[kdcdefaults]
    kdc_listen = 127.0.0.1:$port
    kdc_tcp_listen = 127.0.0.1:$port
[realms]
    $realm = {
        database_name = $dir/principal
        key_stash_file = $dir/stash
        acl_file = $dir/kadm5.acl
        max_life = 10h
        max_renewable_life = 7d
        supported_enctypes = aes256-cts:normal aes128-cts:normal aes256-sha2:normal aes128-sha2:normal
    }
[logging]
    kdc = FILE:$dir/kdc.log
EOF
    cat >"$dir/env" <<EOF
export KRB5_CONFIG='$dir/krb5.conf'
export KRB5_KDC_PROFILE='$dir/kdc.conf'
export KRB5CCNAME='FILE:$dir/ccache'
export KRB5RCACHENAME='file2:$dir/rcache'
export KDC_PORT=$port
export KEYTAB_HTTP='$dir/http.keytab'
export KEYTAB_HOST='$dir/host.keytab'
export KEYTAB_ETYPES='$dir/etypes.keytab'
export KEYTAB_ALL='$dir/all.keytab'
export KEYTAB_RC4='$dir/rc4.keytab'
export KRB5_CONFIG_RC4='$dir/krb5-rc4.conf'
EOF
}

declare -A enctype=([17]=aes128-cts [18]=aes256-cts [19]=aes128-sha2 [20]=aes256-sha2
    [23]=arcfour-hmac)

principals() {
    cat <<'EOF'
addprinc +requires_preauth -pw alice-pw alice
addprinc +requires_preauth -pw bob-pw bob
addprinc -pw juergen-pw jürgen
addprinc -pw odd-pw sl\/ash\@at
addprinc -randkey HTTP/localhost
addprinc -randkey host/localhost
EOF
    local key session all=()
    for key in 17 18 19 20; do
        for session in 17 18 19 20; do
            local name="HTTP/k${key}s${session}.localhost"
            echo "addprinc -randkey -e ${enctype[$key]}:normal $name"
            echo "setstr $name session_enctypes ${enctype[$session]}"
            all+=("$name")
        done
    done
    local rc4=()
    for key in 18 23; do
        for session in 18 23; do
            [ "$key$session" != 1818 ] || continue
            local name="HTTP/k${key}s${session}.localhost"
            echo "addprinc -randkey -e ${enctype[$key]}:normal $name"
            echo "setstr $name session_enctypes ${enctype[$session]}"
            rc4+=("$name")
        done
    done
    echo "ktadd -k $dir/rc4.keytab -norandkey ${rc4[*]}"
    echo "ktadd -k $dir/http.keytab -norandkey HTTP/localhost"
    echo "ktadd -k $dir/host.keytab -norandkey host/localhost"
    echo "ktadd -k $dir/etypes.keytab -norandkey ${all[*]}"
    echo "ktadd -k $dir/all.keytab -norandkey HTTP/localhost host/localhost ${all[*]}"
}

create() {
    rm -f "$dir"/principal* "$dir"/stash "$dir"/*.keytab
    : >"$dir/kadm5.acl"
    kdb5_util create -r $realm -s -P master-pw >"$dir/create.log" 2>&1
    principals | kadmin.local -r $realm >>"$dir/create.log" 2>&1
    [ -s "$dir/all.keytab" ] || { tail -n 20 "$dir/create.log" >&2; return 1; }
    touch "$dir/created"
}

ready() {
    echo bob-pw | KRB5CCNAME="FILE:$dir/ready" kinit bob >/dev/null 2>"$dir/ready.log"
}

start() {
    if running; then
        cat "$dir/env"
        return
    fi
    "$here/apt.sh" krb5-kdc krb5-admin-server krb5-user
    local try port
    for try in 1 2 3 4 5; do
        port=${KDC_PORT:-$((20000 + RANDOM % 12000))}
        write_config "$port"
        # shellcheck disable=SC1091
        (
            . "$dir/env"
            # The KDC makes what it permits.
            export KRB5_CONFIG=$KRB5_CONFIG_RC4
            [ -e "$dir/created" ] || create
            setsid krb5kdc -n -r $realm </dev/null >"$dir/kdc.out" 2>&1 &
            echo $! >"$dir/kdc.pid"
            for _ in $(seq 300); do
                ready && exit 0
                kill -0 "$(cat "$dir/kdc.pid")" 2>/dev/null || exit 1
                sleep 0.1
            done
            exit 1
        ) && { rm -f "$dir/ready" "$dir/ready.log"; cat "$dir/env"; return; }
        stop
        [ -z "${KDC_PORT:-}" ] || break
    done
    echo "kdc.sh: the KDC does not start (tried $try ports); its last words:" >&2
    tail -n 5 "$dir"/{create.log,kdc.log,kdc.out,ready.log} >&2 2>/dev/null || true
    exit 1
}

stop() {
    if running; then
        local pid
        pid=$(cat "$dir/kdc.pid")
        kill "$pid"
        for _ in $(seq 100); do
            running || break
            sleep 0.1
        done
        ! running || kill -9 "$pid"
    fi
    rm -f "$dir/kdc.pid"
}

case $command in
    start) start ;;
    stop) stop ;;
    status)
        if running; then
            echo "running, pid $(cat "$dir/kdc.pid")"
        else
            echo "not running"
            exit 1
        fi
        ;;
    env) cat "$dir/env" ;;
    *) usage ;;
esac
