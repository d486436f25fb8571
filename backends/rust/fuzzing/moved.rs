//! What another process has written: contexts and suspended handshakes. Both
//! travel sealed; whatever comes out of the seal is read totally all the same.

use super::forge::Plan;
use super::seeds::{PLANS, plan};
use super::{handshake, ntlm};
use crate::acceptor::{Acceptor, Step};
use crate::backends::rust::rust_importer;
use crate::backends::{ContextImporter as _, Outcome};
use crate::config::AcceptorConfig;
use crate::context::Context;
use crate::context_data::ContextData;
use crate::message::Protection;
use crate::token::StepInput;

/// A context in the clear: what was read is written and read again, and what
/// the backend takes for its own can be used, and exported again.
pub fn context_data(input: &[u8]) {
    let Ok(data) = ContextData::insecure_from_bytes(input) else {
        return;
    };
    let written = data.insecure_to_bytes().expect("what was read is written");
    let again = ContextData::insecure_from_bytes(written.expose()).expect("and read");
    let twice = again.insecure_to_bytes().expect("as before");
    assert!(twice == written, "another context");
    let (_, _, state) = data.into_parts();
    let Ok(context) = rust_importer().import(state.expose()) else {
        return;
    };
    let _ = context.sizes();
    let _ = context.session_key();
    let _ = context.authorization_data();
    let _ = context.authorization();
    if let Ok(token) = context.wrap(Protection::Confidentiality, b"message") {
        // Nobody reads his own words.
        assert!(context.unwrap(&token).is_err());
    }
    if let Ok(state) = context.export() {
        let again = rust_importer().import(state.expose());
        assert!(again.is_ok(), "what was exported is imported");
    }
}

fn configs() -> [&'static AcceptorConfig; 2] {
    [handshake::plain(), ntlm::config()]
}

/// What awaits the next token, behind its seal: it is refused, or written and
/// read as the same. Nobody gets in with a token that is none.
pub fn suspended(input: &[u8]) {
    for config in configs() {
        let handle = config.handle();
        let backend = handle.backend();
        let Ok(exchange) = backend.resume(input) else {
            continue;
        };
        let written = exchange.suspend().expect("what was read is written");
        let resume = || backend.resume(written.expose()).expect("and read");
        let twice = resume().suspend().expect("as before");
        assert!(twice == written, "another handshake");
        let outcome = resume().step(StepInput::new(b"no token")).wait();
        let let_in = matches!(outcome, Outcome::Established { .. });
        assert!(!let_in, "with no token");
        let _ = resume().abandon();
    }
}

/// Good input to begin with: of each kind of handshake what its first leg
/// leaves.
pub(super) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (name, options, etypes, flags) in PLANS {
        let caller = plan(options, etypes, flags, 0);
        let token = Plan::read(&caller).first();
        seeds.extend(after(handshake::plain(), name, &token));
    }
    let sealing = 0xE288_8235_u32;
    let negotiate = [b"NTLMSSP\0\x01\0\0\0", &sealing.to_le_bytes()[..]].concat();
    seeds.extend(after(ntlm::config(), "ntlm", &negotiate));
    seeds.extend(ntlm::established().and_then(|context| exported("ntlm", context)));
    seeds
}

type Seed = (&'static str, &'static str, Vec<u8>);

fn after(config: &AcceptorConfig, name: &'static str, token: &[u8]) -> Option<Seed> {
    let outcome = config
        .handle()
        .backend()
        .begin()
        .step(StepInput::new(token))
        .wait();
    if let Outcome::Continue { next, .. } = outcome {
        let state = next.suspend().ok()?;
        return Some(("suspended", name, state.expose().to_vec()));
    }
    match Acceptor::new(config).step(token) {
        Ok(Step::Established { context, .. }) => exported(name, context),
        _ => None,
    }
}

fn exported(name: &'static str, context: Context) -> Option<Seed> {
    let data = context.export_with_delegated().ok()?;
    let bytes = data.insecure_to_bytes().ok()?;
    Some(("context_data", name, bytes.expose().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::{context_data, seeds, suspended};

    /// Every seed, cut off and changed at every place.
    #[test]
    fn seeds_and_their_neighbours_hold() {
        let seeds = seeds();
        let count = |kind| seeds.iter().filter(|(target, ..)| *target == kind).count();
        assert!(count("suspended") >= 4 && count("context_data") >= 4);
        for (target, _, bytes) in seeds {
            let run = if target == "suspended" {
                suspended
            } else {
                context_data
            };
            run(&bytes);
            for at in 0..bytes.len() {
                run(&bytes[..at]);
                for value in [0, 1, 0xFF] {
                    let mut changed = bytes.clone();
                    changed[at] = value;
                    run(&changed);
                }
            }
        }
    }
}
