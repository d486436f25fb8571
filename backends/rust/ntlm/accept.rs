//! Accepting NTLM (MS-NLMP 3.2.5). Only this file and those below it see both
//! what is on the wire and the keys.

mod logon;
mod offer;
mod received;
mod session;
mod suspended;

use std::sync::Arc;

use self::logon::Proven;
use self::offer::Offer;
use self::received::Received;
use self::session::Session;
use super::Server;
use super::codec::Flags;
use super::codec::authenticate::Authenticate;
use super::codec::negotiate::Negotiate;
use super::context::{MicAnnounced, NtlmContext};
use crate::accounts::{AccountAnswer, AccountName};
use crate::authorization::Authorization;
use crate::backends::rust::Shared;
use crate::backends::rust::kerberos::accept::malformed;
use crate::backends::{Exchange, Outcome};
use crate::error::{
    AuthorizationProblem, Error, LogonProblem, Misuse, NtlmRejection, Rejection, Unavailability,
};
use crate::facts::{AuthorizationFact, Facts};
use crate::mechanism::{Framing, Mechanism};
use crate::name::Name;
use crate::random;
use crate::reply::Reply;
use crate::requirements::{Granted, Requirements};
use crate::secret::Secret;
use crate::time::Expiry;
use crate::token::StepInput;

/// The longest NEGOTIATE, in bytes: it is kept while the handshake is half
/// open, for the MIC. Its names have at most 16 and 15 bytes.
const MAX_NEGOTIATE: usize = 512;

/// Awaits the client's NEGOTIATE.
pub(crate) struct AwaitNegotiate {
    shared: Arc<Shared>,
    framing: Framing,
}

impl AwaitNegotiate {
    pub(crate) fn new(shared: Arc<Shared>, framing: Framing) -> Self {
        Self { shared, framing }
    }

    fn challenge(self, input: &StepInput<'_>) -> Result<Outcome, Error> {
        let server = server(&self.shared, input)?;
        if input.token.len() > MAX_NEGOTIATE {
            return Err(Error::malformed(
                "NEGOTIATE",
                "longer than any may be",
                None,
            ));
        }
        let negotiate = Negotiate::decode(input.token).map_err(malformed)?;
        if negotiate.flags.contains(Flags::DATAGRAM) {
            return Err(Rejection::Ntlm(NtlmRejection::Connectionless).into());
        }
        let mut challenge = [0; 8];
        // Of the system: after a fork, two processes that set one challenge
        // would each take the other's answer to it.
        if !random::of_system(&mut challenge) {
            let operation = "drawing a challenge";
            return Err(Unavailability::Internal { operation }.into());
        }
        let now = self.shared.settings.clock.now();
        let offer = Offer::new(negotiate.flags, &server.names, challenge, now)?;
        let token = offer.encode(&server.names);
        let next = AwaitAuthenticate {
            shared: self.shared,
            framing: self.framing,
            negotiate: input.token.into(),
            offer,
        };
        Ok(Outcome::go_on(token, Box::new(next)))
    }
}

impl Exchange for AwaitNegotiate {
    fn suspend(self: Box<Self>) -> Result<Secret, Error> {
        self.save()
    }

    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        Reply::Now(self.challenge(&input).unwrap_or_else(Outcome::fail))
    }
}

/// The accounts and names: the configuration's, or those that came with the
/// step.
fn server(shared: &Shared, input: &StepInput<'_>) -> Result<Arc<Server>, Error> {
    let server = match input.credentials {
        Some(handle) => handle.downcast().ok_or(Misuse::ForeignCredentials)?,
        None => shared.ntlm.clone().ok_or(Misuse::NoCredentials {
            mechanism: Mechanism::Ntlm,
        })?,
    };
    Ok(server)
}

/// Awaits the client's AUTHENTICATE. The challenge is not kept as it was
/// sent: it is made again from what went into it.
pub(crate) struct AwaitAuthenticate {
    shared: Arc<Shared>,
    framing: Framing,
    /// As it came (rule 34).
    negotiate: Box<[u8]>,
    offer: Offer,
}

impl Exchange for AwaitAuthenticate {
    fn suspend(self: Box<Self>) -> Result<Secret, Error> {
        self.save()
    }

    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        self.read(&input)
            .unwrap_or_else(|error| Reply::Now(Outcome::fail(error)))
    }
}

