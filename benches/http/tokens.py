"""Fresh tokens of MIT krb5's client, in base64, one a line: TARGET COUNT FILE."""

import base64
import sys

import gssapi

TARGET, COUNT, FILE = sys.argv[1], int(sys.argv[2]), sys.argv[3]
SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
FLAGS = gssapi.RequirementFlag
# What curl asks for.
ASKED = FLAGS.mutual_authentication | FLAGS.replay_detection

name = gssapi.Name(TARGET, gssapi.NameType.hostbased_service)
with open(FILE, "wb") as file:
    for _ in range(COUNT):
        context = gssapi.SecurityContext(name=name, mech=SPNEGO, flags=ASKED, usage="initiate")
        file.write(base64.b64encode(context.step()) + b"\n")
