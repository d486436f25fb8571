//! OpenLDAP's clients with Cyrus SASL against the example `ldap_bind`, and NTLM inside GSS-SPNEGO.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Once, OnceLock};

use gss_acceptor::accounts::{MemoryAccounts, NtHash};
use gss_acceptor::sasl::{SaslMechanism, SaslServer, SaslStep, SecurityLayer};
use gss_acceptor::{AcceptorConfig, Mechanism, Ntlm, StepInput, backends};
use interop::ntlm::{Library, Login, Protect, python};
use interop::process::{Server, packages};
use interop::{Kdc, Peer};

fn keytab() -> &'static PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let kdc = Kdc::shared();
        let keytab = kdc.fresh("ldap-keytab");
        kdc.kadmin("addprinc -randkey ldap/localhost");
        kdc.kadmin(&format!(
            "ktadd -k {} -norandkey ldap/localhost",
            keytab.display()
        ));
        keytab
    })
}

fn server(more: &[&str]) -> Server {
    let log = Kdc::shared().fresh("ldap-log");
    Server::example("ldap_bind", keytab(), more, log)
}

/// A client of OpenLDAP's with alice's tickets: whether it succeeded, and what it said.
fn openldap(program: &str, server: &Server, arguments: &[&str]) -> (bool, String) {
    static THERE: Once = Once::new();
    THERE.call_once(|| {
        packages(&[
            "ldap-utils",
            "libsasl2-modules",
            "libsasl2-modules-gssapi-mit",
        ]);
    });
    let kdc = Kdc::shared();
    let output = Command::new(program)
        .args(["-N", "-H"])
        .arg(format!("ldap://localhost:{}", server.address.port()))
        .args(["-o", "nettimeout=60", "-o", "ldif_wrap=no"])
        .args(arguments)
        .envs(kdc.alice().environment(kdc))
        // No configuration of this machine's.
        .env("LDAPNOINIT", "1")
        .output()
        .expect(program);
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

const ME: [&str; 5] = ["-LLL", "-b", "cn=me", "-s", "base"];

/// The layers of RFC 4752, and those that follow from flags alone. MIT's library asks for
/// confidentiality wherever it asks for integrity, so inside SPNEGO there is no less.
#[test]
fn ldapsearch_binds_with_every_layer() {
    let server = server(&[]);
    for (mechanism, options, framing, layer, strength) in [
        ("GSSAPI", "maxssf=0", "raw", "without a security layer", "0"),
        ("GSSAPI", "minssf=1,maxssf=1", "raw", "with integrity", "1"),
        (
            "GSSAPI",
            "minssf=256,maxssf=256",
            "raw",
            "with confidentiality",
            "256",
        ),
        ("GSSAPI", "maxssf=256", "raw", "with confidentiality", "256"),
        (
            "GSS-SPNEGO",
            "maxssf=0",
            "SPNEGO",
            "without a security layer",
            "0",
        ),
        (
            "GSS-SPNEGO",
            "maxssf=1",
            "SPNEGO",
            "with confidentiality",
            "256",
        ),
        (
            "GSS-SPNEGO",
            "minssf=256,maxssf=256",
            "SPNEGO",
            "with confidentiality",
            "256",
        ),
    ] {
        let arguments = [&["-Y", mechanism, "-O", options], &ME[..]].concat();
        let (found, said) = openldap("ldapsearch", &server, &arguments);
        assert!(found, "{mechanism} {options}: {said}{}", server.log());
        let me = format!(
            "description: alice@EXAMPLE.TEST by Kerberos ({framing}) as u:alice@EXAMPLE.TEST, {layer},"
        );
        assert!(said.contains(&me), "{me} in {said}");
        // What Cyrus SASL says of it.
        let strength = format!("SASL SSF: {strength}\n");
        assert!(said.contains(&strength), "{mechanism} {options}: {said}");
    }
}

/// 200 000 bytes, to clients that take little at once: Cyrus SASL refuses what is longer.
#[test]
fn an_entry_longer_than_a_protected_message() {
    let server = server(&[]);
    for size in ["maxbufsize=2048", "maxbufsize=65536", "maxbufsize=16777215"] {
        for strength in ["maxssf=1", "maxssf=256"] {
            let options = format!("{size},{strength}");
            let arguments = [
                "-Q", "-Y", "GSSAPI", "-O", &options, "-LLL", "-b", "cn=long",
            ];
            let (found, said) = openldap("ldapsearch", &server, &arguments);
            assert!(found, "{options}: {}", server.log());
            let long = format!("description: {}\n", "x".repeat(200_000));
            assert!(said.contains(&long), "{options}");
        }
    }
}

#[test]
fn nobody_acts_as_another() {
    let server = server(&[]);
    let own = "u:alice@EXAMPLE.TEST";
    for (name, allowed) in [
        (None, true),
        (Some(own), true),
        (Some("u:bob@EXAMPLE.TEST"), false),
        (Some("u:alice"), false),
        (Some("dn:cn=admin"), false),
    ] {
        let mut arguments = vec!["-Q", "-Y", "GSSAPI"];
        arguments.extend(name.iter().flat_map(|name| ["-X", name]));
        let (came, said) = openldap("ldapwhoami", &server, &arguments);
        if allowed {
            assert!(
                came && said.trim() == own,
                "{name:?}: {said}{}",
                server.log()
            );
        } else {
            assert!(
                !came && said.contains("Invalid credentials (49)"),
                "{name:?}: {said}"
            );
            let line = format!("alice@EXAMPLE.TEST may not act as '{}'", name.expect("one"));
            server.says(&line);
        }
    }
}

#[test]
fn a_server_that_requires_a_layer() {
    let server = server(&["--require-layer"]);
    for mechanism in ["GSSAPI", "GSS-SPNEGO"] {
        for (options, came) in [("maxssf=0", false), ("maxssf=256", true)] {
            let arguments = [&["-Y", mechanism, "-O", options], &ME[..]].concat();
            let (found, said) = openldap("ldapsearch", &server, &arguments);
            assert_eq!(found, came, "{mechanism} {options}: {said}{}", server.log());
        }
    }
    server.says("no security layer that is accepted");
}

#[test]
fn a_ticket_for_another_and_no_ticket_at_all() {
    let kdc = Kdc::shared();
    let other = Server::example("ldap_bind", &kdc.keytab("HTTP"), &[], kdc.fresh("ldap-log"));
    for mechanism in ["GSSAPI", "GSS-SPNEGO"] {
        let arguments = [&["-Y", mechanism], &ME[..]].concat();
        let (found, said) = openldap("ldapsearch", &other, &arguments);
        assert!(!found, "{said}");
        let told = said.contains("Invalid credentials (49)");
        assert!(told, "{mechanism}: {said}{}", other.log());
    }
    let server = server(&[]);
    let (found, said) = openldap("ldapsearch", &server, &[&["-x"], &ME[..]].concat());
    assert!(
        !found && said.contains("Authentication method not supported (7)"),
        "{said}"
    );
    // Without a bind there is what to bind with, and nothing else.
    let root = ["-x", "-LLL", "-b", "", "-s", "base", "-D", ""];
    let (_, said) = openldap("ldapsearch", &server, &root);
    assert!(!said.contains("alice"), "{said}");
}

/// The layer of GSS-SPNEGO with NTLM inside, by libraries that seal and sign.
#[test]
fn ntlm_inside_gss_spnego() {
    let accounts = MemoryAccounts::new().user("alice", NtHash::from_password("Password"));
    let config = AcceptorConfig::builder(backends::rust(Ntlm::new(accounts)))
        .mechanisms(&[Mechanism::Ntlm])
        .build()
        .expect("a plain configuration");
    let server = SaslServer::new(&config);
    for library in [Library::Samba, Library::Pyspnego] {
        for (protect, layer) in [
            (Protect::Seal, SecurityLayer::Confidentiality),
            (Protect::Sign, SecurityLayer::Integrity),
        ] {
            // pyspnego seals whatever it wraps.
            if library == Library::Pyspnego && protect == Protect::Sign {
                continue;
            }
            let login = Login {
                spnego: true,
                protect,
                ..Login::new("alice", "", "Password")
            };
            let mut peer = python(library, &login);
            let mut exchange = server.begin(SaslMechanism::GssSpnego);
            let mut token = None;
            let session = loop {
                let sent = peer.init(token.as_deref()).expect("a token").token;
                let response = sent.unwrap_or_default();
                match exchange.step(StepInput::new(&response)).expect("let in") {
                    SaslStep::Challenge { token: next } => token = Some(next),
                    SaslStep::Done { token, session } => {
                        if let Some(last) = token {
                            peer.init(Some(&last)).expect("the client is done");
                        }
                        break session;
                    }
                }
            };
            assert_eq!(session.context().peer().to_string(), "alice");
            assert_eq!(session.layer(), layer, "{library:?}");
            let seal = layer == SecurityLayer::Confidentiality;
            let sent = session.encode(b"from the server").expect("granted");
            let got = peer.unwrap(&sent[4..]).expect("the client reads it");
            assert_eq!(got.data, b"from the server");
            let sent = peer.wrap(b"from the client", seal).expect("wrapped");
            let length = u32::try_from(sent.len()).expect("short").to_be_bytes();
            let mut buffer = [&length, &sent[..]].concat();
            let got = session.decode(&mut buffer).expect("the server reads it");
            assert_eq!(got.as_deref(), Some(&b"from the client"[..]));
        }
    }
}
