//! A machine without any library: a root directory that has this program and what it is linked
//! with, and nothing else.

use conformance::bench::{Bench, done};
use gss_acceptor::backends::{GssapiLibrary, gssapi, rust};
use gss_acceptor::{Acceptor, AcceptorConfig, Clock, Error, MemoryReplayStore, Unavailability};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

const NAME: &str = "GSS_ACCEPTOR_NOWHERE";

/// A directory, gone when it is dropped.
struct Root(PathBuf);

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a program is linked with, by `ldd`.
fn linked(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let words = text.split_whitespace().filter(|word| word.starts_with('/'));
    words.map(PathBuf::from).collect()
}

#[test]
fn without_a_library_the_rust_backend_works() {
    if std::env::var_os(NAME).is_some() {
        return nowhere();
    }
    let me = std::env::current_exe().expect("this program");
    let root = Root(std::env::temp_dir().join(format!("gss-nowhere-{}", std::process::id())));
    // Of a process of the past that had this one's number, and was killed.
    let _ = fs::remove_dir_all(&root.0);
    let libraries = linked(&me);
    let names: Vec<String> = libraries.iter().map(|l| l.display().to_string()).collect();
    assert!(!names.is_empty(), "ldd names none");
    // Compiled in without being linked.
    for name in &names {
        let foreign = ["gss", "krb5", "heim"]
            .iter()
            .any(|part| name.contains(part));
        assert!(!foreign, "{names:?}");
    }
    for library in &libraries {
        let place = root.0.join(library.strip_prefix("/").expect("a full path"));
        fs::create_dir_all(place.parent().expect("a folder")).expect("makes");
        fs::copy(library, place).expect("copies");
    }
    fs::create_dir_all(root.0.join("tmp")).expect("makes");
    fs::copy(&me, root.0.join("program")).expect("copies");
    let output = Command::new("chroot")
        .arg(&root.0)
        .args([
            "/program",
            "nowhere::without_a_library_the_rust_backend_works",
            "--exact",
            "--nocapture",
        ])
        .env(NAME, "1")
        .output()
        .expect("chroot, which takes root");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("nobody is asked for a library"), "{text}");
}

/// In there.
fn nowhere() {
    let bench = Bench::new();
    for (library, looked_for) in [
        (
            GssapiLibrary::Any,
            &["libgssapi_krb5.so.2", "libgssapi.so.3", "GSS.framework"][..],
        ),
        (GssapiLibrary::Mit, &["libgssapi_krb5.so.2"]),
        (GssapiLibrary::Heimdal, &["libgssapi.so.3"]),
        (
            GssapiLibrary::File("/opt/site/libgssapi.so".into()),
            &["/opt/site/libgssapi.so"],
        ),
    ] {
        let backend = gssapi(bench.keytab()).library(library.clone());
        let error = AcceptorConfig::builder(backend)
            .build()
            .expect_err("there is none");
        let text = error.to_string();
        match &error {
            Error::Unavailable { cause, .. } => {
                assert!(matches!(**cause, Unavailability::Platform { .. }), "{text}")
            }
            _ => panic!("{text}"),
        }
        assert!(text.contains("a GSS-API library"), "{text}");
        for name in looked_for {
            assert!(text.contains(name), "{name}: {text}");
        }
        assert!(library.importer().is_err(), "none to import with");
    }
    let config = AcceptorConfig::builder(rust(bench.keytab()))
        .clock(Arc::clone(&bench.clock) as Arc<dyn Clock>)
        .replay_store(Arc::new(MemoryReplayStore::new()))
        .build()
        .expect("builds");
    let token = bench.world.ap_req().token();
    done(Acceptor::new(&config).step(&token));
    println!("nobody is asked for a library");
}
