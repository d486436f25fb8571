//! smbclient against the example `smb_session`, by Kerberos and by NTLM.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use gss_acceptor::accounts::NtHash;
use interop::Kdc;
use interop::process::Server;
use interop::smb::{From, HOST, between, command, logs_off, smb_conf, smbclient};

const UNICODE: &str = "Pä$$wörd€ ✓";

const SESSION_SETUP: u16 = 1;
const LOGOFF: u16 = 2;
const TREE_CONNECT: u16 = 3;

/// A folder with what the server needs, made once.
fn material() -> &'static (PathBuf, PathBuf, PathBuf) {
    static MADE: OnceLock<(PathBuf, PathBuf, PathBuf)> = OnceLock::new();
    MADE.get_or_init(|| {
        let kdc = Kdc::shared();
        let folder = kdc.fresh("smb");
        std::fs::create_dir(&folder).expect("a folder");
        let keytab = folder.join("cifs.keytab");
        kdc.kadmin(&format!("addprinc -randkey cifs/{HOST}"));
        kdc.kadmin(&format!(
            "ktadd -k {} -norandkey cifs/{HOST}",
            keytab.display()
        ));
        let hex = |password: &str| -> String {
            let hash = NtHash::from_password(password);
            hash.expose().iter().map(|b| format!("{b:02x}")).collect()
        };
        let (usual, unicode, empty) = (hex("Password"), hex(UNICODE), hex(""));
        let accounts = folder.join("accounts");
        let text = format!(
            "alice:{usual}\nCORP\\bob:{usual}\njürgen:{unicode}\nempty:{empty}\n\
             gone:{usual}:disabled\n"
        );
        std::fs::write(&accounts, text).expect("a file");
        let config = smb_conf(&folder);
        (keytab, accounts, config)
    })
}

fn server() -> Server {
    let (keytab, accounts, _) = material();
    let accounts = accounts.to_str().expect("UTF-8");
    let log = Kdc::shared().fresh("smb-log");
    Server::example("smb_session", keytab, &["--ntlm", accounts], log)
}

fn by_ticket(server: std::net::SocketAddr) -> Command {
    let kdc = Kdc::shared();
    let mut client = smbclient(&material().2, server);
    client
        .args(["--use-kerberos=required", "--user=alice@EXAMPLE.TEST"])
        .envs(kdc.alice().environment(kdc));
    client
}

fn by_password(server: std::net::SocketAddr, user: &str) -> Command {
    let mut client = smbclient(&material().2, server);
    client.args(["--use-kerberos=off", "--user", user]);
    client
}

fn dialect(client: &mut Command, name: &str) {
    client.arg(format!("--option=client min protocol={name}"));
    client.arg(format!("--option=client max protocol={name}"));
}

/// Every dialect's way to sign, with either mechanism's session key. smbclient requires the
/// server's signatures, the server smbclient's; a wrong key on either side ends it.
#[test]
fn every_dialect_by_ticket_and_by_password() {
    let server = server();
    let signing = "--option=client smb3 signing algorithms=";
    for (name, algorithm, shown) in [
        ("SMB2_02", None, "SMB 2.0.2, signed with HmacSha256"),
        ("SMB2_10", None, "SMB 2.1, signed with HmacSha256"),
        ("SMB3_00", None, "SMB 3.0, signed with AesCmac"),
        ("SMB3_02", None, "SMB 3.0.2, signed with AesCmac"),
        ("SMB3_11", None, "SMB 3.1.1, signed with AesGmac"),
        (
            "SMB3_11",
            Some("AES-128-CMAC"),
            "SMB 3.1.1, signed with AesCmac",
        ),
        (
            "SMB3_11",
            Some("HMAC-SHA256"),
            "SMB 3.1.1, signed with HmacSha256",
        ),
    ] {
        for (mut client, who) in [
            (by_ticket(server.address), "alice@EXAMPLE.TEST by Kerberos"),
            (
                by_password(server.address, "alice%Password"),
                "alice by NTLM",
            ),
        ] {
            dialect(&mut client, name);
            client.args(algorithm.map(|algorithm| format!("{signing}{algorithm}")));
            let ((done, said), log) = server.visit(|| logs_off(&mut client));
            assert!(done, "{name} {algorithm:?} {who}: {said}{log}");
            assert!(log.contains(&format!(": let in: {who}")), "{log}");
            assert!(log.contains(shown), "{shown} in {log}");
        }
    }
}

/// A client of old asks in SMB1 whether there is SMB2 (MS-SMB2 3.3.5.3).
#[test]
fn a_client_that_begins_with_smb1() {
    let server = server();
    let mut client = by_ticket(server.address);
    client.arg("--option=client min protocol=NT1");
    let (done, said) = logs_off(&mut client);
    assert!(done, "{said}{}", server.log());
    let mut client = by_password(server.address, "alice%Password");
    dialect(&mut client, "NT1");
    let (done, said) = logs_off(&mut client);
    assert!(!done, "SMB1 is not spoken: {said}");
}

