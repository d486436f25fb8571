#!/usr/bin/python3
"""A client that talks for a while: talk.py HOST PORT TARGET krb5|spnego COUNT.

Frames have their length in front, 32 bits, big-endian. After the handshake, COUNT times: a wrapped
message, sealed and signed by turns, which comes back wrapped alike; then a message and its MIC, for
which a MIC of the same message comes back. The library refuses what is not the next message
(python3-gssapi takes every supplementary status for an error).
"""

import socket
import struct
import sys

import gssapi


def send(sock, frame):
    sock.sendall(struct.pack(">I", len(frame)) + frame)


def receive(sock):
    def exactly(count):
        data = b""
        while len(data) < count:
            more = sock.recv(count - len(data))
            if not more:
                raise SystemExit("the server closed the connection")
            data += more
        return data

    (length,) = struct.unpack(">I", exactly(4))
    return exactly(length)


def main():
    host, port, target, mech, count = sys.argv[1:]
    mechs = {"krb5": gssapi.MechType.kerberos, "spnego": gssapi.OID.from_int_seq("1.3.6.1.5.5.2")}
    name = gssapi.Name(target, gssapi.NameType.hostbased_service)
    need = gssapi.RequirementFlag
    flags = need.mutual_authentication | need.replay_detection | need.out_of_sequence_detection
    flags |= need.integrity | need.confidentiality
    ctx = gssapi.SecurityContext(name=name, mech=mechs[mech], usage="initiate", flags=int(flags))
    with socket.create_connection((host, int(port)), timeout=120) as sock:
        token = ctx.step()
        while token:
            send(sock, token)
            if ctx.complete:
                break
            token = ctx.step(receive(sock))
        for n in range(int(count)):
            message = f"message {n}".encode()
            send(sock, ctx.wrap(message, n % 2 == 0).message)
            back = ctx.unwrap(receive(sock))
            if back.message != message or back.encrypted != (n % 2 == 0):
                raise SystemExit(f"message {n} came back changed")
            send(sock, message)
            send(sock, ctx.get_signature(message))
            ctx.verify_signature(message, receive(sock))
        print(f"{count} messages and MICs in order")


main()
