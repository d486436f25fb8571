//! A handshake: the library accepts, and what it does not look at is looked
//! at here, before and after.

mod after;
mod before;

use std::ffi::CString;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use super::authorization::Vouching;
use super::context::sys::{Accepted, Ctx, Wanted};
use super::context::{GssapiContext, Order, TicketPac};
use super::credentials::sys::Credential;
use super::credentials::{Purpose, Source};
use super::granted::flag;
use super::keys::Keys;
use super::krb5::sys::Krb5;
use super::ntlm::{Challenge, Logon};
use super::refusal::{self, REJECT};
use super::status::{self, Circumstances};
use super::sys::{Flavour, Gss, Status, is_error};
use super::token::{self, ApReq};
use super::{NAME, delegation, oid, replay};
use crate::backends::{Exchange, Outcome, Settings};
use crate::channel_bindings::{ChannelBindingPolicy, ChannelBindings};
use crate::error::{Error, Misuse, Rejection, krb_error};
use crate::facts::BindingFact;
use crate::mechanism::{Framing, Mechanism};
use crate::reply::Reply;
use crate::requirements::{Granted, Requirements};
use crate::token::StepInput;

/// What all handshakes of a configuration share.
pub(super) struct Shared {
    pub(super) gss: Arc<Gss>,
    pub(super) settings: Arc<Settings>,
    pub(super) source: Arc<Source>,
    /// NTLM's accounts, if it is told where they are.
    pub(super) users: Option<CString>,
    /// How far the library lets clocks be apart.
    pub(super) skew: Duration,
    /// How it says that a PAC is genuine.
    pub(super) vouching: Vouching,
    /// Held open: MIT krb5 parses `krb5.conf` again for whoever finds that
    /// nobody has it open, which is each call in a handshake.
    pub(super) _configuration: Mutex<Option<Krb5>>,
}

/// Awaits the client's next token.
pub(super) struct AwaitToken {
    shared: Arc<Shared>,
    /// The configuration's, or what came with the first step.
    source: Arc<Source>,
    ctx: Ctx,
    leg: Leg,
    framing: Framing,
    /// The AP-REQs of all legs: none of them may have been used before.
    seen: Vec<ApReq>,
    /// The keys that the last of them was opened with.
    keys: Arc<Keys>,
    /// Whether the library says that the client awaits an answer.
    mutual: bool,
    bindings: Bindings,
    /// What the client offers, in words.
    offered: Vec<String>,
    delegated: Option<Credential>,
    /// What the handles are for that the library is given.
    purpose: Purpose,
    challenge: Option<Challenge>,
    logon: Option<Logon>,
}

/// What has come so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leg {
    First,
    /// The client has been told what there is, and begins.
    AfterHints,
    Further,
    /// The client has been told our time, and tries once more.
    Retry,
}

const CONTINUE: u32 = 1;
/// Rule 1.
const FRAME_AND_STYLE: &str = "framed with DCE style, or bare without it";

