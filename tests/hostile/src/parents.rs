//! The parents: every captured token, the negotiations that can be built around one, and every
//! token of kit's that is to be accepted.

use kit::ap_req::{ApReqSpec, oid};
use kit::cases::{self, Expect, Feed, Names, Policy};
use kit::ccache;
use kit::client::Initiator;
use kit::crypto::KitKey;
use kit::keytab::Entry;
use kit::message::MicSpec;
use kit::spnego::{InitSpec, Resp, mech_types};
use kit::ticket::{NT_PRINCIPAL, Name, TicketSpec};
use kit::user_to_user::TgtRequest;
use kit::world::{REALM, World};

use crate::corpus::{Captured, Corpus};
use crate::inside::{self, Inside};
use crate::parent::{Keys, Leg, OwnTgt, Parent, Setting};
use crate::tree;

/// Cases of kit's whose client has used its first number for a MIC beside its token.
const NUMBERED_MIC: [&str; 1] = ["mic_in_first_token"];

/// Every parent.
///
/// # Errors
/// One is not accepted.
pub fn all(corpus: &Corpus) -> Result<Vec<Parent>, String> {
    let mut out = captured(corpus)?;
    out.extend(forged()?);
    Ok(out)
}

fn keys(file: Vec<u8>) -> Result<Keys, String> {
    let entries = inside::entries(&file)?;
    Ok(Keys { file, entries })
}

/// The captured tokens, as they are and in negotiations.
///
/// # Errors
/// One is not accepted.
pub fn captured(corpus: &Corpus) -> Result<Vec<Parent>, String> {
    let keys = keys(corpus.keytab.clone())?;
    let mut out = Vec::new();
    for captured in &corpus.tokens {
        let setting = Setting {
            bindings: captured.bindings.clone(),
            ..Setting::default()
        };
        let setting = Setting {
            delegate: captured.name.contains("-deleg"),
            rc4: captured.name.contains("-rc4"),
            ..setting
        };
        let sent = || Leg::Sent(captured.token.clone());
        let mut add = |how: &str, legs, main, setting: &Setting| {
            let name = format!("{}{how}", captured.name);
            out.push(Parent::new(
                &name,
                legs,
                main,
                setting.clone(),
                corpus.at,
                &keys,
            )?);
            Ok::<_, String>(())
        };
        let legs = match captured.name.as_str() {
            name if !name.contains("-dce") => vec![sent()],
            name if name.contains("-raw-") => vec![sent(), Leg::Third],
            _ => vec![sent(), Leg::ThirdInSpnego],
        };
        add("", legs, 0, &setting)?;
        if captured.name.ends_with("-mutual") || captured.name.ends_with("-oneway") {
            let any_name = Setting {
                any_name: true,
                ..setting.clone()
            };
            add("+any-name", vec![sent()], 0, &any_name)?;
            if captured.name.contains("-raw-") {
                let with_mic = Setting {
                    numbered_mic: captured.name.ends_with("-oneway"),
                    ..setting.clone()
                };
                add(
                    "+second-choice",
                    second_choice(captured, &keys)?,
                    1,
                    &with_mic,
                )?;
                add(
                    "+retry",
                    vec![slow_clock(corpus, &keys)?, sent()],
                    1,
                    &setting,
                )?;
            } else {
                add("+hints", vec![Leg::Sent(Vec::new()), sent()], 1, &setting)?;
            }
        }
    }
    Ok(out)
}

/// The client prefers a mechanism that nobody has; its Kerberos token comes when it is asked for,
/// and a MIC over the offer (rule 30).
fn second_choice(captured: &Captured, keys: &Keys) -> Result<Vec<Leg>, String> {
    let offer = mech_types(&[oid::UNKNOWN, oid::KRB5]);
    let init = InitSpec::new(
        &[oid::UNKNOWN, oid::KRB5],
        Some(b"no token of Kerberos'".to_vec()),
    );
    let mut resp = Resp {
        token: Some(captured.token.clone()),
        ..Resp::default()
    };
    let first = Leg::Sent(init.token());
    let inside = Inside::open(&tree::parse(&captured.token), &keys.entries).ok_or("no key")?;
    let ap_req = &inside::find_ap_req(&captured.token)?;
    let says = crate::decode::read(ap_req, &inside.ticket, &inside.authenticator)?;
    if says.mutual {
        return Ok(vec![first, Leg::Sent(resp.encode()), Leg::Mic(offer)]);
    }
    // Without an AP-REP the client's token is the last: the MIC is beside it.
    let client = &says.authenticator;
    let subkey = client
        .subkey
        .clone()
        .map(|(n, bytes)| KitKey::new(n as i32, bytes));
    let seq = client.seq.unwrap_or(0) as u32;
    let initiator = Initiator::new(inside.session, subkey, (0, 0), seq);
    resp.mic = Some(initiator.messages().mic(&offer, &MicSpec::new(seq.into())));
    Ok(vec![first, Leg::Sent(resp.encode())])
}

