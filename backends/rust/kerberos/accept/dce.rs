//! DCE style (MS-KILE 3.4.5.1, rule 20): the AP-REP is answered with the
//! client's own. All three tokens are bare, inside SPNEGO too.

use zeroize::Zeroizing;

use super::malformed;
use super::reply::{Agreement, USAGE_AP_REP};
use crate::backends::rust::kerberos::codec::gss;
use crate::backends::rust::kerberos::codec::messages::{ApRep, EncApRepPart, KrbError};
use crate::backends::rust::kerberos::context::{Kept, read_key, write_key};
use crate::backends::rust::kerberos::crypto::Key;
use crate::backends::rust::suspended::{self, Awaits, read_context, write_context};
use crate::backends::{Exchange, Outcome, SecurityContext};
use crate::encoding::Reader;
use crate::error::{Error, Rejection};
use crate::facts::{AuthorizationFact, Facts};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::token::StepInput;

/// What the client's AP-REP is held to, and the context that it opens.
pub(super) struct ThirdLeg {
    session: Key,
    /// Our own sequence number, which the client must bring back.
    number: u32,
    context: Waiting,
}

/// A context that is nobody's yet.
enum Waiting {
    /// It is made when the client has answered. Until then the facts lack
    /// what became of the PAC, which is kept once.
    Agreed {
        agreement: Agreement,
        kept: Option<Box<Kept>>,
    },
    /// Of a handshake that began in another process.
    Made(Box<dyn SecurityContext>),
}

impl Waiting {
    fn context(self, facts: &mut Facts) -> Box<dyn SecurityContext> {
        match self {
            Self::Agreed { agreement, kept } => {
                let kept = kept.map_or_else(Kept::nothing, |kept| *kept);
                facts.authorization = AuthorizationFact::of(&kept.pac);
                agreement.context(kept)
            }
            Self::Made(context) => context,
        }
    }
}

impl ThirdLeg {
    pub(super) fn new(session: Key, agreement: Agreement, kept: Kept) -> Self {
        let kept = kept.boxed();
        Self {
            session,
            number: agreement.first_sent(),
            context: Waiting::Agreed { agreement, kept },
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
    pub(super) fn new(leg: ThirdLeg, mut facts: Box<Facts>) -> Self {
        if matches!(leg.context, Waiting::Agreed { .. }) {
            facts.authorization = AuthorizationFact::default();
        }
        Self { leg, facts }
    }
}

impl Exchange for AwaitClientApRep {
    fn suspend(self: Box<Self>) -> Result<Secret, Error> {
        self.save()
    }

    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        let Self { leg, mut facts } = *self;
        Reply::Now(match leg.check(input.token) {
            Ok(()) => Outcome::Established {
                token: None,
                context: leg.context.context(&mut facts),
                facts,
            },
            // The client has said its last word and awaits no answer: MIT
            // and Heimdal send none either.
            Err(error) => Outcome::fail(error),
        })
    }
}

impl AwaitClientApRep {
    fn save(self) -> Result<Secret, Error> {
        let Self { leg, mut facts } = self;
        suspended::save(Awaits::ClientApRep, |writer| {
            write_key(writer, &leg.session);
            writer.u32(leg.number);
            let context = leg.context.context(&mut facts);
            write_context(writer, context, &facts)
        })
    }

    pub(in crate::backends::rust) fn restore(reader: &mut Reader<'_>) -> Option<Self> {
        let session = read_key(reader)?;
        let number = reader.u32()?;
        let (context, facts) = read_context(reader)?;
        let context = Waiting::Made(context);
        let leg = ThirdLeg {
            session,
            number,
            context,
        };
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
