//! What the server's CHALLENGE says (MS-NLMP 3.2.5.1.1).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::backends::rust::ntlm::codec::Flags;
use crate::backends::rust::ntlm::codec::av_pairs::{AvPairsBuilder, id};
use crate::backends::rust::ntlm::codec::challenge::Challenge;
use crate::backends::rust::ntlm::codec::text::utf16;
use crate::error::Error;
use crate::ntlm::NtlmNames;

/// What went into a CHALLENGE, enough to make it again.
pub(super) struct Offer {
    pub(super) flags: Flags,
    pub(super) challenge: [u8; 8],
    /// MsvAvTimestamp: a client that finds one owes a MIC (MS-NLMP
    /// 3.1.5.1.2).
    pub(super) timestamp: [u8; 8],
}

/// What both sides must have before messages are protected (rule 38).
pub(super) const SECURE: Flags = Flags::EXTENDED_SESSIONSECURITY
    .union(Flags::KEY_128)
    .union(Flags::KEY_EXCH);

/// What is had if the client wants it.
const ECHOED: Flags = SECURE
    .union(Flags::SIGN)
    .union(Flags::SEAL)
    .union(Flags::ALWAYS_SIGN)
    .union(Flags::KEY_56)
    .union(Flags::IDENTIFY)
    .union(Flags::REQUEST_TARGET)
    .union(Flags::VERSION);

impl Offer {
    pub(super) fn new(
        client: Flags,
        names: &NtlmNames,
        challenge: [u8; 8],
        now: SystemTime,
    ) -> Result<Self, Error> {
        let mut flags = (client & ECHOED) | Flags::NTLM | Flags::TARGET_INFO;
        flags |= match (client.contains(Flags::UNICODE), client.contains(Flags::OEM)) {
            (true, _) => Flags::UNICODE,
            (false, true) => Flags::OEM,
            (false, false) => {
                let problem = "neither Unicode nor OEM characters";
                return Err(Error::malformed("NEGOTIATE", problem, Some(12)));
            }
        };
        if !flags.contains(SECURE) {
            flags.remove(Flags::SIGN | Flags::SEAL);
        }
        if flags.intersects(Flags::SIGN | Flags::SEAL) {
            flags |= Flags::VERSION;
        }
        if flags.contains(Flags::REQUEST_TARGET) {
            flags |= if names.domain == names.computer {
                Flags::TARGET_TYPE_SERVER
            } else {
                Flags::TARGET_TYPE_DOMAIN
            };
        }
        Ok(Self {
            flags,
            challenge,
            timestamp: file_time(now).to_le_bytes(),
        })
    }

    /// The message.
    pub(super) fn encode(&self, names: &NtlmNames) -> Vec<u8> {
        let target_name = if !self.flags.contains(Flags::REQUEST_TARGET) {
            Vec::new()
        } else if self.flags.contains(Flags::UNICODE) {
            utf16(&names.domain)
        } else {
            oem(&names.domain)
        };
        let mut pairs = AvPairsBuilder::default();
        for (id, name) in sent_names(names) {
            if let Some(name) = name {
                pairs = pairs.pair(id, &utf16(name));
            }
        }
        Challenge {
            flags: self.flags,
            nonce: self.challenge,
            target_name: &target_name,
            target_info: &pairs.pair(id::TIMESTAMP, &self.timestamp).finish(),
        }
        .encode()
    }
}

/// The names in the target information, in the order of Windows.
pub(super) fn sent_names(names: &NtlmNames) -> [(u16, Option<&str>); 5] {
    [
        (id::NB_DOMAIN, Some(&names.domain)),
        (id::NB_COMPUTER, Some(&names.computer)),
        (id::DNS_DOMAIN, names.dns_domain.as_deref()),
        (id::DNS_COMPUTER, names.dns_computer.as_deref()),
        (id::DNS_TREE, names.dns_tree.as_deref()),
    ]
}

/// For clients without Unicode; only shown to people.
fn oem(name: &str) -> Vec<u8> {
    let ascii = |c: char| u8::try_from(c).ok().filter(u8::is_ascii);
    name.chars().map(|c| ascii(c).unwrap_or(b'?')).collect()
}

/// FILETIME (MS-DTYP 2.3.3): tenths of microseconds since 1601.
fn file_time(time: SystemTime) -> u64 {
    const SECONDS_TO_1970: u64 = 11_644_473_600;
    let since =
        time.duration_since(UNIX_EPOCH).unwrap_or_default() + Duration::from_secs(SECONDS_TO_1970);
    u64::try_from(since.as_nanos() / 100).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Flags, Offer, file_time};
    use crate::accounts::MemoryAccounts;
    use crate::ntlm::Ntlm;
    use crate::time::from_unix_seconds;

    /// MS-DTYP 2.3.3 and `w32tm /ntte 116444736000000000`: 1970-01-01.
    #[test]
    fn times_are_windows() {
        assert_eq!(file_time(from_unix_seconds(0)), 116_444_736_000_000_000);
        let later = file_time(from_unix_seconds(1_750_000_000));
        assert_eq!(later, 133_944_736_000_000_000);
    }

    fn offered(client: Flags) -> Flags {
        let names = Ntlm::new(MemoryAccounts::new()).names().unwrap();
        let now = from_unix_seconds(0);
        Offer::new(client, &names, [0; 8], now).unwrap().flags
    }

    /// Rule 38, and that nothing is offered which is not done.
    #[test]
    fn nothing_weak_is_offered() {
        let all = offered(Flags::all());
        assert!(all.contains(Flags::UNICODE | Flags::SIGN | Flags::SEAL | Flags::VERSION));
        assert!(!all.intersects(
            Flags::OEM
                | Flags::LM_KEY
                | Flags::DATAGRAM
                | Flags::ANONYMOUS
                | Flags::TARGET_TYPE_DOMAIN
        ));
        for missing in [
            Flags::EXTENDED_SESSIONSECURITY,
            Flags::KEY_128,
            Flags::KEY_EXCH,
        ] {
            let weak = offered(Flags::all() - missing);
            assert!(!weak.intersects(Flags::SIGN | Flags::SEAL | missing));
        }
        let bare = offered(Flags::OEM);
        assert_eq!(bare, Flags::OEM | Flags::NTLM | Flags::TARGET_INFO);
    }
}
