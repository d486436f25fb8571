//! Changes: to octets, and to the tree of a token.

use kit::der::{self, Length};

use crate::rng::Rng;
use crate::tree::{self, Holds, Node};

/// Changes octets in one way. `other` is another token to take parts from.
pub fn octets(rng: &mut Rng, bytes: &mut Vec<u8>, other: &[u8]) -> &'static str {
    if bytes.is_empty() {
        bytes.push(rng.byte());
        return "an octet for nothing";
    }
    let len = bytes.len();
    let at = rng.below(len);
    let run = 1 + rng.below((len - at).min(16));
    match rng.below(14) {
        0..=3 => {
            bytes[at] ^= 1 << rng.below(8);
            "a bit flipped"
        }
        4 => {
            bytes[at] = *rng.pick(&[0, 1, 0x30, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff]);
            "an octet set"
        }
        5 => {
            bytes[at] = bytes[at].wrapping_add(*rng.pick(&[1, 2, 0xff, 0xfe, 16]));
            "an octet moved by a little"
        }
        6 => {
            bytes.truncate(at);
            "cut"
        }
        7 => {
            bytes.drain(at..at + run);
            "octets taken out"
        }
        8 => {
            let twice = bytes[at..at + run].to_vec();
            bytes.splice(at..at, twice);
            "octets twice"
        }
        9 => {
            let noise: Vec<u8> = (0..run).map(|_| rng.byte()).collect();
            bytes.splice(at..at, noise);
            "noise put in"
        }
        10 => {
            bytes.extend((0..run).map(|_| rng.byte()));
            "noise after the end"
        }
        11 => {
            let to = rng.below(len - run + 1);
            let moved: Vec<u8> = bytes.drain(at..at + run).collect();
            bytes.splice(to..to, moved);
            "octets moved"
        }
        12 => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[at.min(other.len())..]);
            "the end of another token"
        }
        _ => {
            let end = (at + 4 * run).min(other.len());
            if at < end {
                let end_here = end.min(len);
                bytes.splice(at..end_here, other[at..end].iter().copied());
            }
            "a stretch of another token"
        }
    }
}

/// Changes a tree in one way. `other` is another token's tree to take parts from.
pub fn part(rng: &mut Rng, nodes: &mut Vec<Node>, other: &mut Vec<Node>) -> &'static str {
    let places = tree::places(nodes);
    if places.is_empty() {
        nodes.push(Node::leaf(0x04, &[0]));
        return "an element for nothing";
    }
    let place = rng.pick(&places).clone();
    let Some((list, index)) = tree::list_at(nodes, &place) else {
        return "nothing";
    };
    match rng.below(16) {
        0..=5 => value(rng, &mut list[index]),
        6 => {
            list[index].length = length(rng);
            "another length"
        }
        7 => {
            let tag = list[index].tag.unwrap_or(0);
            list[index].tag = Some(match rng.below(4) {
                0 => tag ^ 0x20,
                1 => tag.wrapping_add(1),
                2 => tag.wrapping_sub(1),
                _ => rng.byte(),
            });
            "another tag"
        }
        8 => {
            list.remove(index);
            "a part left out"
        }
        9 => {
            let twice = list[index].clone();
            list.insert(index, twice);
            "a part twice"
        }
        10 => {
            let with = rng.below(list.len());
            list.swap(index, with);
            "two parts swapped"
        }
        11 => {
            let number = 0xa0 | rng.below(16) as u8;
            let inner = Node::leaf(*rng.pick(&[0x02, 0x04, 0x1b, 0x30]), &[rng.byte()]);
            let extra = Node {
                tag: Some(number),
                length: Length::Exact,
                holds: Holds::Parts(vec![inner]),
            };
            let behind = index + rng.below(2);
            list.insert(behind, extra);
            "a part that nobody knows"
        }
        12 => {
            // The same place of another token.
            let Some(theirs) = tree::at(other, &place) else {
                return value(rng, &mut list[index]);
            };
            list[index] = theirs.clone();
            "the same part of another token"
        }
        13 => {
            let all = tree::places(other);
            if all.is_empty() {
                return value(rng, &mut list[index]);
            }
            let theirs = rng.pick(&all).clone();
            let Some(theirs) = tree::at(other, &theirs) else {
                return "nothing";
            };
            list[index] = theirs.clone();
            "some part of another token"
        }
        14 => {
            let inner = list[index].clone();
            list[index] = Node {
                tag: Some(*rng.pick(&[0x30, 0x04, 0xa0, 0x60, 0x24])),
                length: Length::Exact,
                holds: Holds::Parts(vec![inner]),
            };
            "a part wrapped"
        }
        _ => {
            let parts = list[index].parts().to_vec();
            list.splice(index..=index, parts);
            "a part unwrapped"
        }
    }
}

