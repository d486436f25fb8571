//! A client of `examples/tcp_echo` that logs in with the system's own packages:
//! `sspi_client PACKAGE HOST:PORT TARGET COUNT`. Prints each echo.
//!
//! It shares no code with the backend: its calls are those of a client, and its messages are put
//! together here.

#[cfg(windows)]
#[path = "../../../../examples/tcp_echo/frame.rs"]
mod frame;
#[cfg(windows)]
mod sys;

#[cfg(windows)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [package, address, target, count] = &arguments[..] else {
        return Err("sspi_client PACKAGE HOST:PORT TARGET COUNT".into());
    };
    let mut client = sys::Client::new(package, target)?;
    let mut stream = std::net::TcpStream::connect(address)?;
    let mut reply = None;
    loop {
        let (token, is_done) = client.step(reply.as_deref())?;
        if let Some(token) = token {
            println!("sends {} bytes of {}", token.len(), framing(&token));
            frame::write(&mut stream, &token)?;
        }
        if is_done {
            break;
        }
        let next = frame::read(&mut stream)?;
        reply = Some(next.ok_or("the server closed the connection")?);
    }
    println!("logged in by {package}");
    for number in 0..count.parse()? {
        let message = format!("message {number}, ").repeat(1 + number * 100);
        frame::write(&mut stream, &client.seal(message.as_bytes())?)?;
        let echo = frame::read(&mut stream)?.ok_or("the server closed the connection")?;
        if client.open(&echo)? != message.as_bytes() {
            return Err(format!("message {number} came back changed").into());
        }
        println!("echo {number}: {} bytes", message.len());
    }
    Ok(())
}

/// What a token is in (RFC 2743 3.1, RFC 4178, MS-NLMP).
#[cfg(windows)]
fn framing(token: &[u8]) -> &'static str {
    let begins = &token[..token.len().min(20)];
    let has = |what: &[u8]| begins.windows(what.len()).any(|window| window == what);
    if has(b"NTLMSSP\0") {
        "NTLM"
    } else if has(&[6, 6, 0x2B, 6, 1, 5, 5, 2]) {
        "SPNEGO"
    } else {
        "Kerberos"
    }
}

#[cfg(not(windows))]
fn main() {
    eprintln!("sspi_client: this is not Windows");
    std::process::exit(2);
}
