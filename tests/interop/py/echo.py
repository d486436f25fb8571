#!/usr/bin/python3
"""A client of examples/tcp_echo: echo.py HOST PORT TARGET COUNT. Prints each echo."""

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
    host, port, target, count = sys.argv[1:]
    name = gssapi.Name(target, gssapi.NameType.hostbased_service)
    need = gssapi.RequirementFlag
    flags = need.mutual_authentication | need.replay_detection | need.out_of_sequence_detection
    ctx = gssapi.SecurityContext(name=name, usage="initiate", flags=int(flags))
    with socket.create_connection((host, int(port)), timeout=120) as sock:
        token = ctx.step()
        while token:
            send(sock, token)
            if ctx.complete:
                break
            token = ctx.step(receive(sock))
        for n in range(int(count)):
            sealed = n % 2 == 0
            message = f"message {n}, ".encode() * (1 + n * 100)
            send(sock, ctx.wrap(message, sealed).message)
            echo = ctx.unwrap(receive(sock))
            if echo.message != message or echo.encrypted != sealed:
                raise SystemExit(f"message {n} came back changed")
            print(f"echo {n}: {len(message)} bytes, {'sealed' if sealed else 'signed'}")


main()
