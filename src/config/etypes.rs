//! Which encryption types a configuration permits (rule 7 of the protocol
//! notes: RC4 by name alone).

use super::ConfigBuilder;
use crate::error::Misuse;
use crate::etype::EncryptionType;

/// Whether rc4-hmac is accepted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rc4 {
    Refused,
    Permitted,
}

impl ConfigBuilder {
    /// The encryption types, the preferred first. RC4 is the last, wherever it
    /// was named: the first that both sides have is chosen (RFC 4537), and
    /// that must not lead from AES down to RC4.
    pub(crate) fn permitted_etypes(&self) -> Vec<EncryptionType> {
        let mut etypes = match &self.etypes {
            Some(etypes) => etypes.clone(),
            None => EncryptionType::DEFAULT.to_vec(),
        };
        etypes.retain(|etype| *etype != EncryptionType::RC4_HMAC);
        if self.rc4 == Rc4::Permitted {
            etypes.push(EncryptionType::RC4_HMAC);
        }
        etypes
    }

    /// Of those that are permitted, these alone.
    // For a broker, which is a feature.
    #[allow(dead_code)]
    pub(crate) fn only_etypes(mut self, etypes: &[EncryptionType]) -> Self {
        let rc4 = EncryptionType::RC4_HMAC;
        if !etypes.contains(&rc4) {
            self.rc4 = Rc4::Refused;
        }
        let permitted = self.permitted_etypes();
        let both = etypes.iter().filter(|etype| permitted.contains(etype));
        self.etypes = Some(both.copied().collect());
        self
    }

    /// RC4 is accepted where its own function says so, and nowhere else.
    pub(super) fn check_etypes(&self) -> Result<(), Misuse> {
        let Some(etypes) = &self.etypes else {
            return Ok(());
        };
        if etypes.is_empty() {
            return Err(Misuse::Etypes { etypes: Vec::new() });
        }
        if etypes.contains(&EncryptionType::RC4_HMAC) && self.rc4 == Rc4::Refused {
            return Err(Misuse::InsecureEtype {
                etype: EncryptionType::RC4_HMAC,
                setting: "insecure_rc4",
            });
        }
        Ok(())
    }
}
