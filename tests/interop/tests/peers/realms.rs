//! Rule 11 with real KDCs: a client of another realm, the path that its ticket took, and who has to
//! check it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use gss_acceptor::{
    Acceptor, AcceptorConfig, Context, Error, Keytab, Krb5Conf, MemoryReplayStore, Rejection, Step,
    backends,
};
use interop::libraries::GssPeer;
use interop::process::{Folder, run, support};
use interop::{Ask, Peer};
use kit::judge::{Judge, Library, Outcome};

/// A.TEST, which trusts B.TEST, which trusts C.TEST and D.TEST (tests/support/realms.sh).
struct Realms(Folder);

impl Realms {
    fn start() -> Self {
        let realms = Self(Folder::new("realms"));
        run(Command::new(support("realms.sh"))
            .arg("start")
            .arg(realms.0.path())
            .stdin(std::process::Stdio::null()));
        realms
    }

    /// What alice@A.TEST says to HTTP on this host, which is in the realm of its name.
    fn token(&self, library: Library, host: &str) -> Vec<u8> {
        let variable = |name: &str, file: &str| {
            let path = self.0.path().join(file).display().to_string();
            (name.to_owned(), path.into())
        };
        let environment = vec![
            variable("KRB5_CONFIG", "krb5.conf"),
            variable("KRB5CCNAME", "ccache"),
        ];
        let ask = Ask::of(&format!("HTTP@{host}"));
        let mut peer = GssPeer::new(library, environment, ask);
        let sent = peer
            .init(None)
            .unwrap_or_else(|why| panic!("{host}: {why}"));
        sent.token.expect("a token")
    }

    fn keytab(&self) -> PathBuf {
        self.0.path().join("services.keytab")
    }

    fn accept(&self, conf: Option<&Krb5Conf>, token: &[u8]) -> Result<Context, Error> {
        let keytab = Keytab::open(self.keytab()).expect("the services' keys");
        let mut builder = AcceptorConfig::builder(backends::rust(keytab))
            .replay_store(Arc::new(MemoryReplayStore::new()));
        if let Some(conf) = conf {
            builder = builder.krb5_conf(conf);
        }
        match Acceptor::new(&builder.build().expect("builds")).step(token) {
            Ok(Step::Established { context, .. }) => Ok(context),
            Ok(_) => panic!("one leg is all there is"),
            Err(failure) => Err(failure.into_error()),
        }
    }
}

impl Drop for Realms {
    fn drop(&mut self) {
        let _ = Command::new(support("realms.sh"))
            .arg("stop")
            .arg(self.0.path())
            .status();
    }
}

#[test]
fn rule_11_clients_of_other_realms() {
    let realms = Realms::start();
    for library in [Library::Mit, Library::Heimdal] {
        // Two realms with a key in common: nobody is between them.
        let context = realms.accept(None, &realms.token(library, "b.localhost"));
        let context = context.expect("no realm was passed");
        assert_eq!(context.peer().to_string(), "alice@A.TEST");
        let target = context.target().map(ToString::to_string);
        assert_eq!(target.as_deref(), Some("HTTP/b.localhost@B.TEST"));
        // The KDC of the third realm has checked the path, and says so.
        let context = realms.accept(None, &realms.token(library, "d.localhost"));
        let context = context.expect("TRANSITED-POLICY-CHECKED");
        assert_eq!(context.peer().to_string(), "alice@A.TEST");
        // That of C.TEST has not: the server has to.
        paths_that_the_server_checks(&realms, library);
    }
}

fn paths_that_the_server_checks(realms: &Realms, library: Library) {
    let path = |between: &str| format!("[capaths]\n A.TEST = {{\n  C.TEST = {between}\n }}\n");
    for (text, due) in [
        (path("B.TEST"), Outcome::Accept),
        // Nothing is said: by their names the path is through TEST.
        (String::new(), Outcome::Reject),
        // Forbidden: the two may have nobody between them, or another.
        (path("."), Outcome::Reject),
        (path("D.TEST"), Outcome::Reject),
    ] {
        let token = realms.token(library, "c.localhost");
        let mut judge = Judge::mit().expect("a judge");
        let file = judge.configure(&text).expect("a file");
        let verdict = judge.accept(&realms.keytab(), &token, None, None);
        let verdict = verdict.expect("a verdict");
        assert_eq!(verdict.outcome(), due, "MIT: {text}{verdict:?}");
        let conf = Krb5Conf::open(&file).unwrap_or_else(|error| panic!("{error}"));
        match (due, realms.accept(Some(&conf), &token)) {
            (Outcome::Accept, Ok(context)) => {
                assert_eq!(context.peer().to_string(), "alice@A.TEST");
            }
            (Outcome::Reject, Err(error)) => match error.rejection() {
                Some(Rejection::Transited { transited, .. }) => {
                    assert_eq!(*transited, ["B.TEST"], "{text}");
                }
                _ => panic!("{text}{error}"),
            },
            (_, came) => panic!("{text}{came:?}"),
        }
    }
}
