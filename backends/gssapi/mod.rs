//! The acceptor on the system's GSS-API library: MIT krb5, Heimdal or macOS'
//! GSS.framework, opened when a configuration is built. Nothing is linked.

mod accept;
mod authorization;
mod context;
mod credentials;
mod delegation;
mod granted;
mod importer;
mod keys;
mod krb5;
mod messages;
mod names;
mod ntlm;
mod oid;
mod refusal;
mod replay;
mod status;
mod sys;
mod token;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use self::accept::{AwaitToken, Shared};
use self::authorization::Vouching;
pub use self::context::{GssapiContext, NameAttribute};
use self::credentials::Source;
pub use self::importer::GssapiImporter;
use self::krb5::sys::Krb5;
use self::sys::{Flavour, Gss};
use super::{
    Backend, BackendDescription, Exchange, PreparedBackend, PrincipalDescription, Settings,
};
use crate::channel_bindings::ChannelBindingPolicy;
use crate::credentials::Credentials;
use crate::error::{Error, Misuse, Unavailability};
use crate::etype::EncryptionType;
use crate::facts::{Ability, Capabilities, MechanismCapabilities};
use crate::mechanism::Mechanism;
use crate::requirements::Requirements;
use crate::token::CredentialHandle;

const NAME: &str = "gssapi";

/// The acceptor on the system's GSS-API library. See [`gssapi()`].
pub struct GssapiBackend {
    credentials: Credentials,
    library: GssapiLibrary,
    ntlm_users: Option<PathBuf>,
    opened: OnceLock<Result<Arc<Gss>, Unavailability>>,
}

/// Which GSS-API library is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum GssapiLibrary {
    /// The first that is there: MIT krb5's, Heimdal's, macOS'.
    #[default]
    Any,
    /// MIT krb5's, `libgssapi_krb5.so.2`.
    Mit,
    /// Heimdal's, `libgssapi.so.3`.
    Heimdal,
    /// macOS' `GSS.framework`.
    Framework,
    /// The one in this file.
    File(PathBuf),
}

impl GssapiLibrary {
    fn files(&self) -> Vec<PathBuf> {
        const MIT: &str = "libgssapi_krb5.so.2";
        const HEIMDAL: &str = "libgssapi.so.3";
        const FRAMEWORK: &str = "/System/Library/Frameworks/GSS.framework/GSS";
        match self {
            Self::Any => vec![MIT.into(), HEIMDAL.into(), FRAMEWORK.into()],
            Self::Mit => vec![MIT.into()],
            Self::Heimdal => vec![HEIMDAL.into()],
            Self::Framework => vec![FRAMEWORK.into()],
            Self::File(file) => vec![file.clone()],
        }
    }

    /// What takes up contexts that another process has exported, in one that
    /// needs no credentials: for [`ContextImporter::with`](crate::ContextImporter::with).
    ///
    /// # Errors
    ///
    /// [`Unavailability::Platform`] where there is no such library.
    pub fn importer(&self) -> Result<GssapiImporter, Error> {
        Ok(GssapiImporter::new(self.open()?))
    }

    fn open(&self) -> Result<Arc<Gss>, Unavailability> {
        let mut problems = Vec::new();
        for file in self.files() {
            match Gss::open(&file) {
                Ok(gss) => return Ok(Arc::new(gss)),
                Err(problem) => problems.push(format!("{}: {problem}", file.display())),
            }
        }
        Err(Unavailability::Platform {
            what: "a GSS-API library",
            text: problems.join("; "),
        })
    }
}

