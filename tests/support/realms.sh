#!/usr/bin/env bash
# realms.sh start|stop DIR: one MIT KDC for A.TEST, B.TEST, C.TEST, D.TEST on a loopback port.
#
# A trusts B, B trusts C and D: their clients go A -> B -> C. The KDC knows the path to D by its own
# [capaths] and says so in the ticket (TRANSITED-POLICY-CHECKED); of C it knows nothing, and leaves
# the path to the server. alice@A.TEST (alice-pw); HTTP/x.localhost@X.TEST in B, C and D. In DIR:
#   krb5.conf         the client's
#   services.keytab   the three services' keys
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin
[ $# -eq 2 ] || { echo "usage: realms.sh start|stop DIR" >&2; exit 2; }
mkdir -p "$2"
dir=$(cd "$2" && pwd)
realms='A.TEST B.TEST C.TEST D.TEST'

configs() { # configs PORT
    local port=$1 realm path
    path='    A.TEST = {
        B.TEST = .
        D.TEST = B.TEST
'
    for side in krb5 server; do
        {
            printf '[libdefaults]\n    default_realm = A.TEST\n    dns_lookup_kdc = false\n'
            printf '    dns_lookup_realm = false\n    dns_canonicalize_hostname = false\n'
            printf '    rdns = false\n    qualify_shortname = ""\n[realms]\n'
            for realm in $realms; do printf '    %s = {\n        kdc = 127.0.0.1:%s\n    }\n' "$realm" "$port"; done
            printf '[domain_realm]\n    b.localhost = B.TEST\n    c.localhost = C.TEST\n'
            printf '    d.localhost = D.TEST\n[capaths]\n%s' "$path"
            [ $side = server ] || printf '        C.TEST = B.TEST\n'
            printf '    }\n'
        } >"$dir/$side.conf"
    done
    {
        printf '[kdcdefaults]\n    kdc_listen = 127.0.0.1:%s\n    kdc_tcp_listen = 127.0.0.1:%s\n' "$port" "$port"
        printf '[realms]\n'
        for realm in $realms; do
            printf '    %s = {\n        database_name = %s/%s\n        key_stash_file = %s/%s.stash\n' \
                "$realm" "$dir" "$realm" "$dir" "$realm"
            printf '        reject_bad_transit = false\n    }\n'
        done
        printf '[logging]\n    kdc = FILE:%s/kdc.log\n' "$dir"
    } >"$dir/kdc.conf"
}

create() {
    local realm peer
    for realm in $realms; do
        kdb5_util create -r "$realm" -s -P master-pw
        {
            for peer in A.TEST:B.TEST B.TEST:C.TEST B.TEST:D.TEST; do
                case $peer in
                *"$realm"*) echo "addprinc -pw between-$peer krbtgt/${peer#*:}@${peer%:*}" ;;
                esac
            done
            if [ "$realm" = A.TEST ]; then
                echo 'addprinc -pw alice-pw alice'
            else
                local host=${realm%.TEST}
                echo "addprinc -randkey HTTP/${host,,}.localhost"
                echo "ktadd -k $dir/services.keytab HTTP/${host,,}.localhost"
            fi
        } | kadmin.local -r "$realm"
    done
}

start() {
    "$here/apt.sh" krb5-kdc krb5-admin-server krb5-user
    export KRB5_KDC_PROFILE=$dir/kdc.conf KRB5_CONFIG=$dir/server.conf
    local try port
    for try in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 12000))
        configs $port
        [ -e "$dir/services.keytab" ] || create >"$dir/create.log" 2>&1 ||
            { tail -n 20 "$dir/create.log" >&2; exit 1; }
        # shellcheck disable=SC2086
        setsid krb5kdc -n $(printf -- '-r %s ' $realms) </dev/null >"$dir/kdc.out" 2>&1 &
        echo $! >"$dir/kdc.pid"
        for _ in $(seq 300); do
            echo alice-pw | KRB5_CONFIG=$dir/krb5.conf kinit -c "FILE:$dir/ccache" alice \
                >/dev/null 2>"$dir/ready.log" && return
            kill -0 "$(cat "$dir/kdc.pid")" 2>/dev/null || break
            sleep 0.1
        done
        stop
    done
    echo "realms.sh: the KDC does not start (tried $try ports); its last words:" >&2
    tail -n 5 "$dir"/{create.log,kdc.log,kdc.out,ready.log} >&2 2>/dev/null || true
    exit 1
}

stop() {
    local pid
    pid=$(cat "$dir/kdc.pid" 2>/dev/null) || return 0
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != krb5kdc ] || kill "$pid"
    rm -f "$dir/kdc.pid"
}

case $1 in
    start) start ;;
    stop) stop ;;
    *) echo "usage: realms.sh start|stop DIR" >&2; exit 2 ;;
esac