#[test]
fn passwords_as_people_have_them() {
    let server = server();
    let unicode = format!("jürgen%{UNICODE}");
    for (user, who) in [
        ("alice%Password", Some("alice")),
        ("ALICE%Password", Some("alice")),
        ("ELSEWHERE\\alice%Password", Some("alice")),
        ("CORP\\bob%Password", Some("CORP\\bob")),
        ("corp\\BOB%Password", Some("CORP\\bob")),
        ("bob@CORP%Password", Some("CORP\\bob")),
        (&unicode, Some("jürgen")),
        ("empty%", Some("empty")),
        ("alice%password", None),
        ("alice%", None),
        ("empty%x", None),
        ("jürgen%Password", None),
        ("nobody%Password", None),
        ("gone%Password", None),
        ("ELSEWHERE\\bob%Password", None),
        // Nobody, which is anonymous.
        ("%", None),
    ] {
        let mut client = by_password(server.address, user);
        let ((done, said), log) = server.visit(|| logs_off(&mut client));
        match who {
            Some(who) => {
                assert!(done, "{user}: {said}{log}");
                assert!(log.contains(&format!(": let in: {who} by NTLM")), "{log}");
            }
            None => {
                assert!(!done, "{user}: {said}");
                let status = "session setup failed: NT_STATUS_LOGON_FAILURE";
                assert!(said.contains(status), "{user}: {said}{log}");
                assert!(!log.contains(": let in:"), "{log}");
            }
        }
    }
    for said in [
        "wrong password",
        "no such account",
        "the account is disabled",
        "anonymous",
    ] {
        server.says(said);
    }
}

/// smbclient asks the KDC with its own implementation of Kerberos.
#[test]
fn kerberos_with_a_password() {
    let server = server();
    for (user, came) in [
        ("bob@EXAMPLE.TEST%bob-pw", Some("bob@EXAMPLE.TEST")),
        ("bob@EXAMPLE.TEST%wrong", None),
        ("nobody@EXAMPLE.TEST%bob-pw", None),
    ] {
        let mut client = smbclient(&material().2, server.address);
        client.args(["--use-kerberos=required", "--user", user]);
        let (done, said) = logs_off(client.env("KRB5_CONFIG", Kdc::shared().config()));
        assert_eq!(done, came.is_some(), "{user}: {said}{}", server.log());
        if let Some(who) = came {
            server.says(&format!(": let in: {who} by Kerberos"));
        }
    }
}

/// One bit of an established session's message, changed on the way.
#[test]
fn a_signed_message_that_is_altered() {
    let server = server();
    for name in ["SMB2_10", "SMB3_00", "SMB3_11"] {
        for (who, which) in [
            (From::Client, TREE_CONNECT),
            (From::Client, LOGOFF),
            (From::Server, SESSION_SETUP),
            (From::Server, TREE_CONNECT),
        ] {
            let address = between(server.address, move |from, mut message| {
                let signed = message.get(16).is_some_and(|flags| flags & 8 != 0);
                if from == who && command(&message) == Some(which) && signed {
                    *message.last_mut().expect("not empty") ^= 1;
                }
                vec![message]
            });
            let mut client = by_password(address, "alice%Password");
            dialect(&mut client, name);
            let ((done, said), log) = server.visit(|| logs_off(&mut client));
            assert!(!done, "{name} {who:?} {which}: {said}{log}");
            if who == From::Client {
                let line = "a request without a right signature";
                assert!(log.contains(line), "{name} {which}: {log}");
            }
        }
    }
}

/// A NEGOTIATE that somebody has altered is found out: in 3.1.1 by the hash that the key comes
/// from, before that by FSCTL_VALIDATE_NEGOTIATE_INFO.
#[test]
fn a_negotiation_that_is_altered() {
    let server = server();
    for (name, line) in [
        ("SMB3_00", Some("a NEGOTIATE that was altered on the way")),
        ("SMB3_11", None),
    ] {
        for unaltered in [true, false] {
            let address = between(server.address, move |from, mut message| {
                if from == From::Client && command(&message) == Some(0) && !unaltered {
                    // ClientGuid (MS-SMB2 2.2.3).
                    message[64 + 12] ^= 1;
                }
                vec![message]
            });
            let mut client = by_ticket(address);
            dialect(&mut client, name);
            let ((done, said), log) = server.visit(|| logs_off(&mut client));
            assert_eq!(done, unaltered, "{name}: {said}{log}");
            if let Some(line) = line {
                assert_eq!(log.contains(line), !unaltered, "{name}: {log}");
            }
        }
    }
}

/// A signed message that comes twice has used its number (MS-SMB2 3.3.5.2.3).
#[test]
fn a_signed_message_that_comes_twice() {
    let server = server();
    let address = between(server.address, |from, message| {
        let twice = from == From::Client && command(&message) == Some(TREE_CONNECT);
        if twice {
            vec![message.clone(), message]
        } else {
            vec![message]
        }
    });
    let (done, said) = logs_off(&mut by_ticket(address));
    assert!(!done, "{said}");
    server.says("a message number that was used, or not granted");
}
