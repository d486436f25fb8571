//! Messages: sealed, opened and signed, against the primitives alone.

use std::cell::RefCell;
use std::hint::black_box;
use std::ops::Range;

use gss_acceptor::testing::{ClientFlags, Realm, TestClientContext};
use gss_acceptor::{AcceptorConfig, Context, EncryptionType, Protection, Requirements, backends};
use hmac::{Hmac, KeyInit as _, Mac};
use krb5::token::{ContextKey, PerMessageTokens, Role};
use sha1::Sha1;
use sha2::{Sha256, Sha384};

use crate::floor;
use crate::gss::Gss;
use crate::timing::{Goal, Lane, Medians, alternate, ratio};

const LARGE: usize = 64 << 10;
const SMALL: usize = 64;
/// How many large messages a lane takes before it is the next one's turn.
const ROUND: usize = 8;

/// Two ends of a context that watches no sequence: a token may be opened again and again.
fn pair(etype: EncryptionType) -> (TestClientContext, Context) {
    let realm = Realm::new("EXAMPLE.TEST");
    let service = realm
        .service_with_keys("HTTP/localhost", 1, &[etype])
        .expect("a service");
    let config = AcceptorConfig::builder(backends::rust(realm.keytab()))
        .request(Requirements::MUTUAL_AUTH)
        .build()
        .expect("a configuration");
    service
        .client("alice")
        .raw()
        .etype(etype)
        .flags(ClientFlags::BROWSER | ClientFlags::MUTUAL_AUTH)
        .connect(&config)
        .expect("a context")
}

/// A buffer with room for a sealed token around `size` bytes, and where they are.
fn room(context: &Context, size: usize) -> (Vec<u8>, Range<usize>) {
    let sizes = context.sizes();
    let data = sizes.sealed_header..sizes.sealed_header + size;
    (vec![0x5A; data.end + sizes.sealed_trailer], data)
}

/// A token as it comes again and again: who opens it in place needs it anew each time.
struct Received {
    token: Vec<u8>,
    copies: RefCell<Vec<Vec<u8>>>,
}

impl Received {
    fn new(token: Vec<u8>) -> Self {
        let copies = RefCell::new(vec![token.clone(); ROUND]);
        Self { token, copies }
    }

    /// A lane that opens it; it is received before the clock starts.
    fn lane<'a>(&'a self, name: &'static str, open: impl Fn(&mut [u8]) + 'a) -> Lane<'a> {
        let receive = || {
            for copy in self.copies.borrow_mut().iter_mut() {
                copy.copy_from_slice(&self.token);
            }
        };
        Lane::prepared(name, receive, move |n| {
            open(&mut self.copies.borrow_mut()[n % ROUND]);
        })
    }
}

fn unwrap_in_place(context: &Context, token: &mut [u8]) {
    let _ = black_box(context.unwrap_in_place(token).expect("unwrapped"));
}

pub fn run() {
    sealed();
    small();
    for etype in [
        EncryptionType::AES128_CTS_HMAC_SHA256_128,
        EncryptionType::AES256_CTS_HMAC_SHA384_192,
    ] {
        sha2(etype);
    }
}

