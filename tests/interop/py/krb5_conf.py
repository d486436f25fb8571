"""What MIT krb5's library makes of a krb5.conf.

Reads questions from standard input, one a line, fields divided by tabs: what, the file, and what
belongs to it. Answers each with a line: `ok` and values, or `error` and the code.
"""

import ctypes
import sys

KRB5 = ctypes.CDLL("libkrb5.so.3")
LIBC = ctypes.CDLL(None)
KRB5.krb5_get_permitted_enctypes.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
KRB5.krb5_parse_name.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
KRB5.krb5_aname_to_localname.argtypes = [
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.c_char_p,
]
KRB5.krb5_free_context.argtypes = [ctypes.c_void_p]


class Failed(Exception):
    pass


def check(code):
    if code:
        raise Failed(str(code))


def values(file, *names):
    """profile_get_values."""
    profile = ctypes.c_void_p()
    check(KRB5.profile_init_path(file.encode(), ctypes.byref(profile)))
    path = (ctypes.c_char_p * (len(names) + 1))(*[name.encode() for name in names], None)
    found = ctypes.POINTER(ctypes.c_char_p)()
    check(KRB5.profile_get_values(profile, path, ctypes.byref(found)))
    out = []
    while found[len(out)] is not None:
        out.append(found[len(out)].decode())
    return out


def context(file):
    LIBC.setenv(b"KRB5_CONFIG", file.encode(), 1)
    made = ctypes.c_void_p()
    check(KRB5.krb5_init_context(ctypes.byref(made)))
    return made


def enctypes(file):
    """krb5_get_permitted_enctypes."""
    made = context(file)
    found = ctypes.POINTER(ctypes.c_int)()
    check(KRB5.krb5_get_permitted_enctypes(made, ctypes.byref(found)))
    out = []
    while found[len(out)]:
        out.append(str(found[len(out)]))
    return out


def localname(file, principal):
    """krb5_aname_to_localname."""
    made = context(file)
    name = ctypes.c_void_p()
    check(KRB5.krb5_parse_name(made, principal.encode(), ctypes.byref(name)))
    text = ctypes.create_string_buffer(256)
    check(KRB5.krb5_aname_to_localname(made, name, 256, text))
    return [text.value.decode()]


QUESTIONS = {"values": values, "enctypes": enctypes, "localname": localname}
for line in sys.stdin:
    what, *rest = line.rstrip("\n").split("\t")
    try:
        answer = ["ok", *QUESTIONS[what](*rest)]
    except Failed as failed:
        answer = ["error", str(failed)]
    print("\t".join(part.replace("\t", "\\t").replace("\n", "\\n") for part in answer), flush=True)
