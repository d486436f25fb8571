//! A handshake: the system accepts, and what it says is read back.

use std::sync::Arc;
use std::time::SystemTime;

use windows_sys::Win32::Security::Authentication::Identity::{
    SECURITY_NATIVE_DREP, SECURITY_NETWORK_DREP,
};

use super::context::WindowsContext;
use super::credentials::Source;
use super::granted;
use super::identity::{self, Identified};
use super::negotiated::{Chosen, chosen};
use super::status::{self, Circumstances, Status};
use super::sys::{Accepted, Ctx, Leg, Output, Sspi};
use super::{NAME, bindings, expiry};
use crate::backends::{Exchange, Outcome, Settings};
use crate::error::{Error, Misuse, Rejection};
use crate::facts::{AuthorizationFact, BindingFact, ExpiryPrecision, Facts};
use crate::mechanism::{Framing, Mechanism};
use crate::name::Name;
use crate::reply::Reply;
use crate::requirements::{DataRepresentation, Granted, Requirements};
use crate::token::StepInput;

/// What all handshakes of a configuration share.
pub(super) struct Shared {
    pub(super) sspi: Arc<Sspi>,
    pub(super) settings: Arc<Settings>,
    pub(super) source: Arc<Source>,
}

/// Awaits the client's next token.
pub(super) struct AwaitToken {
    shared: Arc<Shared>,
    /// The configuration's, or what came with the first step.
    source: Arc<Source>,
    ctx: Ctx,
    leg: Number,
    framing: Framing,
    /// What the system said that it chose, in a negotiation.
    chosen: Option<Chosen>,
}

/// Which token comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Number {
    First,
    /// The client has been told what there is, and begins.
    AfterHints,
    Further,
}

/// NegTokenResp with negState reject (RFC 4178 4.2.2).
const REJECT: [u8; 9] = [0xA1, 7, 0x30, 5, 0xA0, 3, 0x0A, 1, 2];
/// The identifier of SPNEGO as it stands in a frame (RFC 4178 4.2).
const SPNEGO: [u8; 8] = [6, 6, 0x2B, 6, 1, 5, 5, 2];
const NTLMSSP: &[u8] = b"NTLMSSP\0";

