//! DCE style (MS-KILE 3.4.5.1, rule 20): the AP-REP is answered with the
//! client's own. All three tokens are bare, inside SPNEGO too.

use zeroize::Zeroizing;

use super::malformed;
use super::reply::USAGE_AP_REP;
use crate::backends::rust::kerberos::codec::gss;
use crate::backends::rust::kerberos::codec::messages::{ApRep, EncApRepPart, KrbError};
use crate::backends::rust::kerberos::context::{read_key, write_key};
use crate::backends::rust::kerberos::crypto::Key;
use crate::backends::rust::suspended::{self, Awaits, read_context, write_context};
use crate::backends::{Exchange, Outcome, SecurityContext};
use crate::encoding::Reader;
use crate::error::{Error, Rejection};
use crate::facts::Facts;
use crate::reply::Reply;
use crate::secret::Secret;
use crate::token::StepInput;

/// What the client's AP-REP is held to, and the context that it opens.
pub(super) struct ThirdLeg {
    session: Key,
    /// Our own sequence number, which the client must bring back.
    number: u32,
    context: Box<dyn SecurityContext>,
}

impl ThirdLeg {
    pub(super) fn new(session: Key, number: u32, context: Box<dyn SecurityContext>) -> Self {
        Self {
            session,
            number,
            context,
        }
    }

    /// Under the ticket's session key, our number brought back, no subkey.
    ///
    /// The number is what proves that the client has read our AP-REP, and the
    /// subkey what tells its answer from ours: an AP-REP of this side always
    /// has one in DCE style, so it cannot be sent back to us. Its time is not
    /// looked at: MIT krb5 sends the client's present one, Heimdal the
    /// AP-REQ's.
    fn check(&self, token: &[u8]) -> Result<(), Error> {
        if let Some(code) = sent_error(token) {
            return Err(Rejection::PeerFailed { code: Some(code) }.into());
        }
        let sealed = ApRep::decode(token).map_err(malformed)?.enc_part;
        if sealed.etype != self.session.etype() {
            return Err(wrong("is not in the encryption type of the session key"));
        }
        let mut plain = Zeroizing::new(sealed.cipher.0.to_vec());
        let plain = self
            .session
            .usage_key(USAGE_AP_REP)
            .decrypt_in_place(&mut plain)
            .map_err(|_| wrong("is not under the ticket's session key"))?;
        let part = EncApRepPart::decode(plain).map_err(malformed)?;
        if part.subkey.is_some() {
            return Err(wrong(
                "holds a subkey, as ours does and the client's must not",
            ));
        }
        if part.seq_number != Some(self.number) {
            return Err(wrong("does not repeat our sequence number"));
        }
        Ok(())
    }
}

/// Awaits the client's AP-REP. Nobody gets at the context before it has come.
pub(in crate::backends::rust) struct AwaitClientApRep {
    leg: ThirdLeg,
    facts: Box<Facts>,
}

impl AwaitClientApRep {
    pub(super) fn new(leg: ThirdLeg, facts: Box<Facts>) -> Self {
        Self { leg, facts }
    }
}

impl Exchange for AwaitClientApRep {
    fn suspend(self: Box<Self>) -> Result<Secret, Error> {
        self.save()
    }

    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        Reply::Now(match self.leg.check(input.token) {
            Ok(()) => Outcome::Established {
                token: None,
                context: self.leg.context,
                facts: self.facts,
            },
            // The client has said its last word and awaits no answer: MIT
            // and Heimdal send none either.
            Err(error) => Outcome::fail(error),
        })
    }
}

impl AwaitClientApRep {
    fn save(self) -> Result<Secret, Error> {
        let Self { leg, facts } = self;
        suspended::save(Awaits::ClientApRep, |writer| {
            write_key(writer, &leg.session);
            writer.u32(leg.number);
            write_context(writer, leg.context, &facts)
        })
    }

    pub(in crate::backends::rust) fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let session = read_key(reader)?;
        let number = reader.u32()?;
        let (context, facts) = read_context(reader)?;
        let leg = ThirdLeg::new(session, number, context);
        Some(Self::new(leg, facts))
    }
}

/// The code of a KRB-ERROR, bare or framed: a client that does not like our
/// AP-REP may say why.
fn sent_error(token: &[u8]) -> Option<i32> {
    let message = match token.first()? {
        0x7E => token,
        0x60 => {
            let framed = gss::parse(token).ok()?;
            (framed.token_id == gss::token_id::KRB_ERROR).then_some(framed.body)?
        }
        _ => return None,
    };
    KrbError::decode(message).ok().map(|error| error.error_code)
}

fn wrong(problem: &'static str) -> Error {
    Rejection::ThirdLeg { problem }.into()
}
