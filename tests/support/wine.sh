#!/usr/bin/env bash
# wine.sh start|stop DIR, wine.sh run DIR PROGRAM [ARGUMENT ...]: Wine with a prefix of its own in DIR.
#
# `start` makes the prefix once, and puts a stand-in for bcryptprimitives.dll into it. `run` runs a
# program for x86_64-pc-windows-gnu; its environment (KRB5_CONFIG, KRB5_KTNAME, KRB5CCNAME) reaches
# the Kerberos library that Wine's secur32 calls. `stop` ends everything in that prefix, no other.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
usage() {
    echo "usage: wine.sh start|stop DIR | run DIR PROGRAM [ARGUMENT ...]" >&2
    exit 2
}
[ $# -ge 2 ] || usage
command=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2
export WINEPREFIX=$dir/prefix WINEDEBUG=${WINEDEBUG:--all}
# No browser, no .NET, no menus: nothing that asks or downloads.
export WINEDLLOVERRIDES='mscoree,mshtml=d;winemenubuilder.exe=d'

start() {
    "$here/apt.sh" wine wine64 gcc-mingw-w64-x86-64 gcc winbind
    local library=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
    # Its server stays until `stop`: one that ends for want of programs takes those along that
    # begin just then.
    mkdir -p "$WINEPREFIX"
    wineserver -p
    [ ! -e "$library" ] || return 0
    timeout 300 wine wineboot -i >"$dir/wineboot.log" 2>&1 || {
        echo "wine.sh: no prefix could be made:" >&2
        tail -n 10 "$dir/wineboot.log" >&2
        return 1
    }
    x86_64-w64-mingw32-gcc -shared -O1 -o "$library" "$here/prng.c" -ladvapi32
}

case $command in
    start) start ;;
    run) exec wine "$@" ;;
    stop) [ ! -d "$WINEPREFIX" ] || wineserver -k || true ;;
    *) usage ;;
esac
