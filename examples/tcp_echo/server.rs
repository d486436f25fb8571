//! One client: who it is, then its messages.

use std::error::Error;
use std::net::TcpStream;
use std::time::Duration;

use gss_acceptor::{Acceptor, AcceptorConfig, Context, SequenceState, Step, StepInput};

use crate::frame;

/// How long a client may be silent.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether the backend compares the client's address with its ticket's.
#[derive(Clone, Copy)]
pub enum Addresses {
    Compared,
    /// The system's packages do not, and say so rather than pass them over.
    #[cfg(windows)]
    NotCompared,
}

/// Serves a client until it goes; says how many messages it had.
pub fn echo(
    config: &AcceptorConfig,
    addresses: Addresses,
    mut stream: TcpStream,
    peer: &str,
) -> Result<usize, Box<dyn Error>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let context = accept(config, addresses, &mut stream)?;
    eprintln!(
        "{peer}: let in: {} until {} ({})",
        context.peer(),
        context.expiry(),
        context.granted().names()
    );
    let mut count = 0;
    while let Some(token) = frame::read(&mut stream)? {
        let message = context.unwrap(&token)?;
        if message.sequence != SequenceState::InOrder {
            // TCP loses and reorders nothing: somebody else has.
            return Err(format!("a message out of order: {:?}", message.sequence).into());
        }
        let reply = context.wrap(message.protection, &message.data)?;
        frame::write(&mut stream, &reply)?;
        count += 1;
    }
    Ok(count)
}

/// The handshake: every acceptor's loop.
fn accept(
    config: &AcceptorConfig,
    addresses: Addresses,
    stream: &mut TcpStream,
) -> Result<Context, Box<dyn Error>> {
    let address = stream.peer_addr()?.ip().to_canonical();
    let mut acceptor = Acceptor::new(config);
    loop {
        let token = frame::read(stream)?.ok_or("the client went away in the handshake")?;
        let input = match addresses {
            Addresses::Compared => StepInput::new(&token).peer_address(address),
            #[cfg(windows)]
            Addresses::NotCompared => StepInput::new(&token),
        };
        match acceptor.step_with(input) {
            Ok(Step::Continue { token }) => frame::write(stream, &token)?,
            Ok(Step::Established { token, context }) => {
                if let Some(token) = token {
                    frame::write(stream, &token)?;
                }
                return Ok(context);
            }
            Err(failure) => {
                if let Some(token) = failure.token() {
                    frame::write(stream, token)?;
                }
                return Err(failure.into());
            }
        }
    }
}
