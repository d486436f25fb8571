//! The `testing` feature's client before other acceptors: what it mints, MIT and Heimdal accept,
//! and it accepts what they answer.

use std::path::PathBuf;

use gss_acceptor::testing::{ClientFlags, ClientStep, Offer, Realm, TicketOptions};
use gss_acceptor::{ChannelBindings, EncryptionType, Protection};
use interop::process::judge_program;
use kit::judge::{Judge, Library, Outcome};

fn judges() -> [Judge; 2] {
    judge_program();
    [Library::Mit, Library::Heimdal].map(|library| Judge::new(library).expect("a judge"))
}

const AES: [EncryptionType; 4] = EncryptionType::DEFAULT;

/// A keytab of the realm's, as a file for the judge.
fn keytab(judge: &Judge, realm: &Realm) -> PathBuf {
    judge
        .keytab("keytab", &realm.keytab_bytes())
        .expect("a file")
}

#[test]
fn what_testing_mints_is_accepted_elsewhere() {
    for mut judge in judges() {
        let who = judge.library();
        let realm = Realm::new("EXAMPLE.TEST");
        let service = realm
            .service_with_keys("HTTP/localhost", 3, &AES)
            .expect("a service");
        let keytab = keytab(&judge, &realm);
        for etype in AES {
            for mutual in [true, false] {
                for raw in [true, false] {
                    let case = format!("{who:?}, {etype}, mutual {mutual}, raw {raw}");
                    let mut client = service.client("alice").etype(etype);
                    client = if raw {
                        client.raw()
                    } else {
                        client.spnego(Offer::default())
                    };
                    client = match mutual {
                        true => client.with(ClientFlags::MUTUAL_AUTH),
                        false => client.without(ClientFlags::MUTUAL_AUTH),
                    };
                    let client = client.initiate().unwrap_or_else(|e| panic!("{case}: {e}"));
                    let verdict = judge.accept(&keytab, client.first_token(), None, None);
                    let verdict = verdict.expect("a verdict");
                    assert_eq!(verdict.outcome(), Outcome::Accept, "{case}: {verdict:?}");
                    let source = verdict.src_name.as_deref();
                    assert_eq!(source, Some(&b"alice@EXAMPLE.TEST"[..]), "{case}");
                    let reply = verdict.output_token.filter(|token| !token.is_empty());
                    let context = client.finish(reply.as_deref());
                    let context = context.unwrap_or_else(|e| panic!("{case}: {e}"));
                    talk(&mut judge, verdict.handle, &context, &case, mutual);
                }
            }
        }
    }
}

fn talk(
    judge: &mut Judge,
    handle: u32,
    context: &gss_acceptor::testing::TestClientContext,
    case: &str,
    mutual: bool,
) {
    for protection in [Protection::Integrity, Protection::Confidentiality] {
        let token = context.wrap(protection, b"from the client").unwrap();
        let verdict = judge.unwrap(handle, &token).unwrap();
        assert_eq!(verdict.outcome(), Outcome::Accept, "{case}: {verdict:?}");
        assert_eq!(
            verdict.output_token.as_deref(),
            Some(&b"from the client"[..]),
            "{case}"
        );
        let sealed = protection == Protection::Confidentiality;
        assert_eq!(verdict.ret_flags != 0, sealed, "{case}");
        let token = judge.wrap(handle, b"from the judge", sealed).unwrap();
        let message = context.unwrap(&token.output_token.unwrap());
        let message = message.unwrap_or_else(|e| panic!("{case}: {e}"));
        assert_eq!(message.data, b"from the judge", "{case}");
        assert_eq!(message.protection, protection, "{case}");
        if mutual {
            use gss_acceptor::SequenceState;
            assert_eq!(message.sequence, SequenceState::InOrder, "{case}");
        }
    }
    let mic = context.mic(b"message").unwrap();
    let verdict = judge.verify(handle, &mic, b"message").unwrap();
    assert_eq!(verdict.outcome(), Outcome::Accept, "{case}: {verdict:?}");
    let mic = judge.mic(handle, b"message").unwrap().output_token.unwrap();
    context
        .verify(b"message", &mic)
        .unwrap_or_else(|e| panic!("{case}: {e}"));
}

