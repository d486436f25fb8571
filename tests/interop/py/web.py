"""Requests over HTTPS by a library of Python's: LIBRARY URL PEM [USER PASSWORD].

  gssapi    requests-gssapi, with the ticket that the environment names
  kerberos  requests-kerberos, likewise
  ntlm      requests-ntlm

Prints for each of two requests over one session: status, and the first line of the page and the
line that says whether the login is bound.
"""

import sys

import requests

LIBRARY, URL, PEM, *LOGIN = sys.argv[1:]

if LIBRARY == "gssapi":
    from requests_gssapi import REQUIRED, HTTPSPNEGOAuth

    auth = HTTPSPNEGOAuth(
        mutual_authentication=REQUIRED,
        opportunistic_auth=True,
        channel_bindings="tls-server-end-point",
    )
elif LIBRARY == "kerberos":
    from requests_kerberos import REQUIRED, HTTPKerberosAuth

    # It binds to the certificate by itself.
    auth = HTTPKerberosAuth(mutual_authentication=REQUIRED)
else:
    from requests_ntlm import HttpNtlmAuth

    auth = HttpNtlmAuth(*LOGIN)

session = requests.Session()
session.auth = auth
session.headers["Accept"] = "text/plain"
for _ in range(2):
    answer = session.get(URL, timeout=60, verify=PEM)
    lines = answer.text.splitlines() or [""]
    bound = [line for line in lines if line.startswith("bound")]
    print(answer.status_code, lines[0], *bound)
