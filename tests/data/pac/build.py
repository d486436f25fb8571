#!/usr/bin/python3
"""Builds the buffers that nobody has published: `resource-groups.pac` with Samba's NDR (python3-samba
4.17), `device.info` with impacket's (python3-impacket 0.10). build.py DIR
"""

import sys

from impacket.dcerpc.v5.dtypes import RPC_SID
from impacket.dcerpc.v5.ndr import NDRPOINTER
from impacket.dcerpc.v5.rpcrt import TypeSerialization1
from impacket.dcerpc.v5.samr import GROUP_MEMBERSHIP
from impacket.krb5 import pac
from samba.dcerpc import krb5pac, lsa, netlogon, samr, security
from samba.ndr import ndr_pack


def text(kind, value):
    made = kind()
    made.string = value
    return made


def member(rid, attributes):
    made = samr.RidWithAttribute()
    made.rid, made.attributes = rid, attributes
    return made


def members(*all):
    made = samr.RidWithAttributeArray()
    made.rids = [member(*one) for one in all]
    made.count = len(all)
    return made


def extra(sid, attributes):
    made = netlogon.netr_SidAttr()
    made.sid, made.attributes = security.dom_sid(sid), attributes
    return made


def resource_groups():
    base = netlogon.netr_SamBaseInfo()
    for name in ("logon_script", "profile_path", "home_directory", "home_drive"):
        setattr(base, name, text(lsa.String, ""))
    base.account_name = text(lsa.String, "alice")
    base.full_name = text(lsa.String, "Alice Ω")
    base.logon_server = text(lsa.StringLarge, "DC1")
    base.logon_domain = text(lsa.StringLarge, "EXAMPLE")
    base.logon_time = 133000000000000000
    base.rid, base.primary_gid = 1103, 513
    base.domain_sid = security.dom_sid("S-1-5-21-1-2-3")
    base.user_flags = netlogon.NETLOGON_EXTRA_SIDS | netlogon.NETLOGON_RESOURCE_GROUPS
    base.acct_flags = samr.ACB_NORMAL
    base.groups = members((513, 7), (1105, 7))
    base.key, base.LMSessKey = netlogon.netr_UserSessionKey(), netlogon.netr_LMSessionKey()
    logon = krb5pac.PAC_LOGON_INFO()
    logon.info3 = netlogon.netr_SamInfo3()
    logon.info3.base = base
    logon.info3.sids = [extra("S-1-18-1", 7), extra("S-1-5-21-7-7-7-1200", 0x20000007)]
    logon.info3.sidcount = 2
    groups = krb5pac.PAC_DOMAIN_GROUP_MEMBERSHIP()
    groups.domain_sid = security.dom_sid("S-1-5-21-9-8-7")
    groups.groups = members((2001, 0x20000007), (2002, 0x20000010))
    logon.resource_groups = groups
    container = krb5pac.PAC_LOGON_INFO_CTR()
    container.info = logon
    buffer = krb5pac.PAC_BUFFER()
    buffer.type, buffer.info = krb5pac.PAC_TYPE_LOGON_INFO, container
    data = krb5pac.PAC_DATA()
    data.num_buffers, data.version, data.buffers = 1, 0, [buffer]
    return ndr_pack(data)


class PDEVICE(NDRPOINTER):
    referent = (("Data", pac.PAC_DEVICE_INFO),)


class Serialized(TypeSerialization1):
    structure = (("Data", PDEVICE),)


def sid(value):
    made = RPC_SID()
    made.fromCanonical(value)
    return made


def group(rid, attributes=7):
    made = GROUP_MEMBERSHIP()
    made["RelativeId"], made["Attributes"] = rid, attributes
    return made


def device():
    made = pac.PAC_DEVICE_INFO()
    made["UserId"], made["PrimaryGroupId"] = 1500, 515
    made["AccountDomainId"] = sid("S-1-5-21-1-2-3")
    made["AccountGroupCount"] = 2
    made["AccountGroupIds"] = [group(515), group(1501)]
    made["SidCount"] = 1
    one = pac.KERB_SID_AND_ATTRIBUTES()
    one["Sid"], one["Attributes"] = sid("S-1-18-1"), 7
    made["ExtraSids"] = [one]
    made["DomainGroupCount"] = 1
    domain = pac.DOMAIN_GROUP_MEMBERSHIP()
    domain["DomainId"] = sid("S-1-5-21-9-8-7")
    domain["GroupCount"] = 1
    domain["GroupIds"] = [group(2003, 0x20000007)]
    made["DomainGroup"] = [domain]
    whole = Serialized()
    whole["Data"] = made
    return whole.getData() + whole.getDataReferents()


folder = sys.argv[1]
for name, content in (("resource-groups.pac", resource_groups()), ("device.info", device())):
    with open(f"{folder}/{name}", "wb") as file:
        file.write(content)
