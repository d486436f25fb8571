//! Tokens as trees, so that a part can be changed and every length around it follows.
//!
//! Octet strings are opened too where they hold another element, and so is the frame of RFC 2743
//! 3.1, whose token id stands between elements.

use kit::der::{self, Length};

/// One element, or octets that are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The identifier octet; `None` for octets outside of any element.
    pub tag: Option<u8>,
    /// How its length is written.
    pub length: Length,
    /// What it holds.
    pub holds: Holds,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Octets.
    Octets(Vec<u8>),
    /// Elements.
    Parts(Vec<Node>),
}

/// No token is deeper.
const DEPTH: usize = 40;

impl Node {
    /// Octets that are no element.
    pub fn raw(octets: &[u8]) -> Self {
        Self {
            tag: None,
            length: Length::Exact,
            holds: Holds::Octets(octets.to_vec()),
        }
    }

    /// A primitive element.
    pub fn leaf(tag: u8, octets: &[u8]) -> Self {
        Self {
            tag: Some(tag),
            ..Self::raw(octets)
        }
    }

    /// As octets.
    pub fn encode(&self) -> Vec<u8> {
        let body = match &self.holds {
            Holds::Octets(octets) => octets.clone(),
            Holds::Parts(parts) => encode(parts),
        };
        match self.tag {
            None => body,
            Some(tag) => der::tlv_as(tag, &body, self.length),
        }
    }

    /// Elements inside.
    pub fn parts(&self) -> &[Self] {
        match &self.holds {
            Holds::Parts(parts) => parts,
            Holds::Octets(_) => &[],
        }
    }

    fn read(tag: u8, body: &[u8], depth: usize) -> Self {
        let opened = match tag {
            _ if depth == 0 => None,
            0x60 => read_frame(body, depth - 1),
            0x04 if holds_element(body) => read_all(body, depth - 1),
            _ if tag & 0x20 != 0 => read_all(body, depth - 1),
            _ => None,
        };
        let holds = match opened {
            Some(parts) => Holds::Parts(parts),
            None => Holds::Octets(body.to_vec()),
        };
        Self {
            tag: Some(tag),
            length: Length::Exact,
            holds,
        }
    }
}

/// Tags that an octet string's content may begin with to be taken for an element.
fn holds_element(body: &[u8]) -> bool {
    matches!(body.first(), Some(0x60 | 0x30 | 0x6e | 0x6f | 0x76 | 0x7e))
}

/// The frame: SPNEGO's elements follow its object identifier; for Kerberos a token id stands
/// between, which may look like an empty element.
fn read_frame(body: &[u8], depth: usize) -> Option<Vec<Node>> {
    let (tag, oid, rest) = element(body)?;
    if oid == kit::ap_req::oid::SPNEGO {
        return read_all(body, depth);
    }
    let (id, rest) = rest.split_at_checked(2)?;
    let mut parts = vec![Node::leaf(tag, oid), Node::raw(id)];
    parts.extend(read_all(rest, depth)?);
    Some(parts)
}

/// One element, and what is behind it. Lengths may be written longer than need be, as in BER.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x8f => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let many = |n: usize, b: &u8| n.checked_mul(256)?.checked_add(usize::from(*b));
            (octets.iter().try_fold(0, many)?, rest)
        }
        _ => return None,
    };
    let (body, rest) = rest.split_at_checked(length)?;
    Some((tag, body, rest))
}

/// With every length as short as can be.
pub fn normal(bytes: &[u8]) -> Vec<u8> {
    encode(&parse(bytes))
}

/// Elements one after the other and nothing else.
fn read_all(mut bytes: &[u8], depth: usize) -> Option<Vec<Node>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let (tag, body, rest) = element(bytes)?;
        out.push(Node::read(tag, body, depth));
        bytes = rest;
    }
    Some(out)
}

/// A whole token. What cannot be read stays as octets.
pub fn parse(bytes: &[u8]) -> Vec<Node> {
    read_all(bytes, DEPTH).unwrap_or_else(|| vec![Node::raw(bytes)])
}

