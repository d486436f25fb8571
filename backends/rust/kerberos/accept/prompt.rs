//! PROMPT_FOR_CREDS: credentials that the application is asked for when the
//! configured ones have no key for a ticket.

use std::net::IpAddr;
use std::sync::Arc;

use super::ticket::check_accepted;
use super::{AwaitApReq, Peer, Token, supplied_keys};
use crate::backends::Outcome;
use crate::backends::rust::kerberos::codec::messages::ApReq;
use crate::backends::rust::kerberos::keys::KeySource;
use crate::channel_bindings::ChannelBindings;
use crate::credentials::{Credentials, PromptAnswer, WantedCredentials};
use crate::error::{Error, Misuse, Rejection, Unavailability};
use crate::etype::EncryptionType;
use crate::reply::Reply;
use crate::token::{CredentialHandle, StepInput};

/// Whether the application has been asked, and what it gave. It is carried
/// over to the second try of a client whose clock is off, which neither asks
/// again nor falls back.
pub(super) enum Prompt {
    NotAsked,
    Answered(Arc<KeySource>),
}

impl AwaitApReq<'_> {
    /// The keys that replace the configuration's in this handshake, if any do.
    pub(super) fn other_keys(
        &self,
        input: &StepInput<'_>,
    ) -> Result<Option<Arc<KeySource>>, Error> {
        match &self.prompt {
            Prompt::Answered(keys) => Ok(Some(Arc::clone(keys))),
            Prompt::NotAsked => supplied_keys(input),
        }
    }

    /// What to ask the application for after `error`, if it is to be asked.
    pub(super) fn wanted(&self, input: &StepInput<'_>, error: &Error) -> Option<WantedCredentials> {
        let settings = &self.shared.settings;
        settings.prompt.as_ref()?;
        // Credentials that came with the step say whom this handshake may
        // reach; nobody else's take their place.
        if input.credentials.is_some() || !matches!(self.prompt, Prompt::NotAsked) {
            return None;
        }
        // A key that is there and does not open the ticket is not among them:
        // there is nothing more to be had.
        let lacks = matches!(
            error.rejection()?,
            Rejection::NoKey { .. } | Rejection::KeyVersion { .. } | Rejection::KeyEtype { .. }
        );
        if !lacks {
            return None;
        }
        let token = Token::parse(input.token).ok()?;
        let ticket = ApReq::decode(token.ap_req).ok()?.ticket;
        let service = ticket.sname.in_realm(ticket.realm);
        check_accepted(&service, settings).ok()?;
        let part = ticket.enc_part;
        let wanted = WantedCredentials::new(service, part.kvno, part.etype);
        Some(wanted.peer_address(input.peer_address))
    }

    /// Asks, and tries the token once more with what is answered. The token
    /// is copied for an answer that comes later, and for no other.
    pub(super) fn ask(
        self,
        wanted: WantedCredentials,
        error: Error,
        peer: Peer,
        input: StepInput<'_>,
    ) -> Reply<Outcome> {
        let etype = wanted.etype;
        let refusal = (error, peer);
        let Some(prompt) = self.shared.settings.prompt.clone() else {
            return self.answered(PromptAnswer::None, etype, refusal, input);
        };
        match prompt.ask(wanted) {
            Reply::Now(answer) => self.answered(answer, etype, refusal, input),
            Reply::Later(answer) => {
                let (state, kept) = (self.into_own(), KeptInput::of(input));
                Reply::later(async move {
                    let answer = answer.await;
                    let reply = state.answered(answer, etype, refusal, kept.input());
                    reply.into_future().await
                })
            }
        }
    }

    fn answered(
        mut self,
        answer: PromptAnswer,
        etype: EncryptionType,
        (error, peer): (Error, Peer),
        input: StepInput<'_>,
    ) -> Reply<Outcome> {
        let error = match self.keys_of(answer, etype) {
            Ok(Some(keys)) => {
                self.prompt = Prompt::Answered(keys);
                // Reads the clock again: an answer may have taken its time.
                return self.take(input);
            }
            Ok(None) => error,
            Err(error) => error,
        };
        let now = self.shared.settings.clock.now();
        Reply::Now(self.refuse_token(error, peer, input.token, now))
    }

    fn keys_of(
        &self,
        answer: PromptAnswer,
        etype: EncryptionType,
    ) -> Result<Option<Arc<KeySource>>, Error> {
        let credentials = match answer {
            PromptAnswer::None => return Ok(None),
            PromptAnswer::Handle(handle) => return keys_of_handle(&handle).map(Some),
            PromptAnswer::Unavailable { source } => {
                let text = source.to_string();
                return Err(Unavailability::CredentialPrompt { text }.into());
            }
            PromptAnswer::Credentials(credentials) => for_one_handshake(credentials, etype),
        };
        let keys = KeySource::new(core::slice::from_ref(&credentials), &self.shared.settings)?;
        Ok(Some(Arc::new(keys)))
    }
}

/// What a handle holds, if it is this backend's.
pub(super) fn keys_of_handle(handle: &CredentialHandle) -> Result<Arc<KeySource>, Error> {
    let keys = handle.downcast::<KeySource>();
    keys.ok_or_else(|| Misuse::ForeignCredentials.into())
}

/// Credentials that end with the handshake: no thread watches their file, and
/// no key is derived that the ticket does not need.
fn for_one_handshake(credentials: Credentials, etype: EncryptionType) -> Credentials {
    match credentials {
        Credentials::Keytab(keytab) => keytab.without_reload().into(),
        Credentials::UserToUser(own) => own.without_reload().into(),
        Credentials::Password(password) if !password.key_types(&[etype]).is_empty() => {
            password.etypes(&[etype]).into()
        }
        other => other,
    }
}

/// A step's input, for an answer that comes later.
struct KeptInput {
    token: Vec<u8>,
    bindings: Option<ChannelBindings>,
    credentials: Option<CredentialHandle>,
    peer_address: Option<IpAddr>,
}

impl KeptInput {
    fn of(input: StepInput<'_>) -> Self {
        Self {
            token: input.token.to_vec(),
            bindings: input.channel_bindings.cloned(),
            credentials: input.credentials.cloned(),
            peer_address: input.peer_address,
        }
    }

    fn input(&self) -> StepInput<'_> {
        StepInput {
            token: &self.token,
            channel_bindings: self.bindings.as_ref(),
            credentials: self.credentials.as_ref(),
            peer_address: self.peer_address,
        }
    }
}
