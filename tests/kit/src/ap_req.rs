//! AP-REQs (RFC 4120 5.5.1) in their GSS frames (RFC 4121 4.1), right or wrong in any one place.

use crate::client::Initiator;
use crate::crypto::KitKey;
use crate::der::{self, Length};
use crate::ticket::{AuthData, Name, TicketSpec, auth_data, encrypted_data, encryption_key};

/// Content octets of the OIDs that matter here.
pub mod oid {
    /// Kerberos 5, 1.2.840.113554.1.2.2.
    pub const KRB5: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
    /// Kerberos 5 as Windows 2000 lists it, 1.2.840.48018.1.2.2.
    pub const MS_KRB5: &[u8] = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";
    /// The draft's Kerberos 5, 1.3.5.1.5.2.
    pub const OLD_KRB5: &[u8] = b"\x2b\x05\x01\x05\x02";
    /// User-to-user, 1.2.840.113554.1.2.2.3.
    pub const KRB5_U2U: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03";
    /// IAKERB, 1.3.6.1.5.2.5.
    pub const IAKERB: &[u8] = b"\x2b\x06\x01\x05\x02\x05";
    /// SPNEGO, 1.3.6.1.5.5.2.
    pub const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
    /// NTLM, 1.3.6.1.4.1.311.2.2.10.
    pub const NTLM: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
    /// NegoEx, 1.3.6.1.4.1.311.2.2.30.
    pub const NEGOEX: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e";
    /// An OID that is no mechanism's, 1.3.6.1.4.1.99999.1.
    pub const UNKNOWN: &[u8] = b"\x2b\x06\x01\x04\x01\x86\x8d\x1f\x01";
}

/// ap-options bits.
pub mod option {
    /// USE-SESSION-KEY (1).
    pub const USE_SESSION_KEY: u32 = 1 << 30;
    /// MUTUAL-REQUIRED (2).
    pub const MUTUAL_REQUIRED: u32 = 1 << 29;
}

/// Flags of the 0x8003 checksum (RFC 4121 4.1.1.1; DCE_STYLE and up from RFC 4757 7.1).
pub mod gss {
    /// GSS_C_DELEG_FLAG.
    pub const DELEG: u32 = 1;
    /// GSS_C_MUTUAL_FLAG.
    pub const MUTUAL: u32 = 2;
    /// GSS_C_REPLAY_FLAG.
    pub const REPLAY: u32 = 4;
    /// GSS_C_SEQUENCE_FLAG.
    pub const SEQUENCE: u32 = 8;
    /// GSS_C_CONF_FLAG.
    pub const CONF: u32 = 16;
    /// GSS_C_INTEG_FLAG.
    pub const INTEG: u32 = 32;
    /// GSS_C_DCE_STYLE.
    pub const DCE: u32 = 0x1000;
    /// GSS_C_IDENTIFY_FLAG.
    pub const IDENTIFY: u32 = 0x2000;
    /// GSS_C_EXTENDED_ERROR_FLAG.
    pub const EXTENDED_ERROR: u32 = 0x4000;
    /// What an ordinary client asks for.
    pub const USUAL: u32 = MUTUAL | REPLAY | SEQUENCE | CONF | INTEG;
}

/// The outer frame of a token (RFC 2743 3.1).
#[derive(Clone, Debug)]
pub struct Frame {
    /// The mechanism; `None` leaves the whole frame out.
    pub oid: Option<Vec<u8>>,
    /// The token id; `None` leaves it out.
    pub token_id: Option<[u8; 2]>,
    /// The outermost tag (0x60).
    pub tag: u8,
    /// How the outermost length is written.
    pub length: Length,
    /// How the OID's length is written.
    pub oid_length: Length,
    /// Octets inside the frame, after the message.
    pub inside: Vec<u8>,
    /// Octets after the frame.
    pub after: Vec<u8>,
    /// Octets cut from the end of the whole token.
    pub cut: usize,
}

impl Frame {
    /// The frame of an AP-REQ under this mechanism.
    pub fn gss(oid: &[u8]) -> Self {
        Self {
            oid: Some(oid.to_vec()),
            token_id: Some([1, 0]),
            tag: 0x60,
            length: Length::Exact,
            oid_length: Length::Exact,
            inside: Vec::new(),
            after: Vec::new(),
            cut: 0,
        }
    }

    /// No frame at all (DCE style's first leg).
    pub fn bare() -> Self {
        let token_id = None;
        let oid = None;
        Self {
            oid,
            token_id,
            ..Self::gss(b"")
        }
    }

    /// The message in this frame.
    pub fn wrap(&self, message: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        if let Some(oid) = &self.oid {
            body.extend(der::tlv_as(0x06, oid, self.oid_length));
        }
        body.extend(self.token_id.iter().flatten());
        body.extend_from_slice(message);
        body.extend_from_slice(&self.inside);
        let mut out = match self.oid {
            Some(_) => der::tlv_as(self.tag, &body, self.length),
            None => body,
        };
        out.extend_from_slice(&self.after);
        out.truncate(out.len().saturating_sub(self.cut));
        out
    }
}