impl AwaitToken {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            ctx: Ctx::new(&shared.gss),
            keys: shared.source.keys(),
            mutual: false,
            source: Arc::clone(&shared.source),
            shared,
            leg: Leg::First,
            framing: Framing::Raw,
            seen: Vec::new(),
            offered: Vec::new(),
            bindings: Bindings::NotGiven,
            delegated: None,
            purpose: Purpose::Hints,
            challenge: None,
            logon: None,
        }
    }

    fn no_common(&self) -> Rejection {
        Rejection::NoCommonMechanism {
            offered: self.offered.clone(),
            enabled: self.shared.settings.mechanisms.clone(),
        }
    }

    fn failed(&self, status: &Status, input: &StepInput<'_>, now: SystemTime) -> Error {
        let Some(logon) = &self.logon else {
            return status::of_step(status, &self.known(now));
        };
        let platform = status::platform(status);
        let error = match logon.bindings(self.given(input)) {
            BindingFact::Mismatch { null_address_type } => {
                Rejection::BindingMismatch { null_address_type }.into()
            }
            _ => logon.failed(&platform.to_string()),
        };
        error.with_platform(platform)
    }

    /// What the library is asked for with a token. Heimdal does not give the
    /// mechanism inside of a negotiation here, and is asked afterwards.
    fn wanted(&self) -> Wanted {
        let mit = self.shared.gss.flavour == Flavour::Mit;
        // MIT reads them in the first leg of DCE style, of which its upper
        // layer hands out nothing, and loses them.
        let lost = mit && self.seen.last().is_some_and(|ap_req| ap_req.bare);
        Wanted {
            peer: self.purpose == Purpose::Kerberos && mit,
            delegated: self.delegation() == delegation::Wanted::Yes && !lost,
        }
    }

    /// The bindings to compare.
    fn given<'i>(&self, input: &StepInput<'i>) -> Option<&'i ChannelBindings> {
        let policy = self.shared.settings.channel_bindings;
        let given = input.channel_bindings;
        given.filter(|_| policy != ChannelBindingPolicy::Ignore)
    }

    fn known(&self, now: SystemTime) -> Circumstances<'_> {
        Circumstances {
            ap_req: self.seen.last(),
            keys: &self.keys,
            etypes: &self.shared.settings.etypes,
            no_common: self.no_common(),
            framing: self.framing,
            bound: self.bindings,
            now,
            skew: self.shared.skew,
        }
    }

    /// The end, and what the client is told of it: inside of a negotiation
    /// always that it is over, and why under EXTENDED_ERROR alone.
    fn refuse(&self, error: Error, reply: Vec<u8>) -> Outcome {
        let telling = self.shared.settings.wants(Requirements::EXTENDED_ERROR);
        let said = Some(reply).filter(|reply| !reply.is_empty());
        let said = said.or_else(|| self.own_words(&error));
        let token = match self.framing {
            _ if telling && said.is_some() => said,
            Framing::Spnego => Some(REJECT.to_vec()),
            Framing::Raw => None,
        };
        Outcome::Failed { error, token }
    }

    /// A KRB-ERROR of ours, where the library has none: it is content, or has
    /// not been asked. For a client that awaits an answer (rule 21).
    fn own_words(&self, error: &Error) -> Option<Vec<u8>> {
        let ap_req = self.seen.last()?;
        let code = krb_error::code_of(error)?;
        let now = self.shared.settings.clock.now();
        let token = || refusal::token(code, &ap_req.service, now, self.framing);
        (self.mutual || ap_req.mutual_required).then(token)
    }

    /// The library awaits another token.
    fn go_on(mut self: Box<Self>, accepted: Accepted, now: SystemTime) -> Outcome {
        let reply = accepted.token;
        if let Some(code) = token::krb_error(&reply) {
            return self.try_again(code, reply, now);
        }
        let strange = token::chosen(&reply).filter(|mech| !enabled(mech, &self.shared.settings));
        if let Some(mech) = strange {
            self.offered = vec![oid::name(mech)];
            return self.refuse(self.no_common().into(), Vec::new());
        }
        // A bare AP-REP is DCE style's, and so must have been the AP-REQ.
        if reply.first() == Some(&0x6F) && self.seen.last().is_some_and(|ap_req| !ap_req.bare) {
            let error = Error::malformed("AP-REQ", FRAME_AND_STYLE, None);
            return self.refuse(error, Vec::new());
        }
        // Heimdal asks for the next mechanism when one has failed (rule 32).
        let failed = self.leg == Leg::First && !self.seen.is_empty();
        if failed && token::says_nothing(&reply) {
            let error = Error::malformed("token", "the library does not accept it", None);
            return self.refuse(error, Vec::new());
        }
        if let Some(message) = token::ntlm(&reply) {
            self.challenge = Challenge::read(message);
        }
        if reply.is_empty() {
            let error = Error::malformed("token", "the library has no answer to it", None);
            return self.refuse(error, reply);
        }
        self.leg = match self.leg {
            Leg::First if self.purpose == Purpose::Hints => {
                // Hints leave nothing behind: the negotiation begins anew.
                self.ctx = Ctx::new(&self.shared.gss);
                Leg::AfterHints
            }
            _ => Leg::Further,
        };
        Outcome::go_on(reply, self)
    }

    /// Heimdal answers some failures with a KRB-ERROR and goes on: once, for
    /// clocks, under EXTENDED_ERROR (rule 21), and else no more.
    fn try_again(mut self: Box<Self>, code: i32, reply: Vec<u8>, now: SystemTime) -> Outcome {
        let error = status::of_krb_error(code, &self.known(now));
        let clock = matches!(
            error.rejection(),
            Some(Rejection::ClockSkew { .. } | Rejection::TicketNotYetValid { .. })
        );
        let telling = self.shared.settings.wants(Requirements::EXTENDED_ERROR);
        if !clock || !telling || self.leg == Leg::Retry {
            return self.refuse(error, reply);
        }
        self.leg = Leg::Retry;
        Outcome::Continue {
            token: reply,
            next: self,
            retry: Some(error),
        }
    }

    /// The library is content.
    fn established(
        self: Box<Self>,
        accepted: Accepted,
        given: Option<&ChannelBindings>,
        now: SystemTime,
    ) -> Reply<Outcome> {
        let (mut facts, delegated) = match self.facts(&accepted, given, now) {
            Ok(found) => found,
            Err(error) => return Reply::Now(self.refuse(error, Vec::new())),
        };
        if let Err(error) = self.judge(&mut facts) {
            return Reply::Now(self.refuse(error, Vec::new()));
        }
        let checked = if facts.mechanism == Mechanism::Kerberos {
            {
                let shared = &self.shared;
                replay::check(&shared.settings, &self.seen, shared.skew, now)
            }
        } else {
            Reply::Now(Ok(()))
        };
        checked.map(move |verdict| {
            if let Err(error) = verdict {
                return self.refuse(error, Vec::new());
            }
            let order = if facts.granted.contains(Granted::DATAGRAM) {
                Order::Ignored
            } else {
                Order::Watched
            };
            let max_token = self.shared.settings.max_token;
            let context = GssapiContext::new(self.ctx, facts.mechanism, order, max_token)
                .delegated(delegated)
                .pac(TicketPac::Library(self.shared.vouching));
            let token = Some(accepted.token).filter(|token| !token.is_empty());
            Outcome::Established {
                token,
                context: Box::new(context),
                facts: Box::new(facts),
            }
        })
    }
}

