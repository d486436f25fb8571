//! DCE style with MIT and Heimdal as acceptors: they do what is recorded, and the kit's own layout
//! of messages is theirs.

use kit::client::Initiator;
use kit::crypto::AES_ETYPES;
use kit::dce::{self, Case, Legs};
use kit::judge::{Judge, Library, Outcome};
use kit::world::World;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const LIBRARIES: [Library; 2] = [Library::Mit, Library::Heimdal];

fn start(library: Library, etype: i32) -> (World, Judge, PathBuf) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let world = World::new(now as i64, 1).with_etype(etype);
    let judge = Judge::new(library).unwrap();
    let keytab = judge.keytab("keytab", &world.keytab()).unwrap();
    (world, judge, keytab)
}

/// Two legs; the second is a bare AP-REP with a subkey.
fn two_legs(
    judge: &mut Judge,
    keytab: &Path,
    spec: &kit::ap_req::ApReqSpec,
) -> (u32, Initiator, Vec<u8>) {
    let verdict = judge.accept(keytab, &spec.token(), None, None).unwrap();
    assert_eq!(verdict.outcome(), Outcome::Continue, "{verdict:?}");
    let reply = verdict.output_token.unwrap();
    let mut client = spec.initiator();
    let rep = client.read_ap_rep(&reply).unwrap();
    assert!(rep.subkey.is_some() && rep.seq.is_some(), "{rep:?}");
    (verdict.handle, client, reply)
}

fn third(judge: &mut Judge, keytab: &Path, world: &World, case: &Case) -> Outcome {
    let spec = dce::ap_req(world);
    let (handle, client, reply) = two_legs(judge, keytab, &spec);
    let token = (case.build)(&Legs {
        world,
        spec: &spec,
        client: &client,
        reply: &reply,
    });
    let verdict = judge.resume(handle, &token).unwrap();
    judge.forget(verdict.handle).unwrap();
    verdict.outcome()
}

fn observe(library: Library) {
    let mut wrong = Vec::new();
    for etype in AES_ETYPES {
        let (world, mut judge, keytab) = start(library, etype);
        for case in dce::cases() {
            let recorded = match library {
                Library::Mit => case.mit,
                Library::Heimdal => case.heimdal,
            };
            let seen = third(&mut judge, &keytab, &world, &case);
            if seen != recorded {
                wrong.push(format!("{} ({etype}): {seen:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{library:?}: {}", wrong.join("\n"));
}

#[test]
fn mit_does_what_is_recorded_of_third_legs() {
    observe(Library::Mit);
}

#[test]
fn heimdal_does_what_is_recorded_of_third_legs() {
    observe(Library::Heimdal);
}

#[test]
fn every_difference_of_third_legs_is_explained() {
    for case in dce::cases() {
        let due = match case.expect {
            None => Outcome::Accept,
            Some(_) => Outcome::Reject,
        };
        let differs = case.mit != due || case.heimdal != due;
        assert_eq!(differs, !case.explain.is_empty(), "{}", case.name);
    }
}

#[test]
fn first_legs_come_to_what_is_recorded() {
    for library in LIBRARIES {
        let (world, mut judge, keytab) = start(library, 18);
        for (name, change, mit, heimdal) in dce::FIRST_LEGS {
            let mut spec = dce::ap_req(&world);
            change(&mut spec);
            let verdict = judge.accept(&keytab, &spec.token(), None, None).unwrap();
            let recorded = match library {
                Library::Mit => *mit,
                Library::Heimdal => *heimdal,
            };
            assert_eq!(
                verdict.outcome(),
                recorded,
                "{library:?} {name}: {verdict:?}"
            );
            judge.forget(verdict.handle).unwrap();
        }
    }
}
