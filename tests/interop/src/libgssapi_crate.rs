//! The `libgssapi` crate as client: a program of its own (`libgssapi/`), whose bindings are made
//! from MIT's headers.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::kdc::{Kdc, User};
use crate::peer::Ask;
use crate::process::{packages, root, run, target_dir};
use crate::python::PythonPeer;

/// The program, built once for this process.
fn program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        packages(&["libclang1", "libkrb5-dev", "pkg-config", "gcc"]);
        // The compiler's own headers are GCC's: libclang alone has none.
        let include = run(Command::new("gcc").arg("-print-file-name=include"));
        let include = String::from_utf8(include.stdout).expect("a path");
        let profile = target_dir();
        let target = profile.parent().expect("the target folder");
        let target = target.join("libgssapi");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        run(Command::new(cargo)
            .args(["build", "-q", "--locked"])
            .current_dir(root().join("tests/interop/libgssapi"))
            .env("BINDGEN_EXTRA_CLANG_ARGS", format!("-I{}", include.trim()))
            .env("LIBGSSAPI_IMPL", "mit")
            .env("CARGO_TARGET_DIR", &target));
        target.join("debug/libgssapi-client")
    };
    BUILT.get_or_init(build).clone()
}

/// A context of the crate's, with the tickets of `user`. It makes no MICs, and does not say whether
/// a message was sealed.
///
/// # Panics
/// It does not start.
pub fn libgssapi(kdc: &Kdc, user: &User, ask: &Ask) -> PythonPeer {
    assert!(ask.bindings.is_none(), "this program has no bindings");
    let mut command = Command::new(program());
    command
        .arg(&ask.target)
        .arg(if ask.spnego { "spnego" } else { "krb5" })
        .arg(ask.flags.to_string())
        .envs(user.environment(kdc));
    PythonPeer::start("libgssapi".to_owned(), &mut command)
}
