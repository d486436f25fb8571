//! Active Directory's accounts, through winbind: a Samba domain controller and a joined member.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use gss_acceptor::accounts::{Winbind, WinbindOptions};
use gss_acceptor::{
    AcceptorConfig, ConfigBuilder, ContextImporter, Error, Evidence, Granted, LogonProblem,
    Mechanism, Ntlm, NtlmRejection, Rejection, SealingKey, Sid, backends,
};
use interop::ntlm::{Library, Login, SspiNtlm, python};
use interop::process::{Folder, PATIENCE, packages, root, run, within};
use interop::{Peer, accept, shake};

use crate::constrained;
use crate::tickets::{self, Said};

const PASSWORD: &str = "Us3r!Passw0rd";

/// The domain, ended when this is dropped.
struct Directory(Folder);

fn script() -> PathBuf {
    root().join("tests/support/ad.sh")
}

impl Directory {
    fn start() -> Self {
        packages(&[
            "samba",
            "samba-ad-dc",
            "samba-ad-provision",
            "samba-dsdb-modules",
            "samba-vfs-modules",
            "winbind",
            "python3-gssapi",
            "python3-impacket",
            "python3-samba",
            "krb5-user",
            "iproute2",
        ]);
        let directory = Self(Folder::new("ad"));
        run(Command::new(script()).arg(directory.path()).arg("start"));
        directory
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn winbind(&self) -> WinbindOptions {
        Winbind::options()
            .program(script())
            .argument(self.path())
            .argument("exec")
            .argument("ntlm_auth")
            .argument(format!(
                "--configfile={}",
                self.path().join("member.conf").display()
            ))
            .domain("ADTEST")
            .helpers(3)
    }

    fn config(&self, computer: &str) -> AcceptorConfig {
        self.builder(self.winbind(), computer)
            .build()
            .expect("a plain configuration")
    }

    fn builder(&self, winbind: WinbindOptions, computer: &str) -> ConfigBuilder {
        let ntlm = Ntlm::new(winbind.start().expect("ntlm_auth"))
            .computer(computer)
            .domain("ADTEST")
            .dns_computer("mem1.ad.test")
            .dns_domain("ad.test");
        AcceptorConfig::builder(backends::rust(ntlm)).mechanisms(&[Mechanism::Ntlm])
    }

    /// The helpers of this directory that run now.
    fn helpers(&self) -> Vec<u32> {
        let needle = self.path().join("member.conf").display().to_string();
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| {
            let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command);
            command.starts_with("ntlm_auth\0") && command.contains(&needle)
        })
        .collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = Command::new(script()).arg(self.path()).arg("stop").status();
    }
}

fn problem(error: &Error) -> LogonProblem {
    match error.rejection() {
        Some(Rejection::Ntlm(NtlmRejection::Logon { problem, .. })) => problem.clone(),
        _ => panic!("{error}"),
    }
}

/// One domain for everything, since it takes a while to come up.
#[test]
fn a_domains_users_come_in_through_winbind() {
    if let Some(directory) = constrained::domain_here() {
        return constrained::inside(&directory, PASSWORD);
    }
    let directory = Directory::start();
    constrained::from_outside(
        directory.path(),
        "directory::a_domains_users_come_in_through_winbind",
    );
    let said = tickets::say_what_samba_says(directory.path(), PASSWORD);
    sids_through_winbind(&directory, &said);
    let config = directory.config("MEM1");
    assert!(config.may_block());
    who_comes_in(&config);
    who_stays_out(&config);
    our_checks_are_ours(&config);
    a_helper_killed_in_a_burst(&directory, &config);
    // The domain refuses logons through a server of another name than the joined one.
    let other = directory.config("OTHER");
    let login = Login::new("alice", "ADTEST", PASSWORD);
    let refused = accept(&other, &mut SspiNtlm::new(&login)).expect_err("not the joined name");
    problem(refused.error());
}