/// As octets.
pub fn encode(nodes: &[Node]) -> Vec<u8> {
    nodes.iter().flat_map(Node::encode).collect()
}

/// Where a node is: the index at each level.
pub type Place = Vec<usize>;

/// Every node's place, parents before their parts.
pub fn places(nodes: &[Node]) -> Vec<Place> {
    fn walk(nodes: &[Node], at: &mut Place, out: &mut Vec<Place>) {
        for (n, node) in nodes.iter().enumerate() {
            at.push(n);
            out.push(at.clone());
            walk(node.parts(), at, out);
            at.pop();
        }
    }
    let mut out = Vec::new();
    walk(nodes, &mut Vec::new(), &mut out);
    out
}

/// The list that a place is in, and its index there.
pub fn list_at<'a>(
    nodes: &'a mut Vec<Node>,
    place: &[usize],
) -> Option<(&'a mut Vec<Node>, usize)> {
    let (last, way) = place.split_last()?;
    let mut list = nodes;
    for step in way {
        match &mut list.get_mut(*step)?.holds {
            Holds::Parts(parts) => list = parts,
            Holds::Octets(_) => return None,
        }
    }
    (*last < list.len()).then_some((list, *last))
}

/// The node at a place.
pub fn at<'a>(nodes: &'a mut Vec<Node>, place: &[usize]) -> Option<&'a mut Node> {
    let (list, index) = list_at(nodes, place)?;
    list.get_mut(index)
}

/// Every leaf with the tags that lead to it, such as `6e/30/a2/03`; `raw` for octets outside of
/// any element.
pub fn leaves(nodes: &[Node]) -> Vec<(String, Vec<u8>)> {
    fn walk(nodes: &[Node], path: &str, out: &mut Vec<(String, Vec<u8>)>) {
        for node in nodes {
            let own = node
                .tag
                .map_or("raw".to_owned(), |tag| format!("{tag:02x}"));
            let path = if path.is_empty() {
                own
            } else {
                format!("{path}/{own}")
            };
            match &node.holds {
                Holds::Octets(octets) => out.push((path, octets.clone())),
                Holds::Parts(parts) if parts.is_empty() => out.push((path, Vec::new())),
                Holds::Parts(parts) => walk(parts, &path, out),
            }
        }
    }
    let mut out = Vec::new();
    walk(nodes, "", &mut out);
    out
}

/// Whether a negotiation's token has a mechListMIC.
pub fn has_mic(token: &[u8]) -> bool {
    let paths = [
        "60/a0/30/a3/04",
        "60/a0/30/a4/04",
        "a1/30/a3/04",
        "a1/a3/04",
    ];
    leaves(&parse(token))
        .iter()
        .any(|(path, _)| paths.contains(&path.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::ap_req::oid;
    use kit::spnego::InitSpec;
    use kit::world::World;

    #[test]
    fn tokens_are_opened_to_the_bottom_and_written_as_they_were() {
        let raw = World::new(1_750_000_000, 1).ap_req().token();
        let spnego = InitSpec::new(&[oid::KRB5], Some(raw.clone())).token();
        for (token, root) in [(&raw, "60"), (&spnego, "60/a0/30/a2/04/60")] {
            let nodes = parse(token);
            assert_eq!(&encode(&nodes), token);
            let paths: Vec<String> = leaves(&nodes).into_iter().map(|leaf| leaf.0).collect();
            for path in ["06", "raw", "6e/30/a2/03", "6e/30/a3/61/30/a3/30/a2/04"] {
                let path = format!("{root}/{path}");
                assert!(paths.contains(&path), "{path} is not among {paths:?}");
            }
        }
    }

    #[test]
    fn what_is_no_token_stays() {
        for bytes in [
            &b""[..],
            b"\x60",
            b"NTLMSSP\0",
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(encode(&parse(bytes)), bytes);
        }
    }
}