/// The system's GSS-API library with these credentials: a
/// [`Keytab`](crate::Keytab), or [`Credentials::SystemDefault`] for what the
/// library finds by itself (`KRB5_KTNAME`, gssproxy, a plug-in of the site).
///
/// The library is opened when the configuration is built; where there is
/// none, that fails with [`Unavailability::Platform`], which says what was
/// looked for. It stays loaded from then on.
///
/// # What runs in the server's process
///
/// Clients' tokens, whoever sent them, are parsed and decrypted by the
/// library, its plug-ins and mechanisms, which are in C and in this process.
/// A fault in any of them is a fault of the server: it can end the process,
/// and is not contained by Rust. What can be read without a key is read here
/// first, so most malformed tokens never reach it. Keep the library up to
/// date; where one client must not be able to end the connections of others,
/// accept in a process of its own that holds the keytab and nothing else, and
/// is started again when it ends.
///
/// # What is different from the rust backend
///
/// * A step may block: the library reads files, and may ask a service of the
///   site. [`AcceptorConfig::may_block`](crate::AcceptorConfig::may_block)
///   says so; an asynchronous server runs `step` on threads for blocking
///   work, of which it has a bounded number.
/// * A configuration has a credential for each thread that accepts at a time.
///   MIT krb5 1.20 has its threads wait for each other even so, whenever one
///   of them looks into its `krb5.conf`, which it does many times in a
///   handshake: a second thread adds 10 to 30 % to what one does. Servers
///   that need more of it run several processes, which do not wait for each
///   other; Heimdal's threads do not either.
/// * The system's clock, `krb5.conf`'s clock skew and its trusted paths
///   decide; a [`clock`](crate::ConfigBuilder::clock) or
///   [`clock_skew`](crate::ConfigBuilder::clock_skew) is refused.
/// * Every token of a Kerberos client is looked up in the configuration's
///   replay store after the library has taken it. When it was made is
///   encrypted, so it is remembered for twice the clock skew. With a keytab,
///   the library's own replay cache is switched off.
/// * The end of a context is an upper bound: MIT krb5 adds its clock skew.
/// * Keys other than that of the ticket's name are tried as the library has
///   it; a ticket for a name that the keytab does not have is then refused,
///   unless [`accept_any_name`](crate::ConfigBuilder::accept_any_name).
/// * A keytab file is read here, when it has changed, and is handed to the
///   library in memory; the handles of before are acquired anew. The library
///   reads a file itself where it finds its credentials by itself.
/// * With Heimdal, acquiring a credential registers the keytab for the whole
///   process (`gsskrb5_register_acceptor_identity`) and then the default one
///   again. This crate's acquisitions do not disturb each other; an
///   application that registers one of its own does so after.
/// * Heimdal 7.8 keeps some 2 KiB of each credential for SPNEGO that is released:
///   of each configuration built, of each
///   [`acquire`](crate::AcceptorConfig::acquire), and of each thread when a
///   keytab has changed. Handshakes that succeed in one leg, are replayed or
///   cannot be decrypted cost none; of others it keeps up to as much.
/// * NTLM, where it is enabled, is gss-ntlmssp's, a mechanism of MIT krb5's
///   library ([`ntlm_user_file`](GssapiBackend::ntlm_user_file)); Heimdal's
///   is not offered. Its messages are read here first: NTLMv1, a client that
///   sends an LM response beside (curl's own NTLM does), and a response for
///   other target information than ours are refused. The client's name is as
///   it wrote it, to be compared without case; a name without a domain was
///   looked for in all of them, and one beyond ASCII is not found in a file.
///   Sealing and signing need 128 bits, extended
///   security and key exchange; replay and order are not granted.
/// * A step that gives the client's address is refused
///   ([`Misuse::Unsupported`]): neither library compares it with the
///   addresses of a ticket.
/// * Delegated credentials come out of the library's memory, not by way of a
///   file. MIT krb5 keeps the first of several tickets, and hands out none in
///   DCE style; credentials that a library cannot read reject the client even
///   where nobody asked for any.
/// * A ticket's PAC is verified by the library, with the server's key; which of
///   the KDC's signatures are right it does not look at. MIT krb5 says of each
///   PAC whether it is genuine. Heimdal rejects a client whose PAC is not,
///   unless its `krb5.conf` says `check_pac = false` when the configuration is
///   built: then [`Context::authorization`](crate::Context::authorization)
///   gives nothing.
/// * Heimdal 7.8 does not say whether a context is bound; policies that need
///   it are refused, and bindings that are given are compared.
#[must_use]
pub fn gssapi(credentials: impl Into<Credentials>) -> GssapiBackend {
    GssapiBackend {
        credentials: credentials.into(),
        library: GssapiLibrary::Any,
        ntlm_users: None,
        opened: OnceLock::new(),
    }
}

