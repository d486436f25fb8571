#!/usr/bin/env bash
# wine_echo.sh TCP_ECHO.EXE: clients talk to examples/tcp_echo under Wine, which accepts them with
# Wine's secur32 (Kerberos and SPNEGO, against an MIT KDC) and with the rust backend.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
exe=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/gss-acceptor-wine.XXXXXX")
server=
finish() {
    status=$?
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    "$here/wine.sh" stop "$dir/wine" || true
    "$here/kdc.sh" stop "$dir/kdc" || true
    if [ "$status" -ne 0 ]; then
        tail -n 20 "$dir"/*.log >&2 2>/dev/null || true
    fi
    rm -rf "$dir"
    exit "$status"
}
trap finish EXIT

passed=0
check() { # check WHAT COMMAND ...
    local what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "test wine: $what ... ok"
    else
        echo "test wine: $what ... FAILED" >&2
        return 1
    fi
}

"$here/wine.sh" start "$dir/wine"
"$here/kdc.sh" start "$dir/kdc" >/dev/null
# shellcheck disable=SC1091
. "$dir/kdc/env"
export KRB5CCNAME="FILE:$dir/cc"
echo alice-pw | kinit alice >/dev/null

port=0
serve() { # serve LOG ARGUMENT ...: tcp_echo on a port that it finds free
    local log=$1 try
    shift
    for try in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 12000))
        KRB5_KTNAME="FILE:$KEYTAB_HTTP" KRB5CCNAME="FILE:$dir/none" \
            "$here/wine.sh" run "$dir/wine" "$exe" --listen "127.0.0.1:$port" "$@" >"$log" 2>&1 &
        server=$!
        for _ in $(seq 300); do
            if grep -q '^Serving on' "$log"; then return 0; fi
            kill -0 "$server" 2>/dev/null || break
            sleep 0.1
        done
        kill "$server" 2>/dev/null || true
    done
    echo "tcp_echo does not serve under Wine (tried $try ports)" >&2
    return 1
}

client() { /usr/bin/python3 "$here/../interop/py/echo.py" 127.0.0.1 "$port" "$@" >"$dir/client.log" 2>&1; }
says() { grep -qF -- "$2" "$1"; }
refused() { ! client "$@"; }

# The clock of another zone: the packages give local times, the server UTC.
export TZ=Asia/Tokyo
serve "$dir/windows.log" --backend windows
end=$(TZ=UTC klist -f 2>/dev/null | awk '/krbtgt/ {print $3; exit}')
check 'the backend says what it is' says "$dir/windows.log" 'secur32, Negotiate (Wine)'
check 'and what Wine does not tell' says "$dir/windows.log" 'Wine tells no names of clients'
check 'MIT client: raw Kerberos, sealed and signed messages' client HTTP@localhost 6
check 'the last echo came back' says "$dir/client.log" 'echo 5: '
check 'a client whose name the system does not tell' says "$dir/windows.log" \
    'let in: (a name that the platform does not tell) until '
check 'flags are those that the system granted' says "$dir/windows.log" \
    '(MUTUAL_AUTH, REPLAY_DETECT, SEQUENCE_DETECT, CONFIDENTIALITY, INTEGRITY)'
# MIT reports an end that is later by the clock skew (300 s), Wine passes it on.
until=$(sed -n 's/.*let in: .* until \(.*\) UTC (.*/\1/p' "$dir/windows.log" | head -n 1)
late=$(($(date -u -d "$until" +%s) - $(date -u -d "$(TZ=UTC klist | awk '/krbtgt/ {print $3, $4; exit}')" +%s)))
check "the end is in UTC, within the skew of the ticket's ($end; $late s)" \
    test "$late" -ge -5 -a "$late" -le 305
check 'a ticket for a key that it does not have is refused' refused host@localhost 1
check 'and said to be' says "$dir/windows.log" 'ended: '
kill "$server" 2>/dev/null || true

serve "$dir/rust.log" --keytab "Z:$KEYTAB_HTTP"
check 'the rust backend under Wine' client HTTP@localhost 6
check 'it names the client' says "$dir/rust.log" 'let in: alice@EXAMPLE.TEST until '

echo "test result: ok. $passed passed; 0 failed; 0 ignored"
