//! Object identifiers, as their content octets (X.690 8.19).

use crate::mechanism::{Mechanism, dotted};

/// 1.2.840.113554.1.2.2 (RFC 1964).
pub(super) const KRB5: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
/// 1.2.840.48018.1.2.2: Windows 2000's slip (MS-SPNG 2.2.1).
pub(super) const MS_KRB5: &[u8] = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";
/// 1.3.5.1.5.2, from before there was RFC 1964.
pub(super) const OLD_KRB5: &[u8] = b"\x2b\x05\x01\x05\x02";
/// 1.2.840.113554.1.2.2.3: user-to-user.
pub(super) const KRB5_U2U: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03";
/// 1.3.6.1.5.5.2 (RFC 4178).
pub(super) const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
/// 1.3.6.1.4.1.311.2.2.10 (MS-NLMP).
pub(super) const NTLM: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
/// GSS_C_NT_HOSTBASED_SERVICE, 1.2.840.113554.1.2.1.4 (RFC 2744 4.3).
pub(super) const HOST_BASED: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";
/// 1.3.6.1.4.1.311.2.2.30.
const NEGOEX: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e";

/// GSS_C_INQ_SSPI_SESSION_KEY, 1.2.840.113554.1.2.2.5.5.
pub(super) const SESSION_KEY: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x05\x05";
/// What MIT puts before an encryption type beside that key,
/// 1.2.840.113554.1.2.2.4.
pub(super) const SESSION_KEY_ETYPE: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x04";
/// GSS_KRB5_GET_INITIATOR_SUBKEY_X of Heimdal, 1.2.752.43.13.9.
pub(super) const HEIMDAL_INITIATOR_SUBKEY: &[u8] = b"\x2a\x85\x70\x2b\x0d\x09";
/// GSS_KRB5_GET_SUBKEY_X of Heimdal, 1.2.752.43.13.8.
pub(super) const HEIMDAL_SUBKEY: &[u8] = b"\x2a\x85\x70\x2b\x0d\x08";

/// The mechanism that an identifier means.
pub(super) fn mechanism(oid: &[u8]) -> Option<Mechanism> {
    match oid {
        KRB5 | MS_KRB5 | OLD_KRB5 => Some(Mechanism::Kerberos),
        NTLM => Some(Mechanism::Ntlm),
        _ => None,
    }
}

/// What a person calls it.
pub(super) fn name(oid: &[u8]) -> String {
    match oid {
        KRB5 | MS_KRB5 | OLD_KRB5 => "Kerberos".into(),
        KRB5_U2U => "Kerberos user-to-user".into(),
        NTLM => "NTLM".into(),
        SPNEGO => "SPNEGO".into(),
        NEGOEX => "NegoEx".into(),
        other => dotted(other),
    }
}

#[cfg(test)]
mod tests {
    use super::{KRB5, MS_KRB5, NTLM, OLD_KRB5, SESSION_KEY, SPNEGO, mechanism};
    use crate::mechanism::{Mechanism, dotted};

    /// Dotted forms of RFC 1964, RFC 4178, MS-SPNG and MS-NLMP.
    #[test]
    fn identifiers_are_the_documents() {
        for (oid, text) in [
            (KRB5, Mechanism::Kerberos.oid()),
            (NTLM, Mechanism::Ntlm.oid()),
            (MS_KRB5, "1.2.840.48018.1.2.2"),
            (OLD_KRB5, "1.3.5.1.5.2"),
            (SPNEGO, "1.3.6.1.5.5.2"),
            (SESSION_KEY, "1.2.840.113554.1.2.2.5.5"),
        ] {
            assert_eq!(dotted(oid), text);
        }
        assert_eq!(mechanism(MS_KRB5), Some(Mechanism::Kerberos));
        assert_eq!(mechanism(SPNEGO), None);
    }
}
