//! What a glance takes, a reader takes too, and as the same; and it takes what
//! everybody sends.

use core::fmt::Debug;

use super::super::der::{Cursor as _, Glance, Message, Reader, Tag, Unusual, Usual};
use super::super::messages::{ApReq, Authenticator, EncTicketPart};
use super::{ap_req, captures, hex};

/// Whether a glance takes `input`; and then it is what a reader takes it for.
fn is_taken<'a, T: Message<'a> + Debug>(input: &'a [u8]) -> bool {
    let glanced = match T::whole(Glance::new(input)) {
        Ok(glanced) => format!("{glanced:?}"),
        Err(Unusual) => return false,
    };
    let read = T::whole(Reader::new(T::PART, input)).map(|read| format!("{read:?}"));
    assert_eq!(read.as_ref(), Ok(&glanced), "{input:02x?}");
    true
}

/// A capture, and [`is_taken`] for its kind.
type Case = (Vec<u8>, fn(&[u8]) -> bool);

fn cases() -> [Case; 3] {
    [
        (ap_req(), |input| is_taken::<ApReq<'_>>(input)),
        (hex(captures::ENC_TICKET_PART), |input| {
            is_taken::<EncTicketPart<'_>>(input)
        }),
        (hex(captures::AUTHENTICATOR), |input| {
            is_taken::<Authenticator<'_>>(input)
        }),
    ]
}

#[test]
fn captures_are_taken_at_a_glance() {
    for (capture, is_taken) in cases() {
        assert!(is_taken(&capture));
    }
}

/// Each octet with each of its bits changed, and as the identifiers and lengths
/// that mean something.
#[test]
fn what_is_flipped_is_taken_for_what_a_reader_takes_it() {
    for (capture, is_taken) in cases() {
        let (mut taken, mut left) = (0, 0);
        for at in 0..capture.len() {
            let was = capture[at];
            let flipped = (0..8).map(|bit| was ^ 1 << bit);
            let near = [was.wrapping_sub(1), was.wrapping_add(1)];
            for octet in flipped
                .chain(near)
                .chain([0, 0x7F, 0x80, 0x81, 0x82, 0x83, 0xFF])
            {
                let mut changed = capture.clone();
                changed[at] = octet;
                if is_taken(&changed) {
                    taken += 1;
                } else {
                    left += 1;
                }
            }
        }
        assert!(taken > 0 && left > 0, "{taken} taken, {left} left");
        for length in 0..capture.len() {
            assert!(!is_taken(&capture[..length]));
        }
        let longer = [&capture[..], &[0x30, 0]].concat();
        assert!(!is_taken(&longer));
    }
}

/// Lengths of two octets and one within the other: only those that add up.
#[test]
fn lengths_that_do_not_add_up_are_not_for_a_glance() {
    let inside = |around: [u8; 2], length: [u8; 2]| {
        let mut input = vec![0x5A; 0x1_0010];
        input[..8].copy_from_slice(&[
            0xA2, 0x82, around[0], around[1], 0x04, 0x82, length[0], length[1],
        ]);
        let read = |usual| {
            let mut glance = Glance::new(&input);
            let contents = glance.inside(Tag::context(2), Tag::OCTET_STRING, usual);
            let mut reader = Reader::new("test", &input);
            let read = reader.inside(Tag::context(2), Tag::OCTET_STRING, usual);
            if let Ok(contents) = &contents {
                assert_eq!(contents.rest(), read.unwrap().rest());
                assert_eq!(glance.rest(), reader.rest());
            }
            contents.is_ok()
        };
        let [long, short] = [Usual::Long, Usual::Short].map(read);
        assert_eq!(long, short);
        long
    };
    assert!(inside([0x01, 0x04], [0x01, 0x00]));
    assert!(inside([0xFF, 0xFF], [0xFF, 0xFB]));
    for (around, length) in [
        ([0x00, 0x00], [0xFF, 0xFC]),
        ([0x00, 0x03], [0xFF, 0xFF]),
        ([0x01, 0x03], [0x01, 0x00]),
        ([0x01, 0x05], [0x01, 0x00]),
        ([0x01, 0x00], [0x01, 0x00]),
    ] {
        assert!(!inside(around, length), "{around:02x?} {length:02x?}");
    }
}
