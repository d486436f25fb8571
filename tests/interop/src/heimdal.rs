//! Heimdal's kinit, unpacked by `tests/support/heimdal.sh`.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::kdc::{Kdc, User, read_env};
use crate::process::{run, support};

/// alice, logged in by Heimdal's kinit, with Heimdal's krb5.conf.
///
/// # Panics
/// heimdal.sh or kinit fails.
pub fn alice(kdc: &Kdc) -> User {
    static ALICE: OnceLock<User> = OnceLock::new();
    ALICE.get_or_init(|| login(kdc)).clone()
}

fn login(kdc: &Kdc) -> User {
    run(Command::new(support("heimdal.sh")).arg(kdc.dir()));
    let env = read_env(&kdc.dir().join("heimdal.env"));
    let ccache = PathBuf::from(env["KRB5CCNAME"].trim_start_matches("FILE:"));
    let user = User::with_cache(ccache, Some(env["KRB5_CONFIG"].clone().into()));
    let mut child = Command::new(&env["HEIMDAL_KINIT"])
        .args(["--password-file=STDIN", "alice"])
        .envs(user.environment(kdc))
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Heimdal's kinit");
    let mut input = child.stdin.take().expect("piped");
    write!(input, "alice-pw").expect("kinit reads its input");
    drop(input);
    let output = child.wait_with_output().expect("kinit ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Heimdal's kinit: {errors}");
    user
}
