//! The broker: holds a keytab, accepts clients for applications on the same
//! machine, and gives them the contexts.
//!
//! ```text
//! gss-acceptor-broker FILE            serves by this configuration
//! gss-acceptor-broker --check FILE    reads it and the keytab, and says what it would do
//! ```
//!
//! `config.rs` has the format of the file.

mod backend;
mod config;
mod privileges;

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use gss_acceptor::broker::{Broker, BrokerLimits};
use gss_acceptor::{Keytab, MemoryReplayStore};

use config::Config;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [file] if !file.starts_with('-') => run(file, true),
        [check, file] if check == "--check" => run(file, false),
        _ => Err("usage: gss-acceptor-broker [--check] FILE".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gss-acceptor-broker: {error}");
            ExitCode::FAILURE
        }
    }
}

type Failed = Box<dyn std::error::Error>;

fn run(file: &str, serve: bool) -> Result<(), Failed> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let config = Config::read(&text).map_err(|error| format!("{file}: {error}"))?;
    privileges::keep_memory_private()?;
    // While it may still be read. With another user to become, a file that
    // changes could not be read again.
    let keytab = match &config.user {
        Some(_) => {
            let bytes = fs::read(&config.keytab)
                .map_err(|error| format!("{}: {error}", config.keytab.display()))?;
            Keytab::from_bytes(bytes)?
        }
        None => Keytab::open(&config.keytab)?,
    };
    let listener = serve.then(|| listen(&config)).transpose()?;
    if serve {
        privileges::drop_to(config.user.as_deref(), config.group.as_deref())?;
    }
    let replay = Arc::new(MemoryReplayStore::new());
    let (skew, start) = (config.clock_skew, config.reject_before_start);
    let backend = config.backend;
    backend::check(backend)?;
    let make = move || {
        let mut builder = backend::builder(backend, keytab.clone()).replay_store(replay.clone());
        if let Some(skew) = skew {
            builder = builder.clock_skew(skew);
        }
        if start {
            builder = builder.reject_before_start();
        }
        builder
    };
    let mut limits = BrokerLimits::default();
    if let Some(threads) = config.threads {
        limits.threads = threads;
    }
    let mut broker = Broker::new(make).limits(limits);
    for (user, services) in &config.allow {
        broker = broker.allow(privileges::uid_of(user)?, services);
    }
    let broker = broker.build()?;
    eprint!("{}", broker.describe());
    if let Some(listener) = listener {
        let running = broker.serve(listener)?;
        eprintln!("listening at {}", config.socket.display());
        running.wait();
    }
    Ok(())
}

/// Listens as whoever started the program: that is what the applications'
/// kernel tells them of us.
fn listen(config: &Config) -> Result<UnixListener, Failed> {
    let path = &config.socket;
    check_directory(path)?;
    remove_stale(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let listener =
        UnixListener::bind(path).map_err(|error| format!("{}: {error}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(config.mode))?;
    if let Some(group) = &config.socket_group {
        let gid = privileges::gid_of(group)?;
        std::os::unix::fs::chown(path, None, Some(gid))?;
    }
    Ok(listener)
}

/// Whoever may write to the directory could put another socket in the place
/// of this one, or a link whose target then gets the socket's permissions.
fn check_directory(socket: &Path) -> Result<(), Failed> {
    let directory = match socket.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let shown = directory.display();
    let metadata = fs::metadata(directory).map_err(|error| format!("{shown}: {error}"))?;
    if ![0, privileges::own_uid()].contains(&metadata.uid()) {
        return Err(format!(
            "{shown} belongs to user {}, who could replace the socket; let root own it",
            metadata.uid()
        )
        .into());
    }
    let (others, sticky) = (metadata.mode() & 0o022, metadata.mode() & 0o1000);
    if others != 0 && sticky == 0 {
        return Err(format!(
            "others than its owner may write to {shown}, and could replace the socket; chmod it to \
             755 or less"
        )
        .into());
    }
    Ok(())
}

/// A socket that nobody listens on any more, and nothing else.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => Err(io::Error::other(
            "something else than a socket is there; remove it",
        )),
        Ok(_) if UnixStream::connect(path).is_ok() => {
            Err(io::Error::other("another broker listens there"))
        }
        Ok(_) => fs::remove_file(path),
    }
}
