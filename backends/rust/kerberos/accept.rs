//! Accepting an AP-REQ (RFC 4120 3.2.3, RFC 4121, MS-KILE 3.4.5). Only this
//! file and those below it see both what is on the wire and the keys.

mod authenticator;
mod checks;
mod dce;
mod delegation;
mod evidence;
mod pac;
mod prompt;
mod reply;
mod suspended;
mod ticket;
mod token;
mod user_to_user;

use std::sync::Arc;
use std::time::SystemTime;

use self::authenticator::{Asked, Authenticated, ReadClient};
use self::checks::{check_address, check_skew, check_start};
pub(in crate::backends::rust) use self::dce::AwaitClientApRep;
use self::delegation::Delegation;
use self::prompt::Prompt;
use self::reply::{Answered, answer};
use self::ticket::{ReadTicket, Room};
use self::token::{Frame, Style, Token, UNKNOWN_TOKEN_ID};
use super::codec::gss;
use super::codec::messages::ApReq;
use super::codec::{CodecError, Problem};
use super::context::Kept;
use super::keys::{KeySource, OwnTgt};
use crate::backends::rust::{Held, Shared, first};
use crate::backends::{Exchange, Outcome, Settings};
use crate::error::{Error, Rejection, Unavailability, krb_error};
use crate::facts::{AuthorizationFact, Facts};
use crate::mechanism::{Framing, Mechanism};
use crate::replay::{ReplayEntry, ReplayVerdict};
use crate::reply::Reply;
use crate::requirements::Requirements;
use crate::secret::Secret;
use crate::token::StepInput;

/// Awaits the client's AP-REQ.
pub(crate) struct AwaitApReq<'s> {
    shared: Held<'s>,
    framing: Framing,
    retry: Retry,
    prompt: Prompt,
    /// The TGT that the client was given, whose session key its ticket must
    /// be in (rule 13).
    promised: Option<Arc<OwnTgt>>,
}

/// Whether a client whose clock is off may try once more (rule 21).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    Allowed,
    Used,
}

impl<'s> AwaitApReq<'s> {
    /// The first state of a handshake.
    pub(crate) fn new(shared: Held<'s>, framing: Framing) -> Self {
        Self {
            shared,
            framing,
            retry: Retry::Allowed,
            prompt: Prompt::NotAsked,
            promised: None,
        }
    }

    /// Whether nothing has been answered yet.
    fn is_first(&self) -> bool {
        self.retry == Retry::Allowed && self.promised.is_none()
    }

    /// The same for longer than the step.
    fn into_own(self) -> AwaitApReq<'static> {
        AwaitApReq {
            shared: self.shared.into_own(),
            framing: self.framing,
            retry: self.retry,
            prompt: self.prompt,
            promised: self.promised,
        }
    }
}

impl Exchange for AwaitApReq<'static> {
    fn suspend(self: Box<Self>) -> Result<Secret, Error> {
        self.save()
    }

    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        self.take(input)
    }
}

impl AwaitApReq<'_> {
    /// The step, for a state that is in no box: it seldom lasts.
    pub(in crate::backends::rust) fn take(self, input: StepInput<'_>) -> Reply<Outcome> {
        let now = self.shared.settings.clock.now();
        let frame = Frame::of(input.token);
        if let Some(request) = user_to_user::tgt_request(&frame) {
            return Reply::Now(self.give_tgt(request, &input, now));
        }
        let mut peer = Peer {
            wants_error: WantsError::No,
            oid: gss::KRB5,
        };
        let verified = self
            .other_keys(&input)
            .and_then(|keys| verify(&self, &input, frame, keys.as_deref(), now, &mut peer));
        match verified {
            Ok(verified) => self.check_replay(verified, peer),
            Err(error) => match self.wanted(&input, &error) {
                Some(wanted) => self.ask(wanted, error, peer, input),
                None => Reply::Now(self.refuse_token(error, peer, input.token, now)),
            },
        }
    }
}

/// Realm, name type and components of a service, for a KRB-ERROR.
type SentService = (Vec<u8>, i32, Vec<Vec<u8>>);

/// The client, as far as that matters to what it is told.
#[derive(Clone, Copy)]
struct Peer {
    wants_error: WantsError,
    /// The OID that it awaits in the frame of an answer.
    oid: &'static [u8],
}

/// Whether a failure is told to the client (rule 21).
#[derive(Clone, Copy, PartialEq, Eq)]
enum WantsError {
    /// The client asked for mutual authentication, so it awaits an answer.
    Yes,
    No,
}

/// An AP-REQ of which everything has been checked but whether it came before,
/// and its answer, which is nobody's until that is known too. Owns what it has,
/// so that a replay store may take its time.
struct Verified {
    /// The integrity tag of the authenticator's ciphertext (rule 12).
    tag: ([u8; MAX_TAG], usize),
    ctime: SystemTime,
    now: SystemTime,
    answered: Answered,
    facts: Box<Facts>,
}

