//! The acceptor on Windows' own security packages (SSPI): the system holds
//! the keys, makes access tokens, and keeps its policy.

// Elsewhere it is compiled for its unit tests alone, without the system.
#![cfg_attr(not(windows), allow(dead_code, unused_imports))]

mod accept;
mod bindings;
mod context;
mod credentials;
mod expiry;
mod granted;
mod identity;
mod impersonation;
mod messages;
mod negotiated;
mod status;
mod sys;
mod system;
mod token;

use std::sync::Arc;

use self::accept::{AwaitToken, Shared};
pub use self::context::{StreamSizes, WindowsContext, WindowsImporter};
use self::credentials::Source;
pub use self::impersonation::Impersonation;
use self::sys::Sspi;
use self::system::Kind;
pub use self::token::AccessToken;
use super::{Backend, BackendDescription, Exchange, PreparedBackend, Settings};
use crate::channel_bindings::ChannelBindingPolicy;
use crate::credentials::Credentials;
use crate::error::{Error, Unavailability};
use crate::facts::{Ability, Capabilities, MechanismCapabilities};
use crate::mechanism::Mechanism;
use crate::requirements::Requirements;
use crate::token::CredentialHandle;

const NAME: &str = "windows";

/// The acceptor on Windows' own security packages. See [`windows()`].
pub struct WindowsBackend {
    credentials: Credentials,
    package: WindowsPackage,
    sspi: Result<Arc<Sspi>, Unavailability>,
}

/// Which security package accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowsPackage {
    /// SPNEGO, and the tokens of Kerberos and NTLM alone. Which of the two
    /// are accepted is what the configuration enables.
    #[default]
    Negotiate,
    /// Kerberos, without negotiation.
    Kerberos,
    /// NTLM, without negotiation.
    Ntlm,
}

impl WindowsPackage {
    /// Its name in the system.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "Negotiate",
            Self::Kerberos => "Kerberos",
            Self::Ntlm => "NTLM",
        }
    }

    fn mechanisms(self) -> &'static [Mechanism] {
        match self {
            Self::Negotiate => &Mechanism::ALL,
            Self::Kerberos => &[Mechanism::Kerberos],
            Self::Ntlm => &[Mechanism::Ntlm],
        }
    }
}

/// Windows' own security packages with these credentials:
/// [`Credentials::SystemDefault`] for the identity of the process (a service
/// account, a group-managed one, the machine), or a
/// [`ServicePassword`](crate::ServicePassword) for an account of the domain.
///
/// # What is different from the rust backend
///
/// * A step may block: the system may ask a domain controller.
///   [`AcceptorConfig::may_block`](crate::AcceptorConfig::may_block) says so.
/// * The system's clock, replay cache, encryption types and policy decide;
///   settings for them are refused.
/// * Whether a context is bound is known from Windows 11 24H2 and Server 2025
///   on. Before, bindings that are given are compared, and policies that need
///   to know more are refused.
/// * A message out of sequence is refused, whatever is wrong with its order.
/// * The end of a context is an upper bound.
/// * [`Context::as_any`](crate::Context::as_any) gives a [`WindowsContext`]:
///   impersonation, access token, the system's own names.
#[must_use]
pub fn windows(credentials: impl Into<Credentials>) -> WindowsBackend {
    WindowsBackend {
        credentials: credentials.into(),
        package: WindowsPackage::Negotiate,
        sspi: system::open(),
    }
}

impl WindowsBackend {
    /// With this package.
    #[must_use]
    pub fn package(mut self, package: WindowsPackage) -> Self {
        self.package = package;
        self
    }

    /// What takes up contexts that another process has exported.
    ///
    /// # Errors
    ///
    /// [`Unavailability::Platform`] where the system has no security packages.
    pub fn importer(&self, max_token: usize) -> Result<WindowsImporter, Error> {
        Ok(WindowsImporter::new(self.sspi.clone()?, max_token))
    }
}