impl GssapiBackend {
    /// With this library and no other.
    #[must_use]
    pub fn library(mut self, library: GssapiLibrary) -> Self {
        self.library = library;
        self.opened = OnceLock::new();
        self
    }

    /// Where NTLM's accounts are: the file of gss-ntlmssp, a line of
    /// `DOMAIN:user:password` for each, or one of Samba's. Without, that
    /// mechanism looks where it looks by itself (`NTLM_USER_FILE`, winbind).
    ///
    /// NTLM must be enabled besides
    /// ([`mechanisms`](crate::ConfigBuilder::mechanisms)), and gss-ntlmssp be
    /// installed as a mechanism of MIT krb5's library.
    #[must_use]
    pub fn ntlm_user_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.ntlm_users = Some(file.into());
        self
    }

    fn opened(&self) -> Result<Arc<Gss>, Unavailability> {
        self.opened.get_or_init(|| self.library.open()).clone()
    }
}

impl core::fmt::Debug for GssapiBackend {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("GssapiBackend")
            .field("credentials", &self.credentials)
            .field("library", &self.library)
            .finish_non_exhaustive()
    }
}

/// What both libraries can honour.
const FLAGS: Requirements = Requirements::MUTUAL_AUTH
    .union(Requirements::REPLAY_DETECT)
    .union(Requirements::SEQUENCE_DETECT)
    .union(Requirements::CONFIDENTIALITY)
    .union(Requirements::INTEGRITY)
    .union(Requirements::IDENTIFY)
    .union(Requirements::ALLOCATE_MEMORY)
    .union(Requirements::DATAGRAM)
    .union(Requirements::CONNECTION)
    .union(Requirements::STREAM)
    .union(Requirements::EXTENDED_ERROR)
    .union(Requirements::ALLOW_NULL_SESSION)
    .union(Requirements::ALLOW_MISSING_BINDINGS)
    .union(Requirements::USE_SUPPLIED_CREDS)
    .union(Requirements::USE_DCE_STYLE);

/// What gss-ntlmssp can honour: it proves no server, and does not say
/// whether it watches the order of messages.
const NTLM_FLAGS: Requirements = Requirements::CONFIDENTIALITY
    .union(Requirements::INTEGRITY)
    .union(Requirements::ALLOCATE_MEMORY)
    .union(Requirements::CONNECTION)
    .union(Requirements::STREAM)
    .union(Requirements::ALLOW_MISSING_BINDINGS)
    .union(Requirements::USE_SUPPLIED_CREDS);

/// Heimdal has an NTLM of its own, which is not offered.
fn has_ntlm(gss: &Gss) -> bool {
    gss.flavour == Flavour::Mit && gss.has_mechanism(oid::NTLM)
}

fn ntlm_capabilities() -> MechanismCapabilities {
    use ChannelBindingPolicy as Policy;
    MechanismCapabilities {
        mechanism: Mechanism::Ntlm,
        flags: NTLM_FLAGS,
        binding_policies: vec![
            Policy::WhenGiven,
            Policy::Ignore,
            Policy::WhenSent,
            Policy::Require,
        ],
        export: Ability::Can,
        suspend: Ability::Cannot,
    }
}

