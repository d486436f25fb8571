//! A client and the acceptor, brought together in one process.

use gss_acceptor::{
    Acceptor, AcceptorConfig, ChannelBindings, ConfigBuilder, Context, Failure, Keytab, Step,
    StepInput, backends,
};

use crate::kdc::Kdc;
use crate::peer::Peer;

/// An acceptor's side of a finished handshake.
#[derive(Debug)]
pub struct Done {
    /// The acceptor's context.
    pub context: Context,
    /// Tokens that went to the acceptor.
    pub legs: usize,
    /// The last token of the acceptor's, if it sent one.
    pub reply: Option<Vec<u8>>,
}

/// A configuration on one of the KDC's keytabs.
pub fn builder(kdc: &Kdc, keytab: &str) -> ConfigBuilder {
    let keytab = Keytab::open(kdc.keytab(keytab)).expect("the KDC's keytab");
    AcceptorConfig::builder(backends::rust(keytab))
}

/// The acceptor as it is by default.
pub fn config(kdc: &Kdc, keytab: &str) -> AcceptorConfig {
    builder(kdc, keytab).build().expect("a plain configuration")
}

/// A handshake that must succeed on both sides.
///
/// # Panics
/// It does not.
pub fn shake(config: &AcceptorConfig, peer: &mut dyn Peer) -> Done {
    accept(config, peer).unwrap_or_else(|failure| panic!("{}: {failure}", peer.name()))
}

/// A handshake without channel bindings on our side.
///
/// # Errors
/// The acceptor's.
pub fn accept(config: &AcceptorConfig, peer: &mut dyn Peer) -> Result<Done, Failure> {
    accept_with(config, peer, None)
}

/// A handshake whose client must be content with every token of ours.
///
/// # Errors
/// The acceptor's.
///
/// # Panics
/// The client fails, or believes it has a context when the acceptor does not.
pub fn accept_with(
    config: &AcceptorConfig,
    peer: &mut dyn Peer,
    bindings: Option<&ChannelBindings>,
) -> Result<Done, Failure> {
    let name = peer.name();
    let mut acceptor = Acceptor::new(config);
    let mut sent = peer.init(None).unwrap_or_else(|e| panic!("{name}: {e}"));
    for legs in 1.. {
        let token = sent
            .token
            .unwrap_or_else(|| panic!("{name} has no token for leg {legs}"));
        let mut input = StepInput::new(&token);
        if let Some(bindings) = bindings {
            input = input.channel_bindings(bindings);
        }
        let (reply, context) = match acceptor.step_with(input)? {
            Step::Continue { token } => (Some(token), None),
            Step::Established { token, context } => (token, Some(context)),
        };
        if let Some(token) = &reply {
            sent = peer
                .init(Some(token))
                .unwrap_or_else(|e| panic!("{name}, after our token of leg {legs}: {e}"));
        } else {
            sent.token = None;
        }
        if let Some(context) = context {
            assert!(sent.done, "{name} is not done when the acceptor is");
            assert_eq!(sent.token, None, "{name} has something to add");
            return Ok(Done {
                context,
                legs,
                reply,
            });
        }
    }
    unreachable!("the loop ends by itself")
}
