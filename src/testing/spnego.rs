//! The client's side of SPNEGO (RFC 4178, MS-SPNG).

use super::ap::{Answered, ApExchange};
use super::client::{ClientFlags, Offer};
use super::error::{ClientError, KrbErrorReply};
use super::handshake::{ClientStep, TestClient, TestClientContext};
use crate::backends::rust::kerberos::codec::gss;
use crate::backends::rust::kerberos::codec::wire::Octets;
use crate::backends::rust::spnego::codec::{self, NEGOEX, NTLMSSP, NegState, NegTokenResp, Oid};

/// An NTLM NEGOTIATE message (MS-NLMP 2.2.1.1) with neither domain nor
/// workstation, and the flags that Windows sends.
const NTLM_NEGOTIATE: [u8; 32] = *b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xe2\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// A negotiation that awaits the server's answer.
pub(super) struct Negotiation {
    terms: Terms,
    phase: Phase,
}

/// What both sides know of the negotiation.
struct Terms {
    /// The offer in DER, over which the MIC is (RFC 4178 5).
    mech_types: Vec<u8>,
    /// The identifier under which the server must name Kerberos.
    expected: &'static [u8],
    naming: Naming,
    mic: Mic,
}

/// Whether the server has named the mechanism, as its first reply must.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    Awaited,
    Done,
}

/// Whether both sides owe a MIC over the offer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mic {
    Owed,
    NotOwed,
}

enum Phase {
    /// Another mechanism's token went out first; Kerberos' is at hand.
    Held {
        ap_req: Vec<u8>,
        kerberos: ApExchange,
    },
    /// Kerberos' token is with the server.
    Sent(ApExchange),
    /// The client is done, and has sent its MIC.
    Closing(TestClientContext),
}

