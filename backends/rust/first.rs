//! The first token: its first bytes say whose it is (rule 28).

use super::kerberos::accept::malformed;
use super::kerberos::codec::gss;
use super::spnego::accept::AwaitInit;
use super::spnego::codec::{self, NTLMSSP, SPNEGO, Sniffed};
use super::suspended::{self, Awaits};
use super::{Held, Mech, Shared, enabled};
use crate::backends::{Exchange, Outcome};
use crate::error::{Error, Rejection};
use crate::mechanism::{Framing, Mechanism, dotted};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::token::StepInput;

/// Awaits the first token of a handshake.
pub(super) struct AwaitFirst<'s> {
    shared: Held<'s>,
    hints: Hints,
}

/// Whether the client has been told what it may offer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hints {
    NotSent,
    Sent,
}

impl<'s> AwaitFirst<'s> {
    pub(super) fn new(shared: Held<'s>) -> Self {
        Self {
            shared,
            hints: Hints::NotSent,
        }
    }

    /// One whose hints have been sent.
    pub(super) fn after_hints(shared: Held<'s>) -> Self {
        let hints = Hints::Sent;
        Self { shared, hints }
    }

    /// A client that sends nothing wants to hear what there is; once.
    fn send_hints(self) -> Result<Outcome, Error> {
        if self.hints == Hints::Sent {
            return Err(Error::malformed(
                "first token",
                "empty after our hints",
                None,
            ));
        }
        let names: Vec<_> = enabled(&self.shared)
            .flat_map(|mech| mech.oids(&self.shared).iter().copied().map(codec::Oid))
            .collect();
        let token = codec::encode_hints(&names).map_err(malformed)?;
        let next = Box::new(AwaitFirst::after_hints(self.shared.into_own()));
        Ok(Outcome::go_on(token, next))
    }

    /// A mechanism's own token.
    fn raw(self, mechanism: Mechanism, input: StepInput<'_>) -> Reply<Outcome> {
        let found = enabled(&self.shared).find(|mech| mech.mechanism() == mechanism);
        match found {
            Some(mech) => mech.accept(self.shared, Framing::Raw, input),
            None => Reply::Now(Outcome::fail(no_common(
                vec![mechanism.to_string()],
                &self.shared,
            ))),
        }
    }

    /// The step, for a state that is in no box: it seldom lasts.
    pub(super) fn take(self, input: StepInput<'_>) -> Reply<Outcome> {
        let unknown = |problem| {
            Reply::Now(Outcome::fail(Error::malformed(
                "first token",
                problem,
                Some(0),
            )))
        };
        match codec::sniff(input.token) {
            Sniffed::Empty => Reply::Now(self.send_hints().unwrap_or_else(Outcome::fail)),
            Sniffed::RawNtlm => self.raw(Mechanism::Ntlm, input),
            Sniffed::BareApReq => self.raw(Mechanism::Kerberos, input),
            // X.690 8.19.2: an object identifier has at least one octet.
            Sniffed::GssFramed([], _) => unknown("an empty object identifier"),
            Sniffed::GssFramed(SPNEGO, offer) => AwaitInit::new(self.shared).take(offer, input),
            Sniffed::GssFramed(oid, _) => match named(oid) {
                Some(mechanism) => self.raw(mechanism, input),
                None => Reply::Now(Outcome::fail(no_common(vec![name(oid)], &self.shared))),
            },
            Sniffed::BadFrame(error) => Reply::Now(Outcome::fail(malformed(error))),
            Sniffed::BareNegTokenInit => unknown("a NegTokenInit without its frame"),
            Sniffed::BareNegTokenResp => unknown("a NegTokenResp before any NegTokenInit"),
            Sniffed::Unknown => unknown("of no known mechanism"),
        }
    }
}

impl Exchange for AwaitFirst<'static> {
    /// It is suspended after its hints alone: before them there is nothing.
    fn suspend(self: Box<Self>) -> Result<Secret, Error> {
        suspended::save(Awaits::First, |_| Ok(()))
    }

    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        self.take(input)
    }
}

/// The mechanism that an object identifier means in a token's frame.
fn named(oid: &[u8]) -> Option<Mechanism> {
    match oid {
        gss::KRB5 | gss::MS_KRB5 | gss::OLD_KRB5 | gss::KRB5_U2U => Some(Mechanism::Kerberos),
        NTLMSSP => Some(Mechanism::Ntlm),
        _ => None,
    }
}

/// Nothing that the client offers is enabled.
pub(super) fn no_common(offered: Vec<String>, shared: &Shared) -> Error {
    Rejection::NoCommonMechanism {
        offered,
        enabled: shared.settings.mechanisms.clone(),
    }
    .into()
}

/// The mechanism that an object identifier means in an offer, if it is
/// enabled.
pub(super) fn find(oid: &[u8], shared: &Shared) -> Option<&'static dyn Mech> {
    enabled(shared).find(|mech| mech.oids(shared).contains(&oid))
}

/// What a person calls the mechanism of an object identifier.
pub(super) fn name(oid: &[u8]) -> String {
    match oid {
        gss::KRB5 | gss::MS_KRB5 | gss::OLD_KRB5 => "Kerberos".into(),
        gss::KRB5_U2U => "Kerberos user-to-user".into(),
        NTLMSSP => "NTLM".into(),
        codec::NEGOEX => "NegoEx".into(),
        other => dotted(other),
    }
}

#[cfg(test)]
mod tests {
    use super::name;
    use crate::backends::rust::kerberos::codec::gss;

    #[test]
    fn identifiers_are_named_or_dotted() {
        assert_eq!(name(gss::MS_KRB5), "Kerberos");
        // 1.3.6.1.5.2.5 is IAKERB (draft-ietf-kitten-iakerb).
        assert_eq!(name(&[0x2B, 6, 1, 5, 2, 5]), "1.3.6.1.5.2.5");
        // 2.999.3, the example of X.690 8.19.5 with the 2.100.3 form.
        assert_eq!(name(&[0x81, 0x34, 0x03]), "2.100.3");
    }
}