impl Verified {
    /// What becomes of it, now that it is no replay.
    fn outcome(self) -> Outcome {
        let facts = self.facts;
        match self.answered {
            Answered::Done { token, context } => Outcome::Established {
                token,
                context,
                facts,
            },
            Answered::AwaitsClient { token, next } => {
                Outcome::go_on(token, Box::new(AwaitClientApRep::new(*next, facts)))
            }
        }
    }
}

/// What every NTLM message begins with (MS-NLMP 2.2.1).
const NTLM_SIGNATURE: &[u8] = b"NTLMSSP\0";

/// The longest integrity tag: that of aes256-cts-hmac-sha384-192.
const MAX_TAG: usize = 24;

/// A Windows client that gets no ticket sends NTLM under Kerberos' name.
fn check_mechanism(token: &[u8], shared: &Shared) -> Result<(), Error> {
    if !token.starts_with(NTLM_SIGNATURE) {
        return Ok(());
    }
    let ntlm = vec![Mechanism::Ntlm.to_string()];
    Err(first::no_common(ntlm, shared))
}

fn verify(
    state: &AwaitApReq<'_>,
    input: &StepInput<'_>,
    frame: Frame<'_>,
    supplied: Option<&KeySource>,
    now: SystemTime,
    peer: &mut Peer,
) -> Result<Verified, Error> {
    let settings = &*state.shared.settings;
    check_mechanism(input.token, &state.shared)?;
    let token = Token::of(frame)?;
    peer.oid = token.oid;
    let request = ApReq::decode(token.ap_req).map_err(malformed)?;
    if request.ap_options.0 & ApReq::MUTUAL_REQUIRED != 0 {
        peer.wants_error = WantsError::Yes;
    }
    let keys = supplied.unwrap_or(&state.shared.keys);
    let tgt = user_to_user::tgt_for(&token, &request, state, keys, now)?;
    let table = keys.table();
    let mut room = Room::default();
    let (ticket, beside) =
        user_to_user::open_ticket(&request, settings, tgt.as_deref(), &table, &mut room)?;
    let part = ticket.decode()?;
    let ticket = ticket.read(&part, settings)?;
    let client = Authenticated::open(&request, &ticket, beside, settings)?;
    let part = client.decode()?;
    let client = client.read(&part, &ticket)?;
    let asked = Asked::read(&client, &request, &ticket, input.channel_bindings)?;
    if asked.mutual() {
        peer.wants_error = WantsError::Yes;
    }
    token.check_style(&asked)?;
    check_address(&ticket, input.peer_address)?;
    let found = check_insides(&client, &ticket, now, settings)?;
    let delegation = Delegation::read(&asked, &client, &ticket, now, settings)?;
    let mut facts = asked.facts(&client, &ticket, settings, state.framing);
    delegation.report(&mut facts);
    let pac = pac::verify(found, ticket.part, ticket.pac_key(), &state.shared.krbtgt);
    facts.authorization = AuthorizationFact::of(&pac);
    settings.judge.check(&facts)?;
    let kept = Kept {
        delegated: delegation.into_credentials().map(Box::new),
        ticket: evidence::of(state.shared.client_tickets, &request, &ticket),
        pac,
    };
    Ok(Verified {
        tag: client.tag(),
        ctime: client.ctime(),
        now,
        answered: answer(
            (&client, &ticket, &asked),
            settings,
            &facts,
            token.oid,
            kept,
        )?,
        facts,
    })
}

/// Holds what was encrypted to clock, realms and permitted types. Gives the
/// ticket's PAC, whatever it is worth.
fn check_insides<'a>(
    client: &ReadClient<'_>,
    ticket: &ReadTicket<'a>,
    now: SystemTime,
    settings: &Settings,
) -> Result<pac::Found<'a>, Error> {
    check_skew(client.ctime(), now, settings.clock_skew)?;
    ticket.check_times(now, settings)?;
    ticket.check_path(settings)?;
    let found = ticket.check_authorization_data()?;
    client.check_subkey(settings)?;
    if let Some(start) = settings.refuse_before {
        check_start(client.ctime(), start + settings.clock_skew)?;
    }
    Ok(found)
}

