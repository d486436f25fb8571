//! Negotiating the mechanism (RFC 4178, MS-SPNG; rules 28 to 32).

mod suspended;

use super::codec::{NegState, NegTokenInit, NegTokenResp, Oid, REJECT};
use crate::backends::rust::kerberos::accept::malformed;
use crate::backends::rust::kerberos::codec::wire::Octets;
use crate::backends::rust::{Held, Mech, first};
use crate::backends::{Exchange, Outcome, SecurityContext};
use crate::error::{Error, Rejection, Unavailability};
use crate::facts::Facts;
use crate::mechanism::Framing;
use crate::reply::Reply;
use crate::requirements::Granted;
use crate::secret::Secret;
use crate::token::StepInput;
use std::borrow::Cow;

/// Awaits the client's offer.
pub(in crate::backends::rust) struct AwaitInit<'s> {
    shared: Held<'s>,
}

impl<'s> AwaitInit<'s> {
    pub(in crate::backends::rust) fn new(shared: Held<'s>) -> Self {
        Self { shared }
    }

    /// Takes the offer, which is `input`'s token without its frame.
    pub(in crate::backends::rust) fn take(
        self,
        offer: &[u8],
        input: StepInput<'_>,
    ) -> Reply<Outcome> {
        let init = match NegTokenInit::decode_unframed(offer) {
            Ok(init) => init,
            // A token that is no offer gets no answer: there is no negotiation.
            Err(error) => return Reply::Now(Outcome::fail(malformed(error))),
        };
        if init.mech_types_der.len() > MAX_OFFER {
            let error = Error::malformed("NegTokenInit", "more mechanisms than there can be", None);
            return Reply::Now(reject(error, None));
        }
        let chosen = init
            .mech_types
            .iter()
            .enumerate()
            .take(MAX_MECHANISMS)
            .find_map(|(place, oid)| Some((place, oid, first::find(oid.0, &self.shared)?)));
        let Some((place, oid, mech)) = chosen else {
            let mut offered: Vec<String> = init
                .mech_types
                .iter()
                .take(NAMED)
                .map(|oid| first::name(oid.0))
                .collect();
            offered.dedup();
            return Reply::Now(reject(first::no_common(offered, &self.shared), None));
        };
        let negotiation = Negotiation {
            mech,
            mech_types: init.mech_types_der.into(),
            supported: Some(oid.0.into()),
            mic: if place == 0 {
                Mic::IfSent
            } else {
                Mic::Requested
            },
        };
        let (0, Some(token)) = (place, init.mech_token) else {
            // Nothing to feed yet: the optimistic token was another
            // mechanism's, or there was none.
            let exchange = mech.begin(self.shared.arc(), Framing::Spnego);
            return Reply::Now(negotiation.await_token(exchange));
        };
        let mic = init.mech_list_mic;
        let input = StepInput { token, ..input };
        match mech.accept(self.shared, Framing::Spnego, input) {
            Reply::Now(outcome) => Reply::Now(negotiation.answer(outcome, mic)),
            later @ Reply::Later(_) => {
                let negotiation = negotiation.into_owned();
                let mic: Option<Box<[u8]>> = mic.map(Into::into);
                later.map(move |outcome| negotiation.answer(outcome, mic.as_deref()))
            }
        }
    }
}

/// The longest offer, in bytes: it is kept while the handshake is half open.
const MAX_OFFER: usize = 4096;
/// Nobody has a dozen mechanisms; the rest of a much longer list is not looked
/// at.
const MAX_MECHANISMS: usize = 256;
/// How many of them an error names.
const NAMED: usize = 16;

/// What has been negotiated so far.
struct Negotiation<'a> {
    mech: &'static dyn Mech,
    /// The DER of the offer, exactly as it came (rule 30). Copied for a
    /// handshake that goes on, and for no other.
    mech_types: Cow<'a, [u8]>,
    /// The chosen identifier as the client listed it, until our first reply
    /// has named it.
    supported: Option<Cow<'a, [u8]>>,
    mic: Mic,
}

/// Whether the MIC over the offer is owed (rule 30).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mic {
    /// If the client sends one, it is checked and answered.
    IfSent,
    /// Our choice was not the client's favourite: somebody may have changed
    /// the offer on the way, so it is demanded.
    Requested,
}

