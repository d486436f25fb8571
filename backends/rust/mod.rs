//! The acceptor in pure safe Rust.

#![forbid(unsafe_code)]

mod first;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod importer;
pub(crate) mod kerberos;
pub(crate) mod ntlm;
pub(crate) mod spnego;
mod suspended;

use std::sync::Arc;

pub use self::importer::{RustImporter, rust_importer};

use self::first::AwaitFirst;
use self::kerberos::accept::AwaitApReq;
use self::kerberos::codec::gss;
use self::kerberos::crypto;
use self::kerberos::keys::{KeySource, PacKey, krbtgt_keys};
use self::ntlm::{NtlmMech, Server};
use super::{
    Backend, BackendDescription, Exchange, Outcome, PreparedBackend, SecurityContext, Settings,
};
use crate::channel_bindings::ChannelBindingPolicy;
use crate::credentials::{Credentials, Keytab};
use crate::error::{Error, Misuse};
use crate::facts::{Ability, Capabilities, MechanismCapabilities};
use crate::mechanism::{Framing, Mechanism};
use crate::ntlm::Ntlm;
use crate::reply::Reply;
use crate::requirements::Requirements;
use crate::token::{CredentialHandle, StepInput};

const NAME: &str = "rust";

/// The acceptor in pure safe Rust: Kerberos, NTLM and SPNEGO, no system library.
/// See [`rust()`].
#[derive(Debug)]
pub struct RustBackend {
    credentials: Vec<Credentials>,
    krbtgt: Option<Keytab>,
    client_tickets: ClientTickets,
}

/// What becomes of the tickets that clients come in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientTickets {
    Dropped,
    /// Kept in the context, as evidence of constrained delegation.
    Kept,
}

/// The rust backend with these credentials, usually a
/// [`Keytab`](crate::Keytab); an [`Ntlm`] for a server that knows NTLM alone.
#[must_use]
pub fn rust(credentials: impl Into<Credentials>) -> RustBackend {
    RustBackend {
        credentials: vec![credentials.into()],
        krbtgt: None,
        client_tickets: ClientTickets::Dropped,
    }
}

impl RustBackend {
    /// With further credentials: a second keytab, a password, the server's
    /// own TGT, an [`Ntlm`].
    #[must_use]
    pub fn and(mut self, credentials: impl Into<Credentials>) -> Self {
        self.credentials.push(credentials.into());
        self
    }

    /// With the keys of krbtgt, its older ones too: the KDC's own signatures
    /// in a PAC are checked with them (MS-PAC 2.8), and
    /// [`Evidence::Pac`](crate::Evidence) tells of each.
    ///
    /// **For programs on a domain controller.** Whoever has this key is anybody
    /// in the realm; no other server should hold it. It is read once: after a
    /// new password of krbtgt's the configuration must be built anew.
    #[must_use]
    pub fn krbtgt(mut self, keys: Keytab) -> Self {
        self.krbtgt = Some(keys);
        self
    }

    /// Keeps in each context the ticket that the client came in with
    /// ([`Context::client_ticket`](crate::Context::client_ticket)): for a
    /// server that goes on to other services in the client's name by
    /// constrained delegation (S4U2Proxy). A context grows by the ticket, one
    /// to five kilobytes in Active Directory.
    #[must_use]
    pub fn keep_client_tickets(mut self) -> Self {
        self.client_tickets = ClientTickets::Kept;
        self
    }
}

impl RustBackend {
    fn ntlm(&self) -> impl Iterator<Item = &Ntlm> {
        self.credentials.iter().filter_map(|one| match one {
            Credentials::Ntlm(ntlm) => Some(ntlm),
            _ => None,
        })
    }

    /// NTLM's side. A server has one name, so it is given once.
    fn ntlm_server(&self, settings: &Settings) -> Result<Option<Arc<Server>>, Error> {
        let mut all = self.ntlm();
        let server = all.next().map(Server::new).transpose()?.map(Arc::new);
        if all.next().is_some() {
            return Err(Misuse::Conflict {
                first: "an Ntlm",
                second: "another Ntlm in the same configuration",
            }
            .into());
        }
        let mechanism = Mechanism::Ntlm;
        if server.is_none() && settings.mechanisms.contains(&mechanism) {
            // It may come with every handshake.
            let supplied = Requirements::USE_SUPPLIED_CREDS;
            if !settings.required.contains(supplied) {
                return Err(Misuse::NoCredentials { mechanism }.into());
            }
        }
        Ok(server)
    }
}