/// winbind's groups of a client of NTLM are those of its ticket's PAC, but for what the KDC adds to
/// say how the client was authenticated (S-1-18-1).
fn sids_through_winbind(directory: &Directory, said: &BTreeMap<String, Said>) {
    let wbinfo = ["exec", "wbinfo"].map(OsString::from);
    let arguments = std::iter::once(directory.path().into()).chain(wbinfo);
    let winbind = directory.winbind().groups_by(script(), arguments);
    let config = directory.builder(winbind, "MEM1").require_authorization();
    let config = config.build().expect("winbind tells groups");
    for (user, ticket) in [("alice", "alice"), ("bloat", "bloat"), ("üser", "umlaut")] {
        let login = Login::new(user, "ADTEST", PASSWORD);
        let context = shake(&config, &mut SspiNtlm::new(&login)).context;
        let who = context.authorization().expect("SID and groups");
        let said = &said[ticket];
        let own = who.user.map(|sid| sid.to_string());
        assert_eq!(own.as_ref(), said.get("user"), "{user}");
        let theirs = said["groups"].split(',').filter_map(|group| {
            let (sid, _) = group.split_once(':').expect("with attributes");
            (sid != "S-1-18-1").then(|| sid.to_owned())
        });
        let ours = who.groups.iter().map(|group| group.sid.to_string());
        assert_eq!(ours.collect::<BTreeSet<_>>(), theirs.collect(), "{user}");
        match &who.evidence {
            Evidence::AccountSource { description } => assert!(description.contains("winbind")),
            other => panic!("{other}"),
        }
        let importer = ContextImporter::new(key(), "other").with(backends::rust_importer());
        let again = importer.import_data(context.export().expect("exported"));
        let again = again.expect("imported");
        assert_eq!(
            again.authorization().expect("brought along").user,
            own_sid(&own)
        );
    }
    // A name that may be two accounts' has none.
    let login = Login::new("alice@ad.test", "", PASSWORD);
    let failure = accept(&config, &mut SspiNtlm::new(&login)).expect_err("which account?");
    let problem = failure.error().rejection();
    assert!(
        matches!(problem, Some(Rejection::Authorization { .. })),
        "{failure}"
    );
    // Without wbinfo nothing is known, and to require it is refused at once.
    let plain = directory.builder(directory.winbind(), "MEM1");
    plain
        .require_authorization()
        .build()
        .expect_err("no groups");
}

fn own_sid(text: &Option<String>) -> Option<Sid> {
    text.as_ref().map(|text| text.parse().expect("a SID"))
}

fn key() -> SealingKey {
    let bytes: Vec<u8> = (0..32).collect();
    SealingKey::from_bytes(&bytes).expect("a key")
}

fn who_comes_in(config: &AcceptorConfig) {
    for (user, domain, who) in [
        ("alice", "ADTEST", "ADTEST\\alice"),
        ("ALICE", "adtest", "ADTEST\\alice"),
        ("alice", "", "ADTEST\\alice"),
        ("üser", "ADTEST", "ADTEST\\üser"),
    ] {
        let login = Login::new(user, domain, PASSWORD);
        let negotiated = Login {
            spnego: true,
            ..login.clone()
        };
        let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(SspiNtlm::new(&login))];
        peers.push(Box::new(python(Library::Pyspnego, &negotiated)));
        peers.push(Box::new(python(Library::Samba, &login)));
        for mut peer in peers {
            let context = shake(config, &mut *peer).context;
            assert_eq!(context.peer().to_string(), who, "{}", peer.name());
            assert!(context.granted().contains(Granted::CONFIDENTIALITY));
            let token = peer.wrap(b"message", true).expect("sealed");
            assert_eq!(context.unwrap(&token).expect("opens").data, b"message");
        }
    }
}

