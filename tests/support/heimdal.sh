#!/usr/bin/env bash
# heimdal.sh DIR: Heimdal's client programs, set up against the KDC that kdc.sh started in DIR.
#
# Debian's heimdal-clients conflicts with krb5-user, so the package is unpacked into DIR/heimdal
# instead of being installed; only its libraries are. Prints DIR/heimdal.env, a file to source:
#   KRB5_CONFIG, KRB5CCNAME (FILE:, which MIT's klist reads too), HEIMDAL_KINIT, HEIMDAL_KGETCRED
# kinit without a terminal: printf alice-pw | "$HEIMDAL_KINIT" --password-file=STDIN alice
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { echo "usage: heimdal.sh DIR" >&2; exit 2; }
dir=$(cd "$1" && pwd)
[ -f "$dir/env" ] || { echo "heimdal.sh: no KDC in $dir: run kdc.sh start $dir first" >&2; exit 1; }
# shellcheck disable=SC1091
. "$dir/env"

"$here/apt.sh" libgssapi3-heimdal libkrb5-26-heimdal libkafs0-heimdal libkadm5clnt7-heimdal \
    libkadm5srv8-heimdal libhdb9-heimdal libotp0-heimdal libsl0-heimdal libedit2

if [ ! -x "$dir/heimdal/usr/bin/kgetcred" ]; then
    mkdir -p "$dir/heimdal/deb"
    (
        cd "$dir/heimdal/deb"
        apt-get download -qq -o Acquire::Retries=3 heimdal-clients 2>/dev/null || {
            apt-get update -qq
            apt-get download -qq -o Acquire::Retries=3 heimdal-clients
        }
    ) >"$dir/heimdal/log" 2>&1 || { cat "$dir/heimdal/log" >&2; exit 1; }
    dpkg-deb -x "$dir"/heimdal/deb/*.deb "$dir/heimdal"
fi

program() {
    local candidate
    for candidate in "$dir/heimdal/usr/bin/$1" "$dir/heimdal/usr/bin/$1.heimdal"; do
        [ -x "$candidate" ] && echo "$candidate" && return
    done
    echo "heimdal.sh: no $1 in heimdal-clients" >&2
    return 1
}
kinit=$(program kinit)
kgetcred=$(program kgetcred)

cat >"$dir/heimdal.conf" <<EOF
[libdefaults]
    default_realm = EXAMPLE.TEST
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    forwardable = true
[realms]
    EXAMPLE.TEST = {
        kdc = 127.0.0.1:$KDC_PORT
    }
[domain_realm]
    localhost = EXAMPLE.TEST
    .localhost = EXAMPLE.TEST
EOF
cat >"$dir/heimdal.env" <<EOF
export KRB5_CONFIG='$dir/heimdal.conf'
export KRB5CCNAME='FILE:$dir/heimdal.ccache'
export HEIMDAL_KINIT='$kinit'
export HEIMDAL_KGETCRED='$kgetcred'
EOF
cat "$dir/heimdal.env"
