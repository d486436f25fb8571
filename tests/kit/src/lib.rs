//! An independent initiator and forger of tokens, and the judges that try them.
//!
//! The conformance suite feeds an acceptor with what is forged here. It shares no code with the
//! crate under test; before a token is trusted, other acceptors have judged it: see [`judge`] and
//! the `verdicts` binary, which prints every case of [`cases`] with what each of them says.

pub mod ap_req;
pub mod bindings;
pub mod cases;
pub mod ccache;
pub mod client;
pub mod cred;
pub mod crypto;
pub mod dce;
pub mod der;
pub mod judge;
pub mod keytab;
pub mod message;
pub mod ntlm;
pub mod rc4_message;
pub mod spnego;
pub mod ticket;
pub mod user_to_user;
pub mod world;
