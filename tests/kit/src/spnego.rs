//! SPNEGO tokens (RFC 4178 4.2, MS-SPNG 2.2.1), every field optional, and a reader for replies.

use crate::ap_req::{Frame, oid};
use crate::der::{self, Bad, Reader};

/// NegTokenInit or NegTokenInit2: they differ in what `[3]` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// RFC 4178 4.2.1: `[3]` is mechListMIC.
    Init,
    /// MS-SPNG 2.2.1: `[3]` is negHints, `[4]` mechListMIC.
    Init2,
}

/// An initial token to forge.
#[derive(Clone, Debug)]
pub struct InitSpec {
    /// Which of the two forms.
    pub form: Form,
    /// mechTypes: the DER of the MechTypeList, exact.
    pub mech_types: Option<Vec<u8>>,
    /// reqFlags: the DER of the BIT STRING.
    pub req_flags: Option<Vec<u8>>,
    /// mechToken.
    pub mech_token: Option<Vec<u8>>,
    /// negHints: the DER of the NegHints SEQUENCE.
    pub neg_hints: Option<Vec<u8>>,
    /// mechListMIC.
    pub mic: Option<Vec<u8>>,
    /// Octets after the last field, inside the SEQUENCE.
    pub inside: Vec<u8>,
    /// Tag of the choice (0xa0).
    pub choice: u8,
    /// The frame; SPNEGO's OID and no token id.
    pub frame: Frame,
}

/// The DER of a MechTypeList.
pub fn mech_types(oids: &[&[u8]]) -> Vec<u8> {
    der::seq(oids.iter().map(|o| der::oid(o)))
}

/// What MIT and Windows put in negHints.
pub fn neg_hints() -> Vec<u8> {
    let hint = der::general_string(b"not_defined_in_RFC4178@please_ignore");
    der::seq([der::ctx(0, hint)])
}

/// SPNEGO's frame.
pub fn frame() -> Frame {
    let token_id = None;
    Frame {
        token_id,
        ..Frame::gss(oid::SPNEGO)
    }
}

impl InitSpec {
    /// Offers these mechanisms, with a token for the first.
    pub fn new(oids: &[&[u8]], mech_token: Option<Vec<u8>>) -> Self {
        Self {
            form: Form::Init,
            mech_types: Some(mech_types(oids)),
            req_flags: None,
            mech_token,
            neg_hints: None,
            mic: None,
            inside: Vec::new(),
            choice: 0xa0,
            frame: frame(),
        }
    }

    /// The token.
    pub fn token(&self) -> Vec<u8> {
        let mic = self.mic.as_deref().map(der::octets);
        let (third, fourth) = match self.form {
            Form::Init => (mic, None),
            Form::Init2 => (self.neg_hints.clone(), mic),
        };
        let body = der::seq([
            der::opt(0, self.mech_types.clone()),
            der::opt(1, self.req_flags.clone()),
            der::opt(2, self.mech_token.as_deref().map(der::octets)),
            der::opt(3, third),
            der::opt(4, fourth),
            self.inside.clone(),
        ]);
        self.frame.wrap(&der::tlv(self.choice, &body))
    }
}

/// negState values.
pub mod state {
    /// accept-completed.
    pub const COMPLETED: i64 = 0;
    /// accept-incomplete.
    pub const INCOMPLETE: i64 = 1;
    /// reject.
    pub const REJECT: i64 = 2;
    /// request-mic.
    pub const REQUEST_MIC: i64 = 3;
}

/// A NegTokenResp, to forge or as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resp {
    /// negState.
    pub state: Option<i64>,
    /// supportedMech, content octets.
    pub mech: Option<Vec<u8>>,
    /// responseToken.
    pub token: Option<Vec<u8>>,
    /// mechListMIC.
    pub mic: Option<Vec<u8>>,
}

impl Resp {
    fn fields(&self) -> Vec<u8> {
        [
            der::opt(0, self.state.map(der::enumerated)),
            der::opt(1, self.mech.as_deref().map(der::oid)),
            der::opt(2, self.token.as_deref().map(der::octets)),
            der::opt(3, self.mic.as_deref().map(der::octets)),
        ]
        .concat()
    }

    /// The token as RFC 4178 has it.
    pub fn encode(&self) -> Vec<u8> {
        der::tlv(0xa1, &der::tlv(0x30, &self.fields()))
    }

    /// Without the SEQUENCE tag, as some clients send it (rule 28).
    pub fn encode_without_sequence(&self) -> Vec<u8> {
        der::tlv(0xa1, &self.fields())
    }

    /// In an RFC 2743 frame, as some clients send it (rule 28).
    pub fn encode_framed(&self) -> Vec<u8> {
        frame().wrap(&self.encode())
    }

    /// Reads an acceptor's reply, strictly.
    pub fn read(token: &[u8]) -> Result<Self, Bad> {
        let mut outer = Reader::new(token);
        let mut choice = Reader::new(outer.expect(0xa1)?);
        outer.end()?;
        let mut r = Reader::new(choice.expect(0x30)?);
        choice.end()?;
        let out = Self {
            state: r.field(0)?.map(|mut f| f.int()).transpose()?,
            mech: read_bytes(&mut r, 1, 0x06)?,
            token: read_bytes(&mut r, 2, 0x04)?,
            mic: read_bytes(&mut r, 3, 0x04)?,
        };
        r.end()?;
        Ok(out)
    }
}

fn read_bytes(r: &mut Reader<'_>, n: u8, tag: u8) -> Result<Option<Vec<u8>>, Bad> {
    Ok(r.field(n)?
        .map(|mut f| f.expect(tag))
        .transpose()?
        .map(<[u8]>::to_vec))
}

/// The acceptor's hints (NegTokenInit2), as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The mechanisms, content octets.
    pub mechs: Vec<Vec<u8>>,
    /// hintName.
    pub name: Option<Vec<u8>>,
}

impl Hints {
    /// Reads the reply to an empty first token (rule 28).
    pub fn read(token: &[u8]) -> Result<Self, Bad> {
        let mut outer = Reader::new(token);
        let mut body = Reader::new(outer.expect(0x60)?);
        outer.end()?;
        if body.expect(0x06)? != oid::SPNEGO {
            return Err("not under SPNEGO's OID".into());
        }
        let mut r = Reader::new(Reader::new(body.expect(0xa0)?).expect(0x30)?);
        body.end()?;
        let mut list = Reader::new(r.must(0)?.expect(0x30)?);
        let mut mechs = Vec::new();
        while list.peek().is_some() {
            mechs.push(list.expect(0x06)?.to_vec());
        }
        let name = match r.field(3)? {
            None => None,
            Some(mut hints) => {
                let mut h = Reader::new(hints.expect(0x30)?);
                Some(h.must(0)?.expect(0x1b)?.to_vec())
            }
        };
        r.end()?;
        Ok(Self { mechs, name })
    }
}