impl Negotiation {
    /// The offer, with the first token of its favourite mechanism.
    pub(super) fn begin(
        offer: Offer,
        ap_req: Vec<u8>,
        kerberos: ApExchange,
    ) -> Result<(Self, Vec<u8>), ClientError> {
        const WINDOWS: [Oid<'_>; 4] =
            [Oid(gss::MS_KRB5), Oid(gss::KRB5), Oid(NEGOEX), Oid(NTLMSSP)];
        let (offered, expected): (&[Oid<'_>], _) = match offer {
            Offer::Kerberos => (&[Oid(gss::KRB5)], gss::KRB5),
            Offer::Windows => (&WINDOWS, gss::MS_KRB5),
            Offer::NtlmFirst => (&[Oid(NTLMSSP), Oid(gss::KRB5)], gss::KRB5),
        };
        let encoding = |_| ClientError::encoding("NegTokenInit");
        let first = match offer {
            Offer::NtlmFirst => &NTLM_NEGOTIATE[..],
            Offer::Kerberos | Offer::Windows => &ap_req,
        };
        let token = codec::encode_init(offered, Some(first), None).map_err(encoding)?;
        let terms = Terms {
            mech_types: codec::encode_mech_types(offered).map_err(encoding)?,
            expected,
            naming: Naming::Awaited,
            mic: Mic::NotOwed,
        };
        let phase = match offer {
            Offer::NtlmFirst => Phase::Held { ap_req, kerberos },
            Offer::Kerberos | Offer::Windows => Phase::Sent(kerberos),
        };
        Ok((Self { terms, phase }, token))
    }

    /// What the client asks for.
    pub(super) fn flags(&self) -> ClientFlags {
        match &self.phase {
            Phase::Held { kerberos, .. } | Phase::Sent(kerberos) => kerberos.flags(),
            Phase::Closing(context) => context.flags(),
        }
    }

    /// Takes the server's answer.
    pub(super) fn step(self, reply: &[u8]) -> Result<ClientStep, ClientError> {
        let Self { mut terms, phase } = self;
        let answer =
            NegTokenResp::decode(reply).map_err(|error| bad(RESPONSE, error.problem.text()))?;
        if answer.neg_state == Some(NegState::Reject) {
            let token = answer.response_token.map(|token| token.0);
            return Err(ClientError::Rejected(token.and_then(krb_error)));
        }
        terms.read(&answer)?;
        match phase {
            Phase::Held { ap_req, kerberos } => terms.bring(&answer, &ap_req, kerberos),
            Phase::Sent(kerberos) => terms.go_on(&answer, kerberos),
            Phase::Closing(context) => terms.close(&answer, context),
        }
    }
}

impl Terms {
    /// The first reply names the mechanism as it was listed (rules 29, 31),
    /// and says whether a MIC is owed.
    fn read(&mut self, answer: &NegTokenResp<'_>) -> Result<(), ClientError> {
        match (self.naming, answer.supported_mech) {
            (Naming::Awaited, Some(oid)) if oid.0 == self.expected => self.naming = Naming::Done,
            (Naming::Awaited, Some(_)) => {
                return Err(bad(RESPONSE, "it names another mechanism"));
            }
            (Naming::Awaited, None) => return Err(bad(RESPONSE, "it names no mechanism")),
            (Naming::Done, _) => {}
        }
        if answer.neg_state == Some(NegState::RequestMic) {
            self.mic = Mic::Owed;
        }
        Ok(())
    }

    /// Brings Kerberos' token, now that the server has chosen it. Where no
    /// AP-REP will come it is the last one, and the MIC goes with it.
    fn bring(
        self,
        answer: &NegTokenResp<'_>,
        ap_req: &[u8],
        kerberos: ApExchange,
    ) -> Result<ClientStep, ClientError> {
        if answer.neg_state != Some(NegState::RequestMic) {
            // RFC 4178 5: the choice is not our favourite.
            return Err(bad(RESPONSE, "it does not ask for a MIC over the offer"));
        }
        if answer.response_token.is_some() {
            return Err(bad(RESPONSE, "it answers a token that was not sent"));
        }
        if kerberos.mutual() {
            let token = response(Some(ap_req), None)?;
            return Ok(self.wait(token, Phase::Sent(kerberos)));
        }
        let context = kerberos.complete();
        let mic = context.mic(&self.mech_types)?;
        let token = response(Some(ap_req), Some(&mic))?;
        Ok(self.wait(token, Phase::Closing(context)))
    }

    /// The answer to Kerberos' token.
    fn go_on(
        self,
        answer: &NegTokenResp<'_>,
        kerberos: ApExchange,
    ) -> Result<ClientStep, ClientError> {
        let (context, last) = match answer.response_token {
            None if kerberos.mutual() => {
                return Err(ClientError::NoReply {
                    awaited: "an AP-REP",
                });
            }
            None => (kerberos.complete(), None),
            Some(token) => match kerberos.read(token.0)? {
                Answered::Established(context, last) => (context, last),
                Answered::Again(token, kerberos) => {
                    let token = response(Some(&token), None)?;
                    return Ok(self.wait(token, Phase::Sent(*kerberos)));
                }
            },
        };
        if let Some(last) = last {
            return self.send_last(answer, &last, context);
        }
        self.check_mic(answer, &context)?;
        let token = match answer.neg_state {
            Some(NegState::AcceptCompleted) => None,
            // The server is waiting for our MIC (rule 30).
            _ => Some(response(None, Some(&context.mic(&self.mech_types)?))?),
        };
        Ok(ClientStep::Done { token, context })
    }

    /// DCE style: the mechanism's last token is the client's, and the MIC it
    /// owes goes with it (RFC 4178 5).
    fn send_last(
        self,
        answer: &NegTokenResp<'_>,
        last: &[u8],
        context: TestClientContext,
    ) -> Result<ClientStep, ClientError> {
        if answer.neg_state == Some(NegState::AcceptCompleted) {
            return Err(bad(RESPONSE, "it completes what the client has yet to"));
        }
        let mic = match self.mic {
            Mic::Owed => Some(context.mic(&self.mech_types)?),
            Mic::NotOwed => None,
        };
        let token = response(Some(last), mic.as_deref())?;
        Ok(self.wait(token, Phase::Closing(context)))
    }

    /// The server's last word to a client that is done.
    fn close(
        self,
        answer: &NegTokenResp<'_>,
        context: TestClientContext,
    ) -> Result<ClientStep, ClientError> {
        if answer.neg_state != Some(NegState::AcceptCompleted) {
            return Err(bad(RESPONSE, "it does not complete the negotiation"));
        }
        self.check_mic(answer, &context)?;
        let token = None;
        Ok(ClientStep::Done { token, context })
    }

    /// The server's MIC: verified whenever it is sent, and demanded where
    /// owed (rule 30).
    fn check_mic(
        &self,
        answer: &NegTokenResp<'_>,
        context: &TestClientContext,
    ) -> Result<(), ClientError> {
        match answer.mech_list_mic {
            Some(mic) => context
                .verify(&self.mech_types, mic.0)
                .map(drop)
                .map_err(|_| bad("mechListMIC", "it does not verify")),
            None if self.mic == Mic::Owed => Err(bad("mechListMIC", "it is missing")),
            None => Ok(()),
        }
    }

    fn wait(self, token: Vec<u8>, phase: Phase) -> ClientStep {
        let client = TestClient::negotiating(token.clone(), Negotiation { terms: self, phase });
        ClientStep::Continue { token, client }
    }
}

const RESPONSE: &str = "NegTokenResp";

/// A further message of the client's (RFC 4178 4.2.2).
fn response(token: Option<&[u8]>, mic: Option<&[u8]>) -> Result<Vec<u8>, ClientError> {
    NegTokenResp {
        response_token: token.map(Octets),
        mech_list_mic: mic.map(Octets),
        ..NegTokenResp::default()
    }
    .encode()
    .map_err(|_| ClientError::encoding(RESPONSE))
}

/// The mechanism's own reason for a reject.
fn krb_error(token: &[u8]) -> Option<KrbErrorReply> {
    let framed = gss::parse(token).ok()?;
    (framed.token_id == gss::token_id::KRB_ERROR)
        .then(|| KrbErrorReply::decode(framed.body))
        .flatten()
}

fn bad(part: &'static str, problem: &'static str) -> ClientError {
    ClientError::BadReply { part, problem }
}