impl Negotiation<'_> {
    /// For a handshake that goes on.
    fn into_owned(self) -> Negotiation<'static> {
        Negotiation {
            mech: self.mech,
            mech_types: self.mech_types.into_owned().into(),
            supported: self.supported.map(|oid| oid.into_owned().into()),
            mic: self.mic,
        }
    }

    /// The first reply, when the mechanism has not begun.
    fn await_token(mut self, exchange: Box<dyn Exchange>) -> Outcome {
        let state = match self.mic {
            Mic::IfSent => NegState::AcceptIncomplete,
            Mic::Requested => NegState::RequestMic,
        };
        match self.reply(state, None, None) {
            Ok(token) => Outcome::go_on(
                token,
                Box::new(AwaitToken {
                    negotiation: self.into_owned(),
                    exchange,
                }),
            ),
            Err(error) => reject(error, None),
        }
    }

    /// What the mechanism said, in SPNEGO's terms. `mic` is what the client
    /// sent beside the mechanism's token.
    fn answer(mut self, outcome: Outcome, mic: Option<&[u8]>) -> Outcome {
        match outcome {
            Outcome::Continue { token, next, retry } => {
                if mic.is_some() {
                    // Made before the mechanism was done: nothing can have
                    // keyed it.
                    return reject(wrong_mic(), None);
                }
                match self.reply(NegState::AcceptIncomplete, Some(&token), None) {
                    Ok(token) => Outcome::Continue {
                        token,
                        next: Box::new(AwaitToken {
                            negotiation: self.into_owned(),
                            exchange: next,
                        }),
                        retry,
                    },
                    Err(error) => reject(error, None),
                }
            }
            Outcome::Failed { error, token } => reject(error, token.as_deref()),
            Outcome::Established {
                token,
                context,
                facts,
            } => {
                let done = Done {
                    negotiation: self,
                    context,
                    facts,
                };
                done.settle(token, mic)
                    .unwrap_or_else(|error| reject(error, None))
            }
        }
    }

    /// A reply; the first one names the mechanism (rule 31).
    fn reply(
        &mut self,
        state: NegState,
        token: Option<&[u8]>,
        mic: Option<&[u8]>,
    ) -> Result<Vec<u8>, Error> {
        let supported = self.supported.take();
        let state = match (&supported, self.mic, state) {
            // The first reply asks for the MIC, whatever else it carries.
            (Some(_), Mic::Requested, NegState::AcceptIncomplete) => NegState::RequestMic,
            (_, _, state) => state,
        };
        NegTokenResp {
            neg_state: Some(state),
            supported_mech: supported.as_deref().map(Oid),
            response_token: token.map(Octets),
            mech_list_mic: mic.map(Octets),
        }
        .encode()
        .map_err(|_| {
            Unavailability::Internal {
                operation: "encoding a NegTokenResp",
            }
            .into()
        })
    }
}

/// Awaits a token of the chosen mechanism.
pub(in crate::backends::rust) struct AwaitToken {
    negotiation: Negotiation<'static>,
    exchange: Box<dyn Exchange>,
}

impl Exchange for AwaitToken {
    fn abandon(self: Box<Self>) -> Option<Vec<u8>> {
        Some(REJECT.to_vec())
    }

    fn suspend(self: Box<Self>) -> Result<Secret, Error> {
        self.save()
    }

    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        let response = match read_response(input.token) {
            Ok(response) => response,
            Err(error) => return Reply::Now(reject(error, None)),
        };
        let Some(token) = response.response_token else {
            let error = Error::malformed("NegTokenResp", "no token of the mechanism", None);
            return Reply::Now(reject(error, None));
        };
        let Self {
            negotiation,
            exchange,
        } = *self;
        let mic: Option<Box<[u8]>> = sent_mic(&response).map(Into::into);
        exchange
            .step(StepInput {
                token: token.0,
                ..input
            })
            .map(move |outcome| negotiation.answer(outcome, mic.as_deref()))
    }
}

/// A mechanism that is done, while the negotiation may not be.
struct Done<'a> {
    negotiation: Negotiation<'a>,
    context: Box<dyn SecurityContext>,
    facts: Box<Facts>,
}

