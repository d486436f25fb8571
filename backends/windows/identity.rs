//! Who the client is, and where it meant to go.

use super::sys::Ctx;
use super::token::AccessToken;
use crate::accounts::AccountName;
use crate::authorization::{Authorization, Evidence, Group, GroupAttributes, GroupSource};
use crate::error::{AuthorizationProblem, Error};
use crate::facts::{ClientTarget, TargetSource};
use crate::mechanism::Mechanism;
use crate::name::{Name, Principal};
use crate::requirements::Granted;
use crate::sid::Sid;

/// What the system tells.
pub(super) struct Identified {
    pub(super) peer: Name,
    pub(super) target: Option<Principal>,
    pub(super) client_target: Option<ClientTarget>,
}

/// Reads it. What a package does not have is left out, and a name that it
/// does not tell is [`Name::Undisclosed`].
pub(super) fn read(ctx: &Ctx, mechanism: Mechanism, granted: Granted) -> Result<Identified, Error> {
    let native = ctx.native_names().ok();
    let account = ctx.account().ok().flatten();
    let (client, server) = native.map_or((None, None), |names| (names.client, names.server));
    let peer = if granted.contains(Granted::NULL_SESSION) || is_anonymous(ctx) {
        Name::Anonymous
    } else {
        match mechanism {
            Mechanism::Kerberos => kerberos(client.as_deref(), account),
            Mechanism::Ntlm => account.as_deref().map_or(Name::Undisclosed, ntlm),
        }
    };
    if peer == Name::Native(String::new()) {
        return Err(Error::malformed("client's name", "it is empty", None));
    }
    let wanted = ctx.client_target().ok().flatten();
    let wanted = wanted.filter(|name| !name.is_empty());
    Ok(Identified {
        peer,
        target: server.as_deref().and_then(principal),
        client_target: wanted.map(|name| ClientTarget {
            name,
            // Windows does not tell an acceptor which of them the client had
            // from the network; so each is held to what is accepted.
            source: TargetSource::Trusted,
        }),
    })
}

/// The system's own word for it: the logon is that of S-1-5-7.
fn is_anonymous(ctx: &Ctx) -> bool {
    let token = AccessToken::query(ctx).ok();
    token.and_then(|token| token.user()) == Some(Sid::ANONYMOUS)
}

/// The ticket's name where there can be no doubt about its parts, else the
/// account that Windows made of it.
fn kerberos(client: Option<&str>, account: Option<String>) -> Name {
    match client.and_then(principal) {
        Some(own) if own.is_anonymous() => Name::Anonymous,
        Some(own) => Name::Kerberos(own),
        None => match account.or_else(|| client.map(str::to_owned)) {
            Some(text) => Name::Native(text),
            None => Name::Undisclosed,
        },
    }
}

/// `name@REALM` or `service/host@REALM`, as Windows writes them: without
/// escapes. What could be read in two ways is not read.
fn principal(text: &str) -> Option<Principal> {
    let (name, realm) = text.split_once('@')?;
    let parts: Vec<&str> = name.split('/').collect();
    let plain = |part: &&str| !part.is_empty() && !part.contains(['\\', '@', '\0']);
    if parts.len() > 2 || !parts.iter().all(plain) || !plain(&realm) {
        return None;
    }
    let kind = match parts.len() {
        1 => Principal::NT_PRINCIPAL,
        _ => Principal::NT_SRV_HST,
    };
    Some(Principal::new(realm, &parts, kind))
}

/// `DOMAIN\user`.
fn ntlm(account: &str) -> Name {
    match account.split_once('\\') {
        Some((domain, user)) if !user.is_empty() && !user.contains('\\') => Name::Ntlm {
            user: user.to_owned(),
            domain: domain.to_owned(),
        },
        _ => Name::Native(account.to_owned()),
    }
}

/// Account and groups, by the token that the system made of the logon.
pub(super) fn authorization(ctx: &Ctx) -> Result<Authorization, AuthorizationProblem> {
    let unsupported = AuthorizationProblem::Unsupported;
    let token = AccessToken::query(ctx).map_err(|_| unsupported.clone())?;
    let user = token.user().ok_or_else(|| unsupported.clone())?;
    let groups = token.groups().ok_or(unsupported)?;
    if user == Sid::ANONYMOUS {
        return Err(AuthorizationProblem::Anonymous);
    }
    let account = ctx.account().ok().flatten().unwrap_or_default();
    let (domain, name) = account.split_once('\\').unwrap_or(("", &account));
    let account = AccountName {
        user: name.to_owned(),
        domain: domain.to_owned(),
    };
    let mut known = Authorization::new(Evidence::AccessToken, account);
    known.user = Some(user);
    for (sid, attributes) in groups {
        let attributes = GroupAttributes::from_bits_retain(attributes);
        let group = Group::new(sid, attributes, GroupSource::Undisclosed);
        known.groups.push(group);
    }
    Ok(known)
}
