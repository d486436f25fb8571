//! Keys of the session, and the MIC that shows that nobody changed the
//! handshake (MS-NLMP 3.2.5.1.2; rules 34 and 38).

use super::logon::Proven;
use super::offer::SECURE;
use super::received::Received;
use crate::backends::rust::ntlm::codec::Flags;
use crate::backends::rust::ntlm::context::{MicAnnounced, NtlmContext};
use crate::backends::rust::ntlm::crypto::{self, Key};
use crate::backends::rust::ntlm::per_message::PerMessage;
use crate::error::{Error, NtlmRejection, Rejection, Unavailability};
use crate::message::Protection;
use crate::ntlm::MicDemand;
use crate::requirements::Granted;

/// ExportedSessionKey, and what it may be used for.
pub(super) struct Session {
    exported: Key,
    protection: Option<Protection>,
}

impl Session {
    /// `messages` are NEGOTIATE and CHALLENGE.
    pub(super) fn derive(
        received: &Received,
        proven: &Proven,
        messages: &[&[u8]; 2],
        demand: MicDemand,
    ) -> Result<Self, Error> {
        let flags = received.flags;
        let protection = if !flags.contains(SECURE) {
            None
        } else if flags.contains(Flags::SEAL) {
            Some(Protection::Confidentiality)
        } else if flags.contains(Flags::SIGN) {
            Some(Protection::Integrity)
        } else {
            None
        };
        let random = received
            .session_key
            .map(|encrypted| crypto::random_session_key(&proven.key, &encrypted));
        let (exported, other) = match (protection, random) {
            (Some(_), None) => {
                return Err(Error::malformed(
                    "AUTHENTICATE",
                    "EncryptedRandomSessionKey is not 16 bytes",
                    Some(52),
                ));
            }
            (Some(_), Some(random)) => (random, None),
            // Nobody uses it, and clients put anything there.
            (None, random) => (
                proven.key.clone(),
                random.filter(|_| flags.contains(Flags::KEY_EXCH)),
            ),
        };
        let owed = received.announced == MicAnnounced::Yes || demand == MicDemand::Always;
        let exported = if owed {
            check_mic(received, exported, other, messages)?
        } else {
            exported
        };
        Ok(Self {
            exported,
            protection,
        })
    }

    /// Sealing signs too, and NTLM's numbers are strict.
    pub(super) fn granted(&self) -> Granted {
        let signed = Granted::INTEGRITY | Granted::REPLAY_DETECT | Granted::SEQUENCE_DETECT;
        match self.protection {
            None => Granted::empty(),
            Some(Protection::Integrity) => signed,
            Some(Protection::Confidentiality) => signed | Granted::CONFIDENTIALITY,
        }
    }

    pub(super) fn context(
        self,
        announced: MicAnnounced,
        max_token: usize,
    ) -> Result<NtlmContext, Error> {
        let messages = match self.protection {
            None => None,
            Some(protection) => Some(PerMessage::acceptor(&self.exported, protection).ok_or(
                Unavailability::Internal {
                    operation: "keying RC4",
                },
            )?),
        };
        Ok(NtlmContext::new(
            messages,
            Some(self.exported),
            announced,
            max_token,
        ))
    }
}

/// The exported key that the MIC was made with: `other` is tried for a client
/// (macOS) that exchanges a key although it protects no messages.
fn check_mic(
    received: &Received,
    exported: Key,
    other: Option<Key>,
    messages: &[&[u8]; 2],
) -> Result<Key, Error> {
    let wrong = |missing| Err(Rejection::Ntlm(NtlmRejection::Mic { missing }).into());
    let Some(mic) = received.mic else {
        return wrong(true);
    };
    let [negotiate, challenge] = *messages;
    let fits = |key: &Key| {
        let expected = crypto::mic(key, &[negotiate, challenge, &received.without_mic]);
        crypto::same(&expected, &mic)
    };
    if fits(&exported) {
        return Ok(exported);
    }
    match other {
        Some(other) if fits(&other) => Ok(other),
        _ => wrong(false),
    }
}
