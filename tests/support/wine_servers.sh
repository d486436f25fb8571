#!/usr/bin/env bash
# wine_servers.sh WINDOWS LINUX: clients talk to examples under Wine, which accept them with Wine's
# secur32 (Kerberos and SPNEGO, against an MIT KDC) and with the rust backend.
#
# WINDOWS is the directory of tcp_echo.exe, http_server.exe and sspi_client.exe, LINUX that of kit's
# echo_client. Wine's prefix is made in $WINE_DIR, if that is set, and stays.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
windows=$1
linux=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/gss-acceptor-wine.XXXXXX")
wine=${WINE_DIR:-$dir/wine}
server=
stop() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    server=
}
finish() {
    status=$?
    stop
    "$here/wine.sh" stop "$wine" || true
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

"$here/wine.sh" start "$wine"
"$here/kdc.sh" start "$dir/kdc" >/dev/null
# shellcheck disable=SC1091
. "$dir/kdc/env"
export KRB5CCNAME="FILE:$dir/cc"
echo alice-pw | kinit alice >/dev/null

port=0
keytab=$KEYTAB_HTTP
serve() { # serve PROGRAM LOG ARGUMENT ...: on a port that it finds free
    local program=$1 log=$2 try
    shift 2
    for try in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 12000))
        KRB5_KTNAME="FILE:$keytab" KRB5CCNAME="FILE:$dir/none" \
            "$here/wine.sh" run "$wine" "$windows/$program.exe" --listen "127.0.0.1:$port" "$@" >"$log" 2>&1 &
        server=$!
        for _ in $(seq 900); do
            if grep -q '^Serving on' "$log"; then return 0; fi
            kill -0 "$server" 2>/dev/null || break
            sleep 0.1
        done
        stop
        sleep 1
    done
    echo "$program does not serve under Wine (tried $try ports)" >&2
    return 1
}

mit() { /usr/bin/python3 "$here/../interop/py/echo.py" 127.0.0.1 "$port" "$@" >"$dir/client.log" 2>&1; }
kit() { "$linux/echo_client" "127.0.0.1:$port" "$@" >"$dir/client.log" 2>&1; }
sspi() { # sspi PACKAGE TARGET COUNT: Wine's own InitializeSecurityContext
    "$here/wine.sh" run "$wine" "$windows/sspi_client.exe" "$1" "127.0.0.1:$port" "$2" "$3" >"$dir/client.log" 2>&1
}
web() { # web CODE ARGUMENT ...: what curl gets
    local code=$1 got
    shift
    got=$(curl -sS -o "$dir/page.log" -w '%{http_code}' "$@" "http://localhost:$port/" 2>"$dir/curl.log")
    [ "$got" = "$code" ]
}
says() { # A server writes its line when it gets to it: its client may have gone by then.
    for _ in $(seq 300); do
        grep -qF -- "$2" "$1" && return 0
        sleep 0.1
    done
    return 1
}
refused() { ! "$@"; }

echo_by() { # echo_by BACKEND LOG: every client gets in
    check "$1: MIT's client: raw Kerberos, sealed and signed messages" mit HTTP@localhost 6
    check "$1: the last echo came back" says "$dir/client.log" 'echo 5: '
    check "$1: Wine's own client, Kerberos" sspi Kerberos HTTP/localhost 6
    check "$1: the last echo came back" says "$dir/client.log" 'echo 5: '
    check "$1: Wine's own client, Negotiate" sspi Negotiate HTTP/localhost 6
    check "$1: the last echo came back" says "$dir/client.log" 'echo 5: '
    check "$1: Wine's own client, NTLM, which is not enabled" refused sspi NTLM HTTP/localhost 1
    check "$1: it came with NTLM" says "$dir/client.log" 'bytes of NTLM'
    check "$1: and was refused for that" says "$2" 'the client offers NTLM'
}
kit_by() { # kit_by BACKEND: kit's client, whose realm is its own
    check "$1: kit's client, raw Kerberos" kit raw
    check "$1: kit's client, SPNEGO" kit spnego
    check "$1: the last echo came back" says "$dir/client.log" 'echo 5: '
}

# The clock of another zone: the packages give local times, the server UTC.
export TZ=Asia/Tokyo
serve tcp_echo "$dir/windows.log" --backend windows
end=$(TZ=UTC klist -f 2>/dev/null | awk '/krbtgt/ {print $3; exit}')
check 'the backend says what it is' says "$dir/windows.log" 'secur32, Negotiate (Wine)'
check 'and what Wine does not tell' says "$dir/windows.log" 'Wine tells no names of clients'
echo_by secur32 "$dir/windows.log"
check 'a client whose name the system does not tell' says "$dir/windows.log" \
    'let in: (a name that the platform does not tell) until '
check 'flags are those that the system granted' says "$dir/windows.log" \
    '(MUTUAL_AUTH, REPLAY_DETECT, SEQUENCE_DETECT, CONFIDENTIALITY, INTEGRITY)'
# MIT reports an end that is later by the clock skew (300 s), Wine passes it on.
until=$(sed -n 's/.*let in: .* until \(.*\) UTC (.*/\1/p' "$dir/windows.log" | head -n 1)
late=$(($(date -u -d "$until" +%s) - $(date -u -d "$(TZ=UTC klist | awk '/krbtgt/ {print $3, $4; exit}')" +%s)))
check "the end is in UTC, within the skew of the ticket's ($end; $late s)" \
    test "$late" -ge -5 -a "$late" -le 305
check 'a ticket for a key that it does not have is refused' refused mit host@localhost 1
check 'and said to be' says "$dir/windows.log" 'ended: '
stop

serve tcp_echo "$dir/rust.log" --keytab "Z:$keytab"
echo_by rust "$dir/rust.log"
check 'it names the client' says "$dir/rust.log" 'let in: alice@EXAMPLE.TEST until '
stop

serve http_server "$dir/http.log" --backend windows
check 'http_server says what it is' says "$dir/http.log" 'secur32, Negotiate (Wine)'
check 'without a token curl does not get in' web 401
check 'curl gets in' web 200 --negotiate -u :
check 'and is shown what is known of it' says "$dir/page.log" 'Kerberos'
KRB5CCNAME="FILE:$dir/none" check 'without a ticket it does not' refused web 200 --negotiate -u :
check 'what is no token is said to be none' web 400 -H 'Authorization: Negotiate %%%'
stop

keytab=$dir/kit.keytab
"$linux/echo_client" keytab "$keytab"
serve tcp_echo "$dir/kit.log" --backend windows
kit_by secur32
stop
serve tcp_echo "$dir/kit.log" --keytab "Z:$keytab"
kit_by rust
stop
self_test() { "$here/wine.sh" run "$wine" "$windows/tcp_echo.exe" --self-test >"$dir/self.log" 2>&1; }
check "rust: the crate's own test client, in one program with its server" self_test
check 'all was well' says "$dir/self.log" 'All is well.'

echo "test result: ok. $passed passed; 0 failed; 0 ignored"
