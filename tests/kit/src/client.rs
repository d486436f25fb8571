//! The initiator's side of one handshake: reads AP-REP and KRB-ERROR, then signs and seals.

use crate::ap_req::oid;
use crate::crypto::KitKey;
use crate::der::{self, Bad, Reader};
use crate::message::{Messages, Role};
use crate::ticket::{encrypted_data, encryption_key};

/// What one initiator knows.
#[derive(Clone, Debug)]
pub struct Initiator {
    /// The ticket's session key.
    pub session: KitKey,
    /// The subkey sent in the authenticator.
    pub subkey: Option<KitKey>,
    /// ctime and cusec sent, to be echoed.
    pub sent_time: (i64, i64),
    /// The sequence number sent.
    pub seq: u32,
    /// What came back, once it has.
    pub ap_rep: Option<ApRep>,
}

/// An AP-REP, decrypted and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApRep {
    /// ctime and cusec as echoed.
    pub time: (i64, i64),
    /// The acceptor's subkey.
    pub subkey: Option<KitKey>,
    /// The acceptor's sequence number.
    pub seq: Option<i64>,
}

/// A KRB-ERROR (RFC 4120 5.9.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KrbError {
    /// error-code.
    pub code: i64,
    /// stime and susec.
    pub server_time: (i64, i64),
    /// ctime and cusec.
    pub client_time: Option<(i64, i64)>,
    /// crealm.
    pub crealm: Option<Vec<u8>>,
    /// realm.
    pub realm: Vec<u8>,
    /// The components of sname.
    pub sname: Vec<Vec<u8>>,
    /// e-text.
    pub text: Option<Vec<u8>>,
    /// e-data.
    pub data: Option<Vec<u8>>,
}

/// What an acceptor answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// AP-REP.
    ApRep(ApRep),
    /// KRB-ERROR.
    Error(KrbError),
}

/// Mechanism OID, token id and message.
pub type Unframed<'a> = (&'a [u8], [u8; 2], &'a [u8]);

/// Takes the frame of RFC 2743 3.1 off.
pub fn unframe(token: &[u8]) -> Result<Unframed<'_>, Bad> {
    let mut outer = Reader::new(token);
    let mut body = Reader::new(outer.expect(0x60)?);
    outer.end()?;
    let oid = body.expect(0x06)?;
    let (id, message) = body.rest().split_first_chunk().ok_or("no token id")?;
    Ok((oid, *id, message))
}

impl Initiator {
    /// An initiator that has sent its AP-REQ.
    pub fn new(session: KitKey, subkey: Option<KitKey>, time: (i64, i64), seq: u32) -> Self {
        Self {
            session,
            subkey,
            sent_time: time,
            seq,
            ap_rep: None,
        }
    }

    /// Reads a framed reply: the OID must be krb5's, the token id must fit the message.
    pub fn read(&mut self, token: &[u8]) -> Result<Answer, Bad> {
        self.read_under(oid::KRB5, token)
    }

    /// The same under another OID.
    pub fn read_under(&mut self, oid: &[u8], token: &[u8]) -> Result<Answer, Bad> {
        let (mech, id, message) = unframe(token)?;
        if mech != oid {
            return Err(format!("reply under another mechanism: {mech:02x?}"));
        }
        match id {
            [2, 0] => Ok(Answer::ApRep(self.read_ap_rep(message)?)),
            [3, 0] => Ok(Answer::Error(KrbError::read(message)?)),
            other => Err(format!("token id {other:02x?}")),
        }
    }

    /// Reads an AP-REP without a frame (DCE style), and keeps it.
    pub fn read_ap_rep(&mut self, message: &[u8]) -> Result<ApRep, Bad> {
        let cipher = enc_part(message)?;
        if cipher.0 != i64::from(self.session.etype) {
            return Err(format!("AP-REP in etype {}", cipher.0));
        }
        // RFC 4120 3.2.4: in the session key, whatever the subkey (rule 19).
        let plain = self.session.decrypt(12, cipher.1)?;
        let mut outer = Reader::new(&plain);
        let mut r = Reader::new(Reader::new(outer.expect(0x7b)?).expect(0x30)?);
        outer.end()?;
        let time = (r.must(0)?.time()?, r.must(1)?.int()?);
        if time != self.sent_time {
            return Err(format!("echoed {time:?}, sent {:?}", self.sent_time));
        }
        let subkey = r.field(2)?.map(read_key).transpose()?;
        let seq = r.field(3)?.map(|mut f| f.int()).transpose()?;
        r.end()?;
        let rep = ApRep { time, subkey, seq };
        self.ap_rep = Some(rep.clone());
        Ok(rep)
    }

    /// DCE style's third leg: this side's own AP-REP.
    pub fn third_leg(&self) -> ThirdLeg {
        ThirdLeg {
            key: self.session.clone(),
            etype: None,
            usage: 12,
            time: self.sent_time,
            subkey: None,
            seq: self.ap_rep.as_ref().and_then(|rep| rep.seq),
            msg_type: 15,
            kvno: None,
            part_trailing: Vec::new(),
            trailing: Vec::new(),
        }
    }

    /// The key of per-message tokens: acceptor's subkey, else ours, else the session key.
    pub fn message_key(&self) -> &KitKey {
        self.acceptor_subkey()
            .or(self.subkey.as_ref())
            .unwrap_or(&self.session)
    }

    /// The acceptor's subkey, if the AP-REP had one.
    pub fn acceptor_subkey(&self) -> Option<&KitKey> {
        self.ap_rep.as_ref().and_then(|rep| rep.subkey.as_ref())
    }

