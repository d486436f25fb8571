"""An NTLM client, driven over stdin as client.py is, by one of these libraries:

  spnego    pyspnego (its own NTLM, not the system's)
  impacket  impacket
  samba     Samba's gensec, as smbclient and ntlm_auth use it
  gssapi    MIT's library with gss-ntlmssp (GSS_MECH_CONFIG says so)

Arguments: library, user, domain, password, raw or spnego, seal or sign or none, bindings in hex.
"""

import struct
import sys

LIBRARY, USER, DOMAIN, PASSWORD, FRAMING, PROTECT, BINDINGS = sys.argv[1:]
BINDINGS = bytes.fromhex(BINDINGS)


class Spnego:
    def __init__(self):
        import spnego
        from spnego.channel_bindings import GssChannelBindings

        flags = {
            "seal": spnego.ContextReq.confidentiality | spnego.ContextReq.integrity,
            "sign": spnego.ContextReq.integrity,
            "none": spnego.ContextReq.none,
        }[PROTECT]
        extra = {}
        if BINDINGS:
            extra["channel_bindings"] = GssChannelBindings(application_data=BINDINGS)
        self.ctx = spnego.client(
            f"{DOMAIN}\\{USER}" if DOMAIN else USER,
            PASSWORD,
            hostname="localhost",
            service="HTTP",
            protocol="negotiate" if FRAMING == "spnego" else "ntlm",
            options=spnego.NegotiateOptions.use_ntlm
            | (spnego.NegotiateOptions.use_negotiate if FRAMING == "spnego" else 0),
            context_req=flags,
            **extra,
        )

    def step(self, token):
        token = self.ctx.step(token or None)
        return token or b"", self.ctx.complete

    def wrap(self, data):
        return self.ctx.wrap(data).data

    def unwrap(self, token):
        return self.ctx.unwrap(token).data

    def mic(self, data):
        return self.ctx.sign(data)

    def verify(self, data, mic):
        self.ctx.verify(data, mic)


class Impacket:
    """Its functions, put together as its own DCE RPC client does."""

    def __init__(self):
        from impacket import ntlm

        self.ntlm = ntlm
        self.legs = 0
        self.sent = self.received = 0

    def step(self, token):
        self.legs += 1
        if self.legs == 1:
            self.type1 = self.ntlm.getNTLMSSPType1("LAPTOP", DOMAIN, PROTECT != "none", use_ntlmv2=True)
            return self.type1.getData(), False
        type3, key = self.ntlm.getNTLMSSPType3(
            self.type1, token, USER, PASSWORD, DOMAIN, use_ntlmv2=True
        )
        self.flags = type3["flags"]
        n = self.ntlm
        self.sign = [n.SIGNKEY(self.flags, key, way) for way in ("Client", "Server")]
        seal = [n.SEALKEY(self.flags, key, way) for way in ("Client", "Server")]
        self.handles = [n.ARC4.new(k).encrypt for k in seal]
        self.seal = seal
        return type3.getData(), True

    def wrap(self, data):
        sealed, signature = self.ntlm.SEAL(
            self.flags, self.sign[0], self.seal[0], data, data, self.sent, self.handles[0]
        )
        self.sent += 1
        return signature.getData() + sealed

    def unwrap(self, token):
        plain = self.handles[1](token[16:])
        self.verify(plain, token[:16])
        return plain

    def mic(self, data):
        out = self.ntlm.SIGN(self.flags, self.sign[0], data, self.sent, self.handles[0])
        self.sent += 1
        return out.getData()

    def verify(self, data, mic):
        own = self.ntlm.SIGN(self.flags, self.sign[1], data, self.received, self.handles[1])
        self.received += 1
        if own.getData() != mic:
            raise ValueError("another signature")


