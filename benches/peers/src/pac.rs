//! Tickets of Active Directory: accepted, their PACs verified; of one its groups read and searched.

use std::hint::black_box;
use std::time::{SystemTime, UNIX_EPOCH};

use gss_acceptor::Sid;
use kit::ap_req::{ApReqSpec, oid};
use kit::crypto::KitKey;
use kit::keytab::{self, Entry};
use kit::spnego::InitSpec;
use kit::ticket::{Name, TicketSpec};

use crate::accept::{ROUND, TOKENS, accept, config, floor_of, serve};
use crate::gss::{Gss, Show};
use crate::timing::{Goal, Lane, alternate, ratio};

/// The key of HTTP/web.ad.test (tests/data/pac), which signed the PACs.
const KEY: [u8; 32] = [
    0xa2, 0x45, 0xed, 0x2f, 0x20, 0x4d, 0x66, 0xde, 0xa7, 0x93, 0x3b, 0xfe, 0xf9, 0x92, 0x8a, 0x39,
    0xdc, 0x85, 0xda, 0x24, 0x14, 0x84, 0x3b, 0xbf, 0xc3, 0x0b, 0x66, 0xa1, 0x2d, 0xc1, 0x46, 0x41,
];
/// One of the 401, in the middle.
const GROUP: &str = "S-1-5-21-2714491420-2365986262-1882729614-1322";

/// A user's PAC, as Samba's KDC wrote it.
struct Account {
    name: &'static str,
    /// EncTicketPart, which the PAC ends.
    part: &'static [u8],
    /// The PAC's length.
    length: usize,
}

/// In 401 groups.
const BLOAT: Account = Account {
    name: "bloat",
    part: include_bytes!("../../../tests/data/pac/bloat.enc-part"),
    length: 3952,
};
/// In two.
const ALICE: Account = Account {
    name: "alice",
    part: include_bytes!("../../../tests/data/pac/alice.enc-part"),
    length: 784,
};
/// What a domain with claims adds for a client's device (MS-PAC 2.12).
const DEVICE: &[u8] = include_bytes!("../../../tests/data/pac/device.info");

impl Account {
    fn pac(&self) -> &'static [u8] {
        &self.part[self.part.len() - self.length..]
    }
}

fn service() -> KitKey {
    KitKey::new(18, KEY.to_vec())
}

fn number<const N: usize>(pac: &[u8], at: usize) -> usize {
    let mut bytes = [0; 8];
    bytes[..N].copy_from_slice(&pac[at..at + N]);
    usize::try_from(u64::from_le_bytes(bytes)).expect("in memory")
}

/// Where the entry of this buffer is (MS-PAC 2.4), and its length and offset.
fn buffer(pac: &[u8], kind: usize) -> (usize, usize, usize) {
    let entries = (0..number::<4>(pac, 0)).map(|entry| 8 + 16 * entry);
    let found = entries.into_iter().find(|&at| number::<4>(pac, at) == kind);
    let at = found.expect("such a buffer");
    (at, number::<4>(pac, at + 4), number::<8>(pac, at + 8))
}

/// PAC_CLIENT_INFO's time (MS-PAC 2.7), which must be the ticket's authtime, in seconds since 1970.
fn authtime(pac: &[u8]) -> i64 {
    let (_, _, place) = buffer(pac, 10);
    let ticks = i64::try_from(number::<8>(pac, place)).expect("in this era");
    ticks / 10_000_000 - 11_644_473_600
}

/// The PAC with one buffer more, signed anew with the service's key (MS-PAC 2.8.1); what the KDC
/// signs nobody here can verify.
fn with_buffer(pac: &[u8], kind: u32, data: &[u8]) -> Vec<u8> {
    let count = number::<4>(pac, 0);
    let table = 8 + 16 * count;
    let mut out = [&pac[..table], &[0; 16], &pac[table..], data].concat();
    out[0] += 1;
    for entry in 0..count {
        let at = 8 + 16 * entry + 8;
        let moved = number::<8>(pac, at) as u64 + 16;
        out[at..at + 8].copy_from_slice(&moved.to_le_bytes());
    }
    let (length, place) = (data.len() as u32, (pac.len() + 16) as u64);
    out[table..table + 4].copy_from_slice(&kind.to_le_bytes());
    out[table + 4..table + 8].copy_from_slice(&length.to_le_bytes());
    out[table + 8..table + 16].copy_from_slice(&place.to_le_bytes());
    out.resize(out.len().next_multiple_of(8), 0);
    let mut zeroed = out.clone();
    for kind in [6, 7] {
        let (_, length, place) = buffer(&out, kind);
        zeroed[place + 4..place + length].fill(0);
    }
    let (_, length, place) = buffer(&out, 6);
    let signature = service().checksum(17, &zeroed);
    out[place + 4..place + length].copy_from_slice(&signature);
    out
}

/// The service's keytab.
pub fn keytab() -> Vec<u8> {
    let name = Name::new(2, &["HTTP", "web.ad.test"]);
    keytab::simple(&[Entry::new(name, b"AD.TEST", 2, service())])
}