fn sealed() {
    let (client, server) = pair(EncryptionType::AES256_CTS_HMAC_SHA1_96);
    let data = vec![0x5A; LARGE];
    let (mut buffer, range) = room(&server, LARGE);
    let token = client
        .wrap(Protection::Confidentiality, &data)
        .expect("wrapped");
    let received = Received::new(token.clone());
    let mic = client.mic(&data).expect("a MIC");
    let (mit, heimdal) = (Gss::mit(), Gss::heimdal());
    let (mit_client, mit_server) = mit.pair("HTTP@localhost");
    let (heimdal_client, heimdal_server) = heimdal.pair("HTTP@localhost");
    let mit_received = Received::new(mit_client.wrap_token(&data));
    let heimdal_received = Received::new(heimdal_client.wrap_token(&data));
    let crate_key = || ContextKey::new(18, &[9; 32]).expect("a key");
    let crate_server = PerMessageTokens::new(crate_key(), Role::Acceptor, true);
    let crate_client = PerMessageTokens::new(crate_key(), Role::Initiator, true);
    let crate_token = crate_client.emit_wrap(0, &data).expect("wrapped");
    let encryptor = floor::aes();
    let keyed = <Hmac<Sha1>>::new_from_slice(&[6; 32]).expect("any length");
    let mut plain = vec![0x5A; LARGE];

    let mut lanes = [
        Lane::new("wrap", |_| {
            black_box(
                server
                    .wrap(Protection::Confidentiality, &data)
                    .expect("wrapped"),
            );
        }),
        Lane::new("wrap in place", |_| {
            let sealed = Protection::Confidentiality;
            let range = server.wrap_in_place(sealed, &mut buffer, range.clone());
            black_box(range.expect("wrapped"));
        }),
        Lane::new("wrap, krb5 1.0", |n| {
            black_box(crate_server.emit_wrap(n as u64, &data).expect("wrapped"));
        }),
        Lane::new("wrap, MIT krb5", |_| {
            black_box(mit_server.wrap(&data));
        }),
        Lane::new("wrap, Heimdal", |_| {
            black_box(heimdal_server.wrap(&data));
        }),
        Lane::new("AES-256-CBC alone", |_| {
            floor::encrypt(&encryptor, black_box(&mut plain))
        }),
        Lane::new("unwrap", |_| {
            let _ = black_box(server.unwrap(&token).expect("unwrapped"));
        }),
        received.lane("unwrap in place", |token| unwrap_in_place(&server, token)),
        Lane::new("unwrap, krb5 1.0", |_| {
            black_box(crate_server.unwrap(&crate_token).expect("unwrapped"));
        }),
        mit_received.lane("unwrap, MIT krb5", |token| {
            black_box(mit_server.unwrap(token));
        }),
        heimdal_received.lane("unwrap, Heimdal", |token| {
            black_box(heimdal_server.unwrap(token));
        }),
        Lane::new("verify a MIC", |_| {
            let _ = black_box(server.verify(&data, &mic).expect("verified"));
        }),
        Lane::new("make a MIC", |_| {
            black_box(server.mic(&data).expect("a MIC"));
        }),
        Lane::new("HMAC-SHA1 alone", |_| {
            black_box(floor::tag(&keyed, black_box(&data)));
        }),
    ];
    let medians = alternate(400, ROUND, &[], &mut lanes);
    medians.print("messages of 64 KiB, AES-256-SHA1");
    let cbc = medians.of("AES-256-CBC alone");
    let hmac = medians.of("HMAC-SHA1 alone");
    ratio(
        "wrap-64k/cbc",
        medians.of("wrap in place") / cbc,
        Goal::AtMost(1.08),
    );
    ratio(
        "unwrap-64k/hmac",
        medians.of("unwrap in place") / hmac,
        Goal::AtMost(1.2),
    );
    ratio(
        "mic-64k/hmac",
        medians.of("make a MIC") / hmac,
        Goal::AtMost(1.1),
    );
    ratio(
        "verify-64k/hmac",
        medians.of("verify a MIC") / hmac,
        Goal::AtMost(1.1),
    );
}

