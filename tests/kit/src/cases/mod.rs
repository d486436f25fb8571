//! Forged first tokens, one per thing that can be right or wrong, with what is due for each and
//! what MIT krb5 1.20 and Heimdal 7.8 make of it.
//!
//! `expect` follows the rules of protocols.md, whose numbers the cases carry. Where a library
//! does otherwise, the case records what it does and says why we do as we do.

use crate::ap_req::ApReqSpec;
use crate::client::Initiator;
use crate::judge::{Judge, Library, Outcome, Verdict};
use crate::world::World;
use std::io;
use std::path::Path;

mod authenticator;
mod bindings;
mod checksum;
pub mod delegation;
mod fields;
mod framing;
mod keys;
mod record;
mod spnego;
mod ticket;

/// Application data of the acceptor's own bindings.
pub const BINDINGS: &[u8] = b"tls-server-end-point:0123456789abcdef0123456789abcdef";

/// What is due. The name of a rejection is its class, see [`krb_error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The client is let in.
    Accept,
    /// A reply, and another leg.
    Continue,
    /// Refused, for this reason.
    Reject(&'static str),
}

impl Expect {
    /// Without the reason.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Accept => Outcome::Accept,
            Self::Continue => Outcome::Continue,
            Self::Reject(_) => Outcome::Reject,
        }
    }
}

/// What is due in reply to an accepted token, apart from SPNEGO's own reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An AP-REP.
    ApRep,
    /// No mechanism token (rule 13).
    Nothing,
}

/// The acceptor's policy on channel bindings, under the names of protocols.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Policy {
    Ignore,
    WhenSent,
    Require,
    AnyPresent,
}

/// Which service names the acceptor takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Those of the keytab.
    Keytab,
    /// Any, as long as one of the keys opens the ticket (rule 4, aliases).
    Any,
    /// This one, `service@host` (rule 5).
    Only(&'static str),
}

/// How often the token is fed; the last verdict counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// Once.
    Once,
    /// The same octets twice, each to a new context.
    Twice,
    /// Twice, encrypted anew with the same contents.
    Rebuilt,
}

/// How the acceptor is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Policy; with [`Policy::Ignore`] the step has no bindings, else [`BINDINGS`].
    pub policy: Policy,
    /// Names accepted.
    pub names: Names,
    /// ALLOW_NULL_SESSION.
    pub null_session: bool,
    /// EXTENDED_ERROR.
    pub extended_error: bool,
    /// DELEGATE is required.
    pub delegate: bool,
    /// The peer's address as the application gives it.
    pub peer_address: Option<[u8; 4]>,
    /// How often the token is fed.
    pub feed: Feed,
}

/// A token, and the client that made it.
#[derive(Clone, Debug)]
pub struct Forged {
    /// The token.
    pub token: Vec<u8>,
    /// The client, where there is a Kerberos context to go on with.
    pub client: Option<Initiator>,
}

impl From<ApReqSpec> for Forged {
    fn from(spec: ApReqSpec) -> Self {
        let client = Some(spec.initiator());
        Self {
            token: spec.token(),
            client,
        }
    }
}

impl From<Vec<u8>> for Forged {
    fn from(token: Vec<u8>) -> Self {
        Self {
            token,
            client: None,
        }
    }
}

/// One forged token and what is due for it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Unique, for test names.
    pub name: &'static str,
    /// The rule of protocols.md.
    pub rule: u8,
    /// How the acceptor is set up.
    pub setting: Setting,
    /// Makes the token.
    pub build: fn(&World) -> Forged,
    /// What is due.
    pub expect: Expect,
    /// The client's name as MIT displays it, once accepted.
    pub peer: &'static [u8],
    /// What the reply holds, where the case is about that.
    pub reply: Option<Reply>,
    /// etype of the acceptor's subkey, where the case is about that (rule 14).
    pub subkey: Option<i32>,
    /// What MIT does.
    pub mit: Outcome,
    /// What Heimdal does.
    pub heimdal: Outcome,
    /// Why one of them differs from `expect`; empty when none does.
    pub explain: &'static str,
}

fn case(rule: u8, name: &'static str, expect: Expect, build: fn(&World) -> Forged) -> Case {
    let setting = Setting {
        policy: Policy::Ignore,
        names: Names::Keytab,
        null_session: false,
        extended_error: false,
        delegate: false,
        peer_address: None,
        feed: Feed::Once,
    };
    Case {
        name,
        rule,
        setting,
        build,
        expect,
        peer: b"alice@EXAMPLE.TEST",
        reply: None,
        subkey: None,
        mit: expect.outcome(),
        heimdal: expect.outcome(),
        explain: "",
    }
}

fn accept(rule: u8, name: &'static str, build: fn(&World) -> Forged) -> Case {
    case(rule, name, Expect::Accept, build)
}

