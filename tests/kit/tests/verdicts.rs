//! Every case judged by MIT and Heimdal: they do what is recorded, no more and no less.

use kit::ap_req::{gss, oid};
use kit::cases::{self, Case, Forged, Reply};
use kit::client::Answer;
use kit::judge::{Judge, Library, Outcome, Verdict};
use kit::spnego::Resp;
use kit::world::World;
use std::time::{SystemTime, UNIX_EPOCH};

fn observe(library: Library) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let world = World::new(now as i64, 1);
    let mut judge = Judge::new(library).unwrap();
    let keytab = judge.keytab("keytab", &world.keytab()).unwrap();
    let mut wrong = Vec::new();
    for case in cases::all() {
        let (forged, verdict) = case.judge(&mut judge, &keytab, &world).unwrap();
        let recorded = case.recorded(library);
        if verdict.outcome() != recorded {
            wrong.push(format!("{}: {recorded:?} recorded, {verdict:?}", case.name));
        } else if let Err(e) = check_accepted(library, &case, forged, &verdict) {
            wrong.push(format!("{}: {e}", case.name));
        }
        judge.forget(verdict.handle).unwrap();
    }
    assert!(
        wrong.is_empty(),
        "{library:?}, {} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Where a token was accepted as it should be: whose it was, and whether the reply is what is due.
fn check_accepted(
    library: Library,
    case: &Case,
    forged: Forged,
    verdict: &Verdict,
) -> Result<(), String> {
    if verdict.outcome() != Outcome::Accept || case.expect.outcome() != Outcome::Accept {
        return Ok(());
    }
    if library == Library::Mit && verdict.src_name.as_deref() != Some(case.peer) {
        let name = verdict.src_name.clone().unwrap_or_default();
        return Err(format!("client is {}", String::from_utf8_lossy(&name)));
    }
    // Heimdal says so only to who takes the credential, which the judge does not.
    let tells = library == Library::Mit;
    if tells && case.setting.delegate && verdict.ret_flags & gss::DELEG == 0 {
        return Err("delegation is not granted".into());
    }
    let mut token = verdict.output_token.clone().filter(|t| !t.is_empty());
    if token.as_ref().is_some_and(|t| t[0] == 0xa1) {
        let reply = Resp::read(&token.unwrap())?;
        if !matches!(reply.mech.as_deref(), None | Some(oid::KRB5 | oid::MS_KRB5)) {
            return Err(format!("mechanism {:02x?}", reply.mech));
        }
        token = reply.token;
    }
    let answer = token.map(|t| forged.client.expect("accepted a client").read(&t));
    match (case.reply, answer) {
        // Heimdal goes by MUTUAL-REQUIRED where there is no 0x8003 checksum; rule 13 differs.
        (Some(Reply::Nothing), Some(answer)) if library == Library::Mit => {
            Err(format!("replied {answer:?}"))
        }
        (Some(Reply::ApRep), None) => Err("no reply".into()),
        (_, Some(answer)) => match answer? {
            // Heimdal takes the client's order of RFC 4537, rule 14 ours.
            Answer::ApRep(rep) if library == Library::Mit && case.subkey.is_some() => {
                match rep.subkey.map(|k| k.etype) {
                    etype if etype == case.subkey => Ok(()),
                    etype => Err(format!("subkey of etype {etype:?}")),
                }
            }
            Answer::ApRep(_) => Ok(()),
            Answer::Error(e) => Err(format!("replied {e:?}")),
        },
        (_, None) => Ok(()),
    }
}

#[test]
fn mit_does_what_is_recorded() {
    observe(Library::Mit);
}

#[test]
fn heimdal_does_what_is_recorded() {
    observe(Library::Heimdal);
}