/// What goes wrong on purpose goes wrong there too.
#[test]
fn what_testing_spoils_is_refused_elsewhere() {
    for mut judge in judges() {
        let who = judge.library();
        let realm = Realm::new("EXAMPLE.TEST");
        let service = realm.service("HTTP/localhost").expect("a service");
        let old = judge.keytab("old", &realm.keytab_bytes()).expect("a file");
        let expired = service
            .client("alice")
            .ticket(TicketOptions::new().expired());
        let ahead = service
            .client("alice")
            .clock_ahead(std::time::Duration::from_secs(1000));
        // Heimdal asks a client whose clock is off to come again, as we do (rule 21).
        let skewed = match who {
            Library::Mit => Outcome::Reject,
            Library::Heimdal => Outcome::Continue,
        };
        for (client, outcome) in [(expired, Outcome::Reject), (ahead, skewed)] {
            let token = client.raw().token().expect("a token");
            let verdict = judge.accept(&old, &token, None, None).expect("a verdict");
            assert_eq!(verdict.outcome(), outcome, "{who:?}: {verdict:?}");
        }
        service.rotate_key();
        let token = service.client("alice").raw().token().expect("a token");
        let verdict = judge.accept(&old, &token, None, None).expect("a verdict");
        assert_eq!(verdict.outcome(), Outcome::Reject, "{who:?}: {verdict:?}");
        let new = judge.keytab("new", &realm.keytab_bytes()).expect("a file");
        let verdict = judge.accept(&new, &token, None, None).expect("a verdict");
        assert_eq!(verdict.outcome(), Outcome::Accept, "{who:?}: {verdict:?}");
    }
}

#[test]
fn bindings_of_testing_are_those_of_mit() {
    judge_program();
    let mut judge = Judge::mit().expect("a judge");
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm.service("HTTP/localhost").expect("a service");
    let keytab = keytab(&judge, &realm);
    let ours = ChannelBindings::from_application_data(b"tls-unique:abcdefghijkl").expect("data");
    for (theirs, outcome) in [
        (&b"tls-unique:abcdefghijkl"[..], Outcome::Accept),
        (b"tls-unique:another", Outcome::Reject),
    ] {
        let client = service.client("alice").raw().channel_bindings(&ours);
        let token = client.token().expect("a token");
        let verdict = judge
            .accept(&keytab, &token, Some(theirs), None)
            .expect("a verdict");
        assert_eq!(verdict.outcome(), outcome, "{verdict:?}");
        // GSS_C_CHANNEL_BOUND_FLAG.
        assert_eq!(verdict.ret_flags & 0x800 != 0, outcome == Outcome::Accept);
    }
    // A promise to bind that is not kept (KERB_AP_OPTIONS_CBT).
    let token = service
        .client("alice")
        .raw()
        .promise_channel_bindings()
        .token();
    let verdict = judge.accept(&keytab, &token.expect("a token"), Some(b"any"), None);
    assert_eq!(verdict.expect("a verdict").outcome(), Outcome::Reject);
}

/// Kerberos not first in the offer: SPNEGO takes further legs and MICs, with MIT as with us.
#[test]
fn the_longer_negotiation_ends_with_mit() {
    judge_program();
    let mut judge = Judge::mit().expect("a judge");
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm.service("HTTP/localhost").expect("a service");
    let keytab = keytab(&judge, &realm);
    for offer in [Offer::Kerberos, Offer::Windows, Offer::NtlmFirst] {
        let client = service
            .client("alice")
            .spnego(offer)
            .with(ClientFlags::MUTUAL_AUTH);
        let mut client = client.initiate().expect("a token");
        let mut verdict = judge
            .accept(&keytab, client.first_token(), None, None)
            .unwrap();
        let context = loop {
            assert_ne!(verdict.outcome(), Outcome::Reject, "{verdict:?}");
            match client
                .step(verdict.output_token.as_deref())
                .expect("a good answer")
            {
                ClientStep::Continue {
                    token,
                    client: next,
                } => {
                    client = next;
                    verdict = judge.resume(verdict.handle, &token).unwrap();
                }
                ClientStep::Done { token, context } => {
                    if let Some(token) = token {
                        verdict = judge.resume(verdict.handle, &token).unwrap();
                    }
                    break context;
                }
            }
        };
        assert_eq!(verdict.outcome(), Outcome::Accept, "{offer:?}: {verdict:?}");
        talk(&mut judge, verdict.handle, &context, "SPNEGO", true);
    }
}