fn reject(rule: u8, name: &'static str, why: &'static str, build: fn(&World) -> Forged) -> Case {
    case(rule, name, Expect::Reject(why), build)
}

/// An ordinary AP-REQ with one thing changed.
fn ap(world: &World, change: impl FnOnce(&mut ApReqSpec)) -> Forged {
    let mut spec = world.ap_req();
    change(&mut spec);
    spec.into()
}

impl Case {
    fn peer(mut self, peer: &'static str) -> Self {
        self.peer = peer.as_bytes();
        self
    }

    fn peer_octets(mut self, peer: &'static [u8]) -> Self {
        self.peer = peer;
        self
    }

    fn reply(mut self, reply: Reply) -> Self {
        self.reply = Some(reply);
        self
    }

    fn subkey(mut self, etype: i32) -> Self {
        self.subkey = Some(etype);
        self
    }

    fn policy(mut self, policy: Policy) -> Self {
        self.setting.policy = policy;
        self
    }

    fn names(mut self, names: Names) -> Self {
        self.setting.names = names;
        self
    }

    fn set(mut self, change: fn(&mut Setting)) -> Self {
        change(&mut self.setting);
        self
    }

    /// What this library is recorded to do.
    pub fn recorded(&self, library: Library) -> Outcome {
        match library {
            Library::Mit => self.mit,
            Library::Heimdal => self.heimdal,
        }
    }

    /// Asks a library, whose keytab file must be the world's.
    pub fn judge(
        &self,
        judge: &mut Judge,
        keytab: &Path,
        world: &World,
    ) -> io::Result<(Forged, Verdict)> {
        // RFC 2744 knows no other policy than "when sent".
        let bindings = match self.setting.policy {
            Policy::WhenSent | Policy::Require => Some(BINDINGS),
            Policy::Ignore | Policy::AnyPresent => None,
        };
        let name = match self.setting.names {
            Names::Only(name) => Some(name),
            _ => None,
        };
        let mut forged = (self.build)(world);
        let mut verdict = judge.accept(keytab, &forged.token, bindings, name)?;
        if self.setting.feed != Feed::Once {
            if self.setting.feed == Feed::Rebuilt {
                forged = (self.build)(world);
            }
            judge.forget(verdict.handle)?;
            verdict = judge.accept(keytab, &forged.token, bindings, name)?;
        }
        Ok((forged, verdict))
    }
}

/// The KRB-ERROR code that belongs to a class of rejection (rule 21); `None` for those that are
/// answered without one.
pub fn krb_error(class: &str) -> Option<i64> {
    Some(match class {
        "BadIntegrity" => 31,
        "Expired" => 32,
        "NotYetValid" | "TicketInvalid" => 33,
        "Replay" => 34,
        "TargetName" => 35,
        "NameMismatch" => 36,
        "ClockSkew" => 37,
        "Address" => 38,
        "MessageType" => 40,
        "BadChecksum" => 41,
        "KeyVersion" => 44,
        // RFC 4120 3.2.3: the server does not have the key, by name or by etype.
        "NoKey" | "NoEtype" => 45,
        "EtypeNotPermitted" => 14,
        "ChecksumType" => 50,
        // KRB_AP_PATH_NOT_ACCEPTED; 43 is MIT's own ILL_CR_TKT, which RFC 4120 leaves unnamed.
        "Transited" => 51,
        "NoTgt" => 67,
        // RFC 4120 5.2.6 has no code for authorization data, 12 is the KDC's.
        "AuthorizationData"
        | "Anonymous"
        | "ChannelBindingMismatch"
        | "ChannelBindingAbsent"
        | "Delegation" => 60,
        _ => return None,
    })
}

/// All cases, in the order of their rules.
pub fn all() -> Vec<Case> {
    let mut cases = [
        framing::cases(),
        fields::cases(),
        keys::cases(),
        ticket::cases(),
        authenticator::cases(),
        checksum::cases(),
        delegation::cases(),
        bindings::cases(),
        spnego::cases(),
    ]
    .concat();
    cases.sort_by_key(|c| c.rule);
    for (name, mit, heimdal, explain) in record::DIFFERENCES {
        let case = cases.iter_mut().find(|c| c.name == *name);
        let case = case.expect("each difference belongs to a case");
        (case.mit, case.heimdal, case.explain) = (*mit, *heimdal, explain);
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_every_difference_is_explained() {
        let cases = all();
        let names: BTreeSet<_> = cases.iter().map(|c| c.name).collect();
        assert_eq!(names.len(), cases.len());
        for c in cases {
            let due = c.expect.outcome();
            let differs = c.mit != due || c.heimdal != due;
            assert_eq!(differs, !c.explain.is_empty(), "{}", c.name);
        }
    }
}