/// An AP-REQ with this PAC in a ticket that is valid now.
fn request(account: &Account, pac: Vec<u8>) -> ApReqSpec {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let now = i64::try_from(now.as_secs()).expect("in this era");
    let mut ticket = TicketSpec::new(service(), 2, KitKey::seeded(9, "session", 18), now);
    ticket.realm = b"AD.TEST".to_vec();
    ticket.crealm = b"AD.TEST".to_vec();
    ticket.sname = Name::new(2, &["HTTP", "web.ad.test"]);
    ticket.cname = Name::new(1, &[account.name]);
    ticket.authtime = authtime(&pac);
    ticket.starttime = Some(now - 60);
    ticket.authdata = vec![kit::ticket::if_relevant(&[(128, pac)])];
    ApReqSpec::new(ticket, Some(KitKey::seeded(9, "subkey", 18)), now)
}

/// As many AP-REQs as are measured, no two alike.
fn fresh(mut spec: ApReqSpec) -> impl Iterator<Item = Vec<u8>> {
    (0..TOKENS).map(move |number| {
        spec.cusec = i64::try_from(number).expect("below a second");
        spec.token()
    })
}

/// The second column of the issue that set the goals: SPNEGO, mutual authentication, a PAC of nine
/// tenths of a kilobyte that is verified, every replay cache on, the client's name.
pub fn spnego() {
    let pac = with_buffer(ALICE.pac(), 14, DEVICE);
    let length = pac.len();
    let bare: Vec<_> = fresh(request(&ALICE, pac)).collect();
    let wrapped: Vec<_> = bare
        .iter()
        .map(|token| InitSpec::new(&[oid::KRB5], Some(token.clone())).token())
        .collect();
    let (ours, again) = (config(), config());
    let verified = accept(&config(), &bare[0]);
    assert!(verified.authorization().is_ok(), "the PAC is verified");
    let (mit, heimdal) = (Gss::mit(), Gss::heimdal());
    let (credential, heimdals) = (mit.credential(), heimdal.credential());
    let mut floor = floor_of(&bare[0], length, 112);
    let mut lanes = [
        Lane::new("gss-acceptor", |n| serve(&ours, &wrapped[n])),
        Lane::new("gss-acceptor, without SPNEGO", |n| serve(&again, &bare[n])),
        Lane::new("MIT krb5", |n| {
            mit.serve(&credential, &wrapped[n], Show::Name);
        }),
        Lane::new("Heimdal, no replay check", |n| {
            heimdal.serve(&heimdals, &wrapped[n], Show::Name);
        }),
        Lane::new("the primitives alone", |_| floor.run()),
    ];
    let medians = alternate(TOKENS, ROUND, &[&wrapped, &bare], &mut lanes);
    let token = wrapped[0].len();
    medians.print(&format!(
        "accept: a domain's ticket inside SPNEGO, {token} bytes, a PAC of {length}, mutual, the name"
    ));
    let ours = medians.of("gss-acceptor");
    let mit = medians.of("MIT krb5") / ours;
    ratio("accept-ad/mit", mit, Goal::AtLeast(14.0));
    let floor = ours / medians.of("the primitives alone");
    ratio("accept-ad/floor", floor, Goal::AtMost(2.5));
}

/// Without mutual authentication.
fn raw(account: &Account) -> Vec<Vec<u8>> {
    let mut spec = request(account, account.pac().to_vec());
    spec.subkey = None;
    spec.options = 0;
    spec.gss().flags = kit::ap_req::gss::USUAL & !kit::ap_req::gss::MUTUAL;
    fresh(spec).collect()
}

/// What a server pays that decides by groups.
pub fn run() {
    let tokens = raw(&BLOAT);
    let (groups, alone) = (config(), config());
    let group: Sid = GROUP.parse().expect("a SID");
    let mit = Gss::mit();
    let credential = mit.credential();
    let mut lanes = [
        Lane::new("gss-acceptor, groups read", |n| {
            let context = accept(&groups, &tokens[n]);
            let who = context.authorization().expect("verified");
            assert!(black_box(who).is_member(&group));
        }),
        Lane::new("gss-acceptor, verified alone", |n| {
            black_box(accept(&alone, &tokens[n]));
        }),
        Lane::new("MIT krb5, verified alone", |n| {
            mit.serve(&credential, &tokens[n], Show::Nothing);
        }),
    ];
    let medians = alternate(TOKENS, ROUND, &[&tokens], &mut lanes);
    let (length, pac) = (tokens[0].len(), BLOAT.length);
    medians.print(&format!(
        "accept: a ticket with 401 groups, {length} bytes, a PAC of {pac}"
    ));
    let ours = medians.of("gss-acceptor, groups read");
    ratio("accept-pac/us", ours / 1000.0, Goal::AtMost(12.0));
    ratio(
        "accept-pac/mit",
        medians.of("MIT krb5, verified alone") / ours,
        Goal::AtLeast(4.0),
    );
}
