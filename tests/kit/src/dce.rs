//! DCE style (MS-KILE 3.4.5.1, rule 20): third legs, one per thing that can be right or wrong,
//! with what is due for each and what MIT krb5 1.20 and Heimdal 7.8 make of it
//! (`tests/dce.rs` holds the record to be what is observed).

use crate::ap_req::{ApReqSpec, Frame, gss, oid};
use crate::client::{Initiator, ThirdLeg};
use crate::crypto::KitKey;
use crate::der;
use crate::judge::Outcome::{self, Accept, Continue, Reject};
use crate::world::World;

/// alice's AP-REQ in DCE style: bare, with the flag.
pub fn ap_req(world: &World) -> ApReqSpec {
    let mut spec = world.ap_req();
    spec.frame = Frame::bare();
    spec.gss().flags |= gss::DCE;
    spec
}

/// A handshake whose third leg is due.
#[derive(Clone, Copy, Debug)]
pub struct Legs<'a> {
    /// The realm.
    pub world: &'a World,
    /// The first leg.
    pub spec: &'a ApReqSpec,
    /// The client, which has read the second.
    pub client: &'a Initiator,
    /// The second leg.
    pub reply: &'a [u8],
}

impl Legs<'_> {
    fn leg(&self, change: impl FnOnce(&mut ThirdLeg)) -> Vec<u8> {
        let mut leg = self.client.third_leg();
        change(&mut leg);
        leg.token()
    }

    fn number(&self) -> i64 {
        self.client.acceptor_seq() as i64
    }

    fn under(&self, key: KitKey) -> Vec<u8> {
        self.leg(|l| l.key = key)
    }
}

/// A third leg and what is due for it.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Unique.
    pub name: &'static str,
    /// Makes the token.
    pub build: fn(&Legs<'_>) -> Vec<u8>,
    /// The class of the rejection; `None` where the client is let in.
    pub expect: Option<&'static str>,
    /// What MIT does.
    pub mit: Outcome,
    /// What Heimdal does.
    pub heimdal: Outcome,
    /// Why one of them differs from `expect`; empty when none does.
    pub explain: &'static str,
}

fn accept(name: &'static str, build: fn(&Legs<'_>) -> Vec<u8>) -> Case {
    Case {
        name,
        build,
        expect: None,
        mit: Accept,
        heimdal: Accept,
        explain: "",
    }
}

