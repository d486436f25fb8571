"""Tickets of the domain that tests/support/ad.sh runs: for each, a token of MIT krb5's client, and
what Samba's own decoder says of the PAC. ad_pac.py AD.SH DIR PASSWORD

One line a ticket: its name, the token in hexadecimal, then `key=value`, all divided by tabs; and
tickets with one bit of the PAC changed, as who has the service's key could: bent-KIND.
"""

import struct
import subprocess
import sys

ad_sh, directory, password = sys.argv[1:4]

import os

os.environ["KRB5_CONFIG"] = f"{directory}/krb5.conf"

import gssapi
from impacket.krb5.asn1 import AD_IF_RELEVANT, EncTicketPart, Ticket
from impacket.krb5.ccache import CCache
from impacket.krb5.crypto import Key, _enctype_table
from impacket.krb5.keytab import Keytab
from pyasn1.codec.der import decoder, encoder
from samba.dcerpc import krb5pac
from samba.ndr import ndr_unpack

WEB = "HTTP/web.ad.test"
# Name, client, service, further options of kinit.
CASES = [
    ("alice", "alice@AD.TEST", WEB, []),
    ("bloat", "bloat@AD.TEST", WEB, []),
    ("umlaut", "üser@AD.TEST", WEB, []),
    ("enterprise", "alice@ad.test", WEB, ["-E"]),
    ("aes128", "alice@AD.TEST", "HTTP/aes128.ad.test", []),
    ("rc4", "alice@AD.TEST", "HTTP/rc4.ad.test", []),
    ("nopac", "alice@AD.TEST", "HTTP/nopac.ad.test", []),
]


def there(*command, **options):
    """Runs a command where the directory's clients are."""
    subprocess.run(
        [ad_sh, directory, "exec", *command], check=True, stdout=subprocess.DEVNULL, **options
    )


def tickets():
    for name, client, service, options in CASES:
        cache = f"FILE:{directory}/cc.{name}"
        there("kinit", *options, "-c", cache, client, input=password.encode() + b"\n")
        there("kvno", "-q", "-c", cache, service)
        yield name, cache, service
    # Protocol transition and constrained delegation: svc-web says that alice is there, and goes on
    # to another service as alice.
    cache = f"FILE:{directory}/cc.s4u"
    keytab = f"{directory}/svc-web.keytab"
    there("kinit", "-f", "-k", "-t", keytab, "-c", cache, "svc-web@AD.TEST")
    out = f"FILE:{directory}/cc.s4u-out"
    there(
        *("kvno", "-q", "-c", cache, "--out-cache", out, "-k", keytab),
        *("-I", "alice", "-P", "HTTP/deleg.ad.test"),
    )
    yield "s4u", out, "HTTP/deleg.ad.test"


def token(cache, service):
    name = gssapi.Name(f"{service}@AD.TEST", gssapi.NameType.kerberos_principal)
    credentials = gssapi.Credentials(usage="initiate", store={"ccache": cache})
    context = gssapi.SecurityContext(name=name, creds=credentials, usage="initiate")
    return context.step()


KEYS = {}
for entry in Keytab.loadFile(f"{directory}/services.keytab").entries:
    part = entry.main_part
    owner = part["principal"].prettyPrint().decode().split("@")[0]
    block = part["keyblock"]
    KEYS[owner, int(block["keytype"])] = bytes(block["keyvalue"]["data"])


def opened(cache, service):
    """The credential in its cache, its ticket, the service's key, and what the ticket holds."""
    for credential in cache.credentials:
        if credential["server"].prettyPrint().decode().split("@")[0] == service:
            break
    ticket = decoder.decode(credential.ticket["data"], asn1Spec=Ticket())[0]
    etype = int(ticket["enc-part"]["etype"])
    key = Key(etype, KEYS[service, etype])
    plain = _enctype_table[etype].decrypt(key, 2, bytes(ticket["enc-part"]["cipher"]))
    return credential, ticket, key, plain


def bent(cache, service):
    """Tokens with tickets whose PAC has one bit changed: by kind of buffer, one in each."""
    data = pac(cache, service)
    table = [struct.unpack_from("<IIQ", data, 8 + 16 * n) for n in range(data[0])]
    for kind, _, start in table:
        caches = CCache.loadFile(cache.removeprefix("FILE:"))
        credential, ticket, key, plain = opened(caches, service)
        changed = bytearray(plain)
        # Behind the type of a signature, the header of NDR, and the like.
        changed[plain.index(data) + start + 4] ^= 1
        cipher = _enctype_table[key.enctype].encrypt(key, 2, bytes(changed), None)
        ticket["enc-part"]["cipher"] = cipher
        credential.ticket["data"] = encoder.encode(ticket)
        credential.ticket["length"] = len(credential.ticket["data"])
        path = f"{directory}/cc.bent-{kind}"
        caches.saveFile(path)
        yield kind, token(f"FILE:{path}", service)


def pac(cache, service):
    _, _, _, plain = opened(CCache.loadFile(cache.removeprefix("FILE:")), service)
    part = decoder.decode(plain, asn1Spec=EncTicketPart())[0]
    for outer in part["authorization-data"]:
        if int(outer["ad-type"]) == 1:
            inner = decoder.decode(bytes(outer["ad-data"]), asn1Spec=AD_IF_RELEVANT())[0]
            for element in inner:
                if int(element["ad-type"]) == 128:
                    return bytes(element["ad-data"])
    return None


def facts(data):
    for buffer in ndr_unpack(krb5pac.PAC_DATA, data).buffers:
        info = buffer.info
        if buffer.type == krb5pac.PAC_TYPE_LOGON_INFO:
            base, sids = info.info.info3.base, info.info.info3.sids
            domain = str(base.domain_sid)
            yield "account", base.account_name.string
            yield "domain", base.logon_domain.string
            yield "user", f"{domain}-{base.rid}"
            yield "primary", f"{domain}-{base.primary_gid}"
            groups = [(f"{domain}-{group.rid}", group.attributes) for group in base.groups.rids]
            groups += [(str(sid.sid), sid.attributes) for sid in sids or []]
            resource = info.info.resource_groups
            if resource.domain_sid:
                theirs = str(resource.domain_sid)
                groups += [(f"{theirs}-{g.rid}", g.attributes) for g in resource.groups.rids]
            yield "groups", ",".join(f"{sid}:{attributes}" for sid, attributes in groups)
            yield "control", str(base.acct_flags)
        elif buffer.type == krb5pac.PAC_TYPE_UPN_DNS_INFO:
            yield "upn", info.upn_name
            yield "dns", info.dns_domain_name
            yield "constructed", str(info.flags & krb5pac.PAC_UPN_DNS_FLAG_CONSTRUCTED)
        elif buffer.type == krb5pac.PAC_TYPE_CONSTRAINED_DELEGATION:
            yield "target", info.info.proxy_target.string
            yield "services", ",".join(s.string for s in info.info.transited_services)


for name, cache, service in tickets():
    data = pac(cache, service)
    found = list(facts(data)) if data else []
    parts = [f"{key}={value}" for key, value in found]
    print("\t".join([name, token(cache, service).hex(), *parts]))
    if name == "alice":
        for kind, changed in bent(cache, service):
            print("\t".join([f"bent-{kind}", changed.hex()]))
