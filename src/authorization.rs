//! What a client may do, as far as its directory says: account, SIDs, groups.

mod claims;
mod groups;
mod restrictions;

pub use self::claims::{Claim, ClaimSource, ClaimValues, EncodedClaims};
pub use self::groups::{Group, GroupAttributes, GroupSource, Groups, Iter as GroupsIter};
pub use self::restrictions::{DelegatedThrough, Device, PacRequest};

use core::fmt;
use std::time::SystemTime;

use crate::accounts::AccountName;
use crate::error::{AuthorizationProblem, Printable};
use crate::sid::Sid;

/// What the client's directory says of it: account, SIDs and groups. Got from
/// [`Context::authorization`](crate::Context::authorization).
///
/// Whoever holds one knows that it is genuine: what could not be verified is
/// not given out. [`evidence`](Self::evidence) says by what.
///
/// Decide on SIDs ([`is_member`](Self::is_member)): names change, and one that
/// was deleted may come again. What a field means that says no more is in
/// MS-PAC 2.5, KERB_VALIDATION_INFO.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authorization {
    /// What proves all of this.
    pub evidence: Evidence,
    /// The account and its domain's short name, as the directory has them:
    /// `alice` of `EXAMPLE`, also where the client came in as
    /// `alice@example.com` (an enterprise name), or a service came in her
    /// name.
    pub account: AccountName,
    /// The account's display name; for people.
    pub full_name: Option<String>,
    /// The account's SID.
    pub user: Option<Sid>,
    /// The SID of its primary group, which is among
    /// [`groups`](Self::groups) too.
    pub primary_group: Option<Sid>,
    /// All groups that it is in, nested ones included.
    pub groups: Groups,
    /// Its user principal name.
    pub upn: Option<Upn>,
    /// The domain's DNS name, which is its realm's too.
    pub dns_domain: Option<String>,
    /// Logon and password times.
    pub times: LogonTimes,
    /// The account's flags, `USER_*` of MS-SAMR 2.2.1.12.
    pub account_control: u32,
    /// The logon's flags, `UserFlags` of MS-PAC 2.5.
    pub user_flags: u32,
    /// Which services it was delegated through, where it was (S4U2Proxy): a
    /// service acts in the client's name, and the client itself is not here.
    pub delegation: Option<DelegatedThrough>,
    /// The device that the client logged on at, where the KDC vouches for it.
    pub device: Option<Box<Device>>,
    /// The SID of the account that asked for the ticket-granting ticket.
    pub requestor: Option<Sid>,
    /// Whether the client asked for a PAC.
    pub pac_request: Option<PacRequest>,
    /// Claims about the client, not decoded yet: [`claims`](Self::claims).
    pub encoded_claims: Option<EncodedClaims>,
    /// Claims about the device: [`device_claims`](Self::device_claims).
    pub encoded_device_claims: Option<EncodedClaims>,
}

/// What proves an [`Authorization`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Evidence {
    /// The ticket's PAC, verified here.
    Pac(PacSignatures),
    /// The platform's library verified the ticket's PAC and gave it out as
    /// authentic.
    Library {
        /// The library.
        name: String,
    },
    /// The access token that the operating system made of the logon (Windows).
    AccessToken,
    /// The source of accounts that verified the logon (NTLM).
    AccountSource {
        /// What it says of itself.
        description: String,
    },
}

/// Which signatures of a PAC were verified (MS-PAC 2.8).
///
/// The server's own is valid, or there would be no PAC. It is made with the
/// server's key: whoever has that key can forge it, but the server itself is
/// all that would let itself be deceived. The other ones are the KDC's, and can
/// be checked only by who has the key of krbtgt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PacSignatures {
    /// The KDC's signature of the server's (buffer 7).
    pub kdc: SignatureCheck,
    /// The KDC's of the ticket (buffer 16).
    pub ticket: SignatureCheck,
    /// The KDC's of all of the PAC (buffer 19).
    pub full: SignatureCheck,
}

impl PacSignatures {
    /// The server's signature is valid; no other was looked at.
    #[must_use]
    pub const fn server() -> Self {
        Self {
            kdc: SignatureCheck::NotChecked,
            ticket: SignatureCheck::NotChecked,
            full: SignatureCheck::NotChecked,
        }
    }
}

/// What became of one signature. One that is wrong makes the whole PAC so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureCheck {
    /// It is right.
    Valid,
    /// There is none.
    Absent,
    /// It was not looked at: no key of krbtgt was given.
    NotChecked,
}

/// A user principal name (MS-PAC 2.10).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upn {
    /// The name: `alice@example.com`.
    pub name: String,
    /// Whether somebody set it, or the KDC made it of account and domain.
    pub origin: UpnOrigin,
}

impl Upn {
    /// A name with where it comes from.
    #[must_use]
    pub fn new(name: impl Into<String>, origin: UpnOrigin) -> Self {
        Self {
            name: name.into(),
            origin,
        }
    }
}

