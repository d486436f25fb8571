//! Per-message tokens under RC4 (RFC 1964 1.2, RFC 4757 7), made and read from either side.

use crate::crypto::{hmac_md5, md5, rc4};
use crate::message::{Messages, Role};

/// How to make one token.
#[derive(Clone, Debug)]
pub struct Rc4Spec {
    /// SND_SEQ.
    pub seq: u32,
    /// Sealed; a MIC never is.
    pub sealed: bool,
    /// The four octets after the number, where they are to be others.
    pub direction: Option<[u8; 4]>,
    /// The padding.
    pub padding: Vec<u8>,
    /// The message type of the checksum, where it is to be another one.
    pub message_type: Option<u32>,
    /// SGN_ALG (11 00).
    pub sign: [u8; 2],
    /// SEAL_ALG, where it is to be another one than 10 00 or FF FF.
    pub seal: Option<[u8; 2]>,
    /// The last two octets of the header (FF FF).
    pub filler: [u8; 2],
    /// Whether there is a frame around it.
    pub framed: bool,
}

impl Rc4Spec {
    /// An ordinary token.
    pub fn new(seq: u32, sealed: bool) -> Self {
        Self {
            seq,
            sealed,
            direction: None,
            padding: vec![1],
            message_type: None,
            sign: [0x11, 0],
            seal: None,
            filler: [0xff; 2],
            framed: true,
        }
    }
}

fn frame(body: &[u8]) -> Vec<u8> {
    let mut frame = crate::ap_req::Frame::gss(crate::ap_req::oid::KRB5);
    frame.token_id = None;
    frame.wrap(body)
}

fn direction(role: Role) -> [u8; 4] {
    match role {
        Role::Initiator => [0; 4],
        Role::Acceptor => [0xff; 4],
    }
}

impl Messages {
    fn rc4_checksum(&self, message_type: u32, header: &[u8], data: &[u8]) -> [u8; 8] {
        let signing = hmac_md5(&self.key.bytes, &[b"signaturekey\0"]);
        let digest = md5(&[&message_type.to_le_bytes(), header, data]);
        let sum = hmac_md5(&signing, &[&digest]);
        *sum.first_chunk().expect("sixteen octets")
    }

    fn rc4_number(&self, checksum: &[u8], octets: &mut [u8]) {
        let key = hmac_md5(&self.key.bytes, &[&[0; 4]]);
        rc4(&hmac_md5(&key, &[checksum]), octets);
    }

    fn rc4_stream(&self, seq: u32, octets: &mut [u8]) {
        let local: Vec<u8> = self.key.bytes.iter().map(|octet| octet ^ 0xf0).collect();
        let key = hmac_md5(&local, &[&[0; 4]]);
        rc4(&hmac_md5(&key, &[&seq.to_be_bytes()]), octets);
    }

    fn rc4_token(
        &self,
        id: [u8; 2],
        default_type: u32,
        spec: &Rc4Spec,
        mut data: Vec<u8>,
    ) -> Vec<u8> {
        let seal = spec
            .seal
            .unwrap_or(if spec.sealed { [0x10, 0] } else { [0xff; 2] });
        let header = [id, spec.sign, seal, spec.filler].concat();
        let sum = self.rc4_checksum(spec.message_type.unwrap_or(default_type), &header, &data);
        let mut number = spec.seq.to_be_bytes().to_vec();
        number.extend(spec.direction.unwrap_or(direction(self.role)));
        self.rc4_number(&sum, &mut number);
        if spec.sealed {
            self.rc4_stream(spec.seq, &mut data);
        }
        let carried = if id == [1, 1] { &[][..] } else { &data };
        let body = [&header[..], &number, &sum, carried].concat();
        if spec.framed { frame(&body) } else { body }
    }

    /// A Wrap token for `message`.
    pub fn rc4_wrap(&self, message: &[u8], spec: &Rc4Spec) -> Vec<u8> {
        let data = [&b"confound"[..], message, &spec.padding].concat();
        self.rc4_token([2, 1], 13, spec, data)
    }

    /// A MIC token for `message`.
    pub fn rc4_mic(&self, message: &[u8], spec: &Rc4Spec) -> Vec<u8> {
        self.rc4_token([1, 1], 15, spec, message.to_vec())
    }