/// A token of a client whose clock is an hour slow (rule 21).
fn slow_clock(corpus: &Corpus, keys: &Keys) -> Result<Leg, String> {
    let http = keys.entries.iter().find(|entry| {
        entry.name.parts == [b"HTTP".to_vec(), b"localhost".to_vec()] && entry.key.etype == 18
    });
    let http = http.ok_or("no key of HTTP/localhost")?;
    let session = KitKey::seeded(1, "slow", 18);
    let kvno = http.kvno32.ok_or("no kvno")?;
    let ticket = TicketSpec::new(http.key.clone(), kvno, session, corpus.at);
    let spec = ApReqSpec::new(ticket, None, corpus.at - 3600);
    Ok(Leg::Sent(spec.token()))
}

/// The server has a TGT: the client asks for it first, raw and in a negotiation, or has it.
fn user_to_user(world: &World, keys: &Keys) -> Result<Vec<Parent>, String> {
    let tgt = world.tgt("tgt");
    let bob = Name::new(NT_PRINCIPAL, &["bob"]);
    let setting = Setting {
        tgt: Some(OwnTgt {
            ccache: ccache::file((REALM, &bob), std::slice::from_ref(&tgt)),
            entry: Entry::new(bob, REALM, 0, tgt.session.clone()),
        }),
        ..Setting::default()
    };
    let request = || TgtRequest::default().token();
    let token = || world.user_to_user(&tgt).token();
    let offer = InitSpec::new(&[oid::KRB5_U2U, oid::KRB5], Some(request()));
    let resp = Resp {
        token: Some(token()),
        ..Resp::default()
    };
    let sent = |tokens: &[Vec<u8>]| -> Vec<Leg> { tokens.iter().cloned().map(Leg::Sent).collect() };
    let parent = |name, legs, main| Parent::new(name, legs, main, setting.clone(), world.now, keys);
    // The mechanism's first token was not its last: the client's MIC is due (rule 30).
    let mut negotiated = sent(&[offer.token(), resp.encode()]);
    negotiated.push(Leg::Mic(mech_types(&[oid::KRB5_U2U, oid::KRB5])));
    Ok(vec![
        parent("u2u-asks", sent(&[request(), token()]), 1)?,
        parent("u2u-knows", sent(&[token()]), 0)?,
        parent("u2u-spnego-asks", negotiated, 1)?,
    ])
}

/// kit's tokens.
///
/// # Errors
/// One is not accepted.
pub fn forged() -> Result<Vec<Parent>, String> {
    const NOW: i64 = 1_750_000_000;
    let world = World::new(NOW, 1);
    let keys = keys(world.keytab())?;
    let mut out = user_to_user(&world, &keys)?;
    let mut wrong = Vec::new();
    for case in cases::all() {
        let set = &case.setting;
        let usual = case.expect == Expect::Accept
            && set.feed == Feed::Once
            && matches!(set.policy, Policy::Ignore | Policy::Require)
            && !matches!(set.names, Names::Only(_))
            && !set.null_session
            && set.peer_address.is_none();
        if !usual {
            continue;
        }
        let setting = Setting {
            bindings: (set.policy == Policy::Require).then(|| cases::BINDINGS.to_vec()),
            any_name: set.names == Names::Any,
            delegate: set.delegate,
            numbered_mic: NUMBERED_MIC.contains(&case.name),
            ..Setting::default()
        };
        let token = (case.build)(&world).token;
        let name = format!("kit-{}", case.name);
        match Parent::new(&name, vec![Leg::Sent(token)], 0, setting, NOW, &keys) {
            Ok(parent) => out.push(parent),
            Err(why) => wrong.push(why),
        }
    }
    if wrong.is_empty() {
        return Ok(out);
    }
    Err(wrong.join("\n"))
}
