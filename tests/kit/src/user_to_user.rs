//! User-to-user: KERB-TGT-REQUEST and KERB-TGT-REPLY (draft-swift-win2k-krb-user2user 2), the
//! server's own TGT, and the AP-REQ in its session key (RFC 4120 3.7).

use crate::ap_req::{ApReqSpec, Frame, oid, option};
use crate::client::unframe;
use crate::crypto::KitKey;
use crate::der::{self, Bad, Reader};
use crate::ticket::{NT_PRINCIPAL, NT_SRV_INST, Name, TicketSpec};
use crate::world::{REALM, World};

/// A KERB-TGT-REQUEST to forge. The default names nobody.
#[derive(Clone, Debug)]
pub struct TgtRequest {
    /// pvno (5).
    pub pvno: i64,
    /// msg-type (16).
    pub msg_type: i64,
    /// server-name.
    pub name: Option<Name>,
    /// realm.
    pub realm: Option<Vec<u8>>,
    /// The frame around it.
    pub frame: Frame,
}

impl Default for TgtRequest {
    fn default() -> Self {
        Self {
            pvno: 5,
            msg_type: 16,
            name: None,
            realm: None,
            frame: Frame {
                token_id: Some([4, 0]),
                ..Frame::gss(oid::KRB5_U2U)
            },
        }
    }
}

impl TgtRequest {
    /// One that asks for this principal's TGT.
    pub fn of(name: &Name, realm: &[u8]) -> Self {
        Self {
            name: Some(name.clone()),
            realm: Some(realm.to_vec()),
            ..Self::default()
        }
    }

    /// The token.
    pub fn token(&self) -> Vec<u8> {
        self.frame.wrap(&der::seq([
            der::ctx(0, der::int(self.pvno)),
            der::ctx(1, der::int(self.msg_type)),
            der::opt(2, self.name.as_ref().map(Name::der)),
            der::opt(3, self.realm.as_deref().map(der::general_string)),
        ]))
    }
}

/// The ticket in a KERB-TGT-REPLY, as it is.
pub fn tgt_reply(token: &[u8]) -> Result<Vec<u8>, Bad> {
    let (mech, id, message) = unframe(token)?;
    if (mech, id) != (oid::KRB5_U2U, [4, 1]) {
        return Err(format!("token id {id:02x?} under {mech:02x?}"));
    }
    let mut outer = Reader::new(message);
    let mut r = Reader::new(outer.expect(0x30)?);
    outer.end()?;
    if (r.must(0)?.int()?, r.must(1)?.int()?) != (5, 17) {
        return Err("not pvno 5, msg-type 17".into());
    }
    let ticket = r.must(2)?.rest().to_vec();
    r.end()?;
    Ok(ticket)
}

impl World {
    /// bob's TGT, with the session key of that label: what a server that runs as bob has.
    pub fn tgt(&self, label: &str) -> TicketSpec {
        let mut tgt = self.ticket();
        tgt.sname = Name::new(NT_SRV_INST, &[&b"krbtgt"[..], REALM]);
        tgt.service_key = self.key("krbtgt", self.etype);
        tgt.kvno = Some(1);
        tgt.session = self.key(label, self.etype);
        tgt.cname = Name::new(NT_PRINCIPAL, &["bob"]);
        // Encrypted once: its owner cannot read it and has it as it is.
        tgt.over.whole = Some(tgt.encode());
        tgt
    }

    /// alice's AP-REQ to whoever has that TGT. The KDC writes no kvno beside a session key.
    pub fn user_to_user(&self, tgt: &TicketSpec) -> ApReqSpec {
        let mut spec = self.ap_req();
        spec.ticket.realm = tgt.crealm.clone();
        spec.ticket.sname = tgt.cname.clone();
        spec.ticket.service_key = KitKey::clone(&tgt.session);
        spec.ticket.kvno = None;
        spec.options = option::MUTUAL_REQUIRED | option::USE_SESSION_KEY;
        spec.frame = Frame::gss(oid::KRB5_U2U);
        spec
    }
}
