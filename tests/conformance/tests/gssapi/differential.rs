//! Mutated tokens, to the rust backend and to MIT's library: whoever the one lets in, the other
//! does, and as the same client.

use crate::clock;
use conformance::bench::{Bench, bindings};
use gss_acceptor::backends::{GssapiLibrary, gssapi, rust};
use gss_acceptor::{
    Acceptor, AcceptorConfig, ChannelBindingPolicy, Clock, ConfigBuilder, Context, Failure,
    Granted, ReplayEntry, ReplayStore, ReplayVerdict, Reply, Requirements, Step, StepInput,
};
use kit::ap_req::{Checksum, gss, oid};
use kit::cases::{self, Case, Expect, Feed, Names};
use kit::crypto::AES_ETYPES;
use kit::judge::Outcome;
use kit::spnego::InitSpec;
use std::collections::BTreeMap;
use std::sync::Arc;

const TOKENS: usize = 100_000;
const SEED: u64 = 0x6773_735f_6163_6370;

/// A store for which nothing was used before: each token goes to both sides, and so do others
/// with the same authenticator.
struct Forgets;

impl ReplayStore for Forgets {
    fn check(&self, _: ReplayEntry<'_>) -> Reply<ReplayVerdict> {
        Reply::Now(ReplayVerdict::Fresh)
    }

    fn describe(&self) -> String {
        "nowhere".into()
    }
}

/// xorshift64*.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).expect("31 bits") % bound.max(1)
    }
}

/// One to three changes. Most fall into the first octets, where what is not encrypted lies.
fn mutate(token: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut out = token.to_vec();
    for _ in 0..=numbers.below(3) {
        let reach = match numbers.below(4) {
            0 => out.len(),
            1 => out.len().min(160),
            _ => out.len().min(60),
        };
        let at = numbers.below(reach);
        let value = u8::try_from(numbers.below(256)).expect("an octet");
        match numbers.below(8) {
            0 if !out.is_empty() => out[at] ^= 1 << numbers.below(8),
            1 if !out.is_empty() => out[at] = value,
            2 if !out.is_empty() => out[at] = out[at].wrapping_add(1),
            3 if !out.is_empty() => drop(out.remove(at)),
            4 => out.insert(at, value),
            5 => {
                let end = out.len().min(at + 1 + numbers.below(24));
                let copy = out[at..end].to_vec();
                let to = numbers.below(out.len() + 1);
                out.splice(to..to, copy);
            }
            6 => out.truncate(out.len() - numbers.below(out.len().min(8))),
            // An octet more in the token, and a length that says so.
            _ if out.len() > 4 => {
                out.insert(at, value);
                if let Some(length) = out[..at].iter_mut().rev().find(|l| **l > 0 && **l < 0x7f) {
                    *length += 1;
                }
            }
            _ => {}
        }
    }
    out
}

/// A well-formed token whose fields are what chance makes them, right or wrong; half of them with
/// octets changed besides.
fn forge(bench: &Bench, numbers: &mut Numbers) -> Vec<u8> {
    let etype = |numbers: &mut Numbers| AES_ETYPES[numbers.below(4)];
    let now = bench.world.now;
    let off = |numbers: &mut Numbers| i64::try_from(numbers.below(720)).expect("short") - 360;
    let mut spec = bench.world.with_etype(etype(numbers)).ap_req();
    let random = u32::try_from(numbers.next() >> 32).expect("32 bits");
    // Neither delegation nor DCE style: the one is the rules' own, the other has more legs.
    spec.gss().flags = (random & 0x7fff) & !(gss::DELEG | gss::DCE);
    spec.gss().bindings = match numbers.below(4) {
        0 => bindings().gss_hash(),
        1 => bindings().gss_hash_null_addresses_255(),
        _ => [0; 16],
    };
    if numbers.below(4) == 0 {
        spec.gss().extensions = vec![0, 0, 0, 7, 0, 0, 0, 2, 1, 2];
    }
    if numbers.below(8) == 0 {
        spec.checksum = Checksum::None;
    }
    spec.options = [0, 0x2000_0000, 0x8000_0000, random][numbers.below(4)];
    spec.subkey = match numbers.below(3) {
        0 => None,
        _ => Some(bench.world.key("subkey", etype(numbers))),
    };
    spec.seq = match numbers.below(4) {
        0 => None,
        1 => Some(i64::from(random.cast_signed())),
        _ => Some(i64::from(random >> 2)),
    };
    if numbers.below(2) == 0 {
        spec.ctime = now + off(numbers);
    }
    match numbers.below(8) {
        0 => spec.ticket.starttime = Some(now + off(numbers)),
        1 => spec.ticket.endtime = now + off(numbers),
        2 => spec.ticket.kvno = [None, Some(0), Some(258), Some(259), Some(7)][numbers.below(5)],
        3 => spec.ticket.flags ^= 1 << numbers.below(32),
        4 => spec.ticket.starttime = None,
        5 => spec.crealm = Some(b"OTHER.TEST".to_vec()),
        _ => {}
    }
    let token = spec.token();
    let token = match numbers.below(2) {
        0 => token,
        _ => InitSpec::new(&[oid::KRB5], Some(token)).token(),
    };
    match numbers.below(2) {
        0 => token,
        _ => mutate(&token, numbers),
    }
}

/// Ordinary settings alone, and no delegation: who gets what of it is the rules' own.
fn bases() -> Vec<Case> {
    let mut all = cases::all();
    all.retain(|case| {
        let setting = &case.setting;
        setting.feed == Feed::Once
            && setting.names == Names::Keytab
            && !setting.delegate
            && setting.peer_address.is_none()
            && (case.expect.outcome() == case.mit || case.expect.outcome() == Outcome::Reject)
            && !case.name.starts_with("ticket_of_70")
    });
    all
}

