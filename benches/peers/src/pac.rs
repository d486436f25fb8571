//! A ticket of Active Directory: accepted, its PAC verified, its groups read and searched.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gss_acceptor::{AcceptorConfig, Keytab, MemoryReplayStore, Sid, backends};
use kit::ap_req::ApReqSpec;
use kit::crypto::KitKey;
use kit::keytab::{self, Entry};
use kit::ticket::{Name, TicketSpec};

use crate::accept::{ROUND, TOKENS, accept};
use crate::gss::{Gss, Show};
use crate::timing::{Goal, Lane, alternate, ratio};

/// Of a user in 401 groups, as Samba's KDC wrote it (tests/data/pac): EncTicketPart, which the PAC
/// ends; its length; the service's key, which signed it.
const BLOAT: &[u8] = include_bytes!("../../../tests/data/pac/bloat.enc-part");
const LENGTH: usize = 3952;
const KEY: [u8; 32] = [
    0xa2, 0x45, 0xed, 0x2f, 0x20, 0x4d, 0x66, 0xde, 0xa7, 0x93, 0x3b, 0xfe, 0xf9, 0x92, 0x8a, 0x39,
    0xdc, 0x85, 0xda, 0x24, 0x14, 0x84, 0x3b, 0xbf, 0xc3, 0x0b, 0x66, 0xa1, 0x2d, 0xc1, 0x46, 0x41,
];
/// One of the 401, in the middle.
const GROUP: &str = "S-1-5-21-2714491420-2365986262-1882729614-1322";

fn pac() -> &'static [u8] {
    &BLOAT[BLOAT.len() - LENGTH..]
}

/// PAC_CLIENT_INFO's time (MS-PAC 2.7), which must be the ticket's authtime, in seconds since 1970.
fn authtime() -> i64 {
    let word = |at: usize| u64::from_le_bytes(pac()[at..at + 8].try_into().expect("eight"));
    let entry = (8..).step_by(16).find(|&at| word(at) & 0xffff_ffff == 10);
    let place = usize::try_from(word(entry.expect("a client info") + 8)).expect("in memory");
    i64::try_from(word(place) / 10_000_000).expect("in this era") - 11_644_473_600
}

/// Fresh AP-REQs with that ticket, valid now, and the service's keytab.
fn forged() -> (Vec<Vec<u8>>, Vec<u8>) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let now = i64::try_from(now.as_secs()).expect("in this era");
    let service = KitKey::new(18, KEY.to_vec());
    let name = Name::new(2, &["HTTP", "web.ad.test"]);
    let mut ticket = TicketSpec::new(service.clone(), 2, KitKey::seeded(9, "session", 18), now);
    ticket.realm = b"AD.TEST".to_vec();
    ticket.crealm = b"AD.TEST".to_vec();
    ticket.sname = name.clone();
    ticket.cname = Name::new(1, &["bloat"]);
    ticket.authtime = authtime();
    ticket.starttime = Some(now - 60);
    ticket.authdata = vec![kit::ticket::if_relevant(&[(128, pac().to_vec())])];
    let tokens = (0..TOKENS).map(|number| {
        let mut spec = ApReqSpec::new(ticket.clone(), None, now);
        spec.options = 0;
        spec.gss().flags = kit::ap_req::gss::USUAL & !kit::ap_req::gss::MUTUAL;
        spec.cusec = i64::try_from(number).expect("below a second");
        spec.token()
    });
    let keytab = keytab::simple(&[Entry::new(name, b"AD.TEST", 2, service)]);
    (tokens.collect(), keytab)
}

/// What a server pays that decides by groups.
pub fn run() {
    let (tokens, keytab) = forged();
    let path = std::env::temp_dir().join(format!("peers-pac-{}.keytab", std::process::id()));
    std::fs::write(&path, keytab).expect("a keytab");
    let config = || {
        AcceptorConfig::builder(backends::rust(Keytab::open(&path).expect("a keytab")))
            .replay_store(Arc::new(MemoryReplayStore::new()))
            .build()
            .expect("a configuration")
    };
    let (groups, alone) = (config(), config());
    let group: Sid = GROUP.parse().expect("a SID");
    let mit = Gss::mit();
    let credential = mit.credential_of(path.to_str().expect("text"));
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
    let medians = alternate(TOKENS, ROUND, &mut lanes);
    let length = tokens[0].len();
    medians.print(&format!(
        "accept: raw AP-REQ of {length} bytes, a PAC of {LENGTH} with 401 groups"
    ));
    std::fs::remove_file(path).expect("written before");
    let ours = medians.of("gss-acceptor, groups read");
    ratio("accept-pac/us", ours / 1000.0, Goal::AtMost(12.0));
    ratio(
        "accept-pac/mit",
        medians.of("MIT krb5, verified alone") / ours,
        Goal::AtLeast(4.0),
    );
}