impl Backend for RustBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn authorizes(&self, mechanism: Mechanism) -> Ability {
        match mechanism {
            Mechanism::Kerberos => Ability::Can,
            Mechanism::Ntlm if self.ntlm().any(|ntlm| ntlm.accounts().authorizes().can()) => {
                Ability::Can
            }
            _ => Ability::Cannot,
        }
    }

    fn capabilities(&self) -> Capabilities {
        use ChannelBindingPolicy as Policy;
        Capabilities {
            mechanisms: [
                (Mechanism::Kerberos, KERBEROS_FLAGS),
                (Mechanism::Ntlm, NTLM_FLAGS),
            ]
            .into_iter()
            .map(|(mechanism, flags)| MechanismCapabilities {
                mechanism,
                flags,
                binding_policies: vec![
                    Policy::WhenGiven,
                    Policy::Ignore,
                    Policy::WhenSent,
                    Policy::Require,
                    Policy::AnyPresent,
                ],
                export: Ability::Can,
                suspend: Ability::Can,
            })
            .collect(),
            may_block: self.ntlm().any(|ntlm| ntlm.accounts().may_block()),
            injected_clock: Ability::Can,
            replay_store: Ability::Can,
            restrict_services: Ability::Can,
            choose_etypes: Ability::Can,
            choose_skew: Ability::Can,
        }
    }

    fn prepare(
        self: Box<Self>,
        settings: Arc<Settings>,
    ) -> Result<Box<dyn PreparedBackend>, Error> {
        let unknown: Vec<_> = settings
            .etypes
            .iter()
            .copied()
            .filter(|etype| !crypto::is_implemented(*etype))
            .collect();
        if !unknown.is_empty() {
            return Err(Misuse::Etypes { etypes: unknown }.into());
        }
        let keys = KeySource::new(&self.credentials, &settings)?;
        let krbtgt = self.krbtgt.as_ref().map(krbtgt_keys).transpose()?;
        let ntlm = self.ntlm_server(&settings)?;
        Ok(Box::new(Prepared(Arc::new(Shared {
            settings,
            keys,
            krbtgt: krbtgt.unwrap_or_default(),
            client_tickets: self.client_tickets,
            ntlm,
        }))))
    }
}

/// What Kerberos can honour here. What `sspi.h` has for Windows alone is not
/// among it.
const KERBEROS_FLAGS: Requirements = Requirements::DELEGATE
    .union(Requirements::MUTUAL_AUTH)
    .union(Requirements::REPLAY_DETECT)
    .union(Requirements::SEQUENCE_DETECT)
    .union(Requirements::CONFIDENTIALITY)
    .union(Requirements::USE_SESSION_KEY)
    .union(Requirements::INTEGRITY)
    .union(Requirements::IDENTIFY)
    .union(Requirements::ALLOCATE_MEMORY)
    .union(Requirements::USE_DCE_STYLE)
    .union(Requirements::DATAGRAM)
    .union(Requirements::CONNECTION)
    .union(Requirements::STREAM)
    .union(Requirements::EXTENDED_ERROR)
    .union(Requirements::ALLOW_NULL_SESSION)
    .union(Requirements::PROXY_BINDINGS)
    .union(Requirements::ALLOW_MISSING_BINDINGS)
    .union(Requirements::USE_SUPPLIED_CREDS)
    .union(Requirements::PROMPT_FOR_CREDS);

/// What NTLM can honour here: it cannot prove the server, delegate, tell a
/// client why it failed, or do without a connection.
const NTLM_FLAGS: Requirements = Requirements::REPLAY_DETECT
    .union(Requirements::SEQUENCE_DETECT)
    .union(Requirements::CONFIDENTIALITY)
    .union(Requirements::INTEGRITY)
    .union(Requirements::IDENTIFY)
    .union(Requirements::ALLOCATE_MEMORY)
    .union(Requirements::CONNECTION)
    .union(Requirements::STREAM)
    .union(Requirements::ALLOW_NULL_SESSION)
    .union(Requirements::PROXY_BINDINGS)
    .union(Requirements::ALLOW_MISSING_BINDINGS)
    .union(Requirements::USE_SUPPLIED_CREDS);

/// What all handshakes of a configuration share.
#[repr(align(128))] // As `Apart` is, and for the same reason.
pub(crate) struct Shared {
    pub(crate) settings: Arc<Settings>,
    pub(crate) keys: KeySource,
    /// For the KDC's signatures in a PAC; usually none.
    pub(crate) krbtgt: Vec<PacKey>,
    pub(crate) client_tickets: ClientTickets,
    /// NTLM's accounts and names, if there are any.
    pub(crate) ntlm: Option<Arc<Server>>,
}

/// What is shared, as a handshake has it: lent for its first step, after which
/// most are over, and its own where it goes on. A count of handles that all
/// threads wrote to would be what they wait for.
pub(crate) enum Held<'s> {
    Lent(&'s Arc<Shared>),
    Own(Arc<Shared>),
}

impl Held<'_> {
    pub(crate) fn arc(&self) -> &Arc<Shared> {
        match self {
            Self::Lent(shared) => shared,
            Self::Own(shared) => shared,
        }
    }

    /// For what outlives the step.
    pub(crate) fn into_own(self) -> Held<'static> {
        Held::Own(match self {
            Self::Lent(shared) => Arc::clone(shared),
            Self::Own(shared) => shared,
        })
    }
}

