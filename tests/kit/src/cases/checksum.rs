//! Rules 15 and 16: the authenticator's checksum and its extensions.

use super::{Case, Forged, Reply, accept, ap, reject};
use crate::ap_req::{Checksum, GssChecksum, extension, gss, option};
use crate::crypto::md5;
use crate::world::World;

pub(super) fn cases() -> Vec<Case> {
    [layout(), extensions(), others()].concat()
}

fn sum(world: &World, change: impl FnOnce(&mut GssChecksum)) -> Forged {
    ap(world, |a| change(a.gss()))
}

fn layout() -> Vec<Case> {
    vec![
        reject(15, "checksum_of_23_octets", "BadLayout", |w| {
            sum(w, |s| s.cut_to = Some(23))
        }),
        reject(15, "checksum_of_20_octets", "BadLayout", |w| {
            sum(w, |s| s.cut_to = Some(20))
        }),
        reject(15, "checksum_empty", "BadLayout", |w| {
            sum(w, |s| s.cut_to = Some(0))
        }),
        reject(15, "bindings_length_15", "BadLayout", |w| {
            sum(w, |s| s.bnd_len = 15)
        }),
        reject(15, "bindings_length_17", "BadLayout", |w| {
            sum(w, |s| s.bnd_len = 17)
        }),
        reject(15, "bindings_length_0", "BadLayout", |w| {
            sum(w, |s| s.bnd_len = 0)
        }),
        reject(15, "bindings_length_big_endian", "BadLayout", |w| {
            sum(w, |s| s.bnd_len = 16u32.swap_bytes())
        }),
        reject(15, "bindings_length_max", "BadLayout", |w| {
            sum(w, |s| s.bnd_len = u32::MAX)
        }),
        accept(15, "flags_unknown", |w| sum(w, |s| s.flags |= 0x7ff0_0000)).reply(Reply::ApRep),
        accept(15, "flags_none", |w| sum(w, |s| s.flags = 0)).reply(Reply::Nothing),
        accept(15, "flags_identify_and_extended_error", |w| {
            sum(w, |s| s.flags |= gss::IDENTIFY | gss::EXTENDED_ERROR)
        }),
    ]
}

fn extensions() -> Vec<Case> {
    vec![
        accept(15, "extension_unknown", |w| {
            sum(w, |s| s.extensions = extension(4711, b"data"))
        }),
        accept(15, "extensions_unknown_two", |w| {
            sum(w, |s| {
                s.extensions = [extension(4711, b"data"), extension(4712, b"")].concat()
            })
        }),
        reject(15, "extension_header_truncated", "BadLayout", |w| {
            sum(w, |s| s.extensions = vec![0, 0, 0, 9, 0])
        }),
        reject(15, "extension_data_truncated", "BadLayout", |w| {
            sum(w, |s| s.extensions = vec![0, 0, 0, 9, 0, 0, 0, 5, 1, 2])
        }),
        reject(15, "extension_length_max", "BadLayout", |w| {
            sum(w, |s| {
                s.extensions = vec![0, 0, 0, 9, 255, 255, 255, 255, 1]
            })
        }),
    ]
}

fn keyed(world: &World, usage: u32, over: &[u8]) -> Forged {
    ap(world, |a| {
        a.checksum = Checksum::Keyed {
            usage,
            over: over.to_vec(),
        }
    })
}

fn raw(world: &World, kind: i64, octets: &[u8]) -> Forged {
    ap(world, |a| a.checksum = Checksum::Raw(kind, octets.to_vec()))
}

fn others() -> Vec<Case> {
    vec![
        accept(16, "no_checksum", |w| {
            ap(w, |a| {
                a.options = 0;
                a.checksum = Checksum::None;
            })
        })
        .reply(Reply::Nothing),
        accept(16, "keyed_checksum", |w| keyed(w, 10, b"")).reply(Reply::ApRep),
        accept(16, "keyed_checksum_etype_20", |w| {
            keyed(&w.with_etype(20), 10, b"")
        }),
        reject(16, "keyed_checksum_usage_6", "BadChecksum", |w| {
            keyed(w, 6, b"")
        }),
        reject(16, "keyed_checksum_over_data", "BadChecksum", |w| {
            keyed(w, 10, b"data")
        }),
        reject(16, "keyed_checksum_under_subkey", "BadChecksum", |w| {
            ap(w, |a| {
                let key = a.subkey.as_ref().expect("has a subkey");
                a.checksum = Checksum::Raw(key.checksum_type(), key.checksum(10, b""));
            })
        }),
        reject(16, "keyed_checksum_truncated", "BadChecksum", |w| {
            ap(w, |a| {
                let mut octets = a.ticket.session.checksum(10, b"");
                octets.truncate(4);
                a.checksum = Checksum::Raw(a.ticket.session.checksum_type(), octets);
            })
        }),
        reject(16, "keyed_checksum_empty", "BadChecksum", |w| {
            ap(w, |a| {
                a.checksum = Checksum::Raw(a.ticket.session.checksum_type(), Vec::new())
            })
        }),
        reject(16, "unkeyed_checksum_md5", "ChecksumType", |w| {
            raw(w, 7, &md5(&[]))
        }),
        reject(16, "unkeyed_checksum_crc32", "ChecksumType", |w| {
            raw(w, 1, &[0; 4])
        }),
        reject(16, "checksum_type_unknown", "ChecksumType", |w| {
            raw(w, 9999, &[0; 12])
        }),
        reject(16, "checksum_type_0", "ChecksumType", |w| raw(w, 0, b"")),
        reject(16, "gss_checksum_under_another_type", "BadChecksum", |w| {
            ap(w, |a| {
                a.options = option::MUTUAL_REQUIRED;
                let octets = GssChecksum::new(gss::USUAL).encode();
                a.checksum = Checksum::Raw(a.ticket.session.checksum_type(), octets);
            })
        }),
    ]
}
