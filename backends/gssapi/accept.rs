//! A handshake: the library accepts, and what it does not look at is looked
//! at here, before and after.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::context::sys::{Accepted, Ctx, Inquired};
use super::context::{GssapiContext, subkey};
use super::credentials::Source;
use super::credentials::sys::Credential;
use super::delegation::{self, Wanted};
use super::granted::{flag, granted};
use super::status::{self, Circumstances};
use super::sys::{Flavour, Gss, is_error};
use super::token::{self, ApReq, First};
use super::{NAME, names, oid, replay};
use crate::backends::{Exchange, Outcome, Settings};
use crate::ccache::TicketFlags;
use crate::channel_bindings::ChannelBindingPolicy;
use crate::delegation::Delegated;
use crate::error::{Error, EtypeUse, Misuse, Rejection};
use crate::etype::EncryptionType;
use crate::facts::{BindingFact, ExpiryPrecision, Facts};
use crate::mechanism::{Framing, Mechanism};
use crate::name::{Name, Principal};
use crate::reply::Reply;
use crate::requirements::{Granted, Requirements};
use crate::time::Expiry;
use crate::token::StepInput;

/// What all handshakes of a configuration share.
pub(super) struct Shared {
    pub(super) gss: Arc<Gss>,
    pub(super) settings: Arc<Settings>,
    pub(super) source: Arc<Source>,
    /// How far the library lets clocks be apart.
    pub(super) skew: Duration,
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
    bindings: Bindings,
    /// What the client offers, in words.
    offered: Vec<String>,
    delegated: Option<Credential>,
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

/// NegTokenResp with negState reject (RFC 4178 4.2.2).
const REJECT: [u8; 9] = [0xA1, 7, 0x30, 5, 0xA0, 3, 0x0A, 1, 2];
const CONTINUE: u32 = 1;
/// Rule 1.
const FRAME_AND_STYLE: &str = "framed with DCE style, or bare without it";

impl AwaitToken {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            ctx: Ctx::new(&shared.gss),
            source: Arc::clone(&shared.source),
            shared,
            leg: Leg::First,
            framing: Framing::Raw,
            seen: Vec::new(),
            offered: Vec::new(),
            bindings: Bindings::NotGiven,
            delegated: None,
        }
    }

    /// Refuses what the library would take, or go on with, and should not.
    fn look_at(&mut self, token: &[u8]) -> Result<(), Error> {
        if matches!(self.leg, Leg::Further | Leg::Retry) {
            if !token::well_formed(token) {
                return Err(Error::malformed("token", "it cannot be read in full", None));
            }
        } else {
            self.look_at_first(token)?;
        }
        let Some(ap_req) = token::ap_req(token) else {
            return Ok(());
        };
        if ap_req.user_to_user {
            return Err(Rejection::NoTgt.into());
        }
        // MIT holds session keys to a list, not the ticket's own; Heimdal none.
        self.permitted(EtypeUse::Ticket, ap_req.etype)?;
        self.permitted(EtypeUse::SessionKey, ap_req.session_etype)?;
        self.seen.push(ap_req);
        Ok(())
    }

    fn look_at_first(&mut self, token: &[u8]) -> Result<(), Error> {
        let malformed = |part, problem| Err(Error::malformed(part, problem, None));
        let first = token::first(token);
        let settings = &self.shared.settings;
        let offered: Vec<&[u8]> = match first {
            First::Empty if self.leg == Leg::First => return Ok(()),
            First::Empty => return malformed("first token", "empty after our hints"),
            First::Unknown => return malformed("first token", "of no known mechanism"),
            First::BadFrame => return malformed("GSS token", "its frame is not exact"),
            First::BadOffer => return malformed("NegTokenInit", "it cannot be read"),
            First::NoApReq => return malformed("AP-REQ frame", "unknown token id"),
            First::UserToUser => return Err(Rejection::NoTgt.into()),
            First::Kerberos | First::Bare => vec![oid::KRB5],
            First::Ntlm => vec![oid::NTLM],
            First::Other(mech) => vec![mech],
            First::Offer(mechs) => {
                self.framing = Framing::Spnego;
                mechs
            }
        };
        self.offered = offered
            .iter()
            .take(16)
            .map(|mech| oid::name(mech))
            .collect();
        if offered.iter().any(|mech| enabled(mech, settings)) {
            return Ok(());
        }
        Err(self.no_common().into())
    }

    /// Rule 7.
    fn permitted(&self, used_as: EtypeUse, etype: EncryptionType) -> Result<(), Error> {
        let permitted = &self.shared.settings.etypes;
        if permitted.contains(&etype) {
            return Ok(());
        }
        Err(Rejection::EtypeNotPermitted {
            used_as,
            etype,
            permitted: permitted.clone(),
        }
        .into())
    }

    /// Heimdal takes any subkey of the client's.
    fn check_subkey(&self) -> Result<(), Error> {
        let Some((etype, length)) = subkey(&self.ctx) else {
            return Ok(());
        };
        self.permitted(EtypeUse::Subkey, etype)?;
        // RFC 3962 4, RFC 8009 3; RC4 (RFC 4757) has 16 as well.
        let due = match etype.0 {
            18 | 20 => 32,
            _ => 16,
        };
        if length == due {
            return Ok(());
        }
        Err(Error::malformed(
            "authenticator",
            "a subkey of another length",
            None,
        ))
    }

    fn no_common(&self) -> Rejection {
        Rejection::NoCommonMechanism {
            offered: self.offered.clone(),
            enabled: self.shared.settings.mechanisms.clone(),
        }
    }

    fn known(&self, now: SystemTime) -> Circumstances<'_> {
        Circumstances {
            ap_req: self.seen.last(),
            keys: self.source.keys(),
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
        let token = match self.framing {
            _ if telling && !reply.is_empty() => Some(reply),
            Framing::Spnego => Some(REJECT.to_vec()),
            Framing::Raw => None,
        };
        Outcome::Failed { error, token }
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
        if reply.is_empty() {
            let error = Error::malformed("token", "the library has no answer to it", None);
            return self.refuse(error, reply);
        }
        self.leg = match self.leg {
            Leg::First if self.framing == Framing::Raw && self.seen.is_empty() => {
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
    fn established(self: Box<Self>, accepted: Accepted, now: SystemTime) -> Reply<Outcome> {
        let (facts, delegated) = match self.facts(&accepted, now) {
            Ok(found) => found,
            Err(error) => return Reply::Now(self.refuse(error, Vec::new())),
        };
        if let Err(error) = self.shared.settings.judge.check(&facts) {
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
            let datagram = facts.granted.contains(Granted::DATAGRAM);
            let max_token = self.shared.settings.max_token;
            let context = GssapiContext::new(self.ctx, facts.mechanism, datagram, max_token)
                .delegated(delegated);
            let token = Some(accepted.token).filter(|token| !token.is_empty());
            Outcome::Established {
                token,
                context: Box::new(context),
                facts: Box::new(facts),
            }
        })
    }

    fn facts(
        &self,
        accepted: &Accepted,
        now: SystemTime,
    ) -> Result<(Facts, Option<Delegated>), Error> {
        let settings = &self.shared.settings;
        let inquired = self.ctx.inquire();
        let known = inquired.map_err(|status| status::of_step(&status, &self.known(now)))?;
        let mechanism = oid::mechanism(&known.mech)
            .filter(|mechanism| settings.mechanisms.contains(mechanism))
            .ok_or_else(|| self.no_common())?;
        let dce = accepted.flags & flag::DCE_STYLE != 0;
        if self.seen.last().is_some_and(|ap_req| ap_req.bare != dce) {
            return Err(Error::malformed("AP-REQ", FRAME_AND_STYLE, None));
        }
        if self.shared.gss.flavour == Flavour::Heimdal {
            self.check_subkey()?;
        }
        let peer = self.peer(&known, accepted)?;
        let lifetime = accepted.lifetime.min(known.lifetime);
        let expiry = match lifetime {
            u32::MAX => Expiry::Never,
            seconds => Expiry::At(now + Duration::from_secs(u64::from(seconds))),
        };
        let mut facts = Facts::new(mechanism, peer, expiry);
        facts.framing = self.framing;
        facts.expiry_precision = ExpiryPrecision::UpperBound;
        facts.granted = granted(accepted.flags, settings);
        if facts.peer == Name::Anonymous {
            facts.granted |= Granted::NULL_SESSION;
        }
        facts.bindings = self.bindings(accepted.flags);
        facts.target = self.target(known.target.as_deref(), now)?;
        let delegated = self.delegated(accepted, &mut facts, now);
        Ok((facts, delegated))
    }

    /// Rule 15.
    fn delegated(
        &self,
        accepted: &Accepted,
        facts: &mut Facts,
        now: SystemTime,
    ) -> Option<Delegated> {
        if self.delegation() == Wanted::No || facts.mechanism != Mechanism::Kerberos {
            return None;
        }
        let peer = facts.peer.clone();
        let client = delegation::Client {
            principal: peer.principal(),
            ticket_flags: self.ticket_flags(),
            says_so: accepted.flags & flag::DELEG != 0,
            now,
            skew: self.shared.skew,
        };
        delegation::read(&self.shared.gss, self.delegated.as_ref(), &client, facts)
    }

    fn delegation(&self) -> Wanted {
        if self.shared.settings.wants(Requirements::DELEGATE) {
            Wanted::Yes
        } else {
            Wanted::No
        }
    }

    /// The ticket's, in the order of RFC 4120.
    fn ticket_flags(&self) -> TicketFlags {
        let bits = self.ctx.ticket_flags().unwrap_or(0);
        TicketFlags::from_bits_retain(match self.shared.gss.flavour {
            Flavour::Mit => bits,
            Flavour::Heimdal => bits.reverse_bits(),
        })
    }

    fn peer(&self, known: &Inquired, accepted: &Accepted) -> Result<Name, Error> {
        let anonymous = self.ticket_flags().contains(TicketFlags::ANONYMOUS);
        if accepted.flags & flag::ANON != 0 || anonymous {
            return Ok(Name::Anonymous);
        }
        names::peer(
            &known.mech,
            known.peer.as_deref(),
            known.peer_text.as_deref(),
        )
        .ok_or_else(|| Error::malformed("client's name", "it cannot be read", None))
    }

    /// Whose key opened the ticket. The libraries try any key on it (rule 4):
    /// a ticket that is not for a name of the keytab is taken only where the
    /// configuration says so. One that is for such a name may have been opened
    /// by the same key under another.
    fn target(&self, found: Option<&[u8]>, now: SystemTime) -> Result<Option<Principal>, Error> {
        let (Some(target), Some(ap_req)) = (found.and_then(names::principal), self.seen.last())
        else {
            return Ok(None);
        };
        let service = &ap_req.service;
        if target == *service {
            return Ok(Some(target));
        }
        let keys = self.source.keys();
        if keys.same_key(service, &target, ap_req.etype) {
            return Ok(Some(service.clone()));
        }
        if self.shared.settings.alias_limit > 0 || keys.has(service) {
            return Ok(Some(target));
        }
        Err(status::no_key(service.clone(), &self.known(now)).into())
    }

    fn bindings(&self, flags: u32) -> BindingFact {
        match (self.bindings, self.shared.gss.flavour) {
            // RFC 2744 1.1.6: without bindings of its own, an acceptor does
            // not look at the client's.
            (Bindings::NotGiven, _) => BindingFact::NotCompared,
            (Bindings::Given, Flavour::Heimdal) => BindingFact::Undisclosed,
            (Bindings::Given, Flavour::Mit) if flags & flag::CHANNEL_BOUND != 0 => {
                BindingFact::Bound
            }
            (Bindings::Given, Flavour::Mit) => BindingFact::Absent,
        }
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
        if let Err(error) = self.look_at(input.token) {
            return Reply::Now(self.refuse(error, Vec::new()));
        }
        let policy = self.shared.settings.channel_bindings;
        let bindings = input
            .channel_bindings
            .filter(|_| policy != ChannelBindingPolicy::Ignore)
            .map(crate::channel_bindings::ChannelBindings::application_data);
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
        let delegation = self.delegation();
        let accepted = source.lend(|credential| {
            self.ctx
                .accept(credential, input.token, bindings, delegation)
        });
        let mut accepted = match accepted {
            Ok(accepted) => accepted,
            Err(error) => return Reply::Now(self.refuse(error, Vec::new())),
        };
        self.delegated = accepted.delegated.take().or(self.delegated.take());
        let now = self.shared.settings.clock.now();
        if is_error(accepted.major) {
            let status = self.shared.gss.status(accepted.major, accepted.minor);
            let error = status::of_step(&status, &self.known(now));
            return Reply::Now(self.refuse(error, accepted.token));
        }
        if accepted.major & CONTINUE != 0 {
            return Reply::Now(self.go_on(accepted, now));
        }
        self.established(accepted, now)
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
