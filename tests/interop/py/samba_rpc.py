#!/usr/bin/python3
"""Samba's DCE RPC client (python3-samba), driven over stdin.

samba_rpc.py BINDING CCACHE

Requests: a length of 32 bits, big-endian, and that many bytes of stub. Each is sent as a call of
operation 0, and the stub of the response is the answer, in the same form. The last answer before
an error is a length of FFFFFFFF and the error's text in the same form.
"""

import struct
import sys

from samba import credentials, param
from samba.dcerpc import echo


def connect(binding, ccache):
    lp = param.LoadParm()
    lp.set("realm", "EXAMPLE.TEST")
    lp.set("workgroup", "EXAMPLE")
    lp.set("interfaces", "lo")
    creds = credentials.Credentials()
    creds.set_username("alice")
    creds.set_realm("EXAMPLE.TEST")
    creds.set_kerberos_state(credentials.MUST_USE_KERBEROS)
    creds.set_named_ccache(ccache, credentials.SPECIFIED, lp)
    return echo.rpcecho(binding, lp, creds)


def main():
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer

    def answer(data):
        stdout.write(struct.pack(">I", len(data)) + data)
        stdout.flush()

    try:
        connection = connect(*sys.argv[1:])
        answer(b"")
        while length := stdin.read(4):
            stub = stdin.read(struct.unpack(">I", length)[0])
            answer(connection.request(0, stub))
    except Exception as error:  # What went wrong is for the test to say.
        stdout.write(b"\xff\xff\xff\xff")
        answer(str(error).encode())


main()