impl AwaitToken {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            ctx: Ctx::new(&shared.sspi),
            source: Arc::clone(&shared.source),
            shared,
            leg: Number::First,
            framing: Framing::Raw,
            chosen: None,
        }
    }

    /// What the first token's first octets say, so that a client is told in
    /// its own framing that it is over, and a mechanism that is not enabled
    /// gets no further.
    fn look_at(&mut self, token: &[u8]) -> Result<(), Error> {
        if self.leg == Number::Further {
            return Ok(());
        }
        if token.is_empty() && self.leg == Number::AfterHints {
            let problem = "empty after our hints";
            return Err(Error::malformed("first token", problem, None));
        }
        if token.is_empty() || is_spnego(token) {
            self.framing = Framing::Spnego;
        } else if self.leg == Number::AfterHints {
            // Hints promise nothing: the client is done with them, and its own
            // mechanism begins.
            self.framing = Framing::Raw;
            self.ctx = Ctx::new(&self.shared.sspi);
        }
        let mechanism = if token.starts_with(NTLMSSP) {
            Mechanism::Ntlm
        } else {
            Mechanism::Kerberos
        };
        if self.framing == Framing::Raw && !self.enabled(mechanism) {
            return Err(self.no_common(mechanism.to_string()).into());
        }
        Ok(())
    }

    fn enabled(&self, mechanism: Mechanism) -> bool {
        self.shared.settings.mechanisms.contains(&mechanism)
    }

    /// The system was told which mechanisms there are; its answer is held to
    /// that, so that nothing begins that would be refused in the end.
    fn look_at_answer(&mut self, token: &[u8]) -> Result<(), Error> {
        if self.framing == Framing::Raw {
            return Ok(());
        }
        self.chosen = chosen(token).or(self.chosen);
        match self.chosen {
            None => Ok(()),
            Some(Chosen::Known(mechanism)) if self.enabled(mechanism) => Ok(()),
            Some(Chosen::Known(mechanism)) => Err(self.no_common(mechanism.to_string()).into()),
            Some(Chosen::Unknown) => Err(self.no_common("another mechanism".into()).into()),
        }
    }

    fn no_common(&self, offered: String) -> Rejection {
        Rejection::NoCommonMechanism {
            offered: vec![offered],
            enabled: self.shared.settings.mechanisms.clone(),
        }
    }

    /// The end, and what the client is told of it: inside of a negotiation
    /// always that it is over, and why under EXTENDED_ERROR alone.
    fn refuse(&self, error: Error, reply: Vec<u8>) -> Outcome {
        let telling = self.shared.settings.wants(Requirements::EXTENDED_ERROR);
        // Nothing but a token: some packages leave their room as it was.
        let is_token = matches!(reply.first(), Some(0x60 | 0x7E | 0xA1));
        let token = match self.framing {
            _ if telling && is_token => Some(reply),
            Framing::Spnego => Some(REJECT.to_vec()),
            Framing::Raw => None,
        };
        Outcome::Failed { error, token }
    }

    fn known(&self, now: SystemTime) -> Circumstances {
        Circumstances {
            now,
            skew: self.shared.settings.clock_skew,
        }
    }

    fn accept(&mut self, input: &StepInput<'_>) -> Accepted {
        let settings = &self.shared.settings;
        let bindings = bindings::buffer(settings.channel_bindings, input.channel_bindings);
        let output = if settings.wants(Requirements::ALLOCATE_MEMORY) {
            Output::Package
        } else {
            Output::Own(self.source.max_token)
        };
        let leg = Leg {
            token: input.token,
            bindings: bindings.as_deref(),
            requirements: granted::asked(settings),
            representation: match settings.data_representation {
                DataRepresentation::Native => SECURITY_NATIVE_DREP,
                DataRepresentation::Network => SECURITY_NETWORK_DREP,
            },
            output,
        };
        let source = Arc::clone(&self.source);
        self.ctx.accept(&source.cred, &leg)
    }

    fn go_on(mut self: Box<Self>, token: Vec<u8>) -> Outcome {
        if token.is_empty() {
            let error = Error::malformed("token", "the system has no answer to it", None);
            return self.refuse(error, token);
        }
        self.leg = match (self.leg, self.framing) {
            // NegTokenInit2 comes in a frame, an answer to an offer does not
            // (MS-SPNG 3.2.5.2): no more than hints has been said.
            (Number::First, Framing::Spnego) if is_spnego(&token) => Number::AfterHints,
            _ => Number::Further,
        };
        Outcome::go_on(token, self)
    }

    fn established(self, accepted: &Accepted, token: Vec<u8>, bound: Given) -> Outcome {
        let mut facts = match self.facts(accepted, bound) {
            Ok(facts) => facts,
            Err(error) => return self.refuse(error, Vec::new()),
        };
        let authorization = identity::authorization(&self.ctx);
        facts.authorization = AuthorizationFact::of(&authorization);
        if let Err(error) = self.shared.settings.judge.check(&facts) {
            return self.refuse(error, Vec::new());
        }
        let context = WindowsContext::new(self.ctx, &facts, self.source.max_token);
        Outcome::Established {
            token: Some(token).filter(|token| !token.is_empty()),
            context: Box::new(context),
            facts: Box::new(facts),
        }
    }

    fn facts(&self, accepted: &Accepted, bound: Given) -> Result<Facts, Error> {
        let package = self.ctx.package();
        let package = package.map_err(|status| status::of_call("the mechanism", status))?;
        let mechanism = match package.name.as_str() {
            "Kerberos" => Some(Mechanism::Kerberos),
            "NTLM" => Some(Mechanism::Ntlm),
            _ => None,
        };
        let mechanism = mechanism
            .filter(|mechanism| self.enabled(*mechanism))
            // The answer and the context must speak of the same mechanism.
            .filter(|mechanism| {
                self.chosen
                    .is_none_or(|own| own == Chosen::Known(*mechanism))
            })
            .ok_or_else(|| self.no_common(package.name))?;
        let granted = granted::granted(accepted.attributes, &self.shared.settings);
        let Identified {
            peer,
            target,
            client_target,
        } = identity::read(&self.ctx, mechanism, granted)?;
        let system = &*self.ctx.sspi.system;
        let expiry = expiry::read(accepted.expiry, system)
            .ok_or_else(|| status::of_call("the end of the context", Status::INTERNAL_ERROR))?;
        let mut facts = Facts::new(mechanism, peer, expiry);
        facts.framing = self.framing;
        facts.expiry_precision = ExpiryPrecision::UpperBound;
        facts.granted = granted;
        facts
            .granted
            .set(Granted::NULL_SESSION, facts.peer == Name::Anonymous);
        facts.bindings = match bound {
            Given::No => BindingFact::NotCompared,
            Given::Yes => bindings::fact(accepted.bindings),
        };
        facts.target = target;
        facts.client_target = client_target;
        Ok(facts)
    }
}

