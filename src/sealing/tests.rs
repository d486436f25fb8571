use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::{HEADER, SealingKey};
use crate::error::{Error, Rejection, Sealed, SealedProblem};
use crate::secret::Secret;

fn key(seed: u8) -> SealingKey {
    let bytes: Vec<u8> = (0..32).map(|at| seed ^ at).collect();
    SealingKey::from_bytes(&bytes).unwrap()
}

fn content() -> Secret {
    Secret::copy_from(b"what nobody may see")
}

fn problem(result: Result<super::Opened, Error>) -> SealedProblem {
    match result {
        Ok(_) => panic!("opened"),
        Err(error) => match error.rejection() {
            Some(Rejection::Sealed { problem, .. }) => problem.clone(),
            other => panic!("{other:?}"),
        },
    }
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    use ring::hmac::{HMAC_SHA256, Key, sign};
    sign(&Key::new(HMAC_SHA256, key), data).as_ref().to_vec()
}

/// The format that the module documents, opened by hand: RFC 5869 2.2 and 2.3
/// from HMAC, and the cipher with the header as additional data.
#[test]
fn the_format_is_the_documented_one() {
    let master: Vec<u8> = (0..32).map(|at| 7 ^ at).collect();
    let sealed = key(7).seal(Sealed::Context, &content()).unwrap();
    let (header, body) = sealed.split_at(HEADER);
    assert_eq!(&header[..5], b"GSAC\x01");
    let id = hmac(&hmac(&[0; 32], &master), b"gss-acceptor key id\x01");
    assert_eq!(header[5..13], id[..8]);
    let derived = hmac(&hmac(&header[13..], &master), b"gss-acceptor context\x01");
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &derived).unwrap());
    let mut body = body.to_vec();
    let nonce = Nonce::assume_unique_for_key([0; 12]);
    let plain = cipher.open_in_place(nonce, Aad::from(header), &mut body);
    assert_eq!(plain.unwrap(), content().expose());
}

#[test]
fn what_was_sealed_is_opened_and_hidden() {
    let one = key(1).seal(Sealed::Handshake, &content()).unwrap();
    let two = key(1).seal(Sealed::Handshake, &content()).unwrap();
    assert_ne!(one, two);
    assert!(!one.windows(4).any(|part| part == b"what"));
    let opened = key(1).open(Sealed::Handshake, &one).unwrap();
    assert_eq!(opened.content, content());
    let other = key(1).open(Sealed::Handshake, &two).unwrap();
    assert_ne!(opened.number, other.number);
}

/// Every bit counts, and nothing that is cut off or longer passes.
#[test]
fn a_change_anywhere_is_noticed() {
    let sealed = key(1).seal(Sealed::Context, &content()).unwrap();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            let found = problem(key(1).open(Sealed::Context, &changed));
            let due = match at {
                0..3 => SealedProblem::NotSealed,
                3 => {
                    assert!(matches!(
                        found,
                        SealedProblem::NotSealed | SealedProblem::OtherKind
                    ));
                    continue;
                }
                4 => SealedProblem::Version {
                    found: changed[4],
                    known: 1,
                },
                5..13 => SealedProblem::OtherKey,
                _ => SealedProblem::Tampered,
            };
            assert_eq!(found, due, "byte {at}");
        }
    }
    for length in 0..sealed.len() {
        assert!(key(1).open(Sealed::Context, &sealed[..length]).is_err());
    }
    let longer = [&sealed[..], &[0]].concat();
    assert_eq!(
        problem(key(1).open(Sealed::Context, &longer)),
        SealedProblem::Tampered
    );
}

/// Not even where somebody rewrites the letter that says which it is.
#[test]
fn a_context_is_no_handshake() {
    let mut sealed = key(1).seal(Sealed::Context, &content()).unwrap();
    assert_eq!(
        problem(key(1).open(Sealed::Handshake, &sealed)),
        SealedProblem::OtherKind
    );
    sealed[3] = b'H';
    assert_eq!(
        problem(key(1).open(Sealed::Handshake, &sealed)),
        SealedProblem::Tampered
    );
}

#[test]
fn keys_are_exchanged_without_a_gap() {
    let (old, new) = (key(1), key(2));
    let by_old = old.seal(Sealed::Context, &content()).unwrap();
    assert_eq!(
        problem(new.open(Sealed::Context, &by_old)),
        SealedProblem::OtherKey
    );
    let both = new.clone().and_accept(&old);
    assert!(both.open(Sealed::Context, &by_old).is_ok());
    let by_new = both.seal(Sealed::Context, &content()).unwrap();
    assert!(new.open(Sealed::Context, &by_new).is_ok());
    assert!(old.open(Sealed::Context, &by_new).is_err());
}

#[test]
fn what_is_no_key_is_refused() {
    for bytes in [
        &[0; 32][..],
        &[7; 32],
        b"short",
        &[1, 2],
        &[],
        b"0123456789abcdef0123456789abcdef0",
    ] {
        let error = SealingKey::from_bytes(bytes).unwrap_err();
        assert!(error.misuse().is_some(), "{error}");
    }
    let generated = SealingKey::generate().unwrap();
    let copy = SealingKey::from_bytes(generated.expose().expose()).unwrap();
    let sealed = generated.seal(Sealed::Context, &content()).unwrap();
    assert!(copy.open(Sealed::Context, &sealed).is_ok());
    assert_eq!(format!("{copy:?}"), "SealingKey(and 0 more to open)");
}
