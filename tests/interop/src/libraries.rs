//! MIT krb5 and Heimdal as clients, each in a child process of the kit's.

use std::ffi::OsString;

use gss_acceptor::SequenceState;
use kit::judge::iov::Part;
use kit::judge::{self, Initiator, Library, Outcome, Verdict};

use crate::kdc::{Kdc, User};
use crate::peer::{Ask, Peer, Received, Sent};
use crate::process::judge_program;

/// A context of a C library's.
pub struct GssPeer {
    library: Library,
    initiator: Initiator,
}

impl GssPeer {
    /// MIT krb5 with the tickets of `user`.
    pub fn mit(kdc: &Kdc, user: &User, ask: Ask) -> Self {
        Self::new(Library::Mit, user.environment(kdc), ask)
    }

    /// Heimdal with the tickets of `user`, which Heimdal's kinit or MIT's got.
    pub fn heimdal(kdc: &Kdc, user: &User, ask: Ask) -> Self {
        Self::new(Library::Heimdal, user.environment(kdc), ask)
    }

    /// A library with this environment.
    pub fn new(library: Library, environment: Vec<(String, OsString)>, ask: Ask) -> Self {
        judge_program();
        let ask = judge::Ask {
            target: ask.target,
            spnego: ask.spnego,
            flags: ask.flags,
            bindings: ask.bindings,
        };
        let initiator = Initiator::new(library, environment, ask)
            .unwrap_or_else(|e| panic!("{library:?}: {e}"));
        Self { library, initiator }
    }
}

impl GssPeer {
    /// gss_wrap_iov: the parts as they are afterwards.
    ///
    /// # Errors
    /// The library's.
    pub fn wrap_parts(&mut self, parts: &[Part], seal: bool) -> Result<Vec<Part>, String> {
        let (verdict, parts) = self.initiator.wrap_iov(parts, seal).expect("a verdict");
        let verdict = good(Ok(verdict))?;
        assert_eq!(verdict.ret_flags != 0, seal, "conf_state of gss_wrap_iov");
        Ok(parts)
    }

    /// gss_unwrap_iov: the parts, whether they were sealed, and their place in the sequence.
    ///
    /// # Errors
    /// The library's.
    pub fn unwrap_parts(
        &mut self,
        parts: &[Part],
    ) -> Result<(Vec<Part>, bool, Option<SequenceState>), String> {
        let (verdict, parts) = self.initiator.unwrap_iov(parts).expect("a verdict");
        let verdict = good(Ok(verdict))?;
        Ok((parts, verdict.ret_flags != 0, sequence(&verdict)))
    }

    /// Which library it is.
    pub fn library(&self) -> Library {
        self.library
    }
}

fn good(answer: std::io::Result<Verdict>) -> Result<Verdict, String> {
    let verdict = answer.unwrap_or_else(|e| panic!("{e}"));
    if verdict.outcome() == Outcome::Reject {
        return Err(verdict.text);
    }
    Ok(verdict)
}

/// GSS_S_DUPLICATE_TOKEN and its neighbours (RFC 2744 3.9.1).
fn sequence(verdict: &Verdict) -> Option<SequenceState> {
    Some(match verdict.major & 0x1e {
        0 => SequenceState::InOrder,
        2 => SequenceState::Duplicate,
        4 => SequenceState::Old,
        8 => SequenceState::Unsequenced,
        16 => SequenceState::Gap,
        other => panic!("supplementary bits {other:#x}"),
    })
}

impl Peer for GssPeer {
    fn name(&self) -> String {
        format!("{:?}", self.library)
    }

    fn init(&mut self, token: Option<&[u8]>) -> Result<Sent, String> {
        let verdict = good(self.initiator.init(token))?;
        Ok(Sent {
            done: verdict.outcome() == Outcome::Accept,
            token: verdict.output_token.filter(|t| !t.is_empty()),
        })
    }

    fn wrap(&mut self, data: &[u8], seal: bool) -> Result<Vec<u8>, String> {
        let verdict = good(self.initiator.wrap(data, seal))?;
        assert_eq!(verdict.ret_flags != 0, seal, "conf_state of gss_wrap");
        Ok(verdict.output_token.expect("gss_wrap gives a token"))
    }

    fn unwrap(&mut self, token: &[u8]) -> Result<Received, String> {
        let verdict = good(self.initiator.unwrap(token))?;
        Ok(Received {
            sequence: sequence(&verdict),
            sealed: verdict.ret_flags != 0,
            data: verdict.output_token.unwrap_or_default(),
        })
    }

    fn mic(&mut self, data: &[u8]) -> Result<Vec<u8>, String> {
        Ok(good(self.initiator.mic(data))?
            .output_token
            .expect("gss_get_mic gives a token"))
    }

    fn verify(&mut self, data: &[u8], mic: &[u8]) -> Result<Option<SequenceState>, String> {
        Ok(sequence(&good(self.initiator.verify(mic, data))?))
    }
}
