//! A listener with a thread for every connection, and a bound on how many.

use std::io::{self, ErrorKind};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Listens on `address`, or says what to do about it.
pub fn bind(address: &str) -> Result<(TcpListener, SocketAddr), String> {
    let addresses: Vec<SocketAddr> = address
        .to_socket_addrs()
        .map_err(|error| {
            format!(
                "cannot listen on '{address}': {error}; write host and port, as in 127.0.0.1:8080"
            )
        })?
        .collect();
    let bound = TcpListener::bind(&addresses[..]).and_then(|listener| {
        let local = listener.local_addr()?;
        Ok((listener, local))
    });
    bound.map_err(|error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => {
                "another program has it; stop that one, or choose another port with --listen"
            }
            ErrorKind::PermissionDenied => {
                "ports below 1024 are for privileged users; choose a higher one with --listen"
            }
            ErrorKind::AddrNotAvailable => {
                "this machine does not have that address; 127.0.0.1 is always there"
            }
            _ => "choose another one with --listen",
        };
        format!("cannot listen on {address}: {error}: {advice}")
    })
}

/// Serves connections for ever: each in a thread of its own, at most `limit`
/// at once. One more is given to `busy`, which should be quick.
pub fn serve(
    listener: &TcpListener,
    limit: usize,
    busy: impl Fn(TcpStream),
    handle: impl Fn(TcpStream) + Send + Sync + 'static,
) -> ! {
    let handle = Arc::new(handle);
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: they come back.
                eprintln!("cannot accept a connection: {error}");
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        if open.load(Ordering::Relaxed) >= limit {
            busy(stream);
            continue;
        }
        let slot = Slot::take(&open);
        let handle = Arc::clone(&handle);
        let spawned = thread::Builder::new().spawn(move || {
            let _slot = slot;
            handle(stream);
        });
        if let Err(error) = spawned {
            eprintln!("cannot start a thread: {error}");
        }
    }
}

/// A client from its arrival to its end, which is noted with its address.
#[allow(dead_code)] // Not every example has it.
pub fn log_end<E: std::fmt::Display>(
    stream: TcpStream,
    serve: impl FnOnce(TcpStream, &str) -> Result<(), E>,
) {
    let peer = match stream.peer_addr() {
        Ok(address) => address.to_string(),
        Err(_) => "a client".into(),
    };
    match serve(stream, &peer) {
        Ok(()) => eprintln!("{peer}: gone"),
        Err(error) => eprintln!("{peer}: ended: {error}"),
    }
}

/// A connection, counted; given back also when its thread panics.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Connects to a server on this machine that listens on `local`.
pub fn connect(local: SocketAddr) -> io::Result<TcpStream> {
    let ip = match local.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, local.port());
    TcpStream::connect_timeout(&address, Duration::from_secs(5))
}