impl core::fmt::Debug for WindowsBackend {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WindowsBackend")
            .field("credentials", &self.credentials)
            .field("package", &self.package)
            .finish_non_exhaustive()
    }
}

/// What `AcceptSecurityContext` has a flag for, and credentials with a step.
/// `DELEGATE` would promise credentials; Windows gives a token to
/// impersonate with, whatever its level.
const FLAGS: Requirements = Requirements::all()
    .difference(Requirements::PROMPT_FOR_CREDS)
    .difference(Requirements::DELEGATE);

fn capabilities(package: WindowsPackage, kind: Option<Kind>) -> Capabilities {
    use ChannelBindingPolicy as Policy;
    let tells = kind.is_some_and(Kind::tells_bindings);
    let (mut flags, mut policies) = (FLAGS, vec![Policy::WhenGiven, Policy::Ignore]);
    if tells {
        policies.extend([Policy::WhenSent, Policy::Require, Policy::AnyPresent]);
    } else {
        flags.remove(Requirements::ALLOW_MISSING_BINDINGS | Requirements::PROXY_BINDINGS);
    }
    let of = |mechanism: Mechanism| MechanismCapabilities {
        mechanism,
        flags: match mechanism {
            // NTLM proves no server and knows no tickets.
            Mechanism::Ntlm => flags.difference(
                Requirements::MUTUAL_AUTH
                    .union(Requirements::USE_SESSION_KEY)
                    .union(Requirements::USE_DCE_STYLE),
            ),
            Mechanism::Kerberos => flags,
        },
        binding_policies: policies.clone(),
        export: Ability::Can,
        suspend: Ability::Cannot,
    };
    Capabilities {
        mechanisms: package.mechanisms().iter().copied().map(of).collect(),
        may_block: true,
        injected_clock: Ability::Cannot,
        replay_store: Ability::Cannot,
        restrict_services: Ability::Can,
        choose_etypes: Ability::Cannot,
        choose_skew: Ability::Cannot,
    }
}

impl Backend for WindowsBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        let kind = self.sspi.as_ref().ok().map(|sspi| sspi.system.kind());
        capabilities(self.package, kind)
    }

    fn authorizes(&self, _: Mechanism) -> Ability {
        match &self.sspi {
            Ok(sspi) if sspi.system.kind() != Kind::Wine => Ability::Can,
            _ => Ability::Cannot,
        }
    }

    fn prepare(
        self: Box<Self>,
        settings: Arc<Settings>,
    ) -> Result<Box<dyn PreparedBackend>, Error> {
        let sspi = self.sspi?;
        let source = Source::acquire(&sspi, self.package, &self.credentials, &settings)?;
        Ok(Box::new(Prepared {
            package: self.package,
            shared: Arc::new(Shared {
                sspi,
                settings,
                source: Arc::new(source),
            }),
        }))
    }
}

struct Prepared {
    package: WindowsPackage,
    shared: Arc<Shared>,
}

impl PreparedBackend for Prepared {
    fn describe(&self) -> BackendDescription {
        let mut description = BackendDescription::new(NAME);
        let package = self.package.name();
        let system = match self.shared.sspi.system.kind() {
            Kind::Windows { build } => format!("Windows {build}"),
            Kind::Wine => "Wine".to_owned(),
        };
        description.library = Some(format!("secur32, {package} ({system})"));
        if self.shared.sspi.system.kind() == Kind::Wine {
            let warning = "Wine tells no names of clients and compares no channel bindings; it \
                           is for tests";
            description.warnings.push(warning.to_owned());
        }
        description
    }

    fn begin(&self) -> Box<dyn Exchange> {
        Box::new(AwaitToken::new(Arc::clone(&self.shared)))
    }

    fn acquire(&self, credentials: &Credentials) -> Result<CredentialHandle, Error> {
        let Shared { sspi, settings, .. } = &*self.shared;
        let source = Source::acquire(sspi, self.package, credentials, settings)?;
        Ok(CredentialHandle::new(Arc::new(source)))
    }
}

#[cfg(test)]
mod tests;
