#!/usr/bin/python3
"""impacket's DCE RPC client, driven over stdin.

impacket_rpc.py PORT LEVEL, with the service's ticket in the cache that KRB5CCNAME names.

Requests and answers are those of samba_rpc.py.
"""

import struct
import sys

from impacket.dcerpc.v5 import rpcrt, transport
from impacket.krb5 import kerberosv5
from impacket.spnego import SPNEGO_NegTokenInit
from impacket.uuid import uuidtup_to_bin

INTERFACE = uuidtup_to_bin(("6b1ab0a1-9a4c-4f5c-8a0e-6f2d3c4b5a69", "1.0"))


made = kerberosv5.getKerberosType1


def bare(*args, **kwargs):
    """impacket frames its AP-REQ, and sets the flag of DCE style in it. MIT takes such a token bare
    alone, and so does the acceptor (rule 1): the frame is taken off here, and all else is
    impacket's."""
    cipher, key, blob = made(*args, **kwargs)
    init = SPNEGO_NegTokenInit(blob)
    token = init["MechToken"]
    init["MechToken"] = token[token.index(b"\x01\x00\x6e") + 2 :]
    return cipher, key, init.getData()


def connect(port, level):
    kerberosv5.getKerberosType1 = bare
    rpc = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:localhost[{port}]")
    rpc.set_credentials("alice", "", "EXAMPLE.TEST", "", "", None)
    rpc.set_kerberos(True, "127.0.0.1")
    dce = rpc.get_dce_rpc()
    dce.set_auth_type(rpcrt.RPC_C_AUTHN_GSS_NEGOTIATE)
    dce.set_auth_level(int(level))
    dce.connect()
    dce.bind(INTERFACE)
    return dce


def main():
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer

    def answer(data):
        stdout.write(struct.pack(">I", len(data)) + data)
        stdout.flush()

    try:
        dce = connect(*sys.argv[1:])
        answer(b"")
        while length := stdin.read(4):
            dce.call(0, stdin.read(struct.unpack(">I", length)[0]))
            answer(dce.recv())
    except Exception as error:  # What went wrong is for the test to say.
        stdout.write(b"\xff\xff\xff\xff")
        answer(str(error).encode())


main()