/// Whether the step gave bindings to compare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bindings {
    Given,
    NotGiven,
}

impl Exchange for AwaitToken {
    fn step(mut self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        // Neither library compares it with the ticket's, and a ticket that
        // is limited to addresses must not pass for one that was held to them.
        if input.peer_address.is_some() {
            return Reply::Now(Outcome::fail(Misuse::Unsupported {
                backend: NAME,
                what: "a client's address, which the library does not compare with the ticket's",
            }));
        }
        let before = self.seen.len();
        if let Err(error) = self.look_at(input.token) {
            return Reply::Now(self.refuse(error, Vec::new()));
        }
        let given = self.given(&input);
        let bindings = given.map(ChannelBindings::application_data);
        self.bindings = match bindings {
            Some(_) => Bindings::Given,
            None => Bindings::NotGiven,
        };
        match supplied(&input) {
            Ok(Some(source)) => self.source = source,
            Ok(None) => {}
            Err(error) => return Reply::Now(Outcome::fail(error)),
        }
        let source = Arc::clone(&self.source);
        let wanted = self.wanted();
        let accepted = source.lend(self.purpose, |credential, keys| {
            if self.seen.len() > before {
                self.keys = Arc::clone(keys);
            }
            self.ctx.accept(credential, input.token, bindings, wanted)
        });
        let mut accepted = match accepted {
            Ok(accepted) => accepted,
            Err(error) => return Reply::Now(self.refuse(error, Vec::new())),
        };
        self.mutual |= accepted.flags & flag::MUTUAL != 0;
        self.delegated = accepted.delegated.take().or(self.delegated.take());
        let now = self.shared.settings.clock.now();
        if is_error(accepted.major) {
            let status = self.shared.gss.status(accepted.major, accepted.minor);
            let error = self.failed(&status, &input, now);
            return Reply::Now(self.refuse(error, accepted.token));
        }
        if accepted.major & CONTINUE != 0 {
            return Reply::Now(self.go_on(accepted, now));
        }
        self.established(accepted, given, now)
    }

    fn abandon(self: Box<Self>) -> Option<Vec<u8>> {
        (self.framing == Framing::Spnego).then(|| REJECT.to_vec())
    }
}

/// Credentials that came with the step.
fn supplied(input: &StepInput<'_>) -> Result<Option<Arc<Source>>, Error> {
    let Some(handle) = input.credentials else {
        return Ok(None);
    };
    match handle.downcast::<Source>() {
        Some(source) => Ok(Some(source)),
        None => Err(crate::error::Misuse::ForeignCredentials.into()),
    }
}

fn enabled(mech: &[u8], settings: &Settings) -> bool {
    oid::mechanism(mech).is_some_and(|mechanism| settings.mechanisms.contains(&mechanism))
}
