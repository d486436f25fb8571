//! Accepting: the whole of what a server does for a client's first token.

use std::hint::black_box;

use gss_acceptor::{Acceptor, AcceptorConfig, Context, Keytab, Requirements, Step, backends};

use crate::gss::{CONF, Framing, Gss, INTEG, MUTUAL, REPLAY, SEQUENCE, Show};
use crate::krb5_lane;
use crate::sspi_lane;
use crate::timing::{Goal, Lane, alternate, ratio};
use crate::{floor, scale};

/// How many tokens; each is accepted once by everybody.
pub const TOKENS: usize = 10_000;
/// How many of them a lane accepts before it is the next one's turn.
pub const ROUND: usize = 500;
pub const TARGET: &str = "HTTP@localhost";

/// The server's keytab.
pub fn keytab() -> String {
    std::env::var("KRB5_KTNAME").expect("the parent says where")
}

/// With a replay store in use, and mutual authentication for who asks for it.
pub fn config() -> AcceptorConfig {
    AcceptorConfig::builder(backends::rust(Keytab::open(keytab()).expect("a keytab")))
        .replay_store(scale::in_use())
        .request(Requirements::MUTUAL_AUTH)
        .build()
        .expect("a configuration")
}

/// Accepts.
pub fn accept(config: &AcceptorConfig, token: &[u8]) -> Context {
    match Acceptor::new(config).step(token) {
        Ok(Step::Established { token, context }) => {
            black_box(token);
            context
        }
        other => panic!("not established: {other:?}"),
    }
}

/// Accepts, and shows the name.
pub fn serve(config: &AcceptorConfig, token: &[u8]) {
    black_box(accept(config, token).peer().to_string());
}

/// Of MIT's client.
pub fn tokens(mit: &Gss, framing: Framing, flags: u32) -> Vec<Vec<u8>> {
    (0..TOKENS)
        .map(|_| mit.init(TARGET, framing, flags).1)
        .collect()
}

/// The first column: an AP-REQ without mutual authentication. `table` is for the lines of the
/// goals, and `built` for the title.
pub fn raw(table: &str, built: &str) {
    let (mit, heimdal) = (Gss::mit(), Gss::heimdal());
    let tokens = tokens(&mit, Framing::Raw, REPLAY | SEQUENCE | INTEG);
    let length = tokens[0].len();
    let (ours, credential) = (config(), mit.credential());
    let heimdals = heimdal.credential();
    let krb5 = krb5_lane::Server::new(&keytab());
    let sspi = sspi_lane::Server::new(&std::fs::read(keytab()).expect("a keytab"));
    let pac = pac_of(&tokens[0]);
    let mut floor = floor_of(&tokens[0], pac, 0);
    let mut lanes = [
        Lane::new("gss-acceptor", |n| {
            black_box(accept(&ours, &tokens[n]));
        }),
        Lane::new("krb5 1.0", |n| krb5.serve(&tokens[n])),
        Lane::new("sspi 0.23, no replay cache", |n| sspi.serve(&tokens[n])),
        Lane::new("MIT krb5, replay cache off", |n| {
            mit.serve(&credential, &tokens[n], Show::Nothing);
        }),
        Lane::new("Heimdal", |n| {
            heimdal.serve(&heimdals, &tokens[n], Show::Nothing);
        }),
        Lane::new("the primitives alone", |_| floor.run()),
    ];
    let medians = alternate(TOKENS, ROUND, &[&tokens], &mut lanes);
    drop(lanes);
    assert!(
        Acceptor::new(&ours).step(&tokens[0]).is_err() && krb5.remembers(&tokens[0]),
        "these two remember what they have accepted"
    );
    medians.print(&format!(
        "accept:{built} raw AP-REQ of {length} bytes, a PAC of {pac}, no mutual"
    ));
    let ours = medians.of("gss-acceptor");
    ratio(
        &format!("accept-{table}/krb5"),
        medians.of("krb5 1.0") / ours,
        Goal::AtLeast(3.5),
    );
    ratio(
        &format!("accept-{table}/mit"),
        medians.of("MIT krb5, replay cache off") / ours,
        Goal::AtLeast(13.0),
    );
    ratio(
        &format!("accept-{table}/floor"),
        ours / medians.of("the primitives alone"),
        Goal::AtMost(2.5),
    );
}