    /// Where the acceptor's sequence numbers start: the AP-REP's, else our own (rule 19).
    pub fn acceptor_seq(&self) -> u64 {
        let sent = self.ap_rep.as_ref().and_then(|rep| rep.seq);
        u64::from(sent.map_or(self.seq, |s| s as u32))
    }

    /// The initiator's side of per-message tokens.
    pub fn messages(&self) -> Messages {
        Messages {
            key: self.message_key().clone(),
            role: Role::Initiator,
            acceptor_subkey: self.acceptor_subkey().is_some(),
        }
    }
}

/// A client's AP-REP (MS-KILE 3.4.5.1), right or wrong in any one place.
#[derive(Clone, Debug)]
pub struct ThirdLeg {
    /// The key; the ticket's session key.
    pub key: KitKey,
    /// The etype that is written, where it is to differ from the key's.
    pub etype: Option<i64>,
    /// Key usage (12).
    pub usage: u32,
    /// ctime and cusec.
    pub time: (i64, i64),
    /// A subkey: none is due.
    pub subkey: Option<KitKey>,
    /// The sequence number: the acceptor's is due.
    pub seq: Option<i64>,
    /// msg-type (15).
    pub msg_type: i64,
    /// A kvno in the EncryptedData: none is due.
    pub kvno: Option<i64>,
    /// Octets after the encrypted part's element, inside the encryption.
    pub part_trailing: Vec<u8>,
    /// Octets after the whole message.
    pub trailing: Vec<u8>,
}

impl ThirdLeg {
    /// What is encrypted.
    pub fn part(&self) -> Vec<u8> {
        let subkey = self.subkey.as_ref();
        let mut part = der::app(
            27,
            der::seq([
                der::ctx(0, der::time(self.time.0)),
                der::ctx(1, der::int(self.time.1)),
                der::opt(2, subkey.map(|k| encryption_key(k.etype.into(), &k.bytes))),
                der::opt(3, self.seq.map(der::int)),
            ]),
        );
        part.extend_from_slice(&self.part_trailing);
        part
    }

    /// The message around this ciphertext.
    pub fn around(&self, cipher: &[u8]) -> Vec<u8> {
        let etype = self.etype.unwrap_or(self.key.etype.into());
        let mut message = der::app(
            15,
            der::seq([
                der::ctx(0, der::int(5)),
                der::ctx(1, der::int(self.msg_type)),
                der::ctx(2, encrypted_data(etype, self.kvno, cipher)),
            ]),
        );
        message.extend_from_slice(&self.trailing);
        message
    }

    /// The message, without a frame.
    pub fn token(&self) -> Vec<u8> {
        self.around(&self.key.encrypt(self.usage, &self.part()))
    }
}

fn read_key(mut field: Reader<'_>) -> Result<KitKey, Bad> {
    let mut r = Reader::new(field.expect(0x30)?);
    let etype = r.must(0)?.int()? as i32;
    let bytes = r.must(1)?.expect(0x04)?.to_vec();
    Ok(KitKey { etype, bytes })
}

/// etype and ciphertext of an AP-REP.
fn enc_part(message: &[u8]) -> Result<(i64, &[u8]), Bad> {
    let mut outer = Reader::new(message);
    let mut r = Reader::new(Reader::new(outer.expect(0x6f)?).expect(0x30)?);
    outer.end()?;
    if (r.must(0)?.int()?, r.must(1)?.int()?) != (5, 15) {
        return Err("not pvno 5, msg-type 15".into());
    }
    let mut data = Reader::new(r.must(2)?.expect(0x30)?);
    r.end()?;
    let etype = data.must(0)?.int()?;
    data.field(1)?;
    let cipher = data.must(2)?.expect(0x04)?;
    Ok((etype, cipher))
}

impl KrbError {
    /// Reads a KRB-ERROR without its frame.
    pub fn read(message: &[u8]) -> Result<Self, Bad> {
        let mut outer = Reader::new(message);
        let mut r = Reader::new(Reader::new(outer.expect(0x7e)?).expect(0x30)?);
        outer.end()?;
        if (r.must(0)?.int()?, r.must(1)?.int()?) != (5, 30) {
            return Err("not pvno 5, msg-type 30".into());
        }
        let ctime = r.field(2)?.map(|mut f| f.time()).transpose()?;
        let cusec = r.field(3)?.map(|mut f| f.int()).transpose()?;
        let server_time = (r.must(4)?.time()?, r.must(5)?.int()?);
        let code = r.must(6)?.int()?;
        let crealm = r.field(7)?.map(|mut f| f.expect(0x1b)).transpose()?;
        r.field(8)?;
        let realm = r.must(9)?.expect(0x1b)?.to_vec();
        let sname = read_name(r.must(10)?)?;
        let text = r.field(11)?.map(|mut f| f.expect(0x1b)).transpose()?;
        let data = r.field(12)?.map(|mut f| f.expect(0x04)).transpose()?;
        r.end()?;
        Ok(Self {
            code,
            server_time,
            client_time: ctime.map(|t| (t, cusec.unwrap_or(0))),
            crealm: crealm.map(<[u8]>::to_vec),
            realm,
            sname,
            text: text.map(<[u8]>::to_vec),
            data: data.map(<[u8]>::to_vec),
        })
    }
}

fn read_name(mut field: Reader<'_>) -> Result<Vec<Vec<u8>>, Bad> {
    let mut r = Reader::new(field.expect(0x30)?);
    r.must(0)?;
    let mut parts = Reader::new(r.must(1)?.expect(0x30)?);
    let mut out = Vec::new();
    while parts.peek().is_some() {
        out.push(parts.expect(0x1b)?.to_vec());
    }
    Ok(out)
}