impl Backend for GssapiBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    // Which clients have one is known when they come.
    fn authorizes(&self, mechanism: Mechanism) -> Ability {
        match mechanism {
            Mechanism::Kerberos => Ability::Can,
            _ => Ability::Cannot,
        }
    }

    fn capabilities(&self) -> Capabilities {
        use ChannelBindingPolicy as Policy;
        let flavour = self.opened().map_or(Flavour::Mit, |gss| gss.flavour);
        let (mut flags, mut policies) = (FLAGS, vec![Policy::WhenGiven, Policy::Ignore]);
        let delegation = self.opened().is_ok_and(|gss| gss.delegation.is_ok());
        flags.set(Requirements::DELEGATE, delegation);
        match flavour {
            Flavour::Mit => policies.extend([Policy::WhenSent, Policy::Require]),
            Flavour::Heimdal => flags.remove(Requirements::ALLOW_MISSING_BINDINGS),
        }

        let kerberos = MechanismCapabilities {
            mechanism: Mechanism::Kerberos,
            flags,
            binding_policies: policies,
            export: Ability::Can,
            suspend: Ability::Cannot,
        };
        let ntlm = self.opened().is_ok_and(|gss| has_ntlm(&gss));
        Capabilities {
            mechanisms: core::iter::once(kerberos)
                .chain(ntlm.then(ntlm_capabilities))
                .collect(),
            may_block: true,
            injected_clock: Ability::Cannot,
            replay_store: Ability::Can,
            restrict_services: Ability::Can,
            choose_etypes: if flavour == Flavour::Mit {
                Ability::Can
            } else {
                Ability::Cannot
            },
            choose_skew: Ability::Cannot,
        }
    }

    fn prepare(
        self: Box<Self>,
        settings: Arc<Settings>,
    ) -> Result<Box<dyn PreparedBackend>, Error> {
        if settings.refuse_before.is_some() {
            return Err(Misuse::CannotSet {
                backend: NAME,
                setting: "reject_before_start",
            }
            .into());
        }
        // Rule 7: AES, and RC4 where it is named; DES and 3DES never.
        let never = |etype: &EncryptionType| !matches!(etype.0, 17..=20 | 23);
        let etypes: Vec<_> = settings.etypes.iter().copied().filter(never).collect();
        if !etypes.is_empty() {
            return Err(Misuse::Etypes { etypes }.into());
        }
        let gss = self.opened()?;
        let users = self.ntlm_users.as_deref().map(credentials::file_name);
        let users = users.transpose()?;
        let source = Source::new(&gss, &self.credentials, users.as_ref(), &settings)?;
        let krb5 = Krb5::new(&gss).ok();
        let skew = krb5.as_ref().and_then(Krb5::clock_skew);
        let checks_pac = krb5.as_ref().and_then(Krb5::checks_pac);
        Ok(Box::new(Prepared {
            shared: Arc::new(Shared {
                skew: skew.map_or(settings.replay_skew, Duration::from_secs),
                source: Arc::new(source),
                vouching: Vouching::of(&gss, checks_pac),
                users,
                settings,
                gss,
                _configuration: Mutex::new(krb5),
            }),
        }))
    }
}

struct Prepared {
    shared: Arc<Shared>,
}

impl PreparedBackend for Prepared {
    fn describe(&self) -> BackendDescription {
        let mut description = BackendDescription::new(NAME);
        let source = &self.shared.source;
        description.library = Some(self.shared.gss.file.clone());
        description.clock_skew = Some(self.shared.skew);
        let keys = source.keys();
        for key in keys.all() {
            let mut known = description.principals.iter_mut();
            match known.find(|own| own.principal == key.principal) {
                Some(own) => own.keys.push((key.kvno, key.etype)),
                None => description.principals.push(PrincipalDescription {
                    principal: key.principal.clone(),
                    keys: vec![(key.kvno, key.etype)],
                }),
            }
        }
        for own in &mut description.principals {
            own.keys.sort_by_key(|key| core::cmp::Reverse(key.0));
        }
        description.warnings = source.warnings();
        description
    }

    fn begin(&self) -> Box<dyn Exchange> {
        Box::new(AwaitToken::new(Arc::clone(&self.shared)))
    }

    fn acquire(&self, credentials: &Credentials) -> Result<CredentialHandle, Error> {
        let shared = &*self.shared;
        let users = shared.users.as_ref();
        let source = Source::new(&shared.gss, credentials, users, &shared.settings)?;
        Ok(CredentialHandle::new(Arc::new(source)))
    }
}
