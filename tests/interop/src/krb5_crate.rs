//! The `krb5` crate as client: its KDC client, initiator and SPNEGO.

use std::time::Duration;

use gss_acceptor::SequenceState;
use krb5::initiator::InitOptions;
use krb5::spnego::SpnegoInitiator;
use krb5::token::{ContextKey, PerMessageTokens};
use krb5::{ChannelBindings, Credentials, InitiatorContext, KdcClient, Principal};

use crate::kdc::{Kdc, REALM};
use crate::peer::{Ask, Lacks, Peer, Received, Sent};

enum Side {
    Raw(InitiatorContext),
    Spnego(SpnegoInitiator),
}

/// A context of the `krb5` crate's.
pub struct Krb5Peer {
    first: Option<Vec<u8>>,
    side: Side,
    messages: Option<(PerMessageTokens<ContextKey>, u64)>,
}

/// A TGT, by a login of its own, and the client that got it.
///
/// # Panics
/// The KDC does not give it.
pub fn tgt(kdc: &Kdc, user: &str, password: &str) -> (KdcClient, Credentials) {
    let client = KdcClient::new(REALM, [format!("127.0.0.1:{}", kdc.port())]);
    let user = Principal::parse(&format!("{user}@{REALM}")).expect("a principal");
    let tgt = client.login_with_password(&user, password).expect("a TGT");
    (client, tgt)
}

/// A service ticket, by a login of its own.
///
/// # Panics
/// The KDC does not give it.
pub fn ticket(
    kdc: &Kdc,
    user: &str,
    password: &str,
    service: &str,
    lifetime: Option<Duration>,
) -> Credentials {
    let mut client = KdcClient::new(REALM, [format!("127.0.0.1:{}", kdc.port())]);
    if let Some(lifetime) = lifetime {
        client = client.with_lifetime(lifetime);
    }
    let user = Principal::parse(&format!("{user}@{REALM}")).expect("a principal");
    let tgt = client.login_with_password(&user, password).expect("a TGT");
    let service = Principal::parse(&format!("{service}@{REALM}")).expect("a principal");
    client.service_ticket(&tgt, &service).expect("a ticket")
}

impl Krb5Peer {
    /// Logs in as `user`, gets the ticket, and prepares the first token.
    ///
    /// # Panics
    /// The KDC does not give the tickets.
    pub fn new(kdc: &Kdc, user: &str, password: &str, ask: &Ask) -> Self {
        let service = ask.target.replace('@', "/");
        Self::with_ticket(&ticket(kdc, user, password, &service, None), ask)
    }

    /// The same, delegating a forwarded TGT under the ticket's session key.
    ///
    /// # Panics
    /// The KDC does not give the tickets.
    pub fn delegating(kdc: &Kdc, user: &str, password: &str, ask: &Ask) -> Self {
        let client = KdcClient::new(REALM, [format!("127.0.0.1:{}", kdc.port())]);
        let client = client.with_forwardable(true);
        let user = Principal::parse(&format!("{user}@{REALM}")).expect("a principal");
        let tgt = client.login_with_password(&user, password).expect("a TGT");
        let service = ask.target.replace('@', "/");
        let service = Principal::parse(&format!("{service}@{REALM}")).expect("a principal");
        let ticket = client.service_ticket(&tgt, &service).expect("a ticket");
        let forwarded = client.forwarded_tgt(&tgt, None).expect("a forwarded TGT");
        let mut options = InitOptions::default();
        options.delegate = Some(&forwarded);
        Self::with(&ticket, options, ask)
    }

    /// Prepares the first token from a ticket.
    ///
    /// # Panics
    /// The crate makes none.
    pub fn with_ticket(ticket: &Credentials, ask: &Ask) -> Self {
        Self::with(ticket, InitOptions::default(), ask)
    }

    /// Prepares the first token from a ticket in a TGT's session key.
    ///
    /// # Panics
    /// The crate makes none.
    pub fn user_to_user(ticket: &Credentials, ask: &Ask) -> Self {
        let mut options = InitOptions::default();
        options.use_session_key = true;
        Self::with(ticket, options, ask)
    }

    fn with(ticket: &Credentials, options: InitOptions<'_>, ask: &Ask) -> Self {
        let bindings = ask.bindings.clone().map(ChannelBindings::new);
        let mut options = options;
        options.channel_bindings = bindings.as_ref();
        let (side, first) = if ask.spnego {
            let (context, token) =
                SpnegoInitiator::with_options(ticket, ask.flags, options).expect("a token");
            (Side::Spnego(context), token)
        } else {
            let (context, token) =
                InitiatorContext::with_options(ticket, ask.flags, options).expect("a token");
            (Side::Raw(context), token)
        };
        Self {
            first: Some(first),
            side,
            messages: None,
        }
    }

    fn messages(&mut self) -> &mut (PerMessageTokens<ContextKey>, u64) {
        let side = &self.side;
        self.messages.get_or_insert_with(|| match side {
            Side::Raw(c) => (c.per_message_tokens().expect("established"), c.send_seq()),
            Side::Spnego(c) => (c.per_message_tokens().expect("established"), c.send_seq()),
        })
    }

    fn next(&mut self) -> u64 {
        let (_, sequence) = self.messages();
        *sequence += 1;
        *sequence - 1
    }
}

impl Peer for Krb5Peer {
    fn name(&self) -> String {
        "the krb5 crate".to_owned()
    }

    fn init(&mut self, token: Option<&[u8]>) -> Result<Sent, String> {
        let Some(token) = token else {
            let done = matches!(&self.side, Side::Raw(c) if c.is_established());
            let token = self.first.take();
            return Ok(Sent { token, done });
        };
        match &mut self.side {
            Side::Raw(context) => {
                context.step(token).map_err(|e| e.to_string())?;
                let done = context.is_established();
                Ok(Sent { token: None, done })
            }
            Side::Spnego(context) => {
                let token = context.step(token).map_err(|e| e.to_string())?;
                let done = context.is_established();
                Ok(Sent { token, done })
            }
        }
    }

    fn wrap(&mut self, data: &[u8], seal: bool) -> Result<Vec<u8>, String> {
        let sequence = self.next();
        let (tokens, _) = self.messages();
        let token = if seal {
            tokens.emit_wrap(sequence, data)
        } else {
            tokens.emit_wrap_unsealed(sequence, data, 0)
        };
        token.map_err(|e| e.to_string())
    }

    fn unwrap(&mut self, token: &[u8]) -> Result<Received, String> {
        let (tokens, _) = self.messages();
        let sealed = token.get(2).is_some_and(|flags| flags & 2 != 0);
        let verified = if sealed {
            tokens.unwrap(token)
        } else {
            tokens.verify_wrap_unsealed(token)
        };
        let data = verified.map_err(|e| e.to_string())?.message;
        Ok(Received {
            data,
            sealed,
            sequence: None,
        })
    }

    fn mic(&mut self, data: &[u8]) -> Result<Vec<u8>, String> {
        let sequence = self.next();
        let (tokens, _) = self.messages();
        tokens.emit_mic(sequence, data).map_err(|e| e.to_string())
    }

    fn verify(&mut self, data: &[u8], mic: &[u8]) -> Result<Option<SequenceState>, String> {
        let (tokens, _) = self.messages();
        let verified = tokens.verify_mic(mic, data);
        verified.map(|_| None).map_err(|e| e.to_string())
    }

    fn lacks(&self) -> &'static [Lacks] {
        &[Lacks::Sequence]
    }
}
