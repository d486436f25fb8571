//! kit's initiator as a client of `examples/tcp_echo`, at the real time.
//!
//! ```text
//! echo_client keytab FILE              writes the keytab of kit's realm
//! echo_client HOST:PORT raw|spnego     logs in with it, and exchanges messages
//! ```

use kit::ap_req::oid;
use kit::client::Answer;
use kit::message::WrapSpec;
use kit::spnego::{InitSpec, Resp, state};
use kit::world::World;
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let world = World::new(i64::try_from(now)?, 1);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [what, file] if what == "keytab" => Ok(std::fs::write(file, world.keytab())?),
        [address, framing] => converse(&world, address, framing == "spnego"),
        _ => Err("echo_client keytab FILE, or echo_client HOST:PORT raw|spnego".into()),
    }
}

fn converse(world: &World, address: &str, negotiates: bool) -> Result<(), Box<dyn Error>> {
    let spec = world.ap_req();
    let mut client = spec.initiator();
    let mut stream = TcpStream::connect(address)?;
    let reply = if negotiates {
        send(
            &mut stream,
            &InitSpec::new(&[oid::KRB5], Some(spec.token())).token(),
        )?;
        let reply = Resp::read(&receive(&mut stream)?)?;
        if reply.state != Some(state::COMPLETED) || reply.mech.as_deref() != Some(oid::KRB5) {
            return Err(format!("answered {reply:02x?}").into());
        }
        reply.token.ok_or("no AP-REP")?
    } else {
        send(&mut stream, &spec.token())?;
        receive(&mut stream)?
    };
    match client.read(&reply)? {
        Answer::ApRep(_) => println!("the server proved itself"),
        other => return Err(format!("no AP-REP: {other:?}").into()),
    }
    let messages = client.messages();
    for number in 0..6_u64 {
        let sealed = number % 2 == 0;
        let message = format!("message {number}, ").repeat(1 + 100 * usize::try_from(number)?);
        let token = WrapSpec::new(u64::from(client.seq) + number, sealed);
        send(&mut stream, &messages.wrap(message.as_bytes(), &token))?;
        let echo = messages.unwrap(&receive(&mut stream)?)?;
        let due = (message.as_bytes(), sealed, client.acceptor_seq() + number);
        if (&echo.message[..], echo.sealed, echo.seq) != due {
            return Err(format!("message {number} came back as {echo:?}").into());
        }
        println!("echo {number}: {} bytes", message.len());
    }
    Ok(())
}

fn send(stream: &mut TcpStream, frame: &[u8]) -> Result<(), Box<dyn Error>> {
    stream.write_all(&u32::try_from(frame.len())?.to_be_bytes())?;
    Ok(stream.write_all(frame)?)
}

fn receive(stream: &mut TcpStream) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length))?;
    let mut frame = vec![0; length.min(1 << 20)];
    stream.read_exact(&mut frame)?;
    Ok(frame)
}
