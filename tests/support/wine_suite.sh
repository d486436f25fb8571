#!/usr/bin/env bash
# wine_suite.sh SUITE.EXE [ARGUMENT ...]: the conformance suite on Wine's secur32, with MIT krb5
# behind it. Its clock and keytab are files that the tests change. Wine's prefix is made in
# $WINE_DIR, if that is set, and stays.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
exe=$1
shift
dir=$(mktemp -d "${TMPDIR:-/tmp}/gss-acceptor-suite.XXXXXX")
wine=${WINE_DIR:-$dir/wine}
finish() {
    status=$?
    "$here/wine.sh" stop "$wine" || true
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT

"$here/wine.sh" start "$wine"
gcc -shared -fPIC -O1 -Wall -Werror -o "$dir/clock.so" "$here/clock.c"
head -c 8 /dev/zero >"$dir/clock"
: >"$dir/keytab"
cat >"$dir/krb5.conf" <<'CONF'
[libdefaults]
    default_realm = EXAMPLE.TEST
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    permitted_enctypes = aes256-cts aes128-cts aes128-sha2 aes256-sha2
CONF
export KRB5_CONFIG="$dir/krb5.conf" KRB5_KTNAME="FILE:$dir/keytab" KRB5CCNAME="FILE:$dir/none"
export KRB5RCACHENAME="file2:$dir/rcache"
# Kerberos alone: another mechanism of the library's would be negotiated too.
: >"$dir/mech"
export GSS_MECH_CONFIG="$dir/mech"
export SUITE_DIR="Z:$dir" SUITE_CLOCK="$dir/clock"
# The clock and the keys are the machine's: one test at a time has them.
export RUST_TEST_THREADS=1
LD_PRELOAD="$dir/clock.so" "$here/wine.sh" run "$wine" "$exe" "$@"
