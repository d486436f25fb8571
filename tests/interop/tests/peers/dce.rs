//! DCE style (rules 20, 24): MIT's and Heimdal's clients raw and in SPNEGO, messages in parts
//! both ways, header signing with both libraries.

use gss_acceptor::testing::{ClientFlags, ClientStep, Offer, Realm, TestClientContext};
use gss_acceptor::{
    Context, EncryptionType, Error, Framing, Granted, MessagePart, PartsUsed, Protection,
    Requirements, SequenceState,
};
use interop::handshake::{builder, config};
use interop::libraries::GssPeer;
use interop::process::judge_program;
use interop::python::PythonPeer;
use interop::{Ask, Kdc, Peer, accept, flags, heimdal, shake};
use kit::judge::iov::{Kind, Part};
use kit::judge::{Judge, Library, Outcome};

const BOTH: [Protection; 2] = [Protection::Confidentiality, Protection::Integrity];
const AES: [EncryptionType; 4] = EncryptionType::DEFAULT;

/// What both ends of a context have in common.
pub(crate) trait Parts {
    fn wrap(&self, how: Protection, parts: &mut [MessagePart<'_>]) -> Result<PartsUsed, Error>;
    fn unwrap(&self, parts: &mut [MessagePart<'_>]) -> Result<(Protection, SequenceState), Error>;
    fn header(&self, how: Protection) -> usize;
}

macro_rules! parts {
    ($context:ty) => {
        impl Parts for $context {
            fn wrap(
                &self,
                how: Protection,
                parts: &mut [MessagePart<'_>],
            ) -> Result<PartsUsed, Error> {
                self.wrap_parts(how, parts)
            }

            fn unwrap(
                &self,
                parts: &mut [MessagePart<'_>],
            ) -> Result<(Protection, SequenceState), Error> {
                self.unwrap_parts(parts)
            }

            fn header(&self, how: Protection) -> usize {
                let sizes = self.sizes();
                match how {
                    Protection::Integrity => sizes.integrity_parts_header,
                    Protection::Confidentiality => sizes.sealed_parts_header,
                }
            }
        }
    };
}

parts!(Context);
parts!(TestClientContext);

fn ours(parts: &mut [Part]) -> Vec<MessagePart<'_>> {
    parts
        .iter_mut()
        .map(|part| match part.kind {
            Kind::Header => MessagePart::Header(&mut part.bytes),
            Kind::Data => MessagePart::Data(&mut part.bytes),
            Kind::SignOnly => MessagePart::SignOnly(&part.bytes),
            Kind::Padding => MessagePart::Padding(&mut part.bytes),
            Kind::Trailer => panic!("there is none"),
        })
        .collect()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 251) as u8).collect()
}

/// Layouts of a message: kinds and lengths, the header's room not filled in.
fn layouts() -> Vec<Vec<(Kind, usize)>> {
    use Kind::{Data, Header, SignOnly};
    let mut all = vec![
        // An RPC PDU with header signing, and its auth value.
        vec![(SignOnly, 24), (Data, 48), (SignOnly, 8), (Header, 0)],
        vec![(SignOnly, 24), (Data, 0), (SignOnly, 8), (Header, 0)],
        // Parts that begin and end nowhere near a block's edge.
        vec![
            (Header, 0),
            (Data, 5),
            (SignOnly, 3),
            (Data, 11),
            (Data, 1),
            (SignOnly, 0),
            (Data, 0),
            (Data, 40),
        ],
        // MIT seals nothing where there is no data part at all.
        vec![(Header, 0), (SignOnly, 17), (Data, 0)],
        vec![(Data, 7), (Header, 0), (Data, 9)],
    ];
    for length in [
        1,
        15,
        16,
        17,
        31,
        32,
        33,
        1000,
        4096,
        65_535,
        65_536,
        1 << 20,
    ] {
        all.push(vec![(Header, 0), (Data, length)]);
    }
    all
}

fn filled(layout: &[(Kind, usize)], header: usize) -> Vec<Part> {
    layout
        .iter()
        .enumerate()
        .map(|(n, &(kind, length))| match kind {
            Kind::Header => Part::new(kind, &vec![0; header]),
            _ => Part::new(kind, &pattern(length + n)[n..]),
        })
        .collect()
}

fn data(parts: &[Part]) -> Vec<&Part> {
    parts.iter().filter(|p| p.kind != Kind::Header).collect()
}

/// A peer that wraps and unwraps parts.
pub(crate) trait Other {
    fn seal(&mut self, parts: &[Part], seal: bool) -> Result<Vec<Part>, String>;
    fn open(&mut self, parts: &[Part]) -> Result<(Vec<Part>, bool), String>;
    fn library(&self) -> Library;
}

impl Other for GssPeer {
    fn seal(&mut self, parts: &[Part], seal: bool) -> Result<Vec<Part>, String> {
        self.wrap_parts(parts, seal)
    }

    fn open(&mut self, parts: &[Part]) -> Result<(Vec<Part>, bool), String> {
        let (parts, sealed, sequence) = self.unwrap_parts(parts)?;
        assert_eq!(sequence, Some(SequenceState::InOrder));
        Ok((parts, sealed))
    }

    fn library(&self) -> Library {
        GssPeer::library(self)
    }
}

struct Judged<'j>(&'j mut Judge, u32);

impl Other for Judged<'_> {
    fn seal(&mut self, parts: &[Part], seal: bool) -> Result<Vec<Part>, String> {
        let (verdict, parts) = self.0.wrap_iov(self.1, parts, seal).expect("a verdict");
        if verdict.outcome() == Outcome::Reject {
            return Err(verdict.text);
        }
        Ok(parts)
    }

    fn open(&mut self, parts: &[Part]) -> Result<(Vec<Part>, bool), String> {
        let (verdict, parts) = self.0.unwrap_iov(self.1, parts).expect("a verdict");
        if verdict.outcome() == Outcome::Reject {
            return Err(verdict.text);
        }
        Ok((parts, verdict.ret_flags != 0))
    }

    fn library(&self) -> Library {
        self.0.library()
    }
}

/// Heimdal has no messages in parts that are signed alone, in DCE style.
fn can(library: Library, how: Protection, ask: &Ask) -> bool {
    let dce = ask.flags & flags::DCE != 0;
    library == Library::Mit || how == Protection::Confidentiality || !dce
}

/// Messages in parts, both ways, in every layout and protection.
pub(crate) fn both_ways(context: &dyn Parts, other: &mut dyn Other, ask: &Ask, who: &str) {
    for layout in layouts() {
        for how in BOTH {
            let seal = how == Protection::Confidentiality;
            let who = format!("{who}, {how:?}, {layout:?}");
            let mut plain = filled(&layout, context.header(how));
            let mut parts = plain.clone();
            if !can(other.library(), how, ask) {
                assert!(other.seal(&plain, seal).is_err(), "{who}: it can now");
                continue;
            }
            let used = context.wrap(how, &mut ours(&mut parts));
            let used = used.unwrap_or_else(|e| panic!("{who}: {e}"));
            assert_eq!((used.header, used.padding), (context.header(how), 0));
            for (plain, part) in plain.iter().zip(&parts) {
                // What is sealed does not look like itself; the rest does.
                match plain.kind {
                    Kind::Data if !seal => assert!(plain == part, "{who}"),
                    Kind::SignOnly => assert!(plain == part, "{who}"),
                    Kind::Data if plain.bytes.len() > 8 => assert!(plain != part, "{who}"),
                    _ => {}
                }
            }
            let (got, sealed) = other
                .open(&parts)
                .unwrap_or_else(|e| panic!("{who}, ours: {e}"));
            assert_eq!(sealed, seal, "{who}");
            assert!(data(&got) == data(&plain), "{who}: ours differ");
            // And back.
            for part in &mut plain {
                if part.kind == Kind::Header {
                    *part = Part::room();
                }
            }
            let mut parts = other
                .seal(&plain, seal)
                .unwrap_or_else(|e| panic!("{who}: {e}"));
            let header = parts.iter().find(|p| p.kind == Kind::Header);
            assert_eq!(header.map(|p| p.bytes.len()), Some(context.header(how)));
            let got = context
                .unwrap(&mut ours(&mut parts))
                .unwrap_or_else(|e| panic!("{who}, theirs: {e}"));
            assert_eq!(got, (how, SequenceState::InOrder), "{who}");
            assert!(data(&parts) == data(&plain), "{who}: theirs differ");
        }
    }
}

fn clients(kdc: &Kdc, ask: &Ask) -> [GssPeer; 2] {
    [
        GssPeer::mit(kdc, &kdc.alice(), ask.clone()),
        GssPeer::heimdal(kdc, &heimdal::alice(kdc), ask.clone()),
    ]
}

#[test]
fn dce_style_in_three_legs_and_in_four() {
    let kdc = Kdc::shared();
    for spnego in [false, true] {
        let mut ask = Ask::http().dce();
        ask.spnego = spnego;
        let [mit, heimdal] = clients(kdc, &ask);
        let python = PythonPeer::new(kdc, &kdc.alice(), &ask);
        let peers: [Box<dyn Peer>; 3] = [Box::new(mit), Box::new(heimdal), Box::new(python)];
        for mut peer in peers {
            let who = format!("{}, SPNEGO {spnego}", peer.name());
            let required = builder(kdc, "HTTP")
                .require(Requirements::USE_DCE_STYLE | Requirements::CONFIDENTIALITY);
            let done = shake(&required.build().expect("builds"), &mut *peer);
            // Two of ours go out in SPNEGO, one without.
            assert_eq!((done.legs, done.reply.is_some()), (2, spnego), "{who}");
            let granted = done.context.granted();
            let due = Granted::USED_DCE_STYLE | Granted::MUTUAL_AUTH | Granted::INTEGRITY;
            assert!(granted.contains(due), "{who}: {granted:?}");
            let framing = if spnego {
                Framing::Spnego
            } else {
                Framing::Raw
            };
            assert_eq!(done.context.framing(), framing);
            assert_eq!(done.context.peer().to_string(), "alice@EXAMPLE.TEST");
            super::handshakes::one_message_each(&done.context, &mut *peer);
        }
    }
}

#[test]
fn dce_style_is_refused_by_name_to_who_does_not_ask() {
    let kdc = Kdc::shared();
    let required = builder(kdc, "HTTP").require(Requirements::USE_DCE_STYLE);
    let required = required.build().expect("builds");
    for mut peer in clients(kdc, &Ask::http().mutual()) {
        let failure = accept(&required, &mut peer).expect_err("not asked for");
        assert!(failure.to_string().contains("USE_DCE_STYLE"), "{failure}");
    }
}

#[test]
fn messages_in_parts_with_every_etype_and_both_libraries() {
    let kdc = Kdc::shared();
    for etype in [17, 18, 19, 20] {
        for spnego in [false, true] {
            let mut ask = Ask::of(&format!("HTTP@k{etype}s{etype}.localhost")).dce();
            ask.spnego = spnego;
            for mut peer in clients(kdc, &ask) {
                let who = format!("{}, {etype}, SPNEGO {spnego}", peer.name());
                let only = [EncryptionType(etype)];
                let strict = builder(kdc, "ETYPES").encryption_types(&only).build();
                let done = shake(&strict.expect("one etype"), &mut peer);
                both_ways(&done.context, &mut peer, &ask, &who);
                super::handshakes::one_message_each(&done.context, &mut peer);
            }
        }
    }
}

/// Without DCE style a header and data do too: SECBUFFER_TOKEN and SECBUFFER_DATA.
#[test]
fn messages_in_parts_outside_of_dce_style() {
    let kdc = Kdc::shared();
    for etype in [17, 18, 19, 20] {
        let ask = Ask::of(&format!("HTTP@k{etype}s{etype}.localhost")).mutual();
        for mut peer in clients(kdc, &ask) {
            let who = format!("{}, {etype}", peer.name());
            let done = shake(&config(kdc, "ETYPES"), &mut peer);
            both_ways(&done.context, &mut peer, &ask, &who);
        }
    }
}

/// The `testing` feature's client before MIT's and Heimdal's acceptors.
#[test]
fn dce_style_of_testing_is_accepted_elsewhere() {
    judge_program();
    for library in [Library::Mit, Library::Heimdal] {
        let mut judge = Judge::new(library).expect("a judge");
        let realm = Realm::new("EXAMPLE.TEST");
        let service = realm
            .service_with_keys("HTTP/localhost", 3, &AES)
            .expect("a service");
        let keytab = judge
            .keytab("keytab", &realm.keytab_bytes())
            .expect("a file");
        for etype in AES {
            for offer in [None, Some(Offer::Kerberos), Some(Offer::NtlmFirst)] {
                // Heimdal goes on with what is first in the list, NTLM here.
                if library == Library::Heimdal && offer == Some(Offer::NtlmFirst) {
                    continue;
                }
                let who = format!("{library:?}, {etype}, {offer:?}");
                let mut client = service.client("alice").etype(etype).raw();
                if let Some(offer) = offer {
                    client = client.spnego(offer);
                }
                let client = client.with(ClientFlags::DCE_STYLE);
                let mut client = client.initiate().expect("a token");
                let mut verdict = judge
                    .accept(&keytab, client.first_token(), None, None)
                    .expect("a verdict");
                let context = loop {
                    assert_ne!(verdict.outcome(), Outcome::Reject, "{who}: {verdict:?}");
                    let step = client.step(verdict.output_token.as_deref());
                    match step.unwrap_or_else(|e| panic!("{who}: {e}")) {
                        ClientStep::Continue {
                            token,
                            client: next,
                        } => {
                            client = next;
                            verdict = judge.resume(verdict.handle, &token).expect("a verdict");
                        }
                        ClientStep::Done { token, context } => {
                            if let Some(token) = token {
                                verdict = judge.resume(verdict.handle, &token).expect("a verdict");
                            }
                            break context;
                        }
                    }
                };
                assert_eq!(verdict.outcome(), Outcome::Accept, "{who}: {verdict:?}");
                // GSS_C_DCE_STYLE in ret_flags.
                assert_ne!(verdict.ret_flags & 0x1000, 0, "{who}");
                let mut judged = Judged(&mut judge, verdict.handle);
                both_ways(&context, &mut judged, &Ask::http().dce(), &who);
            }
        }
    }
}

/// Every bit of a message in parts counts, and every part's place.
#[test]
fn altered_parts_are_seen() {
    let kdc = Kdc::shared();
    for ask in [Ask::http().dce(), Ask::http().mutual()] {
        for mut peer in clients(kdc, &ask) {
            let context = shake(&config(kdc, "HTTP"), &mut peer).context;
            for how in BOTH {
                if can(peer.library(), how, &ask) {
                    alter(&context, &mut peer, how);
                }
            }
        }
    }
}

fn alter(context: &Context, peer: &mut GssPeer, how: Protection) {
    let seal = how == Protection::Confidentiality;
    let who = format!("{}, {how:?}", peer.name());
    let plain = [
        Part::new(Kind::SignOnly, b"pdu header"),
        Part::new(Kind::Data, b"a stub of twenty-five b"),
        Part::new(Kind::SignOnly, b"trailer"),
        Part::room(),
    ];
    let sent = peer.wrap_parts(&plain, seal).expect("wraps");
    let refused = |parts: &[Part], what: &str| {
        let mut parts = parts.to_vec();
        let error = context.unwrap_parts(&mut ours(&mut parts));
        let error = error.expect_err(what);
        assert!(error.misuse().is_none(), "{who}, {what}: {error}");
        // Nothing readable is left.
        let left = parts.iter().any(|p| p.bytes == plain[1].bytes);
        assert!(!seal || !left, "{who}, {what}");
    };
    for part in 0..sent.len() {
        for bit in 0..sent[part].bytes.len() * 8 {
            let mut parts = sent.clone();
            parts[part].bytes[bit / 8] ^= 1 << (bit % 8);
            refused(&parts, &format!("part {part}, bit {bit}"));
        }
        let mut parts = sent.clone();
        parts[part].bytes.pop();
        refused(&parts, "a byte less");
        let mut parts = sent.clone();
        parts[part].bytes.push(0);
        refused(&parts, "a byte more");
    }
    let mut swapped = sent.clone();
    swapped.swap(0, 2);
    refused(&swapped, "parts in another order");
    let mut moved = sent.clone();
    let byte = moved[0].bytes.pop().expect("bytes");
    moved[1].bytes.insert(0, byte);
    // Unsealed, the checksum is over all of them together.
    if seal {
        refused(&moved, "a byte in another part");
    }
    // As it was sent, it opens, and once.
    for due in [SequenceState::InOrder, SequenceState::Duplicate] {
        let mut parts = sent.clone();
        let got = context.unwrap_parts(&mut ours(&mut parts)).expect("opens");
        assert_eq!(got, (how, due), "{who}");
        assert_eq!(parts[1].bytes, plain[1].bytes);
    }
}

/// Reordered, replayed: as with whole messages.
#[test]
fn parts_have_a_place_in_the_sequence() {
    use SequenceState as S;
    let kdc = Kdc::shared();
    for mut peer in clients(kdc, &Ask::http().dce()) {
        let context = shake(&config(kdc, "HTTP"), &mut peer).context;
        let sent: Vec<_> = (0..5_u8)
            .map(|n| {
                let parts = [Part::room(), Part::new(Kind::Data, &[n])];
                peer.wrap_parts(&parts, true).expect("wraps")
            })
            .collect();
        for (n, due) in [
            (0, S::InOrder),
            (0, S::Duplicate),
            (3, S::Gap),
            (2, S::Unsequenced),
            (4, S::InOrder),
        ] {
            let mut parts = sent[n].clone();
            let got = context.unwrap_parts(&mut ours(&mut parts)).expect("opens");
            assert_eq!(got, (Protection::Confidentiality, due), "message {n}");
            assert_eq!(parts[1].bytes, [n as u8]);
        }
    }
}

/// One buffer for the whole: what `gss_wrap` sends in DCE style is taken as one token too, and
/// header and data of a message in parts are that token.
#[test]
fn whole_tokens_in_dce_style() {
    let kdc = Kdc::shared();
    for mut peer in clients(kdc, &Ask::http().dce()) {
        let who = peer.name();
        let context = shake(&config(kdc, "HTTP"), &mut peer).context;
        for length in [1, 15, 16, 17, 1000, 65_536, 1 << 20] {
            let plain = pattern(length);
            let mut token = peer.wrap(&plain, true).expect("wraps");
            let (got, how, state) = context.unwrap_stream(&mut token).expect("opens");
            assert!(got == plain, "{who} {length}");
            assert_eq!((how, state), (BOTH[0], SequenceState::InOrder), "{who}");
            let parts = [Part::room(), Part::new(Kind::Data, &plain)];
            let parts = peer.wrap_parts(&parts, true).expect("wraps");
            let token = [&parts[0].bytes[..], &parts[1].bytes].concat();
            let got = context.unwrap(&token).expect("opens");
            assert!(got.data == plain, "{who} {length}");
            // Ours, whole and in parts, before gss_unwrap.
            let token = context.wrap(BOTH[0], &plain).expect("wraps");
            let got = peer.unwrap(&token).unwrap_or_else(|e| panic!("{who}: {e}"));
            assert!(got.data == plain && got.sealed, "{who} {length}");
        }
        for how in BOTH {
            let mic = context.mic(b"message").expect("a MIC");
            assert!(peer.verify(b"message", &mic).is_ok(), "{who}");
            let mic = peer.mic(b"message").expect("a MIC");
            let state = context.verify(b"message", &mic).expect("verifies");
            assert_eq!(state, SequenceState::InOrder, "{who} {how:?}");
        }
    }
}