    /// Takes the frame off and reads the header: the body, and whether it says that it is sealed.
    fn rc4_open(token: &[u8], id: [u8; 2]) -> Result<(Vec<u8>, bool), String> {
        let mut outer = crate::der::Reader::new(token);
        let mut inner = crate::der::Reader::new(outer.expect(0x60)?);
        outer.end()?;
        if inner.expect(0x06)? != crate::ap_req::oid::KRB5 {
            return Err("another mechanism".into());
        }
        let body = inner.rest().to_vec();
        let sealed = match body.get(..8) {
            Some([a, b, 0x11, 0, 0x10, 0, 0xff, 0xff]) if [*a, *b] == id => true,
            Some([a, b, 0x11, 0, 0xff, 0xff, 0xff, 0xff]) if [*a, *b] == id => false,
            header => return Err(format!("header {header:02x?}")),
        };
        if body.len() < 24 {
            return Err("shorter than its checksum".into());
        }
        Ok((body, sealed))
    }

    /// The number, if the direction is the peer's.
    fn rc4_seq(&self, body: &[u8]) -> Result<u32, String> {
        let mut number = body[8..16].to_vec();
        self.rc4_number(&body[16..24], &mut number);
        let peer = match self.role {
            Role::Initiator => Role::Acceptor,
            Role::Acceptor => Role::Initiator,
        };
        if number[4..] != direction(peer) {
            return Err(format!("direction {:02x?}", &number[4..]));
        }
        Ok(u32::from_be_bytes(
            *number.first_chunk().expect("eight octets"),
        ))
    }

    /// Opens the peer's Wrap token, strictly: the message, whether it was sealed, its number.
    pub fn rc4_unwrap(&self, token: &[u8]) -> Result<(Vec<u8>, bool, u32), String> {
        let (body, sealed) = Self::rc4_open(token, [2, 1])?;
        let seq = self.rc4_seq(&body)?;
        let mut data = body[24..].to_vec();
        if sealed {
            self.rc4_stream(seq, &mut data);
        }
        if self.rc4_checksum(13, &body[..8], &data) != body[16..24] {
            return Err("checksum differs".into());
        }
        let message = data.get(8..).and_then(|rest| rest.strip_suffix(&[1]));
        Ok((message.ok_or("no padding")?.to_vec(), sealed, seq))
    }

    /// Verifies the peer's MIC token, strictly; gives its number.
    pub fn rc4_verify(&self, token: &[u8], message: &[u8]) -> Result<u32, String> {
        let (body, sealed) = Self::rc4_open(token, [1, 1])?;
        if sealed || body.len() != 24 || self.rc4_checksum(15, &body[..8], message) != body[16..] {
            return Err("MIC differs".into());
        }
        self.rc4_seq(&body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{KitKey, RC4};

    /// From a context between two ends of MIT krb5 1.20.1, whose key was read out with
    /// `gss_krb5_export_lucid_sec_context`.
    #[test]
    fn tokens_of_mit_are_read() {
        let hex = |text: &str| -> Vec<u8> {
            let pair = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
            (0..text.len()).step_by(2).map(pair).collect()
        };
        let key = KitKey::new(RC4, hex("2314bba893cf91899f9112f3e0e50582"));
        let end = Messages {
            key,
            role: Role::Acceptor,
            acceptor_subkey: false,
        };
        let text = b"The quick brown fox jumps over the lazy dog";
        let sealed = hex(
            "605706092a864886f712010202020111001000ffffcaf241555e33a95afb420b9b9992d853c8edb32eac662a\
             41c0a49dfc84ada7bc5fd3758ca5066982fb46f4816fcc8bf4a661babef05d652b2b22b1e13067abc35e7165f2",
        );
        let got = end.rc4_unwrap(&sealed).unwrap();
        assert_eq!(got, (text.to_vec(), true, 106_686_044));
        let mic = hex("602306092a864886f71201020201011100ffffffff0ca9fdba58af244e8f2e7d24c27699cc");
        assert_eq!(end.rc4_verify(&mic, text), Ok(106_686_046));
    }
}
