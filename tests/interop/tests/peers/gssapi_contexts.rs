//! Contexts of the system's library: moved to another process, and what they tell besides.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use gss_acceptor::backends::{GssapiContext, GssapiLibrary, gssapi};
use gss_acceptor::{
    AcceptorConfig, AuthorizationProblem, ConfigBuilder, Context, ContextImporter, Keytab,
    Protection, Rejection, SealedProblem, SealingKey, SequenceState, backends,
};
use interop::libraries::GssPeer;
use interop::{Ask, Kdc, Peer, accept, shake};

pub const LIBRARIES: [GssapiLibrary; 2] = [GssapiLibrary::Mit, GssapiLibrary::Heimdal];
/// Says to the test that it is the other process, and which library it has.
const OTHER: &str = "GSS_ACCEPTOR_OTHER_PROCESS";
const AUDIENCE: &str = "interop";

fn key() -> SealingKey {
    let bytes: Vec<u8> = (0..32).collect();
    SealingKey::from_bytes(&bytes).expect("a key")
}

fn importer(library: &GssapiLibrary) -> ContextImporter {
    let importer = library.importer().expect("the library is installed");
    ContextImporter::new(key(), AUDIENCE).with(importer)
}

pub fn config(kdc: &Kdc, library: &GssapiLibrary) -> AcceptorConfig {
    let keytab = Keytab::open(kdc.keytab("ALL")).expect("the KDC's keytab");
    let backend = gssapi(keytab).library(library.clone());
    AcceptorConfig::builder(backend).build().expect("builds")
}

fn own(context: &Context) -> &GssapiContext {
    let own = context.as_any().downcast_ref::<GssapiContext>();
    own.expect("the library's context")
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let octet = |pair| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16);
    digits.map(|pair| octet(pair).expect("digits")).collect()
}

/// A context goes on in another process, which has neither keytab nor tickets, where it was: the
/// client, a library that knows nothing of it, finds every message in order.
#[test]
fn contexts_go_on_in_another_process() {
    if let Some(library) = std::env::var_os(OTHER) {
        return other_process(&library.to_string_lossy());
    }
    let kdc = Kdc::shared();
    for library in &LIBRARIES {
        let config = config(kdc, library);
        for ask in [Ask::http().mutual(), Ask::http().mutual().spnego()] {
            let (who, spnego) = (format!("{library:?}, {ask:?}"), ask.spnego);
            let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask);
            let context = shake(&config, &mut peer).context;
            crate::handshakes::one_message_each(&context, &mut peer);
            let session = context.session_key().expect("a key").key;
            let not_after = SystemTime::now() + Duration::from_secs(60);
            let data = context.export().expect(&who);
            let sealed = data.seal(&key(), AUDIENCE, not_after).expect(&who);
            let message = peer.wrap(b"to the other process", true).expect(&who);
            let later = peer.mic(b"and one more").expect(&who);
            let me = std::env::current_exe().expect("this program");
            let mut child = Command::new(me)
                .args([
                    "gssapi_contexts::contexts_go_on_in_another_process",
                    "--exact",
                ])
                .arg("--nocapture")
                .env(OTHER, format!("{library:?}"))
                .env("KRB5_KTNAME", "FILE:/nonexistent")
                .envs(kdc.alice().environment(kdc))
                .env("KRB5CCNAME", "MEMORY:none")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("it starts");
            let lines = format!("{}\n{}\n{}\n", hex(&sealed), hex(&message), hex(&later));
            let mut input = child.stdin.take().expect("piped");
            input.write_all(lines.as_bytes()).expect("it reads");
            drop(input);
            let output = child.wait_with_output().expect("it ends");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{who}: {text}");
            let said = |name: &str| {
                let mut lines = text.lines();
                let line = lines.find_map(|line| line.strip_prefix(&format!("{name}: ")));
                line.unwrap_or_else(|| panic!("{who}: {name} in {text}"))
                    .to_owned()
            };
            assert_eq!(said("peer"), "alice@EXAMPLE.TEST", "{who}");
            assert_eq!(said("data"), hex(b"to the other process"), "{who}");
            // The operator's mapping: the realm of krb5.conf is left away. Heimdal 7.8 has none of
            // a negotiated context.
            let mapped = *library == GssapiLibrary::Mit || !spnego;
            assert_eq!(said("local"), if mapped { "alice" } else { "" }, "{who}");
            assert_eq!(said("session"), hex(session.expose()), "{who}");
            let answer = peer.unwrap(&unhex(&said("answer"))).expect(&who);
            assert_eq!(answer.data, b"from the other process", "{who}");
            assert_eq!(answer.sequence, Some(SequenceState::InOrder), "{who}");
            let state = peer.verify(b"signed there", &unhex(&said("mic")));
            assert_eq!(state.expect(&who), Some(SequenceState::InOrder), "{who}");
        }
    }
}

