//! The pure-Rust clients: the `krb5` and `sspi` crates.

use gss_acceptor::{Framing, Granted};
use interop::handshake::config;
use interop::krb5_crate::Krb5Peer;
use interop::sspi_crate::SspiPeer;
use interop::{Ask, Kdc, Peer, flags, shake};

use crate::handshakes::{one_message_each, ways};

fn check(kdc: &Kdc, peer: &mut dyn Peer, ask: &Ask) {
    let done = shake(&config(kdc, "ALL"), peer);
    let who = format!("{}, {ask:?}", peer.name());
    assert_eq!(
        done.context.peer().to_string(),
        "alice@EXAMPLE.TEST",
        "{who}"
    );
    let framing = if ask.spnego {
        Framing::Spnego
    } else {
        Framing::Raw
    };
    assert_eq!(done.context.framing(), framing, "{who}");
    let mutual = ask.flags & flags::MUTUAL != 0;
    let granted = done.context.granted();
    assert_eq!(granted.contains(Granted::MUTUAL_AUTH), mutual, "{who}");
    one_message_each(&done.context, peer);
}

#[test]
fn the_krb5_crate_comes_in_with_every_etype() {
    let kdc = Kdc::shared();
    for ask in ways("HTTP@localhost") {
        check(
            kdc,
            &mut Krb5Peer::new(kdc, "alice", "alice-pw", &ask),
            &ask,
        );
    }
    for key in [17, 18, 19, 20] {
        for session in [17, 18, 19, 20] {
            let ask = Ask::of(&format!("HTTP@k{key}s{session}.localhost")).mutual();
            check(
                kdc,
                &mut Krb5Peer::new(kdc, "alice", "alice-pw", &ask),
                &ask,
            );
        }
    }
}

/// The `sspi` crate expects an AP-REP always, has AES-SHA1 only, and makes its subkey with the
/// type of its TGT's key: so mutual, with etype 18.
#[test]
fn the_sspi_crate_comes_in() {
    let kdc = Kdc::shared();
    for target in ["HTTP@localhost", "HTTP@k18s18.localhost"] {
        for ask in [Ask::of(target).mutual(), Ask::of(target).mutual().spnego()] {
            let mut peer = SspiPeer::new(kdc, "alice", "alice-pw", ask.clone());
            check(kdc, &mut peer, &ask);
        }
    }
}