impl Done<'_> {
    /// Whether the MIC is owed, and whose message it must be in (rule 30).
    fn settle(mut self, token: Option<Vec<u8>>, mic: Option<&[u8]>) -> Result<Outcome, Error> {
        // A context without integrity protects no list (RFC 4178 5).
        let able = self.facts.granted.contains(Granted::INTEGRITY);
        let mech = self.negotiation.mech;
        // Windows exchanges them after user-to-user whatever was chosen, and
        // its clients await it, as those of the `sspi` crate do.
        let user_to_user = self.facts.granted.contains(Granted::USE_SESSION_KEY) && token.is_some();
        let requested = able
            && (user_to_user
                || self.negotiation.mic == Mic::Requested
                || mech.owes_mic(&*self.context));
        match (mic, token) {
            (Some(mic), token) => {
                self.verify(mic)?;
                let own = mech.mic(&*self.context, &self.negotiation.mech_types)?;
                self.complete(token.as_deref(), Some(&own))
            }
            (None, token) if !requested => self.complete(token.as_deref(), None),
            // The client sent the last token, and not the MIC it owes.
            (None, None) => Err(Rejection::MechListMic { missing: true }.into()),
            (None, Some(token)) => {
                let own = mech.mic(&*self.context, &self.negotiation.mech_types)?;
                let reply =
                    self.negotiation
                        .reply(NegState::AcceptIncomplete, Some(&token), Some(&own))?;
                let done = Done {
                    negotiation: self.negotiation.into_owned(),
                    context: self.context,
                    facts: self.facts,
                };
                Ok(Outcome::go_on(reply, Box::new(AwaitMechListMic(done))))
            }
        }
    }

    fn verify(&self, mic: &[u8]) -> Result<(), Error> {
        self.negotiation
            .mech
            .verify_mic(&*self.context, &self.negotiation.mech_types, mic)
            .map_err(|_| wrong_mic())
    }

    fn complete(mut self, token: Option<&[u8]>, mic: Option<&[u8]>) -> Result<Outcome, Error> {
        let reply = self
            .negotiation
            .reply(NegState::AcceptCompleted, token, mic)?;
        Ok(Outcome::Established {
            token: Some(reply),
            context: self.context,
            facts: self.facts,
        })
    }
}

/// Awaits the client's MIC, and nothing else.
pub(in crate::backends::rust) struct AwaitMechListMic(Done<'static>);

impl Exchange for AwaitMechListMic {
    fn abandon(self: Box<Self>) -> Option<Vec<u8>> {
        Some(REJECT.to_vec())
    }

    fn suspend(self: Box<Self>) -> Result<Secret, Error> {
        self.save()
    }

    fn step(self: Box<Self>, input: StepInput<'_>) -> Reply<Outcome> {
        let done = self.0;
        let checked = read_response(input.token).and_then(|response| {
            if response.response_token.is_some() {
                return Err(Error::malformed(
                    "NegTokenResp",
                    "a token of a mechanism that is done",
                    None,
                ));
            }
            let mic = sent_mic(&response).ok_or(Rejection::MechListMic { missing: true })?;
            done.verify(mic)
        });
        Reply::Now(match checked {
            Ok(()) => Outcome::Established {
                token: None,
                context: done.context,
                facts: done.facts,
            },
            Err(error) => reject(error, None),
        })
    }
}

/// A further message of the client's.
fn read_response(token: &[u8]) -> Result<NegTokenResp<'_>, Error> {
    let response = NegTokenResp::decode(token).map_err(malformed)?;
    if response.neg_state == Some(NegState::Reject) {
        return Err(Rejection::PeerFailed { code: None }.into());
    }
    if response.supported_mech.is_some() {
        // Choosing is ours (rule 31).
        return Err(Error::malformed(
            "NegTokenResp",
            "supportedMech from the client",
            None,
        ));
    }
    Ok(response)
}

/// The client's MIC. Windows 2000 repeats the token in its place (MS-SPNG
/// 3.1.5.1, note).
fn sent_mic<'a>(response: &NegTokenResp<'a>) -> Option<&'a [u8]> {
    let mic = response.mech_list_mic?.0;
    (response.response_token.map(|token| token.0) != Some(mic)).then_some(mic)
}

fn wrong_mic() -> Error {
    Rejection::MechListMic { missing: false }.into()
}

/// A reject is the protocol's and is always sent (rule 29); with the
/// mechanism's own last word where there is one.
fn reject(error: Error, token: Option<&[u8]>) -> Outcome {
    let reply = NegTokenResp {
        neg_state: Some(NegState::Reject),
        response_token: token.map(Octets),
        ..NegTokenResp::default()
    };
    let token = match token {
        Some(_) => reply.encode().unwrap_or_else(|_| REJECT.to_vec()),
        None => REJECT.to_vec(),
    };
    Outcome::Failed {
        error,
        token: Some(token),
    }
}
