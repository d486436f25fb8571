#!/usr/bin/python3
"""Fills the directory that ad.sh has provisioned, before its domain controller runs: users, groups,
services, keytabs. ad_seed.py SMB.CONF DIR PASSWORD
"""

import sys

import ldb
import samba.dckeytab  # noqa: F401  (Net.export_keytab needs it)
from samba.auth import system_session
from samba.credentials import Credentials
from samba.net import Net
from samba.param import LoadParm
from samba.samdb import SamDB

conf, directory, password = sys.argv[1:4]
lp = LoadParm()
lp.load(conf)
sam = SamDB(url=lp.private_path("sam.ldb"), session_info=system_session(), lp=lp)
base = str(sam.domain_dn())

NORMAL, DISABLED = 0x200, 0x2
TRUSTED_TO_AUTH_FOR_DELEGATION, NO_AUTH_DATA_REQUIRED = 0x1000000, 0x2000000
RC4, AES128, AES256 = 4, 8, 16
LOCAL_GROUP = 0x80000004 - (1 << 32)


def change(name, **values):
    message = ldb.Message()
    message.dn = ldb.Dn(sam, f"CN={name},CN=Users,{base}")
    for key, value in values.items():
        key = key.replace("_", "-")
        message[key] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, key)
    sam.modify(message)


USERS = ["alice", "bob", "disabled", "üser", "bloat"]
SERVICES = {
    "svc-web": (AES256 | AES128 | RC4, "HTTP/web.ad.test"),
    "svc-deleg": (AES256, "HTTP/deleg.ad.test"),
    "svc-aes128": (AES128, "HTTP/aes128.ad.test"),
    "svc-rc4": (RC4, "HTTP/rc4.ad.test"),
    "svc-nopac": (AES256, "HTTP/nopac.ad.test"),
}

sam.transaction_start()
for user in [*USERS, *SERVICES]:
    sam.newuser(user, password)
for name, (etypes, service) in SERVICES.items():
    change(name, msDS_SupportedEncryptionTypes=str(etypes), servicePrincipalName=service)
change("disabled", userAccountControl=str(NORMAL | DISABLED))
change("svc-nopac", userAccountControl=str(NORMAL | NO_AUTH_DATA_REQUIRED))
change(
    "svc-web",
    userAccountControl=str(NORMAL | TRUSTED_TO_AUTH_FOR_DELEGATION),
    msDS_AllowedToDelegateTo="HTTP/deleg.ad.test",
)
for group in ("eng", "ops", "all-of-eng"):
    sam.newgroup(group)
sam.newgroup("dlocal", grouptype=LOCAL_GROUP)
for group, members in (
    ("eng", ["alice", "bob"]),
    ("ops", ["alice"]),
    ("all-of-eng", ["eng"]),
    ("dlocal", ["alice"]),
):
    sam.add_remove_group_members(group, members, add_members_operation=True)
for number in range(1, 401):
    name = f"bloat{number}"
    sam.add(
        {
            "dn": f"CN={name},CN=Users,{base}",
            "objectClass": "group",
            "sAMAccountName": name,
            "member": f"CN=bloat,CN=Users,{base}",
        }
    )
sam.transaction_commit()

net = Net(Credentials(), lp)
for service in [service for _, service in SERVICES.values()]:
    net.export_keytab(keytab=f"{directory}/services.keytab", principal=service)
net.export_keytab(keytab=f"{directory}/svc-web.keytab", principal="svc-web")
net.export_keytab(keytab=f"{directory}/krbtgt.keytab", principal="krbtgt/AD.TEST")
