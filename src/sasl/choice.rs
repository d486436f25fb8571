//! The message that negotiates the layer: four octets, and in the client's an
//! authorization identity (RFC 4752 3.1, 3.2).

use super::SecurityLayer;
use crate::{Error, Rejection, SaslRejection};

/// The largest size that three octets can say.
pub(super) const MAX_SIZE: usize = 0xFF_FFFF;

/// What the server offers: layers, and the longest token that it takes. The
/// size must be 0 where there is no layer (RFC 4752 3.2).
pub(super) fn offer(layers: &[SecurityLayer], max_receive: usize) -> [u8; 4] {
    let mask = mask(layers);
    let protects = layers.iter().any(|layer| *layer != SecurityLayer::None);
    let size = if protects {
        max_receive.min(MAX_SIZE)
    } else {
        0
    };
    let [_, high, middle, low] = u32::try_from(size).unwrap_or_default().to_be_bytes();
    [mask, high, middle, low]
}

fn mask(layers: &[SecurityLayer]) -> u8 {
    layers.iter().fold(0, |mask, layer| mask | layer.bit())
}

/// What the client chose.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) layer: SecurityLayer,
    /// The longest token that the client takes, in bytes.
    pub(super) max_send: usize,
    /// Whom it would act as.
    pub(super) authorization_id: Option<String>,
}

impl Choice {
    pub(super) fn read(message: &[u8], offered: &[SecurityLayer]) -> Result<Self, Error> {
        let malformed = |problem| Error::malformed("choice of a security layer", problem, None);
        let (&[chosen, high, middle, low], name) = message
            .split_first_chunk()
            .ok_or_else(|| malformed("shorter than four bytes"))?;
        // Exactly one bit, and one of ours.
        let layer = offered
            .iter()
            .copied()
            .find(|layer| layer.bit() == chosen)
            .ok_or(Rejection::Sasl(SaslRejection::Layer {
                chosen,
                offered: mask(offered),
            }))?;
        let name = core::str::from_utf8(name)
            .map_err(|_| malformed("an authorization identity that is not UTF-8"))?;
        if name.contains('\0') {
            return Err(malformed("an authorization identity with a zero in it"));
        }
        Ok(Self {
            layer,
            max_send: u32::from_be_bytes([0, high, middle, low]) as usize,
            authorization_id: (!name.is_empty()).then(|| name.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, offer};
    use crate::sasl::SecurityLayer;

    const ALL: [SecurityLayer; 3] = SecurityLayer::ALL;

    /// RFC 4752 3.2, 3.3: the mask, then 24 bits in network byte order.
    #[test]
    fn what_is_offered() {
        assert_eq!(offer(&ALL, 0x01_02_03), [7, 1, 2, 3]);
        assert_eq!(offer(&ALL, usize::MAX), [7, 0xFF, 0xFF, 0xFF]);
        assert_eq!(offer(&[SecurityLayer::None], 0x1_0000), [1, 0, 0, 0]);
        assert_eq!(offer(&[SecurityLayer::Integrity], 9), [2, 0, 0, 9]);
    }

    #[test]
    fn one_layer_that_was_offered() {
        let read = |bytes: &[u8]| Choice::read(bytes, &ALL);
        let choice = read(b"\x04\x01\x00\x00bob@R").expect("well-formed");
        assert_eq!(choice.layer, SecurityLayer::Confidentiality);
        assert_eq!(choice.max_send, 0x1_0000);
        assert_eq!(choice.authorization_id.as_deref(), Some("bob@R"));
        let plain = read(b"\x01\0\0\0").expect("well-formed");
        assert_eq!(plain.authorization_id, None);
        for bad in [
            &b""[..],
            b"\x01\0\0",
            b"\x00\0\0\0",
            b"\x03\0\0\0",
            b"\x08\0\0\0",
            b"\x01\0\0\0b\0",
            b"\x01\0\0\0\xFF",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        assert!(Choice::read(b"\x01\0\0\0", &ALL[1..]).is_err());
    }
}