/// The 0x8003 checksum's fields.
#[derive(Clone, Debug)]
pub struct GssChecksum {
    /// Lgth, 16 where the checksum is right.
    pub bnd_len: u32,
    /// Bnd; all zero where the client has no bindings.
    pub bindings: [u8; 16],
    /// Flags.
    pub flags: u32,
    /// Deleg, written as option 1 with its length.
    pub deleg: Option<Vec<u8>>,
    /// DlgOpt (1).
    pub deleg_option: u16,
    /// Dlgth, where it is to differ from the length.
    pub deleg_len: Option<u16>,
    /// Octets after that (extensions).
    pub extensions: Vec<u8>,
    /// Cut to this many octets.
    pub cut_to: Option<usize>,
}

impl GssChecksum {
    /// Without bindings.
    pub fn new(flags: u32) -> Self {
        Self {
            bnd_len: 16,
            bindings: [0; 16],
            flags,
            deleg: None,
            deleg_option: 1,
            deleg_len: None,
            extensions: Vec::new(),
            cut_to: None,
        }
    }

    /// The checksum's octets.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.bnd_len.to_le_bytes().to_vec();
        out.extend_from_slice(&self.bindings);
        out.extend_from_slice(&self.flags.to_le_bytes());
        if let Some(deleg) = &self.deleg {
            out.extend_from_slice(&self.deleg_option.to_le_bytes());
            let len = self.deleg_len.unwrap_or(deleg.len() as u16);
            out.extend_from_slice(&len.to_le_bytes());
            out.extend_from_slice(deleg);
        }
        out.extend_from_slice(&self.extensions);
        out.truncate(self.cut_to.unwrap_or(usize::MAX));
        out
    }
}

/// One extension after Deleg: type and length big-endian (rule 15).
pub fn extension(kind: u32, data: &[u8]) -> Vec<u8> {
    let head = [kind.to_be_bytes(), (data.len() as u32).to_be_bytes()].concat();
    [&head[..], data].concat()
}

/// The authenticator's checksum.
#[derive(Clone, Debug)]
pub enum Checksum {
    /// No checksum (rule 16).
    None,
    /// Type 0x8003.
    Gss(GssChecksum),
    /// A keyed checksum under the ticket's session key.
    Keyed {
        /// Key usage; 10 is right.
        usage: u32,
        /// What is signed; empty is right.
        over: Vec<u8>,
    },
    /// Type and octets as given.
    Raw(i64, Vec<u8>),
}

/// Replacements for parts that the fields of [`ApReqSpec`] cannot make wrong.
#[derive(Clone, Debug, Default)]
pub struct ApReqOver {
    /// pvno (5).
    pub pvno: Option<i64>,
    /// msg-type (14).
    pub msg_type: Option<i64>,
    /// authenticator-vno (5).
    pub authenticator_vno: Option<i64>,
    /// The key the authenticator is encrypted in (the session key).
    pub authenticator_key: Option<KitKey>,
    /// Key usage of the authenticator (11).
    pub usage: Option<u32>,
    /// etype named for the authenticator.
    pub etype: Option<i64>,
    /// etype named beside the subkey (its own).
    pub subkey_etype: Option<i64>,
    /// The authenticator's plaintext.
    pub authenticator: Option<Vec<u8>>,
    /// Octets after the authenticator's plaintext.
    pub authenticator_trailing: Vec<u8>,
    /// The authenticator's ciphertext.
    pub cipher: Option<Vec<u8>>,
    /// How the AP-REQ's own length is written.
    pub length: Length,
    /// Octets inside the AP-REQ's SEQUENCE, after its last field.
    pub inside: Vec<u8>,
    /// The whole AP-REQ.
    pub whole: Option<Vec<u8>>,
}

/// An AP-REQ to forge. [`ApReqSpec::new`] fills in an ordinary mutual one.
#[derive(Clone, Debug)]
pub struct ApReqSpec {
    /// The ticket in it.
    pub ticket: TicketSpec,
    /// ap-options.
    pub options: u32,
    /// Client realm in the authenticator (`None`: the ticket's).
    pub crealm: Option<Vec<u8>>,
    /// Client name in the authenticator (`None`: the ticket's).
    pub cname: Option<Name>,
    /// Checksum in the authenticator.
    pub checksum: Checksum,
    /// The client's clock, unix seconds.
    pub ctime: i64,
    /// Microseconds of it.
    pub cusec: i64,
    /// The client's subkey.
    pub subkey: Option<KitKey>,
    /// seq-number; may be negative (rule 3).
    pub seq: Option<i64>,
    /// authorization-data of the authenticator; empty leaves the field out.
    pub authdata: Vec<AuthData>,
    /// The frame around it.
    pub frame: Frame,
    /// What else to get wrong.
    pub over: ApReqOver,
}

/// AD-AP-OPTIONS (143, MS-KILE): four octets little-endian.
pub fn ad_ap_options(flags: u32) -> AuthData {
    (143, flags.to_le_bytes().to_vec())
}