fn reject(name: &'static str, class: &'static str, build: fn(&Legs<'_>) -> Vec<u8>) -> Case {
    Case {
        expect: Some(class),
        mit: Reject,
        heimdal: Reject,
        ..accept(name, build)
    }
}

const WRONG: &str = "ThirdLeg";
const MALFORMED: &str = "Malformed";

/// Where MIT or Heimdal do otherwise: case, what MIT does, what Heimdal does, and why we do not.
const DIFFERENCES: &[(&str, Outcome, Outcome, &str)] = &[
    ("no_number", Reject, Accept, NUMBER),
    ("number_zero", Reject, Accept, NUMBER),
    ("number_one_more", Reject, Accept, NUMBER),
    ("number_one_less", Reject, Accept, NUMBER),
    ("number_of_the_client", Reject, Accept, NUMBER),
    ("subkey_of_the_client", Reject, Accept, SUBKEY),
    ("subkey_of_the_acceptor", Reject, Accept, SUBKEY),
    ("our_own_ap_rep", Reject, Accept, SUBKEY),
    (
        "under_another_etypes_number",
        Reject,
        Accept,
        "Heimdal decrypts by its own key, whatever etype is written; it is a different message here",
    ),
    ("octet_after", Accept, Accept, TRAILING),
    ("octet_after_the_part", Accept, Accept, TRAILING),
    (
        "msg_type_of_an_ap_req",
        Accept,
        Reject,
        "MIT goes by the outer tag; here msg-type is read too, as in every message",
    ),
];

const NUMBER: &str =
    "Heimdal 7.8 compares no number; rule 20 has the client repeat ours, as MIT does";
const SUBKEY: &str =
    "Heimdal 7.8 allows a subkey; rule 20 refuses one, since ours has it: an echo is no answer";
const TRAILING: &str =
    "libraries stop reading at the end of an element; rule 1 refuses what follows";

/// All third legs.
pub fn cases() -> Vec<Case> {
    let mut cases = [contents(), keys(), layouts()].concat();
    for (name, mit, heimdal, explain) in DIFFERENCES {
        let case = cases.iter_mut().find(|c| c.name == *name);
        let case = case.expect("each difference belongs to a case");
        (case.mit, case.heimdal, case.explain) = (*mit, *heimdal, explain);
    }
    cases
}

fn contents() -> Vec<Case> {
    vec![
        accept("right", |l| l.leg(|_| ())),
        accept("another_time", |l| l.leg(|t| t.time = (t.time.0 + 7, 1))),
        accept("kvno_in_the_clear", |l| l.leg(|t| t.kvno = Some(3))),
        reject("no_number", WRONG, |l| l.leg(|t| t.seq = None)),
        reject("number_zero", WRONG, |l| l.leg(|t| t.seq = Some(0))),
        reject("number_one_more", WRONG, |l| {
            l.leg(|t| t.seq = Some(l.number() + 1))
        }),
        reject("number_one_less", WRONG, |l| {
            l.leg(|t| t.seq = Some(l.number() - 1))
        }),
        reject("number_of_the_client", WRONG, |l| {
            l.leg(|t| t.seq = Some(l.client.seq.into()))
        }),
        reject("subkey_of_the_client", WRONG, |l| {
            l.leg(|t| t.subkey = l.client.subkey.clone())
        }),
        reject("subkey_of_the_acceptor", WRONG, |l| {
            l.leg(|t| t.subkey = l.client.acceptor_subkey().cloned())
        }),
        reject("our_own_ap_rep", WRONG, |l| l.reply.to_vec()),
    ]
}

fn keys() -> Vec<Case> {
    vec![
        reject("under_the_clients_subkey", WRONG, |l| {
            l.under(l.client.subkey.clone().expect("a subkey"))
        }),
        reject("under_the_acceptors_subkey", WRONG, |l| {
            l.under(l.client.acceptor_subkey().cloned().expect("a subkey"))
        }),
        reject("under_the_services_key", WRONG, |l| {
            l.under(l.world.service_key(l.world.etype))
        }),
        reject("under_another_session_key", WRONG, |l| {
            l.under(l.world.key("another", l.world.etype))
        }),
        reject("under_the_authenticators_usage", WRONG, |l| {
            l.leg(|t| t.usage = 11)
        }),
        reject("of_another_etype", WRONG, |l| {
            let other = if l.client.session.etype == 17 { 18 } else { 17 };
            l.under(KitKey::seeded(1, "x", other))
        }),
        reject("under_another_etypes_number", WRONG, |l| {
            l.leg(|t| t.etype = Some(if t.key.etype == 17 { 18 } else { 17 }))
        }),
        reject("one_bit_of_the_cipher", WRONG, |l| {
            let mut token = l.leg(|_| ());
            *token.last_mut().expect("a tag") ^= 1;
            token
        }),
        reject("no_cipher", WRONG, |l| l.client.third_leg().around(b"")),
        reject("cipher_of_one_block", WRONG, |l| {
            l.client.third_leg().around(&[0; 16])
        }),
    ]
}

fn layouts() -> Vec<Case> {
    let framed = |l: &Legs<'_>| {
        let frame = Frame {
            token_id: Some([2, 0]),
            ..Frame::gss(oid::KRB5)
        };
        frame.wrap(&l.client.third_leg().token())
    };
    vec![
        reject("framed", MALFORMED, framed),
        reject("empty", MALFORMED, |_| Vec::new()),
        reject("text", MALFORMED, |_| b"bind_ack".to_vec()),
        reject("tag_alone", MALFORMED, |_| vec![0x6f]),
        reject("cut_by_one", MALFORMED, |l| {
            let token = l.leg(|_| ());
            token[..token.len() - 1].to_vec()
        }),
        reject("octet_after", MALFORMED, |l| {
            l.leg(|t| t.trailing = vec![0])
        }),
        reject("octet_after_the_part", MALFORMED, |l| {
            l.leg(|t| t.part_trailing = vec![0])
        }),
        reject("msg_type_of_an_ap_req", MALFORMED, |l| {
            l.leg(|t| t.msg_type = 14)
        }),
        reject("the_ap_req_again", MALFORMED, |l| l.spec.message()),
        reject("another_ap_req", MALFORMED, |l| ap_req(l.world).token()),
        reject("an_ordinary_ap_req", MALFORMED, |l| {
            l.world.ap_req().token()
        }),
        reject("krb_error", "PeerFailed", |l| krb_error(l.world, 41)),
        reject("krb_error_framed", "PeerFailed", |l| {
            let frame = Frame {
                token_id: Some([3, 0]),
                ..Frame::gss(oid::KRB5)
            };
            frame.wrap(&krb_error(l.world, 41))
        }),
        reject("krb_error_cut", MALFORMED, |l| {
            krb_error(l.world, 41)[..20].to_vec()
        }),
    ]
}

/// A KRB-ERROR of the client's (RFC 4120 5.9.1).
fn krb_error(world: &World, code: i64) -> Vec<u8> {
    let name = crate::ticket::Name::new(1, &["alice"]);
    der::app(
        30,
        der::seq([
            der::ctx(0, der::int(5)),
            der::ctx(1, der::int(30)),
            der::ctx(4, der::time(world.now)),
            der::ctx(5, der::int(0)),
            der::ctx(6, der::int(code)),
            der::ctx(9, der::general_string(b"EXAMPLE.TEST")),
            der::ctx(10, name.der()),
        ]),
    )
}

/// First legs: name, what changes, and what they come to at MIT and Heimdal. What is due is what
/// MIT does.
pub type FirstLeg = (&'static str, fn(&mut ApReqSpec), Outcome, Outcome);

/// First legs that bear on DCE style.
pub const FIRST_LEGS: &[FirstLeg] = &[
    ("with all flags", |_| (), Continue, Continue),
    (
        "without the mutual flag",
        |a| a.gss().flags &= !gss::MUTUAL,
        Continue,
        Continue,
    ),
    (
        "without MUTUAL-REQUIRED",
        |a| a.options = 0,
        Continue,
        Continue,
    ),
    (
        "with neither",
        |a| {
            a.options = 0;
            a.gss().flags &= !gss::MUTUAL;
        },
        Continue,
        Continue,
    ),
    ("without a subkey", |a| a.subkey = None, Continue, Continue),
];
