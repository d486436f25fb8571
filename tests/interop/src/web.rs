//! HTTPS clients: a Python with libraries of PyPI's, Java, Chromium, Firefox.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::process::{packages, root, run, target_dir};
use crate::python::PYTHON;

/// A Python with requests-gssapi, requests-kerberos and requests-ntlm, in an environment of this build's.
pub fn requests() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        // requests-kerberos comes with a module of C.
        packages(&[
            "python3-venv",
            "python3-dev",
            "python3-gssapi",
            "libkrb5-dev",
            "gcc",
        ]);
        let place = target_dir().join("requests");
        let python = place.join("bin/python");
        let there = Command::new(&python)
            .args([
                "-c",
                "import requests_gssapi, requests_kerberos, requests_ntlm",
            ])
            .stderr(Stdio::null())
            .status();
        if !there.is_ok_and(|status| status.success()) {
            run(Command::new(PYTHON)
                .args(["-m", "venv", "--clear", "--system-site-packages"])
                .arg(&place));
            run(Command::new(&python)
                .args(["-m", "pip", "-q", "install"])
                // It is compiled here: half a minute, and three times that when optimised.
                .env("CFLAGS", "-O0 -g0")
                .args(["requests-gssapi==1.4.*", "requests-ntlm==1.3.*"])
                .arg("requests-kerberos==0.15.*"));
        }
        python
    })
    .clone()
}

/// `py/web.py` with these arguments.
pub fn python_web(library: &str, url: &str, pem: &Path) -> Command {
    let mut command = Command::new(requests());
    command.arg(root().join("tests/interop/py/web.py"));
    command.arg(library).arg(url).arg(pem);
    command
}

/// A page as headless Chromium has it, its script run.
///
/// # Panics
/// Chromium does not start.
pub fn chromium(profile: &Path, url: &str, arguments: &[&str]) -> Command {
    packages(&["chromium"]);
    let mut command = Command::new("chromium");
    command
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--dump-dom",
        ])
        .args(["--ignore-certificate-errors", "--timeout=60000"])
        .args(arguments)
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(url)
        .stderr(Stdio::null());
    command
}

/// Title and text of each page as headless Firefox has them: `py/firefox.py` says what a step is.
pub fn firefox(profile: &Path, steps: &[&str]) -> Command {
    packages(&["firefox-esr", "python3"]);
    let mut command = Command::new(PYTHON);
    command.arg(root().join("tests/interop/py/firefox.py"));
    command.arg(profile).args(steps);
    command
}