impl core::ops::Deref for Held<'_> {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        self.arc()
    }
}

/// A pointer is small: an allocator would put it beside anything.
#[repr(align(128))] // As `Apart` is, and for the same reason.
struct Prepared(Arc<Shared>);

impl PreparedBackend for Prepared {
    fn describe(&self) -> BackendDescription {
        let mut description = BackendDescription::new(NAME);
        let now = self.0.settings.clock.now();
        self.0.keys.describe(now, &mut description);
        if let Some(ntlm) = &self.0.ntlm {
            description.warnings.extend(ntlm.warnings());
            if !self.0.settings.mechanisms.contains(&Mechanism::Ntlm) {
                let text = "there are accounts for NTLM, which is not enabled (`mechanisms`)";
                description.warnings.push(text.into());
            }
        }
        description
    }

    /// A CHALLENGE is made again from these names.
    fn fingerprint(&self) -> Vec<u8> {
        self.0
            .ntlm
            .as_ref()
            .map_or_else(Vec::new, |ntlm| ntlm.fingerprint())
    }

    fn resume(&self, state: &[u8]) -> Result<Box<dyn Exchange>, Error> {
        suspended::resume(&self.0, state, suspended::Whose::Any)
    }

    fn begin(&self) -> Box<dyn Exchange> {
        Box::new(AwaitFirst::new(Held::Own(Arc::clone(&self.0))))
    }

    fn first(&self, input: StepInput<'_>) -> Reply<Outcome> {
        AwaitFirst::new(Held::Lent(&self.0)).take(input)
    }

    fn acquire(&self, credentials: &Credentials) -> Result<CredentialHandle, Error> {
        if let Credentials::Ntlm(ntlm) = credentials {
            return Ok(CredentialHandle::new(Arc::new(Server::new(ntlm)?)));
        }
        let credentials = core::slice::from_ref(credentials);
        let keys = KeySource::new(credentials, &self.0.settings)?;
        Ok(CredentialHandle::new(Arc::new(keys)))
    }
}

/// A mechanism as the first token's reader and SPNEGO see it. What comes of
/// its exchange is an [`Outcome`], like a backend's.
pub(crate) trait Mech: Send + Sync {
    /// Which one it is.
    fn mechanism(&self) -> Mechanism;

    /// The object identifiers that mean it in a SPNEGO offer, the one that we
    /// name first.
    fn oids(&self, shared: &Shared) -> &'static [&'static [u8]];

    /// Begins an exchange.
    fn begin(&self, shared: &Arc<Shared>, framing: Framing) -> Box<dyn Exchange>;

    /// Begins one with the client's first token.
    fn accept(&self, shared: Held<'_>, framing: Framing, input: StepInput<'_>) -> Reply<Outcome> {
        self.begin(shared.arc(), framing).step(input)
    }

    /// Whether the client has said inside of the mechanism that it will send
    /// SPNEGO's MIC (rule 30).
    fn owes_mic(&self, context: &dyn SecurityContext) -> bool {
        let _ = context;
        false
    }

    /// SPNEGO's MIC over the offer.
    fn mic(&self, context: &dyn SecurityContext, offer: &[u8]) -> Result<Vec<u8>, Error> {
        context.mic(offer)
    }

    /// Checks the client's.
    fn verify_mic(
        &self,
        context: &dyn SecurityContext,
        offer: &[u8],
        mic: &[u8],
    ) -> Result<(), Error> {
        context.verify(offer, mic).map(drop)
    }
}

struct Kerberos;

impl Mech for Kerberos {
    fn mechanism(&self) -> Mechanism {
        Mechanism::Kerberos
    }

    fn oids(&self, shared: &Shared) -> &'static [&'static [u8]] {
        if shared.keys.has_tgt() {
            &[gss::KRB5, gss::MS_KRB5, gss::KRB5_U2U]
        } else {
            &[gss::KRB5, gss::MS_KRB5]
        }
    }

    fn begin(&self, shared: &Arc<Shared>, framing: Framing) -> Box<dyn Exchange> {
        Box::new(AwaitApReq::new(Held::Own(Arc::clone(shared)), framing))
    }

    fn accept(&self, shared: Held<'_>, framing: Framing, input: StepInput<'_>) -> Reply<Outcome> {
        AwaitApReq::new(shared, framing).take(input)
    }
}

/// The mechanisms that a configuration enables.
pub(crate) fn enabled(shared: &Shared) -> impl Iterator<Item = &'static dyn Mech> {
    const ALL: [&dyn Mech; 2] = [&Kerberos, &NtlmMech];
    ALL.into_iter()
        .filter(|mech| shared.settings.mechanisms.contains(&mech.mechanism()))
}