/// The second column: SPNEGO, mutual authentication, every replay cache on.
pub fn spnego() {
    let (mit, heimdal) = (Gss::mit(), Gss::heimdal());
    let flags = MUTUAL | REPLAY | SEQUENCE | CONF | INTEG;
    let wrapped = tokens(&mit, Framing::Spnego, flags);
    let bare = tokens(&mit, Framing::Raw, flags);
    let length = wrapped[0].len();
    let (ours, credential) = (config(), mit.credential());
    let heimdals = heimdal.credential();
    let pac = pac_of(&bare[0]);
    let mut floor = floor_of(&bare[0], pac, 112);
    let mut lanes = [
        Lane::new("gss-acceptor", |n| {
            serve(&ours, &wrapped[n]);
        }),
        Lane::new("gss-acceptor, without SPNEGO", |n| {
            serve(&ours, &bare[n]);
        }),
        Lane::new("MIT krb5", |n| {
            mit.serve(&credential, &wrapped[n], Show::Name);
        }),
        Lane::new("Heimdal", |n| {
            heimdal.serve(&heimdals, &wrapped[n], Show::Name);
        }),
        Lane::new("the primitives alone", |_| floor.run()),
    ];
    let medians = alternate(TOKENS, ROUND, &[&wrapped, &bare], &mut lanes);
    medians.print(&format!(
        "accept: SPNEGO of {length} bytes, a PAC of {pac}, mutual, the name"
    ));
    let ours = medians.of("gss-acceptor");
    ratio(
        "accept-spnego/mit",
        medians.of("MIT krb5") / ours,
        Goal::AtLeast(14.0),
    );
    ratio(
        "accept-spnego/floor",
        ours / medians.of("the primitives alone"),
        Goal::AtMost(2.5),
    );
    ratio(
        "spnego-adds-us",
        (ours - medians.of("gss-acceptor, without SPNEGO")) / 1000.0,
        Goal::AtMost(0.4),
    );
}

/// Our own lane alone, for a profiler: `perf record` on `peers --child profile`.
pub fn profile() {
    let flags = MUTUAL | REPLAY | SEQUENCE | CONF | INTEG;
    let mit = Gss::mit();
    let raw = tokens(&mit, Framing::Raw, REPLAY | SEQUENCE | INTEG);
    let spnego = tokens(&mit, Framing::Spnego, flags);
    for (name, tokens) in [("raw", raw), ("SPNEGO, mutual", spnego)] {
        let mut passes = Vec::new();
        for _ in 0..30 {
            let config = config();
            let medians = alternate(
                TOKENS,
                ROUND,
                &[&tokens],
                &mut [Lane::new("ours", |n| {
                    black_box(accept(&config, &tokens[n]));
                })],
            );
            passes.push(medians.of("ours"));
        }
        let fastest = passes.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "{name}: {:.0} ns (fastest pass {fastest:.0})",
            crate::timing::median(passes)
        );
    }
}

/// The length of the PAC in a token's ticket, whose signature is verified in each accept.
fn pac_of(token: &[u8]) -> usize {
    /// AD-WIN2K-PAC (MS-PAC 2.2.3).
    const PAC: i32 = 128;
    let context = accept(&config(), token);
    let data = context.authorization_data();
    let pac = data.iter().find(|(kind, _)| *kind == PAC);
    pac.expect("the KDC writes one").1.len()
}

/// The lengths of a token's two ciphertexts, as the last OCTET STRING of each EncryptedData has
/// them; read by searching for the tags, since nobody here may share our decoder.
pub fn floor_of(token: &[u8], pac: usize, reply: usize) -> floor::Accept {
    let lengths = ciphertexts(token);
    let [ticket, authenticator] = lengths[..] else {
        panic!("two ciphertexts, not {lengths:?}");
    };
    // Without the 12 bytes of the tag.
    floor::Accept::new([ticket - 12, authenticator - 12], pac, reply)
}

/// Every `A2 .. 04 ..` of more than 100 octets, which nothing but a cipher of an AP-REQ is.
fn ciphertexts(token: &[u8]) -> Vec<usize> {
    let length = |at: usize| match *token.get(at)? {
        0x81 => Some((usize::from(*token.get(at + 1)?), 2)),
        0x82 => Some((
            usize::from(*token.get(at + 1)?) << 8 | usize::from(*token.get(at + 2)?),
            3,
        )),
        _ => None,
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < token.len() {
        let cipher = (token[at] == 0xA2)
            .then(|| {
                let (outer, octets) = length(at + 1)?;
                let inner = at + 1 + octets;
                let (size, more) = (*token.get(inner)? == 0x04).then(|| length(inner + 1))??;
                (size + 1 + more == outer && inner + outer <= token.len())
                    .then_some((size, inner + outer))
            })
            .flatten();
        match cipher {
            Some((size, end)) => {
                found.push(size);
                at = end;
            }
            None => at += 1,
        }
    }
    found
}