/// Where a [`Upn`] comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpnOrigin {
    /// The account has it.
    Explicit,
    /// It is account and domain put together.
    Constructed,
    /// The backend's source does not say.
    Undisclosed,
}

/// Times of an account and its logon. `None`: never, not set, or not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogonTimes {
    /// When the client logged on.
    pub logon: Option<SystemTime>,
    /// When its session is to end.
    pub logoff: Option<SystemTime>,
    /// When it is to be put out.
    pub kick_off: Option<SystemTime>,
    /// When the password was set.
    pub password_last_set: Option<SystemTime>,
    /// From when on it may be changed.
    pub password_can_change: Option<SystemTime>,
    /// By when it must be.
    pub password_must_change: Option<SystemTime>,
}

impl Authorization {
    /// For backends: an account, and nothing else yet.
    #[must_use]
    pub fn new(evidence: Evidence, account: AccountName) -> Self {
        Self {
            evidence,
            account,
            full_name: None,
            user: None,
            primary_group: None,
            groups: Groups::default(),
            upn: None,
            dns_domain: None,
            times: LogonTimes::default(),
            account_control: 0,
            user_flags: 0,
            delegation: None,
            device: None,
            requestor: None,
            pac_request: None,
            encoded_claims: None,
            encoded_device_claims: None,
        }
    }

    /// For sources of accounts: an account with its SID and groups, nested
    /// ones included, all of them enabled. Which source it is, the backend
    /// writes into [`evidence`](Self::evidence).
    #[must_use]
    pub fn of_account(
        account: AccountName,
        user: Sid,
        groups: impl IntoIterator<Item = Sid>,
    ) -> Self {
        let description = String::new();
        let ordinary = |sid| Group::new(sid, GroupAttributes::ORDINARY, GroupSource::Undisclosed);
        Self {
            user: Some(user),
            groups: groups.into_iter().map(ordinary).collect(),
            ..Self::new(Evidence::AccountSource { description }, account)
        }
    }

    /// Whether the client is this account, or in this group: what
    /// `CheckTokenMembership` answers. A group that is not enabled, or is for
    /// denying only, does not count. Does not allocate.
    #[must_use]
    pub fn is_member(&self, sid: &Sid) -> bool {
        self.user.as_ref() == Some(sid) || self.groups.is_member(sid)
    }

    /// Whether the client is to be kept out where `sid` is: as
    /// [`is_member`](Self::is_member), and groups that are for denying only
    /// count too. For rules that refuse.
    #[must_use]
    pub fn is_denied_by(&self, sid: &Sid) -> bool {
        self.user.as_ref() == Some(sid) || self.groups.is_denied_by(sid)
    }

    /// The claims about the client (MS-CTA, MS-ADTS 2.2.18). Decoded each time;
    /// none where there are none.
    ///
    /// # Errors
    ///
    /// [`AuthorizationProblem::Malformed`].
    pub fn claims(&self) -> Result<Vec<Claim>, AuthorizationProblem> {
        let encoded = self.encoded_claims.as_ref();
        encoded.map_or(Ok(Vec::new()), EncodedClaims::decode)
    }

    /// The claims about the client's device.
    ///
    /// # Errors
    ///
    /// As for [`claims`](Self::claims).
    pub fn device_claims(&self) -> Result<Vec<Claim>, AuthorizationProblem> {
        let encoded = self.encoded_device_claims.as_ref();
        encoded.map_or(Ok(Vec::new()), EncodedClaims::decode)
    }

    /// Whether the client did not prove itself to the KDC: a service said who
    /// it is (protocol transition, S4U2self; MS-SFU 3.2.5.1.2). KDCs say so
    /// with a group, [`Sid::SERVICE_ASSERTED_IDENTITY`]; where neither it nor
    /// its opposite is there, nobody said anything.
    #[must_use]
    pub fn is_asserted_by_service(&self) -> bool {
        self.groups.contains(&Sid::SERVICE_ASSERTED_IDENTITY)
    }
}

impl fmt::Display for Authorization {
    /// What an operator wants to know: account, SID, how many groups, and what
    /// proves it. Control characters are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AccountName { user, domain } = &self.account;
        if !domain.is_empty() {
            write!(f, "{}\\", Printable(domain))?;
        }
        write!(f, "{}", Printable(user))?;
        if let Some(sid) = &self.user {
            write!(f, " ({sid})")?;
        }
        write!(f, ", {} groups, by {}", self.groups.len(), self.evidence)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pac(signatures) => {
                let mut by = vec!["server"];
                for (name, check) in [
                    ("KDC", signatures.kdc),
                    ("ticket", signatures.ticket),
                    ("full", signatures.full),
                ] {
                    if check == SignatureCheck::Valid {
                        by.push(name);
                    }
                }
                write!(f, "the PAC's signatures ({})", by.join(", "))
            }
            Self::Library { name } => write!(f, "{name}"),
            Self::AccessToken => f.write_str("its access token"),
            Self::AccountSource { description } => write!(f, "{description}"),
        }
    }
}

#[cfg(test)]
mod tests;