fn small() {
    let (client, server) = pair(EncryptionType::AES256_CTS_HMAC_SHA1_96);
    let data = [0x5A; SMALL];
    let (mut buffer, range) = room(&server, SMALL);
    let token = client
        .wrap(Protection::Confidentiality, &data)
        .expect("wrapped");
    let mut opened = token.clone();
    let mic = client.mic(&data).expect("a MIC");
    let mut lanes = [
        Lane::new("wrap in place", |_| {
            let sealed = Protection::Confidentiality;
            let range = server.wrap_in_place(sealed, &mut buffer, range.clone());
            black_box(range.expect("wrapped"));
        }),
        Lane::new("wrap", |_| {
            black_box(
                server
                    .wrap(Protection::Confidentiality, &data)
                    .expect("wrapped"),
            );
        }),
        Lane::new("unwrap in place", |_| {
            opened.copy_from_slice(&token);
            let _ = black_box(server.unwrap_in_place(&mut opened).expect("unwrapped"));
        }),
        Lane::new("unwrap", |_| {
            let _ = black_box(server.unwrap(&token).expect("unwrapped"));
        }),
        Lane::new("make a MIC", |_| {
            black_box(server.mic(&data).expect("a MIC"));
        }),
        Lane::new("verify a MIC", |_| {
            let _ = black_box(server.verify(&data, &mic).expect("verified"));
        }),
    ];
    let medians = alternate(40_000, 400, &[], &mut lanes);
    medians.print("messages of 64 bytes, AES-256-SHA1");
    for lane in [
        "wrap in place",
        "unwrap in place",
        "make a MIC",
        "verify a MIC",
    ] {
        let name = format!("small-{}-us", lane.replace(' ', "-"));
        ratio(&name, medians.of(lane) / 1000.0, Goal::AtMost(0.25));
    }
}

/// AES-SHA2 against its own two.
fn sha2(etype: EncryptionType) {
    let (client, server) = pair(etype);
    let data = vec![0x5A; LARGE];
    let (mut buffer, range) = room(&server, LARGE);
    let token = client
        .wrap(Protection::Confidentiality, &data)
        .expect("wrapped");
    let received = Received::new(token);
    let mut plain = vec![0x5A; LARGE];
    let aes256 = floor::aes();
    let aes128 = aes::Aes128Enc::new(&[5; 16].into());
    let is_256 = etype == EncryptionType::AES256_CTS_HMAC_SHA384_192;
    let sha256 = <Hmac<Sha256>>::new_from_slice(&[6; 16]).expect("any length");
    let sha384 = <Hmac<Sha384>>::new_from_slice(&[6; 24]).expect("any length");
    let medians = alternate(
        240,
        ROUND,
        &[],
        &mut [
            Lane::new("wrap in place", |_| {
                let sealed = Protection::Confidentiality;
                let range = server.wrap_in_place(sealed, &mut buffer, range.clone());
                black_box(range.expect("wrapped"));
            }),
            Lane::new("AES-CBC alone", |_| match is_256 {
                true => floor::encrypt(&aes256, black_box(&mut plain)),
                false => floor::encrypt128(&aes128, black_box(&mut plain)),
            }),
            received.lane("unwrap in place", |token| unwrap_in_place(&server, token)),
            Lane::new("HMAC alone", |_| {
                black_box(match is_256 {
                    true => tag_of(&sha384, &data),
                    false => tag_of(&sha256, &data),
                });
            }),
        ],
    );
    medians.print(&format!("messages of 64 KiB, {etype}"));
    report(&format!("{etype}"), &medians);
}

/// Both must be made: the slower of the two is what nothing can be faster than, the sum what one
/// after the other takes.
fn report(etype: &str, medians: &Medians) {
    let (cbc, hmac) = (medians.of("AES-CBC alone"), medians.of("HMAC alone"));
    let (slower, sum) = (cbc.max(hmac), cbc + hmac);
    println!(
        "    {:<34} {:>12.3} us",
        "the slower of the two",
        slower / 1000.0
    );
    println!(
        "    {:<34} {:>12.3} us",
        "one after the other",
        sum / 1000.0
    );
    let wrap = medians.of("wrap in place") / slower;
    ratio(
        &format!("wrap-64k-{etype}/slower"),
        wrap,
        Goal::AtMost(1.08),
    );
    let unwrap = medians.of("unwrap in place") / hmac;
    ratio(
        &format!("unwrap-64k-{etype}/hmac"),
        unwrap,
        Goal::AtMost(1.2),
    );
}

fn tag_of<M: Mac + Clone>(keyed: &M, data: &[u8]) -> [u8; 12] {
    floor::tag(keyed, black_box(data))
}
