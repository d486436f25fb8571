//! What the library says of the ticket's PAC: only what it vouches for is
//! read (rule 26).

use super::context::sys::Ctx;
use super::sys::{Flavour, Gss};
use crate::authorization::{Authorization, Evidence};
use crate::error::AuthorizationProblem;
use crate::mechanism::Mechanism;
use crate::pac::Pac;

/// AD-WIN2K-PAC (MS-KILE 3.2.5.6): the one type that the library is asked for.
pub(super) const PAC: i32 = 128;
/// The same, as an attribute of the client's name.
pub(super) const PAC_ATTRIBUTE: &[u8] = b"urn:mspac:";

/// How a library says that a PAC is genuine: signed with the server's key,
/// and this client's and this ticket's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vouching {
    /// MIT krb5: by giving it out as an authenticated attribute of the name.
    /// One that it could not verify it does not give out so.
    Attribute,
    /// Heimdal: by accepting the client. It rejects one whose PAC is wrong.
    Accepting,
    /// Heimdal, whose operator has switched that off, or of which nobody
    /// knows whether it does.
    Never,
}

impl Vouching {
    /// By this library; Heimdal's operator may have switched it off.
    pub(super) fn of(gss: &Gss, checks_pac: Option<bool>) -> Self {
        match (gss.flavour, checks_pac) {
            (Flavour::Mit, _) => Self::Attribute,
            (Flavour::Heimdal, Some(true)) => Self::Accepting,
            (Flavour::Heimdal, _) => Self::Never,
        }
    }
}

/// The ticket's PAC, if the library vouches for it.
pub(super) fn pac(
    ctx: &Ctx,
    mechanism: Mechanism,
    vouching: Vouching,
) -> Result<Vec<u8>, AuthorizationProblem> {
    if mechanism != Mechanism::Kerberos {
        return Err(AuthorizationProblem::Unsupported);
    }
    let raw = || ctx.authorization_data(PAC);
    let pac = match vouching {
        Vouching::Attribute => match (ctx.name_attribute(PAC_ATTRIBUTE), raw) {
            (Some(pac), _) if pac.authenticated => Ok(pac.value),
            (None, raw) if raw().is_none() => Err(AuthorizationProblem::Absent),
            _ => Err(unverified(
                "the library does not vouch for the ticket's PAC: its signature with the server's \
                 key is wrong, or it is another client's or of another logon",
            )),
        },
        Vouching::Accepting => raw().ok_or(AuthorizationProblem::Absent),
        Vouching::Never => Err(unverified(
            "the library does not verify PACs: check_pac is off in [libdefaults] of its \
             krb5.conf, or it does not say whether it is on",
        )),
    }?;
    // A name alone is no account: who requires one must not let it pass.
    Pac::parse(&pac)?.logon_info()?;
    Ok(pac)
}

fn unverified(text: &str) -> AuthorizationProblem {
    AuthorizationProblem::Platform { text: text.into() }
}

/// What a PAC says that the library has vouched for.
pub(super) fn read(pac: &[u8], gss: &Gss) -> Result<Authorization, AuthorizationProblem> {
    let library = match gss.flavour {
        Flavour::Mit => "MIT krb5",
        Flavour::Heimdal => "Heimdal",
    };
    let name = format!("{library} ({})", gss.file);
    Authorization::from_verified_pac(pac, Evidence::Library { name })
}