fn other_process(library: &str) {
    let library = match library {
        "Mit" => GssapiLibrary::Mit,
        _ => GssapiLibrary::Heimdal,
    };
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("text");
    let mut lines = text.lines().map(unhex);
    let mut next = || lines.next().expect("a line");
    let context = importer(&library).import(&next()).expect("imports");
    println!("\npeer: {}", context.peer());
    println!("local: {}", own(&context).local_name().unwrap_or_default());
    let message = context.unwrap(&next()).expect("unwraps");
    assert_eq!(message.sequence, SequenceState::InOrder);
    println!("data: {}", hex(&message.data));
    let state = context.verify(b"and one more", &next()).expect("verifies");
    assert_eq!(state, SequenceState::InOrder);
    let answer = context.wrap(Protection::Confidentiality, b"from the other process");
    println!("answer: {}", hex(&answer.expect("wraps")));
    println!(
        "mic: {}",
        hex(&context.mic(b"signed there").expect("signs"))
    );
    let session = context.session_key().expect("a key").key;
    println!("session: {}", hex(session.expose()));
}

/// What one library has exported the other refuses to look at.
#[test]
fn libraries_do_not_take_up_each_others_contexts() {
    let kdc = Kdc::shared();
    for (library, other) in [(0, 1), (1, 0)].map(|(one, two)| (&LIBRARIES[one], &LIBRARIES[two])) {
        let config = config(kdc, library);
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http().mutual());
        let context = shake(&config, &mut peer).context;
        let error = importer(other).import_data(context.export().expect("exports"));
        let error = error.expect_err("another library's");
        assert!(error.to_string().contains("another library"), "{error}");
        // Nor is it the rust backend's.
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), Ask::http().mutual());
        let context = shake(&config, &mut peer).context;
        let rust =
            ContextImporter::new(key(), AUDIENCE).with(gss_acceptor::backends::rust_importer());
        let error = rust.import_data(context.export().expect("exports"));
        let error = error.expect_err("another backend's");
        assert!(
            matches!(
                error.rejection(),
                Some(Rejection::Sealed {
                    problem: SealedProblem::OtherBackend { .. },
                    ..
                })
            ),
            "{error:?}"
        );
    }
}

/// RFC 6680: MIT krb5 gives the PAC out, and vouches for its signature.
#[test]
fn the_pac_is_an_attribute_of_the_name() {
    let kdc = Kdc::shared();
    for ask in [Ask::http().mutual(), Ask::http().mutual().spnego()] {
        let config = config(kdc, &GssapiLibrary::Mit);
        let mut peer = GssPeer::mit(kdc, &kdc.alice(), ask);
        let context = shake(&config, &mut peer).context;
        let pac = own(&context).name_attribute("urn:mspac:").expect("a PAC");
        assert!(pac.authenticated);
        // PACTYPE (MS-PAC 2.3): version 0 behind the number of buffers.
        assert_eq!(pac.value[4..8], [0; 4]);
        let data = context.authorization_data();
        let is_it = |(kind, bytes): &(i32, Vec<u8>)| *kind == 128 && *bytes == pac.value;
        assert!(data.iter().any(is_it), "{data:?}");
        assert_eq!(own(&context).name_attribute("urn:nothing"), None);
    }
}

/// MIT krb5's KDC writes PACs that say nothing of accounts: signed, and no account all the same.
#[test]
fn a_pac_without_an_account_is_none() {
    let kdc = Kdc::shared();
    let keytab = || Keytab::open(kdc.keytab("ALL")).expect("the KDC's keytab");
    let library = |which: &GssapiLibrary| gssapi(keytab()).library(which.clone());
    let [mit, heimdal] = LIBRARIES;
    let builders: [&dyn Fn() -> ConfigBuilder; 3] = [
        &|| AcceptorConfig::builder(backends::rust(keytab())),
        &|| AcceptorConfig::builder(library(&mit)),
        &|| AcceptorConfig::builder(library(&heimdal)),
    ];
    for builder in builders {
        let plain = builder().build().expect("builds");
        let peer = || GssPeer::mit(kdc, &kdc.alice(), Ask::http());
        let context = shake(&plain, &mut peer()).context;
        let problem = AuthorizationProblem::Incomplete { part: "logon info" };
        assert_eq!(context.authorization(), Err(&problem));
        let required = builder().require_authorization().build().expect("builds");
        let failure = accept(&required, &mut peer()).expect_err("no account");
        let due = Rejection::Authorization { problem };
        assert_eq!(failure.error().rejection(), Some(&due));
    }
}
