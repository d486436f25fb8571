//! What every client can be asked to do, whichever library is behind it.

use gss_acceptor::SequenceState;

/// GSS-API request flags (RFC 2744 appendix A, `gssapi_ext.h`).
pub mod flags {
    /// GSS_C_DELEG_FLAG.
    pub const DELEG: u32 = 1;
    /// GSS_C_MUTUAL_FLAG.
    pub const MUTUAL: u32 = 2;
    /// GSS_C_REPLAY_FLAG.
    pub const REPLAY: u32 = 4;
    /// GSS_C_SEQUENCE_FLAG.
    pub const SEQUENCE: u32 = 8;
    /// GSS_C_CONF_FLAG.
    pub const CONF: u32 = 16;
    /// GSS_C_INTEG_FLAG.
    pub const INTEG: u32 = 32;
    /// GSS_C_DCE_STYLE.
    pub const DCE: u32 = 0x1000;
    /// What an ordinary client asks for, mutual authentication apart.
    pub const USUAL: u32 = REPLAY | SEQUENCE | CONF | INTEG;
}

/// What a client is to ask for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The service, `service@host`.
    pub target: String,
    /// SPNEGO, or the mechanism's token alone.
    pub spnego: bool,
    /// Of [`flags`].
    pub flags: u32,
    /// The channel bindings' application data.
    pub bindings: Option<Vec<u8>>,
}

impl Ask {
    /// A raw handshake with `HTTP/localhost`, not mutual, with the usual flags.
    pub fn http() -> Self {
        Self::of("HTTP@localhost")
    }

    /// The same with another service.
    pub fn of(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            spnego: false,
            flags: flags::USUAL,
            bindings: None,
        }
    }

    /// With mutual authentication.
    pub fn mutual(mut self) -> Self {
        self.flags |= flags::MUTUAL;
        self
    }

    /// In DCE style, which implies mutual authentication.
    pub fn dce(mut self) -> Self {
        self.flags |= flags::DCE;
        self
    }

    /// Inside SPNEGO.
    pub fn spnego(mut self) -> Self {
        self.spnego = true;
        self
    }

    /// With these flags and no others.
    pub fn flags(mut self, flags: u32) -> Self {
        self.flags = flags;
        self
    }

    /// With channel bindings.
    pub fn bindings(mut self, application_data: &[u8]) -> Self {
        self.bindings = Some(application_data.to_vec());
        self
    }
}

/// What a leg of the client's came to.
#[derive(Clone, Debug)]
pub struct Sent {
    /// For the acceptor, if anything.
    pub token: Option<Vec<u8>>,
    /// Whether the client has its context.
    pub done: bool,
}

/// A message as the client received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The message.
    pub data: Vec<u8>,
    /// Whether it was sealed.
    pub sealed: bool,
    /// Its place, where the library watches the sequence.
    pub sequence: Option<SequenceState>,
}

/// One client context. Errors are the library's own words.
pub trait Peer {
    /// Which library, for messages.
    fn name(&self) -> String;
    /// The first leg without a token, further ones with the acceptor's.
    fn init(&mut self, token: Option<&[u8]>) -> Result<Sent, String>;
    /// A message for the acceptor.
    fn wrap(&mut self, data: &[u8], seal: bool) -> Result<Vec<u8>, String>;
    /// A message of the acceptor's.
    fn unwrap(&mut self, token: &[u8]) -> Result<Received, String>;
    /// A MIC for the acceptor.
    fn mic(&mut self, data: &[u8]) -> Result<Vec<u8>, String>;
    /// A MIC of the acceptor's.
    fn verify(&mut self, data: &[u8], mic: &[u8]) -> Result<Option<SequenceState>, String>;
    /// Whether it can do what the acceptor sends here at all. What cannot is said by name.
    fn lacks(&self) -> &'static [Lacks] {
        &[]
    }
}

/// What a client library does not do, stated by its adapter and asserted where it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// Wrapping without confidentiality.
    UnsealedWrap,
    /// MICs.
    Mic,
    /// Telling replayed and reordered messages.
    Sequence,
}
