//! What an AUTHENTICATE says, as far as it can be read without a secret.

use subtle::ConstantTimeEq as _;

use super::offer::{Offer, sent_names};
use crate::accounts::Logon;
use crate::backends::rust::kerberos::accept::malformed;
use crate::backends::rust::ntlm::codec::Flags;
use crate::backends::rust::ntlm::codec::authenticate::{Authenticate, Ntlm2Response};
use crate::backends::rust::ntlm::codec::av_pairs::{AvPairs, av_flags, id};
use crate::backends::rust::ntlm::codec::text::utf16;
use crate::backends::rust::ntlm::context::MicAnnounced;
use crate::channel_bindings::ChannelBindings;
use crate::error::{Error, NtlmRejection, Rejection};
use crate::facts::{BindingFact, ClientTarget, TargetSource};
use crate::ntlm::NtlmNames;
use crate::token::StepInput;

/// An AUTHENTICATE with an NTLMv2 response in it. Owns what it has, so that
/// an account source may take its time.
pub(super) struct Received {
    /// What both sides have: never more than was offered.
    pub(super) flags: Flags,
    pub(super) user: Vec<u16>,
    pub(super) domain: Vec<u16>,
    logon: Logon,
    /// NTProofStr, and what it is over.
    pub(super) proof: [u8; 16],
    pub(super) client_challenge: Box<[u8]>,
    /// EncryptedRandomSessionKey, if it is one.
    pub(super) session_key: Option<[u8; 16]>,
    pub(super) announced: MicAnnounced,
    pub(super) mic: Option<[u8; 16]>,
    /// The message with its MIC as zeros.
    pub(super) without_mic: Box<[u8]>,
    pub(super) bindings: BindingFact,
    pub(super) client_target: Option<ClientTarget>,
    /// Which of the values that we sent did not come back.
    not_echoed: Option<&'static str>,
}

impl Received {
    pub(super) fn read(
        message: &Authenticate<'_>,
        input: &StepInput<'_>,
        offer: &Offer,
        names: &NtlmNames,
    ) -> Result<Self, Error> {
        let response = Ntlm2Response::decode(message.nt_response)
            .map_err(malformed)?
            .ok_or_else(|| {
                Rejection::Ntlm(NtlmRejection::Version1 {
                    user: message.user.text.clone(),
                    domain: message.domain.text.clone(),
                })
            })?;
        let pairs = &response.pairs;
        let announced = if pairs.flags & av_flags::MIC != 0 {
            MicAnnounced::Yes
        } else {
            MicAnnounced::No
        };
        let mut without_mic: Box<[u8]> = input.token.into();
        let mut mic = None;
        if let Some(bytes) = message.mic.clone().and_then(|at| without_mic.get_mut(at)) {
            mic = <[u8; 16]>::try_from(&*bytes).ok();
            bytes.fill(0);
        }
        Ok(Self {
            flags: message.flags & offer.flags,
            user: message.user.units.clone(),
            domain: message.domain.units.clone(),
            logon: Logon::new(
                &message.user.text,
                &message.domain.text,
                &message.workstation.text,
            )
            .response(offer.challenge, message.nt_response),
            proof: *response.proof,
            client_challenge: response.client_challenge.into(),
            session_key: message.session_key.try_into().ok(),
            announced,
            mic,
            without_mic,
            bindings: bindings(pairs.channel_bindings, input.channel_bindings),
            client_target: client_target(pairs),
            not_echoed: not_echoed(pairs, offer, names),
        })
    }

    /// Whether an account can have such a name. A source puts it into a query,
    /// a line or a C string, so that control characters, which no account of
    /// Windows has in its name, could make another name of it; and without a
    /// name it is nobody's.
    pub(super) fn names_somebody(&self) -> bool {
        let (user, domain) = (self.logon.user(), self.logon.domain());
        !user.is_empty() && !user.chars().chain(domain.chars()).any(char::is_control)
    }

    /// Whom the account source is asked for.
    pub(super) fn logon(&self) -> &Logon {
        &self.logon
    }

    /// Rule 35: the response is for our challenge, and not for one that
    /// somebody else sent the client with our eight bytes in it.
    pub(super) fn check_echo(&self) -> Result<(), Error> {
        match self.not_echoed {
            None => Ok(()),
            Some(what) => Err(Rejection::Ntlm(NtlmRejection::TargetInfo { what }).into()),
        }
    }
}

fn not_echoed(pairs: &AvPairs<'_>, offer: &Offer, names: &NtlmNames) -> Option<&'static str> {
    for (id, name) in sent_names(names) {
        let Some(name) = name else { continue };
        if pairs.name(id) != Some(&utf16(name)) {
            return Some(match id {
                id::NB_COMPUTER => "the NetBIOS computer name",
                id::NB_DOMAIN => "the NetBIOS domain name",
                id::DNS_COMPUTER => "the DNS computer name",
                id::DNS_DOMAIN => "the DNS domain name",
                _ => "the DNS tree name",
            });
        }
    }
    (pairs.timestamp != Some(&offer.timestamp)).then_some("the timestamp")
}

/// Rule 35: missing and all-zero are the same, which is not "wrong".
fn bindings(sent: Option<[u8; 16]>, own: Option<&ChannelBindings>) -> BindingFact {
    let sent = sent.unwrap_or_default();
    if sent == [0; 16] {
        return BindingFact::Absent;
    }
    match own {
        None => BindingFact::PresentNotCompared,
        Some(own) if bool::from(own.gss_hash().ct_eq(&sent)) => BindingFact::Bound,
        Some(own) => BindingFact::Mismatch {
            null_address_type: own.gss_hash_null_addresses_255() == sent,
        },
    }
}

/// MsvAvTargetName: where the client's software wanted to go.
fn client_target(pairs: &AvPairs<'_>) -> Option<ClientTarget> {
    let bytes = pairs.target_name.filter(|name| !name.is_empty())?;
    let units: Vec<u16> = bytes
        .chunks(2)
        .map(|pair| {
            pair.iter()
                .rev()
                .fold(0, |all, &b| (all << 8) | u16::from(b))
        })
        .collect();
    Some(ClientTarget {
        name: String::from_utf16_lossy(&units),
        source: if pairs.flags & av_flags::UNTRUSTED_TARGET != 0 {
            TargetSource::Untrusted
        } else {
            TargetSource::Trusted
        },
    })
}
