//! Whether the client knows the account's password (rules 33 and 36).

use super::received::Received;
use crate::accounts::{AccountAnswer, AccountName, NtHash};
use crate::backends::rust::ntlm::crypto::{self, Key};
use crate::error::{Error, LogonProblem, NtlmRejection, Rejection, Unavailability};

/// A client that has proven itself.
pub(super) struct Proven {
    pub(super) name: AccountName,
    /// SessionBaseKey, which with NTLMv2 is the KeyExchangeKey.
    pub(super) key: Key,
}

impl Proven {
    /// Compares the response with what the account's hash gives. Where there
    /// is no such account the same is computed with a hash of nobody's, so
    /// that time tells nothing.
    pub(super) fn check(
        received: &Received,
        answer: AccountAnswer,
        challenge: [u8; 8],
    ) -> Result<Self, Error> {
        let (name, hash, problem) = match answer {
            AccountAnswer::Account { name, hash } => (Some(name), hash, None),
            AccountAnswer::Refused(problem) => (None, NtHash::from_bytes([0; 16]), Some(problem)),
            AccountAnswer::Verified {
                name,
                session_base_key,
            } => return verified(received, name, session_base_key.expose()),
            AccountAnswer::Unavailable { text } => {
                return Err(Unavailability::Accounts { text }.into());
            }
        };
        let key = matching_key(received, &hash, challenge);
        match (name, key, problem) {
            (Some(name), Some(key), None) => Ok(Self { name, key }),
            (_, _, problem) => Err(refused(
                received,
                problem.unwrap_or(LogonProblem::WrongPassword),
            )),
        }
    }
}

/// SessionBaseKey, if the proof is right: with the domain that the client
/// sent, or with none, as clients of servers without a domain compute it.
/// Both are always computed.
fn matching_key(received: &Received, hash: &NtHash, challenge: [u8; 8]) -> Option<Key> {
    let attempt = |domain: &[u16]| {
        let key = crypto::ntowf_v2(hash, &received.user, domain);
        let proof = crypto::nt_proof(&key, challenge, &received.client_challenge);
        let base = crypto::session_base_key(&key, &proof);
        crypto::same(&proof, &received.proof).then_some(base)
    };
    let as_sent = attempt(&received.domain);
    let without = attempt(&[]);
    as_sent.or(without)
}

/// A directory has compared. Whom it lets in as a guest has no key, or one
/// that everybody knows, and is nobody.
fn verified(received: &Received, name: AccountName, key: &[u8]) -> Result<Proven, Error> {
    match <[u8; 16]>::try_from(key) {
        Ok(key) if !crypto::same(&key, &[0; 16]) => Ok(Proven {
            name,
            key: Key::new(key),
        }),
        _ => {
            let text = "yes, without a session key: it let in a guest".into();
            Err(refused(received, LogonProblem::Directory(text)))
        }
    }
}

fn refused(received: &Received, problem: LogonProblem) -> Error {
    Rejection::Ntlm(NtlmRejection::Logon {
        user: received.logon().user().into(),
        domain: received.logon().domain().into(),
        problem,
    })
    .into()
}
