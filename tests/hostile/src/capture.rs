//! Asks every client of the interop suite for tokens, in every way that it can be asked.

use std::time::{SystemTime, UNIX_EPOCH};

use interop::krb5_crate::Krb5Peer;
use interop::libraries::GssPeer;
use interop::sspi_crate::SspiPeer;
use interop::{Ask, Kdc, Peer, flags, heimdal};

use crate::corpus::{Captured, Corpus};

/// The application data of all bindings here.
pub const BINDINGS: &[u8] = b"tls-server-end-point:the certificate that the client saw";

/// A token of every client, in every way.
///
/// # Panics
/// The KDC or a client fails.
pub fn capture(kdc: &Kdc) -> Corpus {
    let mut tokens = Vec::new();
    for (what, ask) in asks() {
        for (client, mut peer) in peers(kdc, &ask) {
            let sent = peer.init(None).unwrap_or_else(|e| panic!("{client}: {e}"));
            tokens.push(Captured {
                name: format!("{client}-{what}"),
                bindings: ask.bindings.clone(),
                token: sent.token.expect("a first token"),
            });
        }
    }
    tokens.extend(rc4(kdc));
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Corpus {
        at: now.expect("after 1970").as_secs().try_into().expect("soon"),
        keytab: ["ALL", "RC4"].iter().fold(vec![5, 2], |mut all, which| {
            let file = std::fs::read(kdc.keytab(which)).expect("the KDC's keytab");
            all.extend(file.strip_prefix(&[5, 2]).expect("version 2"));
            all
        }),
        tokens,
    }
}

/// MIT's, for those who permit RC4: in the ticket, in the session key, and in both.
fn rc4(kdc: &Kdc) -> Vec<Captured> {
    let alice = kdc.alice().configured(kdc.dir().join("krb5-rc4.conf"));
    let mut out = Vec::new();
    for (key, session) in [(23, 23), (18, 23), (23, 18)] {
        for (framing, spnego) in [("raw", false), ("spnego", true)] {
            let target = format!("HTTP@k{key}s{session}.localhost");
            let plain = Ask {
                spnego,
                ..Ask::of(&target)
            };
            for (what, ask) in [("mutual", plain.clone().mutual()), ("oneway", plain)] {
                let sent = GssPeer::mit(kdc, &alice, ask).init(None);
                out.push(Captured {
                    name: format!("mit-{framing}-{what}-rc4-{key}-{session}"),
                    bindings: None,
                    token: sent.expect("a token").token.expect("a first token"),
                });
            }
        }
    }
    out
}

/// What is asked for, by name.
fn asks() -> Vec<(String, Ask)> {
    let mut out = Vec::new();
    for (framing, spnego) in [("raw", false), ("spnego", true)] {
        let http = || Ask {
            spnego,
            ..Ask::http()
        };
        let mut ask = |what: &str, ask: Ask| out.push((format!("{framing}-{what}"), ask));
        ask("oneway", http());
        ask("mutual", http().mutual());
        ask("mutual-bound", http().mutual().bindings(BINDINGS));
        ask("oneway-bound", http().bindings(BINDINGS));
        ask("unprotected", http().flags(0));
        ask("dce", http().dce());
        ask("deleg", http().mutual().flags(flags::USUAL | flags::DELEG));
        for key in [17, 19, 20] {
            let target = format!("HTTP@k{key}s{key}.localhost");
            let ask_etype = Ask { target, ..http() };
            ask(&format!("mutual-{key}"), ask_etype.mutual());
        }
        let target = "HTTP@k20s17.localhost".to_owned();
        ask("oneway-20-17", Ask { target, ..http() });
    }
    out
}

/// Who can be asked for it.
fn peers(kdc: &Kdc, ask: &Ask) -> Vec<(&'static str, Box<dyn Peer>)> {
    let mut out: Vec<(&'static str, Box<dyn Peer>)> = vec![
        (
            "mit",
            Box::new(GssPeer::mit(kdc, &kdc.alice(), ask.clone())),
        ),
        (
            "heimdal",
            Box::new(GssPeer::heimdal(kdc, &heimdal::alice(kdc), ask.clone())),
        ),
    ];
    // It has neither DCE style nor delegation.
    if ask.flags & (flags::DCE | flags::DELEG) == 0 {
        let krb5 = Krb5Peer::new(kdc, "alice", "alice-pw", ask);
        out.push(("krb5", Box::new(krb5)));
    }
    // It wants an AP-REP always, has AES-SHA1 alone, and its bindings are refused: see interop.
    let other = ask.flags & (flags::DCE | flags::DELEG) != 0 || ask.bindings.is_some();
    let plain = ask.target == "HTTP@localhost" && !other;
    if plain && ask.flags & flags::MUTUAL != 0 {
        let sspi = SspiPeer::new(kdc, "alice", "alice-pw", ask.clone());
        out.push(("sspi", Box::new(sspi)));
    }
    out
}
