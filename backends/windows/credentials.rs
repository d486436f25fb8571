//! The server's own credentials: the identity of the process, or an account
//! with its password.

pub(super) mod sys;

use std::sync::Arc;

use zeroize::Zeroizing;

use self::sys::{Account, Cred, Identity};
use super::sys::Sspi;
use super::system::Kind;
use super::{NAME, WindowsPackage, status};
use crate::backends::Settings;
use crate::credentials::{Credentials, ServicePassword};
use crate::error::{Error, Misuse};
use crate::mechanism::Mechanism;

/// One credential handle, which all handshakes share.
pub(super) struct Source {
    pub(super) cred: Cred,
    /// The package's longest token.
    pub(super) max_token: usize,
}

/// The least room for a reply, where a package claims to need less.
const ROOM: usize = 16 << 10;

impl Source {
    pub(super) fn acquire(
        sspi: &Arc<Sspi>,
        package: WindowsPackage,
        credentials: &Credentials,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let account = match credentials {
            Credentials::SystemDefault => None,
            Credentials::Password(password) => Some(account(password)?),
            _ => {
                return Err(Misuse::Unsupported {
                    backend: NAME,
                    what: "keytabs and accounts of the application's: the system keeps its own; \
                           use the system's default or a ServicePassword",
                }
                .into());
            }
        };
        // Wine reads the extended identity as if it were the plain one.
        let packages = match sspi.system.kind() {
            Kind::Windows { .. } => package_list(package, &settings.mechanisms),
            Kind::Wine => None,
        };
        let identity = Identity { account, packages };
        let installed = sspi.find_package(package.name());
        let installed = installed.map_err(|status| status::of_call("the package", status))?;
        let cred = Cred::acquire(sspi, package.name(), &identity);
        Ok(Self {
            cred: cred.map_err(|status| status::of_call("the server's credentials", status))?,
            max_token: installed.max_token.max(ROOM),
        })
    }
}

/// Which packages `Negotiate` may use (`PackageList`, "!" before what it may
/// not).
fn package_list(package: WindowsPackage, enabled: &[Mechanism]) -> Option<&'static str> {
    let has = |mechanism| enabled.contains(&mechanism);
    match package {
        WindowsPackage::Negotiate if !has(Mechanism::Ntlm) => Some("!ntlm"),
        WindowsPackage::Negotiate if !has(Mechanism::Kerberos) => Some("!kerberos"),
        _ => None,
    }
}

/// User, domain and password, in UTF-16.
fn account(password: &ServicePassword) -> Result<Account, Error> {
    let not_text = || Misuse::Unsupported {
        backend: NAME,
        what: "a name or password that is not UTF-8",
    };
    let units = |bytes: &[u8]| {
        let text = core::str::from_utf8(bytes).map_err(|_| not_text())?;
        Ok::<_, Error>(Zeroizing::new(text.encode_utf16().collect::<Vec<u16>>()))
    };
    let principal = password.principals().first().ok_or_else(not_text)?;
    let components: Vec<&[u8]> = principal.components().collect();
    Ok(Account {
        user: units(&components.join(&b'/'))?,
        domain: units(principal.realm())?,
        password: units(password.password().expose())?,
    })
}