fn who_stays_out(config: &AcceptorConfig) {
    for (user, password, due) in [
        ("alice", "password", LogonProblem::WrongPassword),
        ("alice", "", LogonProblem::WrongPassword),
        ("nobody", PASSWORD, LogonProblem::UnknownUser),
        ("disabled", PASSWORD, LogonProblem::Disabled),
        ("guest", "", LogonProblem::WrongPassword),
    ] {
        let login = Login::new(user, "ADTEST", password);
        let failure = accept(config, &mut SspiNtlm::new(&login)).expect_err(user);
        assert_eq!(problem(failure.error()), due, "{user}");
        assert_eq!(failure.token(), None);
    }
    // Not a directory that is out of reach: to the client this is a wrong name like any other.
    let login = Login::new("alice", "BUILTIN", PASSWORD);
    let failure = accept(config, &mut SspiNtlm::new(&login)).expect_err("BUILTIN");
    assert_eq!(problem(failure.error()), LogonProblem::UnknownUser);
}

/// winbind looks neither at the MIC nor at the flags: they are altered here on the way.
fn our_checks_are_ours(config: &AcceptorConfig) {
    for (place, bit) in [(60, 0x10), (72, 1), (87, 0x80)] {
        let login = Login::new("alice", "ADTEST", PASSWORD);
        let mut peer = python(Library::Pyspnego, &login);
        let mut acceptor = gss_acceptor::Acceptor::new(config);
        let negotiate = peer.init(None).expect("a token").token.expect("NEGOTIATE");
        let Ok(gss_acceptor::Step::Continue { token }) = acceptor.step(&negotiate) else {
            panic!("no CHALLENGE");
        };
        let answer = peer.init(Some(&token)).expect("a token").token;
        let mut answer = answer.expect("AUTHENTICATE");
        answer[place] ^= bit;
        let error = acceptor.step(&answer).expect_err("altered").into_error();
        let mic = matches!(
            error.rejection(),
            Some(Rejection::Ntlm(NtlmRejection::Mic { .. }))
        );
        assert!(mic, "byte {place}: {error}");
    }
}

/// Helpers die under logons: the right passwords get in all the same, the wrong ones never.
fn a_helper_killed_in_a_burst(directory: &Directory, config: &AcceptorConfig) {
    const LOGINS: usize = 40;
    /// Logons between two kills: fewer, and a slow machine has the four helpers that a logon is
    /// tried on killed under it one after the other.
    const APART: usize = 8;
    let (done, killed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let decided = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let next = decided.load(Ordering::SeqCst) + APART;
                for pid in directory.helpers().into_iter().take(1) {
                    let kill = Command::new("kill").args(["-9", &pid.to_string()]).status();
                    if kill.is_ok_and(|status| status.success()) {
                        killed.fetch_add(1, Ordering::SeqCst);
                    }
                }
                let go_on =
                    || done.load(Ordering::SeqCst) || decided.load(Ordering::SeqCst) >= next;
                within(PATIENCE, go_on);
            }
        });
        let (decided, killed) = (&decided, &killed);
        let began = Instant::now();
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                scope.spawn(move || {
                    let few = || killed.load(Ordering::SeqCst) < 3 && began.elapsed() < PATIENCE;
                    for index in (0..).take_while(|index| *index < LOGINS || few()) {
                        decided.fetch_add(1, Ordering::SeqCst);
                        let right = (worker + index) % 3 != 0;
                        let password = if right { PASSWORD } else { "password" };
                        let login = Login::new("alice", "ADTEST", password);
                        match accept(config, &mut SspiNtlm::new(&login)) {
                            Ok(_) => assert!(right, "let in with a wrong password"),
                            Err(failure) => {
                                assert!(!right, "lost: {failure}");
                                let due = LogonProblem::WrongPassword;
                                assert_eq!(problem(failure.error()), due);
                            }
                        }
                    }
                })
            })
            .collect();
        let results: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        done.store(true, Ordering::SeqCst);
        killer.join().expect("the killer");
        for result in results {
            result.expect("every logon as it should be");
        }
        let killed = killed.load(Ordering::SeqCst);
        assert!(killed >= 3, "only {killed} killed in {:?}", began.elapsed());
    });
}