impl AwaitAuthenticate {
    /// Everything that can be said without the account's secret, then whose
    /// it is.
    fn read(self: Box<Self>, input: &StepInput<'_>) -> Result<Reply<Outcome>, Error> {
        let server = server(&self.shared, input)?;
        let message = Authenticate::decode(input.token).map_err(malformed)?;
        if message.is_anonymous() {
            return Ok(Reply::Now(self.anonymous()?));
        }
        let challenge_message = self.offer.encode(&server.names);
        let received = Received::read(&message, input, &self.offer, &server.names)?;
        let reply = if received.names_somebody() {
            server.accounts.look_up(received.logon())
        } else {
            Reply::Now(AccountAnswer::Refused(LogonProblem::UnknownUser))
        };
        Ok(reply.and_then(move |answer| {
            self.finish(received, answer, &server, &challenge_message)
                .unwrap_or_else(|error| Reply::Now(Outcome::fail(error)))
        }))
    }

    /// The order of rule 33: the proof before anything else counts, so that
    /// whoever has none learns nothing but that.
    fn finish(
        self: Box<Self>,
        received: Received,
        answer: AccountAnswer,
        server: &Server,
        challenge_message: &[u8],
    ) -> Result<Reply<Outcome>, Error> {
        let proven = Proven::check(&received, answer, self.offer.challenge)?;
        received.check_echo()?;
        let messages = [&self.negotiate, challenge_message];
        let session = Session::derive(&received, &proven, &messages, server.mic)?;
        let who = server.authorization(&proven.name);
        Ok(who.map(move |who| {
            self.established(&received, session, proven.name, who)
                .unwrap_or_else(Outcome::fail)
        }))
    }

    /// Nothing is left to be asked.
    fn established(
        &self,
        received: &Received,
        session: Session,
        account: AccountName,
        who: Result<Box<Authorization>, AuthorizationProblem>,
    ) -> Result<Outcome, Error> {
        let mut facts = self.facts(Name::Ntlm {
            user: account.user,
            domain: account.domain,
        });
        facts.authorization = AuthorizationFact::of(&who);
        facts.granted |= session.granted();
        facts
            .granted
            .set(Granted::IDENTIFY, received.flags.contains(Flags::IDENTIFY));
        facts.bindings = received.bindings;
        facts.client_target.clone_from(&received.client_target);
        self.shared.settings.judge.check(&facts)?;
        let max_token = self.shared.settings.max_token;
        let context = session.context(received.announced, max_token)?;
        let context = context.with_authorization(who);
        Ok(Outcome::Established {
            token: None,
            context: Box::new(context),
            facts: Box::new(facts),
        })
    }

    /// Rule 36: a client without a name, whose context protects nothing.
    /// Whether it may come in, the policy says.
    fn anonymous(&self) -> Result<Outcome, Error> {
        let mut facts = self.facts(Name::Anonymous);
        facts.granted |= Granted::NULL_SESSION;
        self.shared.settings.judge.check(&facts)?;
        let max_token = self.shared.settings.max_token;
        let context = NtlmContext::new(None, None, MicAnnounced::No, max_token);
        Ok(Outcome::Established {
            token: None,
            context: Box::new(context),
            facts: Box::new(facts),
        })
    }

    fn facts(&self, peer: Name) -> Facts {
        let mut facts = Facts::new(Mechanism::Ntlm, peer, Expiry::Never);
        facts.framing = self.framing;
        for (wish, means) in [
            (Requirements::CONNECTION, Granted::CONNECTION),
            (Requirements::STREAM, Granted::STREAM),
            (Requirements::ALLOCATE_MEMORY, Granted::ALLOCATED_MEMORY),
        ] {
            facts.granted.set(means, self.shared.settings.wants(wish));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::AwaitAuthenticate;

    /// Issue of every server that keeps thousands of handshakes: state and
    /// the usual NEGOTIATE together stay below 1 KiB.
    #[test]
    fn a_half_done_handshake_is_small() {
        assert!(size_of::<AwaitAuthenticate>() + super::MAX_NEGOTIATE < 1024);
    }
}
