//! The kit proved against MIT and Heimdal: what it forges they accept, what they answer it reads.

use kit::client::Answer;
use kit::crypto::{AES_ETYPES, KitKey};
use kit::judge::{Judge, Library, Outcome, Verdict};
use kit::message::{MicSpec, WrapSpec};
use kit::world::World;
use kit::{cred, keytab, spnego};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const LIBRARIES: [Library; 2] = [Library::Mit, Library::Heimdal];

fn world() -> World {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    World::new(now as i64, 42)
}

fn judge(library: Library, world: &World) -> (Judge, PathBuf) {
    let judge = Judge::new(library).unwrap();
    let keytab = judge.keytab("keytab", &world.keytab()).unwrap();
    (judge, keytab)
}

fn accept(judge: &mut Judge, keytab: &Path, token: &[u8]) -> Verdict {
    let verdict = judge.accept(keytab, token, None, None).unwrap();
    assert_eq!(
        verdict.outcome(),
        Outcome::Accept,
        "{:?} {verdict:?}",
        judge.library()
    );
    assert_eq!(
        verdict.src_name.as_deref(),
        Some(&b"alice@EXAMPLE.TEST"[..])
    );
    verdict
}

#[test]
fn each_etype_is_accepted_and_both_sides_exchange_messages() {
    for library in LIBRARIES {
        for etype in AES_ETYPES {
            for subkey in [true, false] {
                let world = world().with_etype(etype);
                let (mut judge, keytab) = judge(library, &world);
                let mut spec = world.ap_req();
                spec.subkey = spec.subkey.filter(|_| subkey);
                let verdict = accept(&mut judge, &keytab, &spec.token());
                let mut client = spec.initiator();
                let reply = client.read(verdict.output_token.as_ref().unwrap()).unwrap();
                assert!(matches!(reply, Answer::ApRep(_)));
                messages(&mut judge, verdict.handle, &client);
            }
        }
    }
}

fn messages(judge: &mut Judge, handle: u32, client: &kit::client::Initiator) {
    let ours = client.messages();
    let (mut seq, mut theirs) = (u64::from(client.seq), client.acceptor_seq());
    for sealed in [true, false] {
        let token = ours.wrap(b"ping", &WrapSpec::new(seq, sealed));
        let got = judge.unwrap(handle, &token).unwrap();
        assert_eq!(got.output_token.as_deref(), Some(&b"ping"[..]), "{got:?}");
        assert_eq!((got.major, got.ret_flags != 0), (0, sealed), "{got:?}");
        let got = judge
            .wrap(handle, b"pong", sealed)
            .unwrap()
            .output_token
            .unwrap();
        let got = ours.unwrap(&got).unwrap();
        assert_eq!(
            (&got.message[..], got.sealed, got.seq),
            (&b"pong"[..], sealed, theirs)
        );
        (seq, theirs) = (seq + 1, theirs + 1);
    }
    let mic = judge.mic(handle, b"signed").unwrap().output_token.unwrap();
    assert_eq!(ours.verify(&mic, b"signed"), Ok(theirs));
    let mic = ours.mic(b"signed", &MicSpec::new(seq));
    assert_eq!(judge.verify(handle, &mic, b"signed").unwrap().major, 0);
    // A fresh number: Heimdal looks at the sequence before the checksum.
    let mic = ours.mic(b"signed", &MicSpec::new(seq + 1));
    let bad = judge.verify(handle, &mic, b"singed").unwrap();
    assert_eq!(bad.outcome(), Outcome::Reject);
}

#[test]
fn rotated_and_padded_wrap_tokens_are_understood_by_mit() {
    let world = world();
    let (mut judge, keytab) = judge(Library::Mit, &world);
    let spec = world.ap_req();
    let verdict = accept(&mut judge, &keytab, &spec.token());
    let mut client = spec.initiator();
    client.read(verdict.output_token.as_ref().unwrap()).unwrap();
    for (n, (ec, rrc)) in [(0, 28), (16, 0), (16, 44), (0, 1000)]
        .into_iter()
        .enumerate()
    {
        let seq = u64::from(client.seq) + n as u64;
        let wrap = WrapSpec {
            ec,
            rrc,
            ..WrapSpec::new(seq, true)
        };
        let token = client.messages().wrap(b"rotated", &wrap);
        let got = judge.unwrap(verdict.handle, &token).unwrap();
        assert_eq!(
            got.output_token.as_deref(),
            Some(&b"rotated"[..]),
            "{ec} {rrc} {got:?}"
        );
    }
}