impl AwaitApReq<'_> {
    /// Rule 13: the TGT for a client that asks for it. It waits for an
    /// answer, whichever.
    fn give_tgt(self, request: &[u8], input: &StepInput<'_>, now: SystemTime) -> Outcome {
        let answered = self.other_keys(input).and_then(|supplied| {
            let keys = supplied.as_deref().unwrap_or(&self.shared.keys);
            user_to_user::answer(request, &self, keys, now)
        });
        match answered {
            Ok((tgt, token)) => {
                let next = Box::new(AwaitApReq {
                    promised: Some(tgt),
                    ..self.into_own()
                });
                Outcome::go_on(token, next)
            }
            Err(error) => {
                let peer = Peer {
                    wants_error: WantsError::Yes,
                    oid: gss::KRB5_U2U,
                };
                let service = || user_to_user::wanted_service(request);
                self.refuse(error, peer, service, now)
            }
        }
    }

    /// Rule 12: after everything else has passed, in one atomic step.
    fn check_replay(self, verified: Verified, peer: Peer) -> Reply<Outcome> {
        let settings = &self.shared.settings;
        let (tag, length) = verified.tag;
        let expires = verified.ctime + settings.replay_skew;
        let tag = tag.get(..length).unwrap_or(&tag);
        let mut entry = ReplayEntry::authenticator(tag, expires, verified.now);
        entry.since = verified.ctime.checked_sub(settings.replay_skew);
        match settings.replay.check(entry) {
            Reply::Now(verdict) => Reply::Now(self.judged(verdict, verified, peer)),
            later @ Reply::Later(_) => {
                let state = self.into_own();
                later.map(move |verdict| state.judged(verdict, verified, peer))
            }
        }
    }

    fn judged(self, verdict: ReplayVerdict, verified: Verified, peer: Peer) -> Outcome {
        match judge_replay(verdict) {
            Ok(()) => verified.outcome(),
            Err(error) => {
                let service = || own_service(&verified.facts);
                self.refuse(error, peer, service, verified.now)
            }
        }
    }

    /// Refuses a token before its ticket has been believed.
    fn refuse_token(self, error: Error, peer: Peer, token: &[u8], now: SystemTime) -> Outcome {
        self.refuse(error, peer, || sent_service(token), now)
    }

    /// Rule 21: a KRB-ERROR where asked for, and one retry for a client whose
    /// clock is off.
    fn refuse(
        self,
        error: Error,
        peer: Peer,
        service: impl Fn() -> Option<SentService>,
        now: SystemTime,
    ) -> Outcome {
        let wanted = self.shared.settings.wants(Requirements::EXTENDED_ERROR);
        let Some(code) = krb_error::code_of(&error).filter(|_| wanted) else {
            let token = wanted.then(|| unknown_token_id(&error, now)).flatten();
            return Outcome::Failed { error, token };
        };
        let clock = matches!(
            error.rejection(),
            Some(Rejection::ClockSkew { .. } | Rejection::TicketNotYetValid { .. })
        );
        if clock && self.retry == Retry::Allowed {
            let data = Some(reply::SKEW_RECOVERY);
            let token = reply::krb_error(peer.oid, code, service().as_ref(), now, data);
            if let Some(token) = token {
                let next = Box::new(AwaitApReq {
                    retry: Retry::Used,
                    ..self.into_own()
                });
                return Outcome::Continue {
                    token,
                    next,
                    retry: Some(error),
                };
            }
        }
        let token = (peer.wants_error == WantsError::Yes)
            .then(|| reply::krb_error(peer.oid, code, service().as_ref(), now, None))
            .flatten();
        Outcome::Failed { error, token }
    }
}

/// RFC 4121 4.1: an unknown token id is the one malformed token that is
/// answered, since it may be a later version's.
fn unknown_token_id(error: &Error, now: SystemTime) -> Option<Vec<u8>> {
    match error {
        Error::Malformed { problem, .. } if *problem == UNKNOWN_TOKEN_ID => {
            reply::krb_error(gss::KRB5, krb_error::MSG_TYPE, None, now, None)
        }
        _ => None,
    }
}

fn judge_replay(verdict: ReplayVerdict) -> Result<(), Error> {
    match verdict {
        ReplayVerdict::Fresh => Ok(()),
        ReplayVerdict::Replayed => Err(Rejection::Replay.into()),
        ReplayVerdict::Full => Err(Unavailability::ReplayStoreFull.into()),
        ReplayVerdict::TooOld { forgotten } => Err(Unavailability::ReplayStore {
            text: format!(
                "it has forgotten what was used until {}; was the clock set back?",
                crate::time::Utc(forgotten)
            ),
        }
        .into()),
        ReplayVerdict::Unavailable { source } => Err(Unavailability::ReplayStore {
            text: source.to_string(),
        }
        .into()),
    }
}

/// Credentials that came with the step, if they are this backend's.
fn supplied_keys(input: &StepInput<'_>) -> Result<Option<Arc<KeySource>>, Error> {
    let Some(handle) = input.credentials else {
        return Ok(None);
    };
    prompt::keys_of_handle(handle).map(Some)
}

/// The service that a refused token is for: read again, since only a
/// KRB-ERROR needs it.
fn sent_service(token: &[u8]) -> Option<SentService> {
    let token = Token::parse(token).ok()?;
    let ticket = ApReq::decode(token.ap_req).ok()?.ticket;
    let components = ticket.sname.components().map(<[u8]>::to_vec).collect();
    Some((ticket.realm.0.to_vec(), ticket.sname.name_type, components))
}

/// The service whose key opened the ticket.
fn own_service(facts: &Facts) -> Option<SentService> {
    let target = facts.target.as_ref()?;
    let components = target.components().map(<[u8]>::to_vec).collect();
    Some((target.realm().to_vec(), target.name_type(), components))
}

/// A decoder's error in the crate's terms.
// As decoders give it.
#[allow(clippy::boxed_local, clippy::needless_pass_by_value)]
pub(crate) fn malformed(error: Box<CodecError>) -> Error {
    let part = match error.problem {
        Problem::BadValue { field } => field,
        _ => error.part,
    };
    Error::malformed(part, error.problem.text(), error.offset)
}
