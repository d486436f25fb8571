//! What there is to say of a client, for people.

use gss_acceptor::http::tower::{Authenticated, Connection, Transport};
use std::time::UNIX_EPOCH;

use gss_acceptor::{AcceptorConfig, BindingStatus, Context, Expiry};

/// The flags that a server asks for, which is settled when it starts.
pub fn asks(config: &AcceptorConfig) -> String {
    let described = config.describe();
    (described.required | described.requested).names()
}

/// Name and value, in the order to be shown.
pub fn of(client: &Authenticated, connection: &Connection, asks: &str) -> Vec<(String, String)> {
    let mut facts = vec![("peer", client.peer().to_string())];
    if let Some(mechanism) = client.mechanism() {
        facts.push(("mechanism", mechanism.to_string()));
    }
    if let Some(context) = client.context() {
        facts.extend(of_context(context, asks));
    }
    let bound = match (client.bound(), connection.transport()) {
        (BindingStatus::Bound, _) => "yes, to this server's certificate",
        (BindingStatus::NotBound, Transport::Plain) => {
            "no (this server speaks plain HTTP: there is no TLS channel)"
        }
        (BindingStatus::NotBound, _) => "no (the client sent no bindings)",
        _ => "not known",
    };
    facts.push(("bound", bound.into()));
    facts.push(("shown by", client.via().name().into()));
    facts.push(("expires", client.expiry().to_string()));
    let owned = facts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    owned.collect()
}

fn of_context(context: &Context, asks: &str) -> Vec<(&'static str, String)> {
    let key = match context.session_key() {
        Ok(key) => key.etype.map_or("-".into(), |etype| etype.to_string()),
        Err(error) => error.to_string(),
    };
    let delegated = match (context.delegated(), context.delegation_problem()) {
        (Some(delegated), _) => delegated.to_string(),
        (None, Some(problem)) => format!("no: {problem}"),
        (None, None) => "not asked for".into(),
    };
    vec![
        ("framing", context.framing().to_string()),
        (
            "target",
            context.target().map_or("-".into(), ToString::to_string),
        ),
        ("server asks", asks.to_owned()),
        ("granted", context.granted().names()),
        ("session key", key),
        ("delegated", delegated),
    ]
}

/// The client's groups, where a directory has signed them.
pub fn groups(client: &Authenticated) -> Vec<String> {
    let authorization = client
        .context()
        .and_then(|context| context.authorization().ok());
    let groups = authorization.map(|known| known.groups.iter().map(|group| group.sid.to_string()));
    groups.into_iter().flatten().collect()
}

/// When the login ends, in seconds since 1970.
pub fn expires(client: &Authenticated) -> Option<u64> {
    match client.expiry() {
        Expiry::At(end) => end.duration_since(UNIX_EPOCH).ok().map(|it| it.as_secs()),
        _ => None,
    }
}