#[test]
fn spnego_is_accepted_and_its_reply_is_read() {
    for library in LIBRARIES {
        let world = world();
        let (mut judge, keytab) = judge(library, &world);
        let spec = world.ap_req();
        let oids = [kit::ap_req::oid::KRB5];
        let token = spnego::InitSpec::new(&oids, Some(spec.token())).token();
        let verdict = accept(&mut judge, &keytab, &token);
        let reply = spnego::Resp::read(verdict.output_token.as_ref().unwrap()).unwrap();
        assert_eq!(reply.state, Some(spnego::state::COMPLETED));
        assert_eq!(reply.mech.as_deref(), Some(kit::ap_req::oid::KRB5));
        let mut client = spec.initiator();
        client.read(&reply.token.unwrap()).unwrap();
        messages(&mut judge, verdict.handle, &client);
    }
}

#[test]
fn a_mechanism_that_is_not_first_makes_mit_ask_for_the_mic_and_take_ours() {
    let world = world();
    let (mut judge, keytab) = judge(Library::Mit, &world);
    let oids = [kit::ap_req::oid::UNKNOWN, kit::ap_req::oid::KRB5];
    let token = spnego::InitSpec::new(&oids, None).token();
    let first = judge.accept(&keytab, &token, None, None).unwrap();
    let reply = spnego::Resp::read(first.output_token.as_ref().unwrap()).unwrap();
    assert_eq!(reply.state, Some(spnego::state::REQUEST_MIC));
    let spec = world.ap_req();
    let next = spnego::Resp {
        token: Some(spec.token()),
        ..Default::default()
    };
    let second = judge.resume(first.handle, &next.encode()).unwrap();
    assert_eq!(second.outcome(), Outcome::Continue, "{second:?}");
    let reply = spnego::Resp::read(second.output_token.as_ref().unwrap()).unwrap();
    let mut client = spec.initiator();
    client.read(reply.token.as_ref().unwrap()).unwrap();
    let list = spnego::mech_types(&oids);
    let theirs = client.messages().verify(reply.mic.as_ref().unwrap(), &list);
    assert_eq!(theirs, Ok(client.acceptor_seq()));
    let mic = client
        .messages()
        .mic(&list, &MicSpec::new(client.seq.into()));
    let last = spnego::Resp {
        mic: Some(mic),
        ..Default::default()
    };
    let third = judge.resume(first.handle, &last.encode()).unwrap();
    assert_eq!(third.outcome(), Outcome::Accept, "{third:?}");
}

#[test]
fn a_delegated_credential_is_taken_by_both() {
    for library in LIBRARIES {
        for sealed in [true, false] {
            let world = world();
            let (mut judge, keytab) = judge(library, &world);
            let mut spec = world.ap_req();
            let tgs = KitKey::seeded(1, "tgs", world.etype);
            let tgt = cred::forwarded_tgt(&spec.ticket, tgs.clone(), tgs);
            let key = spec.ticket.session.clone();
            let deleg = cred::krb_cred(&tgt, sealed.then_some(&key));
            spec.gss().flags |= kit::ap_req::gss::DELEG;
            spec.gss().deleg = Some(deleg);
            let verdict = accept(&mut judge, &keytab, &spec.token());
            println!("{library:?} sealed {sealed}: flags {:x}", verdict.ret_flags);
        }
    }
}

#[test]
fn an_error_token_is_read() {
    let world = world();
    let (mut judge, keytab) = judge(Library::Mit, &world);
    let mut spec = world.ap_req();
    spec.ctime -= 3600;
    let verdict = judge.accept(&keytab, &spec.token(), None, None).unwrap();
    assert_eq!(verdict.outcome(), Outcome::Reject);
    let answer = spec
        .initiator()
        .read(verdict.output_token.as_ref().unwrap())
        .unwrap();
    let Answer::Error(error) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(error.code, 37);
}

#[test]
fn odd_keytabs_are_read_by_mit() {
    let world = world();
    let entries: Vec<_> = world
        .entries()
        .into_iter()
        .map(keytab::Item::Entry)
        .collect();
    let mut holes = vec![keytab::Item::Hole(100)];
    holes.extend(entries.clone());
    holes.push(keytab::Item::Hole(7));
    for file in [
        keytab::write(keytab::Version::V1, &entries),
        keytab::write(keytab::Version::V2, &holes),
    ] {
        let mut judge = Judge::mit().unwrap();
        let path = judge.keytab("odd", &file).unwrap();
        accept(&mut judge, &path, &world.ap_req().token());
    }
}

#[test]
fn the_acceptor_name_restricts() {
    for library in LIBRARIES {
        let world = world();
        let (mut judge, keytab) = judge(library, &world);
        let mut ask = |name| {
            let token = world.ap_req().token();
            judge
                .accept(&keytab, &token, None, Some(name))
                .unwrap()
                .outcome()
        };
        assert_eq!(ask("HTTP@localhost"), Outcome::Accept, "{library:?}");
        assert_eq!(ask("host@localhost"), Outcome::Reject, "{library:?}");
    }
}