fn length(rng: &mut Rng) -> Length {
    match rng.below(6) {
        0 | 1 => Length::Off(*rng.pick(&[1, -1, 2, -2, 16, -16, 128, 256, 65_536])),
        2 => Length::Padded(1 + rng.below(4)),
        3 => Length::Indefinite,
        4 => Length::Absurd(1 + rng.below(8)),
        _ => Length::Off(1 << rng.below(30)),
    }
}

/// Changes what an element holds, in a way that fits it.
fn value(rng: &mut Rng, node: &mut Node) -> &'static str {
    let tag = node.tag;
    let body = match &mut node.holds {
        Holds::Octets(body) => body,
        Holds::Parts(parts) if parts.is_empty() => return "nothing",
        Holds::Parts(parts) => {
            let n = rng.below(parts.len());
            return value(rng, &mut parts[n]);
        }
    };
    match tag {
        Some(0x02 | 0x0a) => integer(rng, body),
        Some(0x18) => {
            let now = i64::from(1_700_000_000_u32) + rng.below(200_000_000) as i64;
            let near = der::Reader::new(&der::tlv(0x18, body)).time().ok();
            let by = *rng.pick(&[1, -1, 60, -60, 299, 301, -301, 3600, -86_400, 315_360_000]);
            let time = der::time(near.map_or(now, |t| t.saturating_add(by).max(0)));
            *body = time[2..].to_vec();
            "another time"
        }
        Some(0x03) if body.len() > 1 && rng.once_in(2) => {
            let at = 1 + rng.below(body.len() - 1);
            body[at] ^= 1 << rng.below(8);
            "another flag"
        }
        Some(0x1b) if rng.once_in(3) => {
            *body = match rng.below(5) {
                0 => body.to_ascii_uppercase(),
                1 => body.to_ascii_lowercase(),
                2 => [body, &[0][..]].concat(),
                3 => [body, &b"@EXAMPLE.TEST"[..]].concat(),
                _ => vec![b'A'; rng.below(3000)],
            };
            "another name"
        }
        Some(0x04) if rng.once_in(16) => {
            *body = vec![rng.byte(); rng.below(40_000)];
            "many octets"
        }
        _ if body.is_empty() => {
            body.push(rng.byte());
            "an octet for none"
        }
        _ => {
            let empty = Vec::new();
            octets(rng, body, &empty)
        }
    }
}

/// Another number, or the same written otherwise.
fn integer(rng: &mut Rng, body: &mut Vec<u8>) -> &'static str {
    let old = body.iter().fold(0_i64, |v, b| v << 8 | i64::from(*b));
    let new = match rng.below(12) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        2 => old.wrapping_neg(),
        3 => i64::from(old as i32),
        4 => 1 << rng.below(63),
        5 => rng.bits() as i64,
        6 => old ^ (1 << rng.below(32)),
        7 => rng.below(256) as i64,
        8 => {
            body.insert(0, 0);
            return "an integer written longer";
        }
        9 => {
            body.insert(0, 0xff);
            return "an integer with the sign before it";
        }
        10 => {
            body.clear();
            return "an integer of no octets";
        }
        _ => {
            let count = 5 + rng.below(40);
            *body = (0..count).map(|_| rng.byte()).collect();
            return "an integer beyond all bounds";
        }
    };
    *body = der::int(new)[2..].to_vec();
    "another integer"
}