fn config(bench: &Bench, builder: ConfigBuilder) -> AcceptorConfig {
    let _ = bench;
    builder
        .replay_store(Arc::new(Forgets))
        .channel_bindings(ChannelBindingPolicy::WhenSent)
        .request(Requirements::ALLOW_NULL_SESSION)
        .alias_limit(64)
        .build()
        .expect("builds")
}

/// What must be the same of two contexts.
fn said(context: &Context) -> String {
    let key = context.session_key().expect("a key");
    // With an AP-REP the key is the acceptor's own, and random.
    let octets = if context.granted().contains(Granted::MUTUAL_AUTH) {
        Vec::new()
    } else {
        key.key.expose().to_vec()
    };
    format!(
        "{} {:?} {:?} {:?} {:?} {:?} {} {octets:02x?}",
        context.peer(),
        context.granted(),
        context.bound(),
        context.framing(),
        context.target().map(ToString::to_string),
        key.etype,
        key.key.len(),
    )
}

fn step(config: &AcceptorConfig, token: &[u8]) -> Result<Step, Failure> {
    let own = bindings();
    let input = StepInput::new(token).channel_bindings(&own);
    Acceptor::new(config).step_with(input)
}

/// What the rust backend takes and MIT's library does not.
struct Class {
    /// What MIT says.
    says: &'static str,
    /// Which tokens it is about, by the base's name and the octets.
    of: fn(&str, &[u8]) -> bool,
    /// Why we take it.
    why: &'static str,
}

fn holds(token: &[u8], part: &[u8]) -> bool {
    token.windows(part.len()).any(|window| window == part)
}

const MORE: [Class; 3] = [
    Class {
        says: "GSS_S_NO_CRED",
        of: |_, token| holds(token, oid::MS_KRB5) || holds(token, oid::OLD_KRB5),
        why: "rule 1 takes the identifiers of Windows 2000 and of before RFC 1964 in SPNEGO too",
    },
    Class {
        says: "GSS_S_CONTEXT_EXPIRED",
        of: |name, _| ["good_until_2100", "forged"].contains(&name),
        why: "MIT has no context that lasts longer than 2^31 s, or ends this very second",
    },
    Class {
        says: "GSS_S_DEFECTIVE_TOKEN",
        of: |_, token| holds(token, &[0xa1, 4, 3, 2]),
        why: "MIT takes reqFlags only with one unused bit; rule 28 takes any",
    },
];

#[test]
fn a_hundred_thousand_mutated_tokens() {
    let bench = Bench::new();
    clock::set(&bench.clock);
    let own = AcceptorConfig::builder(rust(bench.keytab()))
        .clock(Arc::clone(&bench.clock) as Arc<dyn Clock>);
    let own = config(&bench, own);
    let mit = gssapi(bench.keytab()).library(GssapiLibrary::Mit);
    let mit = config(&bench, AcceptorConfig::builder(mit));
    let bases: Vec<(Case, Vec<u8>)> = bases()
        .into_iter()
        .map(|case| {
            let token = (case.build)(&bench.world).token;
            (case, token)
        })
        .collect();
    let accepted = bases
        .iter()
        .filter(|(case, _)| case.expect == Expect::Accept);
    let accepted: Vec<&(Case, Vec<u8>)> = accepted.collect();
    assert!(accepted.len() > 80, "{} bases are let in", accepted.len());
    let mut numbers = Numbers(SEED);
    let (mut both, mut more) = (0, BTreeMap::<String, (usize, String)>::new());
    let mut of_class = [0; MORE.len()];
    let mut differ = Vec::new();
    for index in 0..TOKENS {
        // A third is forged anew; of the rest, every second is of a token that is let in.
        let (case, base) = if index % 2 == 0 {
            accepted[numbers.below(accepted.len())]
        } else {
            &bases[numbers.below(bases.len())]
        };
        let (name, token) = match index % 3 {
            0 => ("forged", forge(&bench, &mut numbers)),
            _ => (case.name, mutate(base, &mut numbers)),
        };
        let (ours, theirs) = (step(&own, &token), step(&mit, &token));
        let Ok(Step::Established { context: ours, .. }) = ours else {
            continue;
        };
        match theirs {
            Ok(Step::Established { context, .. }) => {
                both += 1;
                let (ours, theirs) = (said(&ours), said(&context));
                if ours != theirs {
                    differ.push(format!("{name}: {ours}\n    {theirs}\n    {token:02x?}"));
                }
            }
            Ok(step) => panic!("{name}: MIT goes on with {step:?}"),
            Err(failure) => {
                let text = match std::error::Error::source(failure.error()) {
                    Some(source) => format!("{failure}: {source}"),
                    None => failure.to_string(),
                };
                if let Some(class) = MORE
                    .iter()
                    .position(|class| text.contains(class.says) && (class.of)(name, &token))
                {
                    of_class[class] += 1;
                } else {
                    let found = more.entry(text).or_default();
                    found.0 += 1;
                    found.1 = format!("{name}: {token:02x?}");
                }
            }
        }
    }
    println!("{of_class:?} taken by us alone; {both} of {TOKENS} are let in by both");
    assert!(both > 5000, "{both} are too few to say anything");
    assert!(more.is_empty(), "taken by us alone: {more:#?}");
    // A class that does not occur says nothing.
    for (class, count) in MORE.iter().zip(of_class) {
        assert!(count > 0, "no longer so: {}", class.why);
    }
    let some: Vec<&String> = differ.iter().take(10).collect();
    assert!(differ.is_empty(), "{} differ: {some:#?}", differ.len());
}