/// Whether bindings went to the system.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    Yes,
    No,
}

/// A frame of RFC 2743 3.1 with SPNEGO's identifier.
fn is_spnego(token: &[u8]) -> bool {
    let Some((0x60, rest)) = token.split_first() else {
        return false;
    };
    let length = match rest.first() {
        Some(&long @ 0x81..=0x84) => 1 + usize::from(long & 0x7F),
        _ => 1,
    };
    rest.get(length..)
        .is_some_and(|body| body.starts_with(&SPNEGO))
}

impl Exchange for AwaitToken {
    fn step(mut self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        // A ticket that is limited to addresses must not pass for one that was
        // held to them.
        if input.peer_address.is_some() {
            return Reply::Now(Outcome::fail(Misuse::Unsupported {
                backend: NAME,
                what: "a client's address, which the system does not compare with the ticket's",
            }));
        }
        if let Err(error) = self.look_at(input.token) {
            return Reply::Now(self.refuse(error, Vec::new()));
        }
        if let Some(handle) = input.credentials {
            match handle.downcast::<Source>() {
                Some(source) => self.source = source,
                None => return Reply::Now(Outcome::fail(Misuse::ForeignCredentials)),
            }
        }
        let policy = self.shared.settings.channel_bindings;
        let bound = match bindings::buffer(policy, input.channel_bindings) {
            Some(_) => Given::Yes,
            None => Given::No,
        };
        let mut accepted = self.accept(&input);
        let now = self.shared.settings.clock.now();
        let mut token = core::mem::take(&mut accepted.token);
        let complete = [Status::COMPLETE_NEEDED, Status::COMPLETE_AND_CONTINUE];
        if complete.contains(&accepted.status) {
            // "If needed, must be called before the token is sent."
            let completed = self.ctx.complete(&mut token);
            if let Err(status) = completed.ok() {
                let error = status::of_step(status, &self.known(now));
                return Reply::Now(self.refuse(error, Vec::new()));
            }
        }
        if !accepted.status.is_error()
            && let Err(error) = self.look_at_answer(&token)
        {
            return Reply::Now(self.refuse(error, Vec::new()));
        }
        Reply::Now(match accepted.status {
            Status::OK | Status::COMPLETE_NEEDED => self.established(&accepted, token, bound),
            Status::CONTINUE_NEEDED | Status::COMPLETE_AND_CONTINUE => self.go_on(token),
            status => {
                let error = status::of_step(status, &self.known(now));
                self.refuse(error, token)
            }
        })
    }

    fn abandon(self: Box<Self>) -> Option<Vec<u8>> {
        (self.framing == Framing::Spnego).then(|| REJECT.to_vec())
    }
}
