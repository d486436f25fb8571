#!/usr/bin/python3
"""A GSS-API client of python3-gssapi (MIT krb5), driven over stdin.

Requests: an operation, then two fields; answers: a status, then two fields. A field is a length of
32 bits, big-endian, and that many bytes.
  i token            -> step; the token, and "done" or nothing
  w/W data           -> wrap, W sealed
  u token            -> unwrap; the message, and "sealed" or nothing
  m data             -> MIC
  v data, mic        -> verify
Status 0 is success, 1 an error whose text is the first field.
"""

import struct
import sys

import gssapi
from gssapi.raw import ChannelBindings


def context(target, mech, flags, bindings):
    mechs = {"krb5": gssapi.MechType.kerberos, "spnego": gssapi.OID.from_int_seq("1.3.6.1.5.5.2")}
    name = gssapi.Name(target, gssapi.NameType.hostbased_service)
    chan = ChannelBindings(application_data=bytes.fromhex(bindings)) if bindings else None
    return gssapi.SecurityContext(
        name=name, mech=mechs[mech], flags=int(flags), usage="initiate", channel_bindings=chan
    )


def answer(ctx, op, one, two):
    if op == b"i":
        token = ctx.step(one or None)
        return token or b"", b"done" if ctx.complete else b""
    if op in b"wW":
        return ctx.wrap(one, op == b"W").message, b""
    if op == b"u":
        result = ctx.unwrap(one)
        return result.message, b"sealed" if result.encrypted else b""
    if op == b"m":
        return ctx.get_signature(one), b""
    if op == b"v":
        ctx.verify_signature(one, two)
        return b"", b""
    raise ValueError(op)


def field(stream):
    (length,) = struct.unpack(">I", stream.read(4))
    return stream.read(length)


def main():
    ctx = context(*sys.argv[1:])
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    while op := stdin.read(1):
        one, two = field(stdin), field(stdin)
        try:
            status, fields = 0, answer(ctx, op, one, two)
        except gssapi.exceptions.GSSError as error:
            status, fields = 1, (str(error).encode(), b"")
        stdout.write(bytes([status]) + b"".join(struct.pack(">I", len(f)) + f for f in fields))
        stdout.flush()


main()