/// KERB_AP_OPTIONS_CBT: "this client binds" (rule 17).
pub const AP_OPTIONS_CBT: u32 = 0x4000;
/// KERB_AP_OPTIONS_UNVERIFIED_TARGET_NAME (rule 5).
pub const AP_OPTIONS_UNVERIFIED_TARGET: u32 = 0x8000;

/// KERB-AUTH-DATA-CLIENT-TARGET (144, MS-KILE): the target in UTF-16LE.
pub fn ad_client_target(target: &str) -> AuthData {
    (
        144,
        target.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    )
}

/// AD-ETYPE-NEGOTIATION (129, RFC 4537): the client's etypes, best first.
pub fn ad_etype_negotiation(etypes: &[i32]) -> AuthData {
    (129, der::seq(etypes.iter().map(|e| der::int((*e).into()))))
}

impl ApReqSpec {
    /// A mutual AP-REQ without bindings, sent at `now`.
    pub fn new(ticket: TicketSpec, subkey: Option<KitKey>, now: i64) -> Self {
        Self {
            ticket,
            options: option::MUTUAL_REQUIRED,
            crealm: None,
            cname: None,
            checksum: Checksum::Gss(GssChecksum::new(gss::USUAL)),
            ctime: now,
            cusec: 123_456,
            subkey,
            seq: Some(0x1234_5678),
            authdata: Vec::new(),
            frame: Frame::gss(oid::KRB5),
            over: ApReqOver::default(),
        }
    }

    /// The 0x8003 checksum, to be changed in place. Puts an ordinary one there if it had none.
    pub fn gss(&mut self) -> &mut GssChecksum {
        if !matches!(self.checksum, Checksum::Gss(_)) {
            self.checksum = Checksum::Gss(GssChecksum::new(gss::USUAL));
        }
        match &mut self.checksum {
            Checksum::Gss(sum) => sum,
            _ => unreachable!("just set"),
        }
    }

    fn checksum_der(&self) -> Option<Vec<u8>> {
        let (kind, octets) = match &self.checksum {
            Checksum::None => return None,
            Checksum::Gss(sum) => (0x8003, sum.encode()),
            Checksum::Keyed { usage, over } => {
                let key = &self.ticket.session;
                (key.checksum_type(), key.checksum(*usage, over))
            }
            Checksum::Raw(kind, octets) => (*kind, octets.clone()),
        };
        Some(der::seq([
            der::ctx(0, der::int(kind)),
            der::ctx(1, der::octets(&octets)),
        ]))
    }

    /// The authenticator's plaintext.
    pub fn authenticator(&self) -> Vec<u8> {
        if let Some(raw) = &self.over.authenticator {
            return raw.clone();
        }
        let crealm = self.crealm.as_ref().unwrap_or(&self.ticket.crealm);
        let cname = self.cname.as_ref().unwrap_or(&self.ticket.cname);
        let subkey = self
            .subkey
            .as_ref()
            .map(|k| encryption_key(self.over.subkey_etype.unwrap_or(k.etype.into()), &k.bytes));
        let authdata = (!self.authdata.is_empty()).then(|| auth_data(&self.authdata));
        let mut out = der::app(
            2,
            der::seq([
                der::ctx(0, der::int(self.over.authenticator_vno.unwrap_or(5))),
                der::ctx(1, der::general_string(crealm)),
                der::ctx(2, cname.der()),
                der::opt(3, self.checksum_der()),
                der::ctx(4, der::int(self.cusec)),
                der::ctx(5, der::time(self.ctime)),
                der::opt(6, subkey),
                der::opt(7, self.seq.map(der::int)),
                der::opt(8, authdata),
            ]),
        );
        out.extend_from_slice(&self.over.authenticator_trailing);
        out
    }

    /// The AP-REQ without its frame.
    pub fn message(&self) -> Vec<u8> {
        let over = &self.over;
        if let Some(raw) = &over.whole {
            return raw.clone();
        }
        let key = over
            .authenticator_key
            .as_ref()
            .unwrap_or(&self.ticket.session);
        let cipher = over
            .cipher
            .clone()
            .unwrap_or_else(|| key.encrypt(over.usage.unwrap_or(11), &self.authenticator()));
        let etype = over.etype.unwrap_or(key.etype.into());
        let body = der::seq([
            der::ctx(0, der::int(over.pvno.unwrap_or(5))),
            der::ctx(1, der::int(over.msg_type.unwrap_or(14))),
            der::ctx(2, der::flags32(self.options)),
            der::ctx(3, self.ticket.encode()),
            der::ctx(4, encrypted_data(etype, None, &cipher)),
            over.inside.clone(),
        ]);
        der::tlv_as(0x6e, &body, over.length)
    }

    /// The token.
    pub fn token(&self) -> Vec<u8> {
        self.frame.wrap(&self.message())
    }

    /// The client that sent it, to read the acceptor's reply.
    pub fn initiator(&self) -> Initiator {
        Initiator::new(
            self.ticket.session.clone(),
            self.subkey.clone(),
            (self.ctime, self.cusec),
            self.seq.unwrap_or(0) as u32,
        )
    }
}