class Samba:
    def __init__(self):
        from samba import credentials, gensec, param

        lp = param.LoadParm()
        lp.set("netbios name", "LAPTOP")
        creds = credentials.Credentials()
        creds.guess(lp)
        creds.set_kerberos_state(credentials.DONT_USE_KERBEROS)
        creds.set_workstation("LAPTOP")
        if "@" in USER and not DOMAIN:
            creds.parse_string(USER)
        else:
            creds.set_username(USER)
            creds.set_domain(DOMAIN)
        creds.set_password(PASSWORD)
        self.ctx = gensec.Security.start_client({"lp_ctx": lp, "target_hostname": "localhost"})
        self.ctx.set_credentials(creds)
        if PROTECT != "none":
            self.ctx.want_feature(gensec.FEATURE_SIGN)
        if PROTECT == "seal":
            self.ctx.want_feature(gensec.FEATURE_SEAL)
        self.ctx.start_mech_by_name("spnego" if FRAMING == "spnego" else "ntlmssp")
        self.done = False

    def step(self, token):
        if self.done:
            return b"", True
        self.done, out = self.ctx.update(token)
        return out, self.done or FRAMING == "raw" and bool(token)

    def wrap(self, data):
        return self.ctx.wrap(data)

    def unwrap(self, token):
        return self.ctx.unwrap(token)

    def mic(self, data):
        return self.ctx.sign_packet(data, data)

    def verify(self, data, mic):
        self.ctx.check_packet(data, data, mic)


class Gssapi:
    def __init__(self):
        import gssapi
        from gssapi.raw import ChannelBindings, acquire_cred_with_password

        mech = gssapi.OID.from_int_seq(
            "1.3.6.1.5.5.2" if FRAMING == "spnego" else "1.3.6.1.4.1.311.2.2.10"
        )
        name = gssapi.Name(f"{DOMAIN}\\{USER}" if DOMAIN else USER, gssapi.NameType.user)
        creds = acquire_cred_with_password(
            name, PASSWORD.encode(), usage="initiate", mechs=[mech]
        ).creds
        flags = {
            "seal": gssapi.RequirementFlag.confidentiality | gssapi.RequirementFlag.integrity,
            "sign": gssapi.RequirementFlag.integrity,
            "none": 0,
        }[PROTECT]
        self.ctx = gssapi.SecurityContext(
            name=gssapi.Name("HTTP@localhost", gssapi.NameType.hostbased_service),
            creds=gssapi.Credentials(creds),
            mech=mech,
            flags=flags,
            usage="initiate",
            channel_bindings=ChannelBindings(application_data=BINDINGS) if BINDINGS else None,
        )

    def step(self, token):
        return self.ctx.step(token or None) or b"", self.ctx.complete

    def wrap(self, data):
        return self.ctx.wrap(data, PROTECT == "seal").message

    def unwrap(self, token):
        return self.ctx.unwrap(token).message

    def mic(self, data):
        return self.ctx.get_signature(data)

    def verify(self, data, mic):
        self.ctx.verify_signature(data, mic)


def answer(client, op, one, two):
    if op == b"i":
        token, done = client.step(one)
        return token, b"done" if done else b""
    if op in b"wW":
        return client.wrap(one), b""
    if op == b"u":
        return client.unwrap(one), b"sealed" if PROTECT == "seal" else b""
    if op == b"m":
        return client.mic(one), b""
    if op == b"v":
        client.verify(one, two)
        return b"", b""
    raise ValueError(op)


def field(stream):
    (length,) = struct.unpack(">I", stream.read(4))
    return stream.read(length)


def main():
    client = {"spnego": Spnego, "impacket": Impacket, "samba": Samba, "gssapi": Gssapi}[LIBRARY]()
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    while op := stdin.read(1):
        one, two = field(stdin), field(stdin)
        try:
            status, fields = 0, answer(client, op, one, two)
        except Exception as error:
            status, fields = 1, (f"{type(error).__name__}: {error}".encode(), b"")
        stdout.write(bytes([status]) + b"".join(struct.pack(">I", len(f)) + f for f in fields))
        stdout.flush()


main()
